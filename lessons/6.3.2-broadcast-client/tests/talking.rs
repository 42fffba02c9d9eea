//! Tests what the broadcast client sends and shows.

use std::net::TcpListener;
use std::process::Command;

use harness::{Peer, Program, own};

const LESSON: &str = "lesson-broadcast-client";

#[test]
fn each_line_typed_is_sent_trimmed_and_blank_lines_are_not() {
    let (mut client, mut server) = Program::client(own(LESSON));
    client.type_line("  hello  ");
    server.expect("hello\n");
    client.type_line("");
    client.type_line(" \t ");
    client.type_line("\u{3000}你好\u{3000}"); // the spaces that a Chinese input method leaves
    server.expect("你好\n");
    server.assert_open_and_silent();
}

#[test]
fn what_arrives_is_shown_a_line_each_while_the_keyboard_waits() {
    let (client, mut server) = Program::client(own(LESSON));
    server.send("50000:one\n50001:two\n");
    client.wait_for_line("50001:two");
    server.send("50000:thr");
    server.send("ee\n");
    client.wait_for_line("50000:three");
    assert_eq!(client.lines(), ["50000:one", "50001:two", "50000:three"]);
}

#[test]
fn a_message_without_a_newline_is_shown_without_waiting_for_the_next() {
    let (client, mut server) = Program::client(own(LESSON));
    server.send("50000:from Node");
    client.wait_for_line("50000:from Node");
    server.send("50000:again");
    client.wait_for_line("50000:again");
}

#[test]
fn at_the_end_of_its_input_it_half_closes_and_stays_until_the_server_has_finished() {
    let (mut client, mut server) = Program::client(own(LESSON));
    client.type_bytes("last words".as_bytes());
    client.close_stdin();
    assert_eq!(server.read_to_end(), "last words\n".as_bytes());
    server.send("50000:and a farewell\n");
    client.wait_for_line("50000:and a farewell");
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(0));
}

#[test]
fn a_long_line_is_sent_whole_and_a_longer_one_loses_nothing() {
    let (mut client, mut server) = Program::client(own(LESSON));
    let line = "你 ".repeat(5000);
    client.type_line(&line);
    server.expect(format!("{}\n", line.trim()));
    let long = format!("!{}!", "a b 你 ".repeat(15_000));
    client.type_line(&long);
    let mut sent = String::new();
    while sent.len() < long.len() {
        sent += &server.line();
    }
    assert!(sent == long, "something was lost or broken at a cut");
}

#[test]
fn whoever_ends_the_input_is_told_that_it_is_he_who_leaves() {
    let (mut client, mut server) = Program::client(own(LESSON));
    client.close_stdin();
    assert_eq!(server.read_to_end(), b"");
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert_eq!(client.stderr(), "you have left the chat\n");
}

#[test]
fn without_a_thread_for_the_keyboard_it_says_so_and_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut command = Command::new(own(LESSON));
    command.arg(listener.local_addr().expect("address").to_string());
    command.env("RUST_MIN_STACK", (1_u64 << 46).to_string()); // 64 TiB for each thread
    let mut client = Program::start(command);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let error = client.stderr();
    assert!(error.starts_with("Error: cannot start a thread for the keyboard: "), "{error}");
}

#[test]
fn it_ends_with_the_server_even_while_waiting_for_the_keyboard() {
    let (mut client, server) = Program::client(own(LESSON));
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert!(
        client.stderr().contains("the server has closed the connection"),
        "{}",
        client.stderr()
    );
}

#[test]
fn a_reset_is_told_with_exit_status_1() {
    let (mut client, server) = Program::client(own(LESSON));
    server.reset();
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let error = client.stderr();
    assert!(error.contains("lost the connection to 127.0.0.1:"), "{error}");
}

#[test]
fn a_character_is_never_shown_in_halves() {
    let (mut client, mut server) = Program::client(own(LESSON));
    server.send("a server that ends its lines\n");
    client.wait_for_line("a server that ends its lines");
    for byte in "50000:你好😀\n".bytes() {
        server.send([byte]);
    }
    server.send(b"50000:\xe4\xbd");
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert_eq!(client.lines()[1..], ["50000:你好😀", "50000:\u{fffd}"]);
}

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    let (client, mut server) = Program::client(own(LESSON));
    server.send("50000:\x1b]0;owned\x07\x1b[2J\rfake\n");
    client.wait_for_line("50000:␛]0;owned␇␛[2J␍fake");
}

#[test]
fn it_ends_quietly_when_nobody_reads_its_output() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut command = Command::new(own(LESSON));
    command.arg(listener.local_addr().expect("address").to_string());
    let mut client = Program::with_closed_stdout(command);
    Peer::accepted_by(&listener).send("50000:is anybody there?\n");
    assert_eq!(client.wait_for_exit().code(), Some(0));
}
