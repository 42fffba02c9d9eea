//! NATS, an edge, or the way between them fails.

use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;

use std::process::Command;
use std::thread;
use std::time::Duration;

use harness::{Nats, Peer, Program, port_that_stays_free, resident_memory, scratch, wait_until};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::edges::{edge, edge_with, meet};

needs::test!(NATS_SERVER: without_nats_an_edge_serves_its_own_people_says_so_once_and_joins_when_it_comes);
fn without_nats_an_edge_serves_its_own_people_says_so_once_and_joins_when_it_comes() {
    let mut nats = Nats::new(&[]);
    let (east, west) = (edge_with("east", &nats.address()), edge_with("west", &nats.address()));
    let (mut a, mut also_a) = (east.connect(), east.connect());
    let mut b = west.connect();
    meet(&mut [&mut a, &mut also_a]);
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains(format!("cannot connect to NATS at {}", nats.address())));
    }
    nats.start();
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("joined the other edges"));
    }
    meet(&mut [&mut a, &mut also_a, &mut b]);
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("cannot connect").count(1));
    }
}

/// Says the lines of a numbered series, never more than a few ahead of who listens at the same edge.
fn say(numbers: Range<usize>, speaker: &mut Peer, listener: &mut Peer) {
    for number in numbers {
        speaker.send(format!("line {number}\n"));
        listener.expect(format!("{}:line {number}\n", speaker.port()));
    }
}

/// What `say` says, as it is heard at another edge.
fn heard(from: &str, numbers: Range<usize>, speaker: &Peer) -> String {
    let port = speaker.port();
    numbers.map(|number| format!("{from}/{port}:line {number}\n")).collect()
}

needs::test!(NATS_SERVER: nats_killed_and_started_again_in_the_middle_of_talk_loses_nothing);
fn nats_killed_and_started_again_in_the_middle_of_talk_loses_nothing() {
    let mut nats = Nats::running();
    let (east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (mut a, mut also_a) = (east.connect(), east.connect());
    let (mut b, mut c) = (west.connect(), north.connect());
    meet(&mut [&mut a, &mut also_a, &mut b, &mut c]);
    for (times, from) in [(1, 0), (2, 2000), (3, 4000)] {
        say(from..from + 700, &mut a, &mut also_a);
        nats.kill();
        // The edge's own people go on, although NATS is away.
        say(from + 700..from + 1400, &mut a, &mut also_a);
        for edge in [&east, &west, &north] {
            edge.wait_for_stderr(contains("the connection to NATS is lost").count(times));
        }
        nats.start();
        say(from + 1400..from + 2000, &mut a, &mut also_a);
        for edge in [&east, &west, &north] {
            edge.wait_for_stderr(contains("connected to NATS").count(times + 1));
        }
    }
    for other in [&mut b, &mut c] {
        other.expect(heard("east", 0..6000, &a));
    }
    meet(&mut [&mut b, &mut c, &mut a, &mut also_a]);
    for edge in [&east, &west, &north] {
        assert!(!edge.stderr().contains("dropped"));
    }
}

needs::test!(NATS_SERVER: what_is_more_than_the_outbox_holds_is_dropped_with_a_word_that_says_how_much);
fn what_is_more_than_the_outbox_holds_is_dropped_with_a_word_that_says_how_much() {
    let mut nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut also_a, mut b) = (east.connect(), east.connect(), west.connect());
    meet(&mut [&mut a, &mut also_a, &mut b]);
    let filler = "x".repeat(60_000);
    let line = |number: usize| format!("line {number} {filler}\n");
    nats.kill();
    east.wait_for_stderr(contains("the connection to NATS is lost"));
    let say = |number, a: &mut Peer, also_a: &mut Peer| {
        a.send(line(number));
        also_a.expect(format!("{}:{}", a.port(), line(number)));
        also_a.forget();
    };
    (0..200).for_each(|number| say(number, &mut a, &mut also_a)); // 12 MB
    let memory = resident_memory(east.process_id());
    (200..800).for_each(|number| say(number, &mut a, &mut also_a)); // 36 MB more
    if let (Some(before), Some(after)) = (memory, resident_memory(east.process_id())) {
        assert!(after < before + (8 << 20), "the memory has grown from {before} to {after} bytes");
    }
    east.wait_for_stderr(contains("from now on the oldest lines are dropped").count(1));

    nats.start();
    east.wait_for_stderr(contains(" lines that were said here are dropped").count(1));
    let stderr = east.stderr();
    let (_, from_number) = stderr.split_once("oldest lines are dropped\n").expect("the first word");
    let dropped = from_number.lines().find_map(|line| line.split_once(" lines that were said"));
    let dropped: usize = dropped.expect("the second").0.parse().expect("a number");
    let port = a.port();
    let mut heard = Vec::new();
    while heard.last() != Some(&799) {
        let heard_line = b.line();
        let number = heard_line.strip_prefix(&format!("east/{port}:line ")).expect("a line of a");
        let number: usize = number.split_once(' ').expect("a filler").0.parse().expect("a number");
        assert_eq!(format!("{heard_line}\n"), format!("east/{port}:{}", line(number)));
        heard.push(number);
        b.forget();
    }
    assert!(heard.is_sorted_by(|one, next| one < next), "in order, and none twice");
    let lost = 800 - heard.len();
    // The first messages went off to NATS as soon as it was back. Perhaps the other edge was not yet.
    assert!((dropped..dropped + 20).contains(&lost), "{lost} are missing, {dropped} were dropped");
    let stderr = west.stderr();
    let said = stderr.lines().filter_map(|line| line.split_once(" lines of east are lost"));
    let said: usize = said.map(|(count, _)| count.parse::<usize>().expect("a number")).sum();
    assert_eq!(said, lost, "what is missing is what was said to be");
    assert!(lost < 700, "8 MiB hold more than that");
}

