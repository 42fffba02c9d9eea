//! Tests what the program does, and what its chapter breaks. Its port is fixed, so each test has a network
//! of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use harness::{Peer, Program, own};
use needs::{NAMESPACE, in_own_network};

fn served() -> (Program, Peer) {
    let server = Program::start(Command::new(own("lesson-first-server")));
    let mut first = client();
    first.expect("What is your name?\n");
    (server, first)
}

fn client() -> Peer {
    Peer::when_it_listens(SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)))
}

needs::test!(NAMESPACE: each_client_is_asked_and_greeted);
fn each_client_is_asked_and_greeted() {
    in_own_network("each_client_is_asked_and_greeted", || {
        let (_server, mut first) = served();
        first.send("Anna\n");
        assert_eq!(first.read_to_end(), b"Hello, Anna\nGoodbye.\n");
        let mut second = client();
        second.expect("What is your name?\n");
        second.send("小明\n");
        assert_eq!(second.read_to_end(), "Hello, 小明\nGoodbye.\n".as_bytes());
    });
}

needs::test!(NAMESPACE: the_second_client_is_connected_and_waits);
fn the_second_client_is_connected_and_waits() {
    in_own_network("the_second_client_is_connected_and_waits", || {
        let (_server, mut first) = served();
        let mut second = client();
        second.send("Ben\n");
        second.assert_open_and_silent();
        first.send("Anna\n");
        first.read_to_end();
        assert_eq!(second.read_to_end(), b"What is your name?\nHello, Ben\nGoodbye.\n");
    });
}

needs::test!(NAMESPACE: a_client_that_leaves_at_the_question_ends_the_server);
fn a_client_that_leaves_at_the_question_ends_the_server() {
    in_own_network("a_client_that_leaves_at_the_question_ends_the_server", || {
        let (mut server, first) = served();
        drop(first);
        assert_eq!(server.wait_for_exit().code(), Some(1));
        assert!(server.stderr().starts_with("Error: Os { code: "), "{}", server.stderr());
    });
}

needs::test!(NAMESPACE: bytes_that_are_no_text_end_the_server);
fn bytes_that_are_no_text_end_the_server() {
    in_own_network("bytes_that_are_no_text_end_the_server", || {
        let (mut server, mut first) = served();
        first.send(b"\xff\n");
        assert_eq!(server.wait_for_exit().code(), Some(1));
        let error = server.stderr();
        assert!(error.contains("stream did not contain valid UTF-8"), "{error}");
    });
}

fn main() -> std::process::ExitCode {
    needs::run()
}
