//! What is no NATS listens where NATS should, or what is no edge speaks on it.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use harness::{Nats, scratch, wait_until};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::edges::{edge, edge_with, meet};

/// A server that says one thing to everybody, and then nothing more. Returns where it listens.
fn server_that_says(what: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        let mut clients = Vec::new();
        for client in listener.incoming() {
            let mut client = client.expect("a client");
            let _ = client.write_all(what.as_bytes());
            clients.push(client);
        }
    });
    address.to_string()
}

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
        ("INFO {\"max_payload\":1048576,\"tls_required\":true}\r\n", "does it want TLS?"),
        ("-ERR\r\n", "async-nats cannot take its answer"),
    ] {
        let stranger = server_that_says(what);
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

needs::test!(NATS_SERVER: a_nats_that_comes_back_with_another_configuration_is_given_up_until_it_fits);
fn a_nats_that_comes_back_with_another_configuration_is_given_up_until_it_fits() {
    let config = config("payload.conf", "max_payload: 1000000\n");
    let mut nats = Nats::new(&["-c", config.to_str().expect("text")]);
    nats.start();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut a, mut also_a, mut b) = (east.connect(), east.connect(), west.connect());
    meet(&mut [&mut a, &mut also_a, &mut b]);
    nats.kill();
    fs::write(&config, "max_payload: 100000\n").expect("the file");
    nats.start();
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("the connection to NATS is lost"));
        edge.wait_for_stderr(contains("its `max_payload` is too small: 131136 bytes are needed"));
    }
    a.send("kept\n");
    also_a.expect(format!("{}:kept\n", a.port()));
    nats.kill();
    fs::write(&config, "").expect("the file");
    nats.start();
    b.expect(format!("east/{}:kept\n", a.port()));
}

needs::test!(NATS_SERVER: what_nats_complains_of_again_and_again_is_said_once);
fn what_nats_complains_of_again_and_again_is_said_once() {
    let deny = "authorization { users: [{ user: u, password: p, permissions: \
                { publish: { deny: \"chat.alive.*\" } } }] }\nno_auth_user: u\n";
    let config = config("permissions.conf", deny);
    let mut nats = Nats::new(&["-c", config.to_str().expect("text")]);
    nats.start();
    let east = edge("east", &nats);
    wait_until("it has been forbidden three times", || {
        nats.program().stderr().matches("Publish Violation").count() >= 3
    });
    east.wait_for_stderr(contains("NATS says: ").count(1));
}

needs::test!(NATS_SERVER: a_nats_that_does_not_answer_is_left_for_another);
/// A machine that hangs still takes connections, so that is not enough to know it is there.
fn a_nats_that_does_not_answer_is_left_for_another() {
    let (first, mut second) = (Nats::running(), Nats::new(&[]));
    let servers = format!("{},{}", first.address(), second.address());
    let (east, west) = (edge_with("east", &servers), edge_with("west", &servers));
    let (mut a, mut b) = (east.connect(), west.connect());
    meet(&mut [&mut a, &mut b]);
    first.program().suspend();
    second.start();
    a.send("in the dark\n");
    b.expect(format!("east/{}:in the dark\n", a.port()));
    meet(&mut [&mut a, &mut b]);
}
