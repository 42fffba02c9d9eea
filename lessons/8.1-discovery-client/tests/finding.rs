//! Tests what the discovery client asks, what it shows, and whom it joins. The tests play the servers.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::time::Duration;

use harness::{DEADLINE, Peer, Program, lesson, own, prints_in_the_end, refusing, with_failing};
use lesson_discovery_server::{LONGEST, LONGEST_NAME, Message};
use needs::STRACE;
use predicates::prelude::*;
use predicates::str::contains;

const LESSON: &str = "lesson-discovery-client";
const JOINED: &str = "lesson-broadcast-client";

/// A server that answers what the test says. Each client needs a new server, because a repeated question of
/// the last client may still wait there.
struct Server {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Server {
    fn new() -> Server {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(DEADLINE)).expect("set a time-out");
        let address = socket.local_addr().expect("its address");
        Server { socket, address }
    }

    /// Starts a client that asks this server, with these options.
    fn client(&self, options: &[&str]) -> Program {
        let mut command = Command::new(own(LESSON));
        command.args(options).arg(self.address.to_string());
        Program::start(command)
    }

    /// Waits for a question. Returns its number, and who asks.
    fn question(&self) -> (u64, SocketAddr) {
        let mut buffer = [0; LONGEST + 1];
        let (length, asker) = self.socket.recv_from(&mut buffer).expect("a question");
        match Message::parse(&buffer[..length]) {
            Some(Message::Who { id }) if length == LONGEST => (id, asker),
            other => panic!("{length} bytes are no question: {other:?}"),
        }
    }

    fn send(&self, datagram: impl AsRef<[u8]>, asker: SocketAddr) {
        self.socket.send_to(datagram.as_ref(), asker).expect("it is sent");
    }
}

fn answer(id: u64, port: u16, name: &str) -> String {
    Message::Here { id, port, name }.line()
}

/// Returns what the client prints for a chat on this machine.
fn chat(name: &str, port: u16) -> Vec<String> {
    vec![
        format!("发现聊天室：{name}（来自 127.0.0.1）"),
        format!("cargo run -p lesson-broadcast-client -- 127.0.0.1:{port}"),
    ]
}

needs::test!(a_chat_is_shown_with_the_senders_address_and_the_answers_port);
fn a_chat_is_shown_with_the_senders_address_and_the_answers_port() {
    prints_in_the_end(chat("三班 192.0.2.9:80", 4321), || {
        let server = Server::new();
        let client = server.client(&[]);
        let (id, asker) = server.question();
        server.send(answer(id, 4321, "三班 192.0.2.9:80"), asker);
        client
    });
}

needs::test!(it_asks_three_times_and_shows_a_chat_once);
fn it_asks_three_times_and_shows_a_chat_once() {
    prints_in_the_end(chat("one", 1), || {
        let server = Server::new();
        let client = server.client(&[]);
        let (id, asker) = server.question();
        assert_eq!([server.question(), server.question()], [(id, asker); 2], "the same question");
        server.send(answer(id, 1, "one"), asker);
        server.send(answer(id, 1, "one"), asker);
        client
    });
}

needs::test!(what_does_not_answer_the_question_is_counted_and_not_shown);
fn what_does_not_answer_the_question_is_counted_and_not_shown() {
    let mut said = String::new();
    let mut play = || {
        let (server, stranger) = (Server::new(), Server::new());
        let mut client = server.client(&[]);
        let (id, asker) = server.question();
        let right = answer(id, 1, "another port than was asked");
        stranger.send(&right, asker);
        server.send("", asker);
        server.send([0xff; 1000], asker);
        server.send(answer(id ^ 1, 2, "another number"), asker);
        server.send(right.replace("/1", "/2"), asker);
        server.send(answer(id, 3, &"x".repeat(LONGEST_NAME + 1)), asker);
        server.send(answer(id, 4, "two\nlines"), asker);
        server.send([answer(id, 5, "not").as_bytes(), b"\xff"].concat(), asker);
        server.send(Message::Who { id }.line(), asker);
        server.send(answer(id, 6, "right"), asker);
        client.wait_for_exit();
        said = client.stderr();
        client
    };
    prints_in_the_end(chat("right", 6), &mut play);
    assert_eq!(said, "not shown: datagrams that do not answer this question, 9 in all\n");
}

