//! Another program listens where NATS should, or something other than an edge publishes on it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use harness::{Nats, StrangeServer, resident_memory, scratch, wait_until};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::edges::{Series, edge, edge_with, meet};

fn config(name: &str, content: &str) -> PathBuf {
    let path = scratch().join(name);
    fs::write(&path, content).expect("a file");
    path
}

needs::test!(NATS_SERVER: a_server_that_is_no_nats_is_said_to_be_none_and_the_next_one_is_tried);
fn a_server_that_is_no_nats_is_said_to_be_none_and_the_next_one_is_tried() {
    let nats = Nats::running();
    for (what, problem) in [
        ("", "it does not answer as a NATS server does"),
        ("HTTP/1.1 400 Bad \x1b[2JRequest\r\n\r\n", "'HTTP/1.1 400 Bad ␛[2JRequest '\n"),
        ("INFO {\"max_payload\":1048576}\r\nPONG\r\n", "it does not answer as a NATS server does"),
        ("INFO {\"server_id\":\"x\",\"tls_required\":true}\r\n", "it wants TLS"),
        ("INFO {\"server_id\":\r\n", "IO error: EOF while parsing"),
        ("-ERR\r\n", "it does not answer as a NATS server does, but with '-ERR"),
    ] {
        let server = StrangeServer::that_says(what, "127.0.0.1:0");
        let stranger = server.address.to_string();
        let alone = edge_with("alone", &stranger);
        let found = edge_with("found", &format!("{stranger},{}", nats.address()));
        let (mut a, mut b) = (alone.connect(), alone.connect());
        meet(&mut [&mut a, &mut b]);
        alone.wait_for_stderr(contains(format!("cannot connect to NATS at {stranger}: ")));
        alone.wait_for_stderr(contains(problem));
        found.wait_for_stderr(contains("joined the other edges"));
        for edge in [&alone, &found] {
            assert!(!edge.stderr().contains("panicked"), "{}", edge.stderr());
        }
    }
}

needs::test!(NATS_SERVER: what_the_nats_client_cannot_read_costs_a_connection_and_no_more);
/// async-nats panics at such a subject.
fn what_the_nats_client_cannot_read_costs_a_connection_and_no_more() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut b) = (east.connect(), west.connect());
    meet(&mut [&mut a, &mut b]);
    let mut stranger = TcpStream::connect(nats.address()).expect("NATS is there");
    stranger.write_all(b"PUB chat.said.\xff 0\r\n\r\n").expect("NATS reads");
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("the connection to NATS is lost").count(1));
        edge.wait_for_stderr(contains("connected to NATS").count(2));
        assert!(!edge.stderr().contains("panicked"), "{}", edge.stderr());
    }
    meet(&mut [&mut a, &mut b]);
}

needs::test!(NATS_SERVER: another_program_at_the_address_of_a_dead_nats_is_said_to_be_none);
fn another_program_at_the_address_of_a_dead_nats_is_said_to_be_none() {
    for what in [
        "HTTP/1.1 400 Bad Request\r\n",
        "-ERR\r\n",
        "INFO {\"server_id\":\"x\",\"tls_required\":true}\r\n",
    ] {
        let mut nats = Nats::running();
        let east = edge("east", &nats);
        let (mut a, mut also_a) = (east.connect(), east.connect());
        nats.kill();
        let stranger = StrangeServer::that_says(what, &nats.address());
        east.wait_for_stderr(contains(format!(
            "cannot connect to NATS at {}: it ",
            nats.address()
        )));
        meet(&mut [&mut a, &mut also_a]);
        drop(stranger);
        wait_until("the stranger has gone", || TcpListener::bind(nats.address()).is_ok());
        nats.start();
        east.wait_for_stderr(contains("connected to NATS").count(2));
        assert!(!east.stderr().contains("panicked"), "{}", east.stderr());
    }
}

needs::test!(NATS_SERVER: messages_that_are_too_long_for_nats_are_complained_of_and_counted_as_lost);
fn messages_that_are_too_long_for_nats_are_complained_of_and_counted_as_lost() {
    let config = config("payload.conf", "max_payload: 50000\n");
    let mut nats = Nats::new(&["-c", config.to_str().expect("text")]);
    nats.start();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let mut series = Series::at(&east);
    let b = series.heard_at(&west, "east");
    series.say_until_heard_by(&[&b]);
    let mut series = series.with_filler(60_000);
    series.say(1);
    east.wait_for_stderr(contains("NATS does not take what is said here: "));
    let mut series = series.with_filler(0);
    assert_eq!(series.assert_heard_or_lost(&b, &west), 1);
}

