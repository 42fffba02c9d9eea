//! Tests what people hear while nothing is wrong.

use std::process::Command;

use harness::{NO_NATS, Program, own};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::people::{
    LESSON, Pace, Person, assert_one_order, assert_same, edge, edge_with, meet, nats, talk,
};

needs::test!(NATS_SERVER: three_edges_are_one_room_and_labels_say_from_where);
fn three_edges_are_one_room_and_labels_say_from_where() {
    let nats = nats();
    let (east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (a, also_a) = (Person::at(&east, "east"), Person::at(&east, "east"));
    let (b, c) = (Person::at(&west, "west"), Person::at(&north, "north"));
    meet(&[&a, &also_a, &b, &c]);
    a.say("你好\r\n  from the east \n");
    c.wait_for_line(&format!("east/{}:from the east", a.address().port()));
    b.say("from the west");
    c.wait_for(&b, "from the west");
    c.say("the end");
    b.wait_for(&c, "the end");
    a.say("the end");
    let (port, port_of_b, port_of_c) = (a.address().port(), b.address().port(), c.address().port());
    also_a.wait_for(&a, "the end");
    assert_same(
        &also_a.heard(),
        &[
            format!("{port}:你好"),
            format!("{port}:from the east"),
            format!("west/{port_of_b}:from the west"),
            format!("north/{port_of_c}:the end"),
            format!("{port}:the end"),
        ],
    );
    b.wait_for(&a, "the end");
    assert_same(
        &b.heard(),
        &[
            format!("east/{port}:你好"),
            format!("east/{port}:from the east"),
            format!("north/{port_of_c}:the end"),
            format!("east/{port}:the end"),
        ],
    );
    drop(a);
    east.wait_for_line("有客户端退出了");
    assert_eq!(west.lines().len(), 1, "a client that leaves another edge is announced there");
}

needs::test!(NATS_SERVER: three_speakers_at_three_edges_are_heard_in_one_order_everywhere);
fn three_speakers_at_three_edges_are_heard_in_one_order_everywhere() {
    const LINES: usize = 2000;
    let nats = nats();
    let names = ["east", "west", "north"];
    let edges = names.map(|name| edge(name, &nats));
    for one_by_one in [false, true] {
        let at = |index: usize| Person::at(&edges[index], names[index]);
        let (speakers, listeners) = ([at(0), at(1), at(2)], [at(0), at(1), at(2)]);
        let everybody: Vec<&Person> = speakers.iter().chain(&listeners).collect();
        meet(&everybody);
        let pace = if one_by_one { Pace::HeardBy(&listeners[1]) } else { Pace::FullSpeed };
        talk(&speakers.each_ref(), LINES, pace, |_| {});
        assert_one_order(&everybody, &speakers.each_ref(), LINES);
    }
}

needs::test!(NATS_SERVER: an_edge_without_a_name_is_called_after_its_port);
fn an_edge_without_a_name_is_called_after_its_port() {
    let nats = nats();
    let (east, west) = (edge_with(&["--nats", &nats.address()]), edge("west", &nats));
    east.wait_for_stderr(contains("joined the other edges"));
    let (a, b) = (Person::at(&east, "edge"), Person::at(&west, "west"));
    a.say("hello");
    b.wait_for_line(&format!("edge-{}/{}:hello", east.address().port(), a.address().port()));
}

needs::test!(NATS_SERVER: two_edges_of_one_name_are_told_and_hear_each_other);
fn two_edges_of_one_name_are_told_and_hear_each_other() {
    let nats = nats();
    let (east, namesake) = (edge("east", &nats), edge("east", &nats));
    // A line from the namesake has a label as if it came from elsewhere, and it does.
    let (a, b) = (Person::at(&east, "east"), Person::at(&namesake, "east"));
    a.say("in the east");
    b.wait_for_line(&format!("east/{}:in the east", a.address().port()));
    b.say("in the other east");
    a.wait_for_line(&format!("east/{}:in the other east", b.address().port()));
    for edge in [east, namesake] {
        edge.wait_for_stderr(contains("another edge has the name of this one").count(1));
    }
}

needs::test!(bad_options_are_refused_on_one_line);
fn bad_options_are_refused_on_one_line() {
    for (option, value) in [
        ("--history", "101"),
        ("--history", "-1"),
        ("--history", "x"),
        ("--history", ""),
        ("--name", "a/b"),
        ("--nats", "nonsense"),
    ] {
        let mut command = Command::new(own(LESSON));
        command.args([option, value, "--nats", NO_NATS]);
        let mut edge = Program::start(command);
        assert_eq!(edge.wait_for_exit().code(), Some(2), "{option} {value:?}");
        assert!(edge.stderr().contains(&format!("{value:?}")), "{}", edge.stderr());
        assert_eq!(edge.stderr().lines().count(), 1, "{}", edge.stderr());
    }
}
