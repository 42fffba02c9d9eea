//! Tests the orderly end.

#![cfg(unix)] // the harness cannot press Ctrl-C on Windows

use std::time::{Duration, Instant};

use harness::{Peer, Program, own, resident_memory};

const LESSON: &str = "lesson-async-server";
const LAST_LINE: &str = "服务器关闭了\n";

/// The two seconds, and the time that a busy machine may take for the rest.
const AT_MOST: Duration = Duration::from_secs(2 + 10);

#[test]
fn everybody_gets_what_was_said_last_and_the_last_line() {
    let mut server = Program::server(own(LESSON));
    let mut listeners: Vec<Peer> = (0..20).map(|_| server.connect()).collect();
    let mut sender = server.connect();
    sender.send("hello\n");
    for listener in &mut listeners {
        listener.expect(format!("{}:hello\n", sender.port()));
    }
    server.press_ctrl_c();
    for mut client in listeners.into_iter().chain([sender]) {
        client.expect(LAST_LINE);
        assert_eq!(client.read_to_end(), b"", "an orderly end, and no reset");
    }
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

#[test]
fn who_goes_on_talking_still_hears_the_last_line() {
    let mut server = Program::server(own(LESSON));
    let (mut talks, mut listener) = (server.connect(), server.connect());
    talks.send("hello\n");
    listener.line();
    server.suspend();
    talks.send("a line that nobody will read\n".repeat(1000));
    server.press_ctrl_c();
    server.resume();
    talks.expect(LAST_LINE);
    talks.send("and another one\n".repeat(1000));
    assert_eq!(talks.read_to_end(), b"", "an orderly end, and no reset");
    listener.skip_to(LAST_LINE);
    drop((talks, listener));
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

#[test]
fn it_does_not_wait_for_those_who_never_read() {
    let mut server = Program::server(own(LESSON));
    let never_reads = server.connect();
    let (mut listener, mut sender) = (server.connect(), server.connect());
    let line = "x".repeat(1024);
    for _ in 0..6 * 1024 {
        sender.send(format!("{line}\n"));
        listener.expect(format!("{}:{line}\n", sender.port()));
        listener.forget();
    }
    let start = Instant::now();
    server.press_ctrl_c();
    listener.expect(LAST_LINE);
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert!(start.elapsed() < AT_MOST, "it took {:?}", start.elapsed());
    drop(never_reads);
}

/// All clients part at the same moment, so what each of them needs for it counts once for each client.
#[test]
fn to_part_takes_no_buffer_for_each() {
    let mut server = Program::server(own(LESSON));
    let mut clients: Vec<Peer> = (0..400).map(|_| server.connect()).collect();
    let mut sender = server.connect();
    sender.send("we are all here\n");
    clients.iter_mut().for_each(|client| _ = client.line());
    let before = resident_memory(server.process_id());
    server.press_ctrl_c();
    for client in &mut clients {
        client.expect(LAST_LINE);
        assert_eq!(client.read_to_end(), b"");
    }
    // None of them has closed. If their two seconds are over nevertheless, there is nothing to see.
    if let (Some(before), Some(after)) = (before, resident_memory(server.process_id())) {
        let grown = after.saturating_sub(before);
        assert!(grown < 400 * 2048, "the memory has grown by {grown} bytes");
    }
    drop((clients, sender));
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

#[test]
fn it_ends_at_once_when_everybody_has_left() {
    let mut server = Program::server(own(LESSON));
    let (mut first, mut second) = (server.connect(), server.connect());
    second.send("hello\n");
    first.line(); // served, so Ctrl-C is listened for
    drop((first, second));
    server.wait_for_lines(2, "有客户端退出了");
    server.press_ctrl_c();
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert_eq!(server.lines().len(), 3, "{:?}", server.lines());
}