needs::test!(NATS_SERVER: what_nats_complains_of_again_and_again_is_said_once);
fn what_nats_complains_of_again_and_again_is_said_once() {
    let deny = "authorization { users: [{ user: u, password: p, permissions: \
                { publish: { deny: \"chat.said.*\" } } }] }\nno_auth_user: u\n";
    let config = config("permissions.conf", deny);
    let mut nats = Nats::new(&["-c", config.to_str().expect("text")]);
    nats.start();
    let east = edge("east", &nats);
    wait_until("it has been forbidden three times", || {
        nats.program().stderr().matches("Publish Violation").count() >= 3
    });
    east.wait_for_stderr(contains("NATS says: ").count(1));
}

/// A client of NATS that is not an edge.
struct Publisher(TcpStream);

impl Publisher {
    fn at(nats: &Nats) -> Publisher {
        let mut stream = TcpStream::connect(nats.address()).expect("NATS is there");
        stream.write_all(b"CONNECT {\"verbose\":false}\r\n").expect("NATS reads");
        Publisher(stream)
    }

    fn publish(&mut self, subject: &str, payload: &[u8]) {
        let head = format!("PUB {subject} {}\r\n", payload.len());
        self.0.write_all(&[head.as_bytes(), payload, b"\r\n"].concat()).expect("NATS reads");
    }

    /// Subscribes, and returns the head of the first message that has lines: run, number.
    fn run_of(&mut self, subject: &str) -> String {
        self.0.write_all(format!("SUB {subject} 1\r\n").as_bytes()).expect("NATS reads");
        let lines = BufReader::new(&self.0).lines().map(|line| line.expect("a line"));
        let mut message = lines.skip_while(|line| !line.starts_with("MSG "));
        let head = message.nth(1).expect("a message");
        head.split_once(' ').expect("run and number").0.to_string()
    }
}

needs::test!(NATS_SERVER: what_is_no_edge_on_nats_is_left_out_and_said_once);
fn what_is_no_edge_on_nats_is_left_out_and_said_once() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut b) = (east.connect(), west.connect());
    meet(&mut [&mut a, &mut b]);
    let mut stranger = Publisher::at(&nats);
    let strange: [(&str, &[u8]); 9] = [
        ("chat.said.x", b""),
        ("chat.said.x", b"hello"),
        ("chat.said.x", b"1 2"),
        ("chat.said.x", b"1 2\nno newline at the end"),
        ("chat.said.x", b"-1 99999999999999999999999\nhello\n"),
        ("chat.said.x", b"\xff\xfe\n\n\n"),
        ("chat.said.x/y:z", b"1 2\nhello\n"),
        ("chat.sings.x", b"1 2\nhello\n"),
        ("chat.said.x", &[b'\n'; 1024 * 1024]),
    ];
    for (subject, payload) in strange {
        stranger.publish(subject, payload);
    }
    stranger.publish("chat.said.y", b"1 18446744073709551615\na line as an edge says it\n");
    stranger.publish("chat.said.z", b"1 0\na line as an edge says it\n");
    for listener in [&mut a, &mut b] {
        listener.expect("y/a line as an edge says it\nz/a line as an edge says it\n");
    }
    for program in [&east, &west] {
        program.wait_for_stderr(contains("somebody who is no edge").count(1));
    }
}

needs::test!(NATS_SERVER: who_listens_to_everything_disturbs_nobody);
/// This is what a student tries first.
fn who_listens_to_everything_disturbs_nobody() {
    let nats = Nats::running();
    let mut stranger = Publisher::at(&nats);
    stranger.0.write_all(b"SUB > 1\r\nSUB chat.> 2\r\n").expect("NATS reads");
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let mut series = Series::at(&east);
    let b = series.heard_at(&west, "east");
    series.say_until_heard_by(&[&b]);
    series.say(500);
    assert_eq!(series.assert_heard_or_lost(&b, &west), 0);
}