needs::test!(escape_sequences_do_not_reach_the_terminal);
fn escape_sequences_do_not_reach_the_terminal() {
    prints_in_the_end(chat("␛]0;owned␇␛[2J␍fake\u{fffd}", 1), || {
        let server = Server::new();
        let client = server.client(&[]);
        let (id, asker) = server.question();
        server.send(answer(id, 1, "\x1b]0;owned\x07\x1b[2J\rfake\u{202e}"), asker);
        client
    });
}

needs::test!(of_answers_by_the_thousand_it_shows_a_hundred);
fn of_answers_by_the_thousand_it_shows_a_hundred() {
    let server = Server::new();
    let mut client = server.client(&[]);
    let (id, asker) = server.question();
    let mut number = 0;
    while client.ends_within(Duration::ZERO).is_none() {
        number += 1;
        // Once the client has ended, Windows says so.
        let _ = server.socket.send_to(answer(id, 1, &number.to_string()).as_bytes(), asker);
    }
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert_eq!(client.lines().len(), 2 * 100, "of {number} answers");
    let said = client.stderr();
    assert!(said.starts_with("not shown: answers beyond the first 100, "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

needs::test!(when_nobody_answers_it_says_whom_it_has_asked_and_what_to_try);
fn when_nobody_answers_it_says_whom_it_has_asked_and_what_to_try() {
    let silent = Server::new();
    let mut client = silent.client(&["--join"]);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let error = client.stderr();
    let address = silent.address;
    let expected = format!("Error: nobody has answered within a second; asked: {address}\n");
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.contains("cargo run -p lesson-discovery-server -- 0.0.0.0:3000"), "{error}");
    assert_eq!(client.stdout(), "");
}

needs::test!(an_unknown_host_is_named);
fn an_unknown_host_is_named() {
    let mut command = Command::new(own(LESSON));
    command.arg("no.such.host.invalid:3000");
    let mut client = Program::start(command);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let error = client.stderr();
    assert!(error.starts_with("Error: cannot ask no.such.host.invalid:3000: "), "{error}");
    assert!(error.ends_with("\nCheck the host, or leave it out to ask everybody.\n"), "{error}");
}

/// Lets a client, as `command` starts it, find a chat at `address` of this machine.
fn found(command: impl Fn() -> Command, address: SocketAddr) -> Program {
    let server = Server::new();
    let mut command = command();
    command.arg(server.address.to_string());
    let client = Program::start(command);
    let (id, asker) = server.question();
    server.send(answer(id, address.port(), "here"), asker);
    client
}

needs::test!(join_starts_the_client_of_the_chat_and_ends_as_that_does);
fn join_starts_the_client_of_the_chat_and_ends_as_that_does() {
    if !own(JOINED).exists() {
        lesson(JOINED);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let joins = || {
        let mut command = Command::new(own(LESSON));
        command.arg("--join").env("PATH", ""); // in which there is no cargo
        command
    };
    let mut client = found(joins, address);
    let mut chat = Peer::accepted_by(&listener);
    client.type_line("你好");
    chat.expect("你好\n");
    chat.send("50000:欢迎\n");
    client.wait_for_line("50000:欢迎");
    drop(chat);
    assert_eq!(client.wait_for_exit().code(), Some(0));

    let (_nobody_listens, nowhere) = refusing();
    assert_eq!(found(joins, nowhere).wait_for_exit().code(), Some(1));
}

/// Starts the client in a folder with no other program, so that it finds other programs in `path`.
#[cfg(unix)]
fn alone(path: impl AsRef<std::ffi::OsStr>) -> Command {
    let folder = harness::scratch().join("the discovery client alone");
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join(LESSON);
    // Not a copy: as long as a file is being written, it cannot be run, and another test may start a
    // process just then, which inherits the open file.
    let _ = std::fs::remove_file(&program);
    std::fs::hard_link(own(LESSON), &program).expect("a second name for the program");
    let mut command = Command::new(program);
    command.arg("--join").env("PATH", path);
    command
}

#[cfg(unix)]
needs::test!(join_asks_cargo_for_a_client_that_is_not_built_or_says_what_to_type);
#[cfg(unix)]
fn join_asks_cargo_for_a_client_that_is_not_built_or_says_what_to_type() {
    let nowhere = "127.0.0.1:1".parse().expect("an address");
    let mut client = found(|| alone("/nonexistent"), nowhere);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let error = client.stderr();
    assert!(error.starts_with("Error: cannot start lesson-broadcast-client: "), "{error}");
    assert!(error.contains("\nTry the command above"), "{error}");

    let folder = harness::scratch().join("a cargo that shows its arguments");
    std::fs::create_dir_all(&folder).expect("a folder");
    let write = r#"printf '#!/bin/sh\necho "$@"\nexit 7\n' > "$0" && chmod +x "$0""#;
    let written = Command::new("sh").args(["-c", write]).arg(folder.join("cargo")).status();
    assert!(written.expect("a shell").success());
    let mut client = found(|| alone(&folder), nowhere);
    assert_eq!(client.wait_for_exit().code(), Some(7));
    let typed = "run --quiet --package lesson-broadcast-client -- 127.0.0.1:1";
    assert_eq!(client.lines().last().map(String::as_str), Some(typed));
}

needs::test!(it_ends_quietly_when_nobody_reads_its_output);
fn it_ends_quietly_when_nobody_reads_its_output() {
    let server = Server::new();
    let mut command = Command::new(own(LESSON));
    command.arg(server.address.to_string());
    let mut client = Program::with_closed_stdout(command);
    let (id, asker) = server.question();
    server.send(answer(id, 1, "one"), asker);
    assert_eq!(client.wait_for_exit().code(), Some(0));
}

needs::test!(without_a_thread_that_asks_it_says_so_and_ends);
fn without_a_thread_that_asks_it_says_so_and_ends() {
    let mut command = Command::new(own(LESSON));
    command.arg("127.0.0.1:1");
    command.env("RUST_MIN_STACK", (1_u64 << 46).to_string()); // 64 TiB for each thread
    let mut client = Program::start(command);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let error = client.stderr();
    assert!(error.starts_with("Error: cannot start a thread that asks: "), "{error}");
}

needs::test!(STRACE: interrupted_calls_are_made_again_and_refusals_are_passed_over);
fn interrupted_calls_are_made_again_and_refusals_are_passed_over() {
    for calls in [
        &["recvfrom:error=EINTR:when=1..3", "sendto:error=EINTR:when=1..3"][..],
        &["recvfrom:error=ECONNREFUSED:when=1..3"],
        &["recvfrom:error=ECONNRESET:when=1..3"], // as Windows has it
    ] {
        prints_in_the_end(chat("here", 1), || {
            let server = Server::new();
            let mut command = with_failing(calls, &own(LESSON));
            command.arg(server.address.to_string());
            let client = Program::start(command);
            let (id, asker) = server.question();
            server.send(answer(id, 1, "here"), asker);
            client
        });
    }
}

needs::test!(STRACE: a_question_that_may_not_be_sent_is_told_once);
fn a_question_that_may_not_be_sent_is_told_once() {
    for (error, words) in [
        ("EACCES", "Permission denied"),
        ("EPERM", "Operation not permitted"),
        ("ENETUNREACH", "Network is unreachable"),
        ("ENOBUFS", "No buffer space available"),
    ] {
        let mut command = with_failing(&[&format!("sendto:error={error}")], &own(LESSON));
        command.arg("127.0.0.1:9");
        let mut client = Program::start(command);
        assert_eq!(client.wait_for_exit().code(), Some(1));
        let said = client.stderr();
        assert!(said.starts_with(&format!("cannot ask 127.0.0.1:9: {words} (")), "{said}");
        assert_eq!(said.matches("cannot ask").count(), 1, "{said}");
        client
            .wait_for_stderr(contains("\nError: nobody has answered").and(contains("asked: 127")));
    }
}

fn main() -> std::process::ExitCode {
    needs::run()
}
