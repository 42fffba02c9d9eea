//! Tests what people hear while nothing is wrong.

use std::net::TcpStream;
use std::process::Command;
use std::thread;

use harness::{Nats, Peer, Program, own, port_that_stays_free};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::edges::{LESSON, edge, edge_with, meet};

needs::test!(NATS_SERVER: three_edges_are_one_room_and_labels_say_from_where);
fn three_edges_are_one_room_and_labels_say_from_where() {
    let nats = Nats::running();
    let (east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (mut a, mut also_a) = (east.connect(), east.connect());
    let (mut b, mut c) = (west.connect(), north.connect());
    meet(&mut [&mut a, &mut also_a, &mut b, &mut c]);
    a.send("你好\r\n  from the east \n\n");
    let port = a.port();
    also_a.expect(format!("{port}:你好\n{port}:from the east\n"));
    for other in [&mut b, &mut c] {
        other.expect(format!("east/{port}:你好\neast/{port}:from the east\n"));
    }
    b.send("no newline");
    for other in [&mut a, &mut also_a, &mut c] {
        other.expect(format!("west/{}:no newline\n", b.port()));
    }
    for everybody in [&mut a, &mut also_a, &mut b, &mut c] {
        everybody.assert_open_and_silent();
    }
    drop(a);
    east.wait_for_line("有客户端退出了");
    assert_eq!(west.lines().len(), 1, "who leaves another edge is announced there");
}

needs::test!(NATS_SERVER: an_edge_has_one_order_and_each_speakers_lines_are_in_theirs_everywhere);
/// At one edge, everybody hears the speakers in the same order. At every edge, the lines of one speaker
/// are in the order in which they were said.
fn an_edge_has_one_order_and_each_speakers_lines_are_in_theirs_everywhere() {
    const LINES: usize = 2000;
    let nats = Nats::running();
    let edges = [edge("east", &nats), edge("west", &nats), edge("north", &nats)];
    let mut speakers: Vec<Peer> = edges.iter().map(Program::connect).collect();
    let mut listeners: Vec<Peer> = edges.iter().chain(&edges).map(Program::connect).collect();
    meet(&mut speakers.iter_mut().chain(&mut listeners).collect::<Vec<_>>());
    thread::scope(|scope| {
        for (who, speaker) in speakers.iter_mut().enumerate() {
            scope.spawn(move || {
                for number in 0..LINES {
                    speaker.send(format!("{who} says {number}\n"));
                }
            });
        }
    });
    let heard: Vec<Vec<String>> = listeners
        .iter_mut()
        .map(|listener| (0..3 * LINES).map(|_| listener.line()).collect())
        .collect();
    for edge in 0..3 {
        assert_eq!(heard[edge], heard[edge + 3], "two listeners at one edge");
        for who in 0..3 {
            let said =
                heard[edge].iter().filter_map(|line| line.split_once(&format!(":{who} says ")));
            let numbers: Vec<usize> =
                said.map(|(_, number)| number.parse().expect("a number")).collect();
            assert!(numbers.into_iter().eq(0..LINES), "the lines of {who} at edge {edge}");
        }
    }
}

needs::test!(NATS_SERVER: two_edges_may_hear_two_orders);
/// Lines that are said at two edges at the same time need not be heard in one order everywhere, because
/// each edge hears its own people first. If NATS is held up for a while, that is sure to show.
fn two_edges_may_hear_two_orders() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut at_east, mut says_east) = (east.connect(), east.connect());
    let (mut at_west, mut says_west) = (west.connect(), west.connect());
    meet(&mut [&mut at_east, &mut says_east, &mut at_west, &mut says_west]);
    nats.program().suspend();
    says_east.send("east\n");
    says_west.send("west\n");
    at_east.expect(format!("{}:east\n", says_east.port()));
    at_west.expect(format!("{}:west\n", says_west.port()));
    nats.program().resume();
    at_east.expect(format!("west/{}:west\n", says_west.port()));
    at_west.expect(format!("east/{}:east\n", says_east.port()));
}

needs::test!(NATS_SERVER: long_lines_and_a_paste_of_megabytes_are_heard_elsewhere_whole);
fn long_lines_and_a_paste_of_megabytes_are_heard_elsewhere_whole() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut b) = (east.connect(), west.connect());
    meet(&mut [&mut a, &mut b]);
    let port = a.port();
    let mut paste = Vec::new();
    let mut expected = Vec::new();
    for number in 0..300 {
        let line = "你".repeat(number * 37 % 21_000);
        paste.extend_from_slice(format!("{number}{line}\n").as_bytes());
        expected.extend_from_slice(format!("east/{port}:{number}{line}\n").as_bytes());
    }
    thread::scope(|scope| {
        scope.spawn(|| a.send(&paste));
        for piece in expected.chunks(1 << 20) {
            b.expect(piece);
            b.forget();
        }
    });
}