needs::test!(NATS_SERVER: a_nats_that_does_nothing_costs_no_memory_and_holds_up_nobody);
fn a_nats_that_does_nothing_costs_no_memory_and_holds_up_nobody() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut also_a, mut b) = (east.connect(), east.connect(), west.connect());
    meet(&mut [&mut a, &mut also_a, &mut b]);
    nats.program().suspend();
    let line = "x".repeat(1023 - "12345:".len());
    let mut say = |count: usize| {
        for _ in 0..count {
            a.send(format!("{line}\n").repeat(64));
            also_a.expect(format!("{}:{line}\n", a.port()).repeat(64));
            also_a.forget();
        }
    };
    say(400); // 25 MiB
    let memory = resident_memory(east.process_id());
    say(1200);
    if let (Some(before), Some(after)) = (memory, resident_memory(east.process_id())) {
        assert!(after < before + (8 << 20), "the memory has grown from {before} to {after} bytes");
    }
    nats.program().resume();
    meet(&mut [&mut also_a, &mut b]);
}

needs::test!(NATS_SERVER: an_edge_that_is_killed_is_missed_by_its_own_people_only_and_may_come_back);
fn an_edge_that_is_killed_is_missed_by_its_own_people_only_and_may_come_back() {
    let nats = Nats::running();
    let (mut east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (mut a, mut b, mut c) = (east.connect(), west.connect(), north.connect());
    meet(&mut [&mut a, &mut b, &mut c]);
    east.kill();
    a.wait_until_closed();
    b.send("hello\n");
    c.expect(format!("west/{}:hello\n", b.port()));
    b.assert_open_and_silent();
    let east = edge("east", &nats);
    let mut a = east.connect();
    meet(&mut [&mut a, &mut b, &mut c]);
    for edge in [&east, &west, &north] {
        assert!(!edge.stderr().contains("lost"), "{}", edge.stderr());
    }
}

/// What stands before a school's edges: it passes each connection on to the first edge that is there.
fn balancer(edges: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let pass_on = |from: &TcpStream, to: &TcpStream| {
        let (mut from, mut to) =
            (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        })
    };
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.expect("a client");
            if let Some(edge) = edges.iter().find_map(|edge| TcpStream::connect(edge).ok()) {
                pass_on(&client, &edge);
                pass_on(&edge, &client);
            }
        }
    });
    address
}

