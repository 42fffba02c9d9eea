//! Newcomers are told the last lines, and an edge continues where another one of its name has ended.

use std::thread;

use harness::Program;
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::people::{Pace, Person, assert_same, edge, edge_with, meet, nats, talk};

fn remembers(name: &str, nats: &str, history: usize) -> Program {
    edge_with(&["--name", name, "--nats", nats, "--history", &history.to_string()])
}

/// Returns the lines with these numbers, as they are heard at an edge where `label` is their speaker's.
fn lines(label: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{label}line {number}")).collect()
}

needs::test!(NATS_SERVER: a_newcomer_is_told_just_the_last_lines_and_then_what_is_new);
fn a_newcomer_is_told_just_the_last_lines_and_then_what_is_new() {
    let nats = nats();
    let (east, west) = (edge("east", &nats), remembers("west", &nats.address(), 10));
    let (a, b) = (Person::at(&east, "east"), Person::at(&west, "west"));
    meet(&[&a, &b]);
    talk(&[&a], 100, Pace::FullSpeed, |_| {});
    b.wait_for(&a, "line 99");
    let newcomer = Person::at(&west, "west");
    newcomer.wait_for(&a, "line 99");
    a.say("line 100");
    newcomer.wait_for(&a, "line 100");
    assert_same(&newcomer.heard(), &lines(&a.label_at("west"), 90..101));
    // An edge that starts later has not heard them, but it is told by the stream.
    let north = remembers("north", &nats.address(), 100);
    let c = Person::at(&north, "north");
    c.wait_for(&a, "line 100");
    a.say("line 101");
    c.wait_for(&a, "line 101");
    assert_same(&c.heard(), &lines(&a.label_at("north"), 1..102));
}

needs::test!(NATS_SERVER: newcomers_miss_nothing_and_hear_nothing_twice_while_others_talk_at_full_speed);
fn newcomers_miss_nothing_and_hear_nothing_twice_while_others_talk_at_full_speed() {
    const LINES: usize = 20_000;
    let nats = nats();
    let (east, west) = (edge("east", &nats), remembers("west", &nats.address(), 10));
    let (a, b) = (Person::at(&east, "east"), Person::at(&west, "west"));
    meet(&[&a, &b]);
    talk(&[&a], 10, Pace::FullSpeed, |_| {});
    b.wait_for(&a, "line 9");
    let newcomers: Vec<Person> = thread::scope(|scope| {
        let newcomers = scope.spawn(|| {
            (0..50)
                .map(|_| {
                    let newcomer = Person::at(&west, "west");
                    newcomer.wait_until_it_has_heard(10);
                    newcomer
                })
                .collect()
        });
        talk(&[&a], LINES, Pace::FullSpeed, |_| {});
        newcomers.join().expect("no panic")
    });
    let expected = lines(&a.label_at("west"), 0..LINES);
    let mut starts = Vec::new();
    for newcomer in &newcomers {
        newcomer.wait_for(&a, &format!("line {}", LINES - 1));
        let heard = newcomer.heard();
        let at_full_speed =
            &heard[heard.iter().rposition(|line| line.ends_with(":line 0")).unwrap_or(0)..];
        assert_same(at_full_speed, &expected[LINES - at_full_speed.len()..]);
        starts.push(heard.len());
    }
    starts.dedup();
    assert!(starts.len() > 2, "all have come at the same time");
}

needs::test!(NATS_SERVER: an_edge_that_is_killed_and_started_again_goes_on_and_remembers);
fn an_edge_that_is_killed_and_started_again_goes_on_and_remembers() {
    let nats = nats();
    let (mut east, west) = (remembers("east", &nats.address(), 10), edge("west", &nats));
    let (a, b) = (Person::at(&east, "east"), Person::at(&west, "west"));
    let listens = Person::at(&west, "west");
    meet(&[&a, &b, &listens]);
    talk(&[&a], 5000, Pace::FullSpeed, |_| {});
    b.wait_for(&a, "line 4999");
    east.kill();
    talk(&[&b], 5000, Pace::FullSpeed, |_| {});
    b.say("and now?");
    listens.wait_for(&b, "and now?");
    let east = remembers("east", &nats.address(), 10);
    // Clients come back immediately, before the edge has read what is in the stream.
    let early = Person::at(&east, "east");
    early.wait_for(&b, "and now?");
    let late = Person::at(&east, "east");
    late.wait_for(&b, "and now?");
    let last: Vec<String> = lines(&b.label_at("east"), 4991..5000);
    let expected = [last, vec![format!("{}and now?", b.label_at("east"))]].concat();
    assert_same(&late.heard(), &expected);
    assert_same(&early.heard(), &expected);
    early.say("I am back");
    b.wait_for(&early, "I am back");
    late.wait_for(&early, "I am back");
    east.wait_for_stderr(contains("joined the other edges"));
}