needs::test!(NATS_SERVER: on_ctrl_c_only_the_own_people_hear_the_farewell_and_the_others_what_was_said_last);
fn on_ctrl_c_only_the_own_people_hear_the_farewell_and_the_others_what_was_said_last() {
    let nats = Nats::running();
    let (mut east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut also_a) = (east.connect(), east.connect());
    let (mut b, mut also_b) = (west.connect(), west.connect());
    meet(&mut [&mut a, &mut also_a, &mut b, &mut also_b]);
    let last = "x".repeat(1000);
    a.send(format!("{last}\n").repeat(1000));
    also_a.expect(format!("{}:{last}\n", a.port()).repeat(1000));
    east.press_ctrl_c();
    for own in [&mut a, &mut also_a] {
        own.expect("服务器关闭了\n");
        assert_eq!(own.read_to_end(), b"");
    }
    assert_eq!(east.wait_for_exit().code(), Some(0));
    b.expect(format!("east/{}:{last}\n", a.port()).repeat(1000));
    also_b.send("still here\n");
    b.expect(format!("{}:still here\n", also_b.port()));
}

needs::test!(NATS_SERVER: two_edges_of_one_name_are_told_and_hear_each_other);
fn two_edges_of_one_name_are_told_and_hear_each_other() {
    let nats = Nats::running();
    let (east, namesake) = (edge("east", &nats), edge("east", &nats));
    let (mut a, mut b) = (east.connect(), namesake.connect());
    meet(&mut [&mut a, &mut b]);
    a.send("one more\n");
    b.expect(format!("east/{}:one more\n", a.port()));
    for program in [&east, &namesake] {
        program.wait_for_stderr(contains("another edge has the name of this one").count(1));
    }
}

needs::test!(NATS_SERVER: edges_with_the_same_port_at_different_addresses_hear_each_other);
fn edges_with_the_same_port_at_different_addresses_hear_each_other() {
    let nats = Nats::running();
    let port = port_that_stays_free();
    let edges = ["127.0.0.1", "127.0.0.2"].map(|host| {
        let mut command = Command::new(own(LESSON));
        command.args([&format!("{host}:{port}"), "--nats", &nats.address()]);
        Program::server_from(command)
    });
    let [mut a, mut b] = [("127.0.0.1", port), ("127.0.0.2", port)]
        .map(|address| Peer::over(TcpStream::connect(address).expect("the edge listens")));
    meet(&mut [&mut a, &mut b]);
    a.send("from the first\n");
    b.expect(format!("edge-{port}/{}:from the first\n", a.port()));
    b.send("from the second\n");
    a.expect(format!("edge-127-0-0-2-{port}/{}:from the second\n", b.port()));
    for edge in edges {
        assert!(!edge.stderr().contains("name"), "{}", edge.stderr());
    }
}

needs::test!(NATS_SERVER: of_several_nats_servers_one_that_is_there_is_found_and_a_port_alone_is_enough);
fn of_several_nats_servers_one_that_is_there_is_found_and_a_port_alone_is_enough() {
    let (nobody, address) = harness::refusing();
    let nats = Nats::running();
    let port = nats.address().rsplit(':').next().expect("a port").to_string();
    for servers in [port.clone(), format!("{address},127.0.0.1:{port}")] {
        edge_with("east", &servers).wait_for_stderr(contains("joined the other edges"));
    }
    drop(nobody);
}

needs::test!(a_bad_name_or_nats_is_quoted);
fn a_bad_name_or_nats_is_quoted() {
    for (option, value) in [
        ("--name", "a b"),
        ("--name", ""),
        ("--name", "a.b"),
        ("--nats", "nonsense"),
        ("--nats", "127.0.0.1:4222,"),
        ("--nats", "nats://127.0.0.1:4222"),
    ] {
        let mut command = Command::new(own(LESSON));
        command.args([option, value]);
        let mut edge = Program::start(command);
        assert_eq!(edge.wait_for_exit().code(), Some(2), "{value:?}");
        assert!(edge.stderr().contains(&format!("{value:?}")), "{}", edge.stderr());
        assert_eq!(edge.stderr().lines().count(), 1, "{}", edge.stderr());
    }
}
