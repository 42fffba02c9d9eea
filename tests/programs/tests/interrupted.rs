//! Tests what happens when a system call is interrupted by a signal (EINTR in signal(7)), or fails
//! for another temporary reason. strace causes that: a call fails before the kernel has seen it.

use std::path::Path;
use std::process::Command;

use harness::{Program, against_every_chat_server, lesson, with_failing};
use needs::STRACE;
use predicates::str::contains;

/// Interrupts each thread's second to fourth receive, send, accept and wait.
fn interrupted(program: &Path, address: &str) -> Command {
    let calls = ["recvfrom", "sendto", "writev", "accept4", "connect", "epoll_wait"];
    let calls = calls.map(|call| format!("{call}:error=EINTR:when=2..4"));
    let mut command = with_failing(&calls.each_ref().map(String::as_str), program);
    command.arg(address);
    command
}

needs::test!(STRACE: an_interrupted_conversation_goes_on);
fn an_interrupted_conversation_goes_on() {
    let package = "lesson-bidirectional-server";
    let server = Program::server_from(interrupted(&lesson(package), "127.0.0.1:0"));
    let mut client = server.connect();
    for _ in 0..6 {
        client.send("你吃了吗");
        client.expect("我吃的小豆包");
    }
    let package = "lesson-bidirectional-client";
    let client = interrupted(&lesson(package), &server.address().to_string());
    Program::start(client).wait_for_line("我吃的小豆包");
}

against_every_chat_server! {
    needs STRACE:
    an_interrupted_chat_loses_nothing
    a_send_that_fails_is_told_and_ends_one_connection
}

fn an_interrupted_chat_loses_nothing(package: &str) {
    let server = Program::server_from(interrupted(&lesson(package), "127.0.0.1:0"));
    // The first to connect is the first to join, so it receives all that the next one sends.
    let mut peer = server.connect();
    let mut last = server.connect();
    let client = match package {
        "lesson-tls-server" => lesson("lesson-tls-client"),
        _ => lesson("lesson-broadcast-client"),
    };
    let mut client = Program::start(interrupted(&client, &server.address().to_string()));
    for number in 0..6 {
        client.type_line(&format!("line {number}"));
        let line = peer.line();
        assert!(line.ends_with(&format!(":line {number}")), "{line}");
        assert_eq!(last.line(), line);
        peer.send(format!("answer {number}\n"));
        client.wait_for_line(format!("{}:answer {number}", peer.port()));
        assert_eq!(last.line(), format!("{}:answer {number}", peer.port()));
    }
}

/// Tests that a client which missed a failed send is disconnected: it has lost data, so it must not
/// go on as if nothing had happened.
fn a_send_that_fails_is_told_and_ends_one_connection(package: &str) {
    let failing = match package {
        // Each of the two handshakes takes two sends.
        "lesson-tls-server" => "writev:error=ENOBUFS:when=6",
        _ => "sendto,writev:error=ENOBUFS:when=2",
    };
    let mut server = with_failing(&[failing], &lesson(package));
    server.arg("127.0.0.1:0");
    let server = Program::server_from(server);
    let (mut listener, mut speaker) = (server.connect(), server.connect());
    speaker.send("first\n");
    listener.expect(format!("{}:first\n", speaker.port()));
    speaker.send("second\n");
    if package == "lesson-ordered-cluster-server" {
        // Its second send was one to NATS, before anybody had joined, and it has recovered from
        // that. Its clients are served by the code of 7.4.
        return listener.expect(format!("{}:second\n", speaker.port()));
    }
    let address = listener.address();
    server.wait_for_stderr(contains(format!("disconnected {address}: No buffer space available")));
    listener.wait_until_closed();
    server.wait_for_line("有客户端退出了");
    let mut newcomer = server.connect();
    newcomer.send("third\n");
    speaker.expect(format!("{}:third\n", newcomer.port()));
}

needs::test!(STRACE: an_error_does_not_pass_for_another_event);
fn an_error_does_not_pass_for_another_event() {
    for (calls, told) in [
        ("recvfrom:error=ECONNRESET:when=2", "the peer should be silent, but read returned Err("),
        ("sendto:error=ECONNRESET:when=2", "drain: Connection reset by peer"),
    ] {
        let mut lesson = Program::start(with_failing(&[calls], &lesson("lesson-socket-events")));
        assert_eq!(lesson.wait_for_exit().code(), Some(1), "{calls}");
        assert!(lesson.stderr().contains(told), "{calls}: {}", lesson.stderr());
    }
}

fn main() -> std::process::ExitCode {
    needs::run()
}