needs::test!(NATS_SERVER: a_stranger_that_publishes_as_an_edge_does_not_silence_it);
fn a_stranger_that_publishes_as_an_edge_does_not_silence_it() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut b) = (east.connect(), west.connect());
    meet(&mut [&mut a, &mut b]);
    let mut stranger = Publisher::at(&nats);
    let run = stranger.run_of("chat.said.east");
    for (number, first) in [0, u64::MAX, 1, u64::MAX - 1, 1_000_000].into_iter().enumerate() {
        stranger.publish("chat.said.east", format!("{run} {first}\nlie {number}\n").as_bytes());
        b.expect(format!("east/lie {number}\n"));
        for word in ["one", "two"] {
            a.send(format!("{word} {number}\n"));
            b.expect(format!("east/{}:{word} {number}\n", a.port()));
        }
    }
    b.send("and back\n");
    // East takes the lies for words of its own that come back, and its people do not hear them.
    a.expect(format!("west/{}:and back\n", b.port()));
}

needs::test!(NATS_SERVER: fifty_thousand_forged_messages_do_not_flood_stderr_or_silence_anybody);
fn fifty_thousand_forged_messages_do_not_flood_stderr_or_silence_anybody() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let mut series = Series::at(&east);
    let b = series.heard_at(&west, "east");
    series.say_until_heard_by(&[&b]);
    let mut stranger = Publisher::at(&nats);
    for number in 0..50_000_u64 {
        let name = number % 500;
        match number % 3 {
            0 => stranger.publish(&format!("chat.said.forged-{name}"), b"what is this?"),
            1 => {
                let head = format!("{number} {}\n", number.wrapping_mul(u64::MAX / 7));
                stranger.publish(&format!("chat.said.forged-{name}"), head.as_bytes());
            }
            _ => stranger.publish("chat.said.forged", format!("1 {}\n", number * 100).as_bytes()),
        }
    }
    series.say_until_heard_by(&[&b]);
    assert!(b.heard().is_sorted_by(|one, next| one < next));
    for edge in [&east, &west] {
        let lines = edge.stderr().lines().count();
        assert!(lines < 400, "{lines} lines on stderr");
    }
}

needs::test!(NATS_SERVER: neither_blank_lines_nor_large_messages_nor_names_throw_out_anybody_or_fill_the_memory);
fn neither_blank_lines_nor_large_messages_nor_names_throw_out_anybody_or_fill_the_memory() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut b) = (east.connect(), west.connect());
    meet(&mut [&mut a, &mut b]);
    let never_reads = west.connect();
    let mut stranger = Publisher::at(&nats);
    let longest_name = "x".repeat(64);
    let (blank, large) = (vec![b'\n'; 131_072], vec![b'y'; 1024 * 1024]);
    let line = [vec![b'z'; 131_000], vec![b'\n']].concat();
    let mut most_memory = 0;
    thread::scope(|scope| {
        let readers = [&a, &b].map(|person| {
            scope.spawn(|| {
                let lines = BufReader::new(person.stream()).lines();
                lines.map(|line| line.expect("a line")).any(|line| line == "done/that was all")
            })
        });
        for number in 0..100 {
            if number % 20 == 0 {
                let blank = [b"1 1\n", &blank[..]].concat();
                stranger.publish(&format!("chat.said.{longest_name}"), &blank);
            }
            stranger.publish("chat.said.x", &large);
            let name = format!("chat.said.invented-{number}");
            stranger.publish(&name, &[b"1 1\n", &line[..]].concat());
            stranger.publish(&name, b"1 1\n\n");
        }
        wait_until("readers hear the end", || {
            stranger.publish("chat.said.done", b"1 1\nthat was all\n");
            for edge in [&east, &west] {
                most_memory = most_memory.max(resident_memory(edge.process_id()).unwrap_or(0));
            }
            readers.iter().all(|reader| reader.is_finished())
        });
        for reader in readers {
            assert!(reader.join().expect("a reader"), "a reader was thrown out");
        }
    });
    assert!(most_memory < 256 << 20, "{most_memory} bytes");
    drop(never_reads);
    let (mut a, mut b) = (east.connect(), west.connect());
    meet(&mut [&mut a, &mut b]);
}
