//! nats-server, a cluster of them, or an edge fails while people talk.

use std::thread;

use harness::{Nats, wait_until};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::people::{
    Pace, Person, assert_one_order, assert_same, edge, edge_with, meet, nats, talk,
};
use crate::strangers::Stranger;

const NAMES: [&str; 3] = ["east", "west", "north"];

needs::test!(NATS_SERVER: nats_is_killed_while_one_speaks_line_by_line);
fn nats_is_killed_while_one_speaks_line_by_line() {
    for times in 1..=3 {
        nats_is_killed(times, 1, false);
    }
}

needs::test!(NATS_SERVER: nats_is_killed_while_three_speak_line_by_line);
fn nats_is_killed_while_three_speak_line_by_line() {
    for times in [1, 3] {
        nats_is_killed(times, 3, false);
    }
}

needs::test!(NATS_SERVER: nats_is_killed_while_one_speaks_at_full_speed);
fn nats_is_killed_while_one_speaks_at_full_speed() {
    for times in 1..=3 {
        nats_is_killed(times, 1, true);
    }
}

needs::test!(NATS_SERVER: nats_is_killed_while_three_speak_at_full_speed);
fn nats_is_killed_while_three_speak_at_full_speed() {
    for times in 1..=3 {
        nats_is_killed(times, 3, true);
    }
}

/// Kills nats-server when the first speaker has just said a line, and starts it again some lines
/// later, or immediately when that speaker waits to be heard.
fn nats_is_killed(times: usize, speakers: usize, is_fast: bool) {
    const LINES: usize = 2000;
    let mut nats = nats();
    let edges = NAMES.map(|name| edge(name, &nats));
    let at = |index: usize| Person::at(&edges[index], NAMES[index]);
    let speakers: Vec<Person> = (0..speakers).map(at).collect();
    let listeners = [at(0), at(1), at(2)];
    let everybody: Vec<&Person> = speakers.iter().chain(&listeners).collect();
    let speakers: Vec<&Person> = speakers.iter().collect();
    meet(&everybody);
    let pace = if is_fast { Pace::FullSpeed } else { Pace::HeardBy(&listeners[1]) };
    let away = if is_fast { 100 } else { 0 };
    let killed: Vec<usize> = (1..=times).map(|time| time * LINES / (times + 1)).collect();
    talk(&speakers, LINES, pace, |number| {
        if killed.contains(&number) {
            nats.kill();
        }
        if killed.iter().any(|killed| killed + away == number) {
            nats.start();
        }
    });
    assert_one_order(&everybody, &speakers, LINES);
}

needs::test!(NATS_SERVER: an_edge_that_was_suspended_catches_up_in_order);
fn an_edge_that_was_suspended_catches_up_in_order() {
    let nats = nats();
    let edges = NAMES.map(|name| edge(name, &nats));
    let at = |index: usize| Person::at(&edges[index], NAMES[index]);
    let (a, b, c) = (at(0), at(1), at(2));
    let (listens, also_listens) = (at(1), at(2));
    meet(&[&a, &b, &c, &listens, &also_listens]);
    edges[2].suspend();
    // No two sockets hold that much.
    let filler = "x".repeat(4000);
    thread::scope(|scope| {
        for speaker in [&a, &b] {
            let filler = &filler;
            scope.spawn(move || {
                (0..4000).for_each(|number| speaker.say(&format!("{number} {filler}")))
            });
        }
    });
    for speaker in [&a, &b] {
        listens.wait_for(speaker, &format!("3999 {filler}"));
    }
    c.say("what have I missed?");
    edges[2].resume();
    listens.wait_for(&c, "what have I missed?");
    let expected: Vec<String> = listens.heard();
    also_listens.wait_for(&c, "what have I missed?");
    let of = |speaker: &Person| (speaker.label_at("west"), speaker.label_at("north"));
    let labels = [of(&a), of(&b), of(&c)];
    let as_at_north = |line: &String| {
        let found = labels
            .iter()
            .find_map(|(west, north)| Some(format!("{north}{}", line.strip_prefix(west)?)));
        found.unwrap_or_else(|| panic!("nobody has said {line:?}"))
    };
    let expected: Vec<String> = expected.iter().map(as_at_north).collect();
    assert_eq!(expected.len(), 8001);
    assert_same(&also_listens.heard(), &expected);
}

needs::test!(NATS_SERVER: nats_is_suspended_for_so_long_that_it_is_noticed);
fn nats_is_suspended_for_so_long_that_it_is_noticed() {
    const LINES: usize = 2000;
    let nats = nats();
    let edges = NAMES.map(|name| edge(name, &nats));
    let at = |index: usize| Person::at(&edges[index], NAMES[index]);
    let (speakers, listeners) = ([at(0), at(1), at(2)], [at(0), at(1), at(2)]);
    let everybody: Vec<&Person> = speakers.iter().chain(&listeners).collect();
    meet(&everybody);
    talk(&speakers.each_ref(), LINES, Pace::FullSpeed, |number| {
        if number == LINES / 2 {
            nats.program().suspend();
        }
    });
    for edge in &edges {
        edge.wait_for_stderr(contains("cannot connect to NATS").count(1));
    }
    nats.program().resume();
    assert_one_order(&everybody, &speakers.each_ref(), LINES);
    for edge in &edges {
        edge.wait_for_stderr(contains(format!("at {} is there", nats.address())).count(1));
    }
}

/// Returns which of them leads the stream.
fn leader(members: &[Nats]) -> usize {
    let mut leader = None;
    wait_until("the stream has a leader", || {
        leader = members.iter().position(|member| {
            let info = Stranger::at(member).request("$JS.API.STREAM.INFO.ORDERED", "");
            let name = info.split_once("\"leader\":\"").map(|(_, rest)| rest.split('"').next());
            let own = Stranger::at(member).info();
            name.flatten().is_some_and(|name| own.contains(&format!("\"server_name\":\"{name}\"")))
        });
        leader.is_some()
    });
    leader.expect("a leader")
}

needs::test!(NATS_SERVER: the_leader_of_a_cluster_is_killed_and_nothing_is_lost);
/// The others need some seconds to notice and to choose another one.
fn the_leader_of_a_cluster_is_killed_and_nothing_is_lost() {
    const LINES: usize = 2000;
    let mut members = Nats::cluster_of_three(Nats::with_jetstream);
    let servers = members.iter().map(Nats::address).collect::<Vec<_>>().join(",");
    let edges = NAMES.map(|name| edge_with(&["--name", name, "--nats", &servers]));
    for edge in &edges {
        edge.wait_for_stderr(contains("joined the other edges"));
    }
    let at = |index: usize| Person::at(&edges[index], NAMES[index]);
    let (speakers, listeners) = ([at(0), at(1), at(2)], [at(0), at(1), at(2)]);
    let everybody: Vec<&Person> = speakers.iter().chain(&listeners).collect();
    meet(&everybody);
    let leader = leader(&members);
    talk(&speakers.each_ref(), LINES, Pace::HeardBy(&listeners[1]), |number| {
        if number == LINES / 2 {
            members[leader].kill();
        }
    });
    assert_one_order(&everybody, &speakers.each_ref(), LINES);
}
