//! Something other than an edge publishes and listens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use harness::{DEADLINE, Nats, StrangeServer, wait_until};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::people::{Pace, Person, assert_one_order, edge, edge_with, meet, nats, talk};

/// A client of NATS that is not an edge.
pub struct Stranger(BufReader<TcpStream>);

impl Stranger {
    pub fn at(nats: &Nats) -> Stranger {
        let mut stream = TcpStream::connect(nats.address()).expect("NATS is there");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket option");
        stream.write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\n").expect("NATS reads");
        Stranger(BufReader::new(stream))
    }

    /// Returns what NATS says about itself, which is the first thing that it sends.
    pub fn info(&mut self) -> String {
        self.skip_to("INFO ")
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("NATS reads");
    }

    /// Publishes a message.
    pub fn publish(&mut self, subject: &[u8], payload: &[u8]) {
        let size = format!(" {}\r\n", payload.len());
        self.send(&[b"PUB ", subject, size.as_bytes(), payload, b"\r\n"].concat());
    }

    /// Publishes a message with headers, whatever they are.
    pub fn publish_with(&mut self, headers: &[u8], subject: &str, payload: &[u8]) {
        let size = format!(" {} {}\r\n", headers.len(), headers.len() + payload.len());
        self.send(
            &[b"HPUB ", subject.as_bytes(), size.as_bytes(), headers, payload, b"\r\n"].concat(),
        );
    }

    /// Waits until NATS has read everything so far.
    pub fn flush(&mut self) {
        self.send(b"PING\r\n");
        self.skip_to("PONG");
    }

    /// Publishes a request, and returns the answer.
    pub fn request(&mut self, subject: &str, payload: &str) -> String {
        let size = payload.len();
        self.send(
            format!("SUB answer 1\r\nPUB {subject} answer {size}\r\n{payload}\r\n").as_bytes(),
        );
        let head = self.skip_to("MSG answer ");
        let size = head.trim_end().rsplit(' ').next().and_then(|size| size.parse().ok());
        let mut answer = vec![0; size.expect("the size of the answer")];
        self.0.read_exact(&mut answer).expect("an answer");
        self.send(b"UNSUB 1\r\n");
        String::from_utf8(answer).expect("JSON")
    }

    fn skip_to(&mut self, start: &str) -> String {
        let mut line = String::new();
        while !line.starts_with(start) {
            line.clear();
            let size = self.0.read_line(&mut line).expect("NATS answers");
            assert!(size > 0, "NATS has closed the connection");
        }
        line
    }
}

needs::test!(NATS_SERVER: another_program_at_the_address_of_nats_is_said_to_be_none_until_nats_is_there);
/// async-nats panics at an error without words.
fn another_program_at_the_address_of_nats_is_said_to_be_none_until_nats_is_there() {
    for what in ["", "HTTP/1.1 400 Bad Request\r\n", "-ERR\r\n", "INFO {\"server_id\":\r\n"] {
        let mut nats = Nats::with_jetstream(&[]);
        let stranger = StrangeServer::that_says(what, &nats.address());
        let mut east = edge_with(&["--name", "east", "--nats", &nats.address()]);
        let (a, b) = (Person::at(&east, "east"), Person::at(&east, "east"));
        a.say("the first");
        east.wait_for_stderr(contains(format!("cannot connect to NATS at {}: ", nats.address())));
        drop(stranger);
        wait_until("the stranger has gone", || TcpListener::bind(nats.address()).is_ok());
        nats.start();
        b.wait_for(&a, "the first");
        assert!(!east.stderr().contains("panicked"), "{}", east.stderr());
        east.terminate();
        assert!(east.wait_for_exit().success());
    }
}

needs::test!(NATS_SERVER: whatever_strangers_publish_the_room_goes_on);
fn whatever_strangers_publish_the_room_goes_on() {
    const LINES: usize = 500;
    let nats = nats();
    let mut listens_to_everything = Stranger::at(&nats);
    listens_to_everything.send(b"SUB > 9\r\n");
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (a, b) = (Person::at(&east, "east"), Person::at(&west, "west"));
    let (listens, also_listens) = (Person::at(&east, "east"), Person::at(&west, "west"));
    meet(&[&a, &b, &listens, &also_listens]);
    let mut stranger = Stranger::at(&nats);
    let megabyte = vec![b'x'; 1_000_000];
    let poisons: [&[u8]; 4] = [
        b"NATS/1.0\r\nx: \xfe\xff\r\n\r\n",
        b"JUNK",
        b"NATS/1.0 503\r\n\r\n",
        b"NATS/1.0 404\r\n\r\n",
    ];
    talk(&[&a, &b], LINES, Pace::HeardBy(&listens), |number| {
        let poison = poisons[number % poisons.len()];
        match number % 20 {
            0 => stranger.publish(b"ordered.x", b""),
            1 => stranger.publish(b"ordered.x", b"no newline"),
            2 => stranger.publish(b"ordered.x", &megabyte),
            3 => stranger.publish(b"ordered.\xff\xfe", b"hello\n"),
            4 => stranger.publish(b"ordered.x/y:z", b"hello\n"),
            5..10 => stranger.publish_with(poison, "ordered.x", b"bad"),
            _ => {}
        }
    });
    assert_one_order(&[&a, &b, &listens, &also_listens], &[&a, &b], LINES);
    for edge in [&east, &west] {
        assert!(edge.stderr().lines().count() < 20, "{}", edge.stderr());
    }
}

needs::test!(NATS_SERVER: a_stranger_that_publishes_as_an_edge_lies_and_does_no_other_harm);
fn a_stranger_that_publishes_as_an_edge_lies_and_does_no_other_harm() {
    let nats = nats();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (a, b) = (Person::at(&east, "east"), Person::at(&west, "west"));
    meet(&[&a, &b]);
    let mut stranger = Stranger::at(&nats);
    for number in 0..100 {
        // What somebody here says at the same time, for example.
        let line = format!("line {number}");
        stranger.publish(b"ordered.east", format!("{}{line}\n", a.label_at("east")).as_bytes());
        stranger.flush();
        a.say(&line);
    }
    a.say("the end");
    b.wait_for(&a, "the end");
    let twice = |heard: &[String]| heard.iter().filter(|line| line.contains("line ")).count();
    assert_eq!(twice(&b.heard()), 200);
    b.say("and back");
    a.wait_for(&b, "and back");
    assert_eq!(twice(&a.heard()), 100, "{:?}", a.heard());
    east.wait_for_stderr(contains("another edge has the name of this one").count(1));
}