needs::test!(NATS_SERVER: clients_of_a_killed_edge_connect_to_another);
fn clients_of_a_killed_edge_connect_to_another() {
    let solutions = course::build_variants("6.2.2.3-bidirectional-client");
    let solutions = solutions.unwrap_or_else(|error| panic!("{error}"));
    let nats = Nats::running();
    let (mut east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (mut b, mut c) = (west.connect(), north.connect());
    meet(&mut [&mut b, &mut c]);
    let mut client = Command::new(solutions);
    client.env("EXERCISE_VARIANT", "reconnect/solution");
    client.arg(balancer(vec![east.address(), west.address()]).to_string());
    let client = Program::start(client);
    let said = c.line(); // it asks whenever it is connected
    assert!(said.starts_with("east/") && said.ends_with(":你吃了吗"), "{said}");
    east.kill();
    let said = c.line();
    assert!(said.starts_with("west/") && said.ends_with(":你吃了吗"), "{said}");
    c.send("an answer\n");
    client.wait_for_stdout(contains(format!("north/{}:an answer", c.port())));
}

needs::test!(NATS_SERVER: the_members_of_a_nats_cluster_are_killed_one_at_a_time);
/// Each edge is told one server, another for each, and learns of the others from that one.
fn the_members_of_a_nats_cluster_are_killed_one_at_a_time() {
    let routes: Vec<String> =
        (0..3).map(|_| format!("nats://127.0.0.1:{}", port_that_stays_free())).collect();
    let all = routes.join(",");
    let mut members: Vec<Nats> = routes
        .iter()
        .map(|route| Nats::new(&["--cluster_name", "chat", "--cluster", route, "--routes", &all]))
        .collect();
    members.iter_mut().for_each(Nats::start);
    let edges: Vec<Program> = ["east", "west", "north"]
        .iter()
        .zip(&members)
        .map(|(name, member)| edge(name, member))
        .collect();
    let mut people: Vec<Peer> = edges.iter().map(Program::connect).collect();
    let mut also_a = edges[0].connect();
    meet(&mut people.iter_mut().chain([&mut also_a]).collect::<Vec<_>>());
    let mut said = 0;
    for member in &mut members {
        let [a, ..] = &mut people[..] else { panic!("three people") };
        say(said..said + 300, a, &mut also_a);
        member.kill();
        say(said + 300..said + 600, a, &mut also_a);
        said += 600;
        let [a, b, c] = &mut people[..] else { panic!("three people") };
        for other in [b, c] {
            other.expect(heard("east", said - 600..said, a));
        }
        member.start();
        meet(&mut people.iter_mut().chain([&mut also_a]).collect::<Vec<_>>());
    }
}

needs::test!(NATS_SERVER: an_edge_that_is_slower_than_the_rest_catches_up);
/// A nats-server disconnects who does not read. What such an edge has missed it asks for, when it
/// goes on, and nobody else has noticed.
fn an_edge_that_is_slower_than_the_rest_catches_up() {
    let config = scratch().join("slow-consumers.conf");
    fs::write(&config, "max_pending: 500000\nmax_payload: 200000\nwrite_deadline: \"1s\"\n")
        .expect("a file");
    let mut nats = Nats::new(&["-c", config.to_str().expect("a name that is text")]);
    nats.start();
    let (east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (mut a, mut also_a) = (east.connect(), east.connect());
    let (mut b, mut c) = (west.connect(), north.connect());
    meet(&mut [&mut a, &mut also_a, &mut b, &mut c]);
    north.suspend();
    let filler = "x".repeat(1000);
    let mut expected = String::new();
    let mut number = 0;
    wait_until("the slow edge is disconnected", || {
        for _ in 0..64 {
            a.send(format!("{number} {filler}\n"));
            also_a.expect(format!("{}:{number} {filler}\n", a.port()));
            let line = format!("east/{}:{number} {filler}\n", a.port());
            b.expect(&line);
            expected += &line;
            number += 1;
        }
        nats.program().stderr().contains("Slow Consumer")
    });
    assert!(expected.len() < 8 << 20, "the outbox still has all of it");
    north.resume();
    c.expect(&expected);
    meet(&mut [&mut c, &mut a, &mut also_a, &mut b]);
    assert!(!north.stderr().contains("lines of east are lost"));
}

needs::test!(NATS_SERVER: both_speak_while_nats_is_killed_again_and_again);
/// Two edges and a NATS that comes and goes: whatever they say, everybody hears it once.
fn both_speak_while_nats_is_killed_again_and_again() {
    let mut nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut also_a) = (east.connect(), east.connect());
    let (mut b, mut also_b) = (west.connect(), west.connect());
    meet(&mut [&mut a, &mut also_a, &mut b, &mut also_b]);
    let heard_at = |mut peer: Peer, count: usize| {
        thread::spawn(move || (0..count).map(|_| peer.line()).collect::<Vec<_>>())
    };
    let (at_east, at_west) = (heard_at(also_a, 6000), heard_at(also_b, 6000));
    thread::scope(|scope| {
        for speaker in [&mut a, &mut b] {
            scope.spawn(move || {
                for number in 0..3000 {
                    speaker.send(format!("line {number}\n"));
                    if number % 100 == 0 {
                        thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
        for _ in 0..5 {
            nats.kill();
            nats.start();
        }
    });
    let at_east = at_east.join().expect("who listens at the east");
    let at_west = at_west.join().expect("who listens at the west");
    for (heard, labels) in [
        (at_east, [format!("{}:", a.port()), format!("west/{}:", b.port())]),
        (at_west, [format!("east/{}:", a.port()), format!("{}:", b.port())]),
    ] {
        for label in labels {
            let said = heard.iter().filter_map(|line| line.strip_prefix(&label));
            let expected = (0..3000).map(|number| format!("line {number}"));
            assert!(said.eq(expected), "the lines of {label} are not all there, in their order");
        }
    }
}
