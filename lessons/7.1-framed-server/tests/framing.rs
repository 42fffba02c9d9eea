//! Tests who gets what from the framed server, and what happens to clients that break the rules.

use std::net::Shutdown;

use harness::{Peer, Program, own, resident_memory};
use lesson_framed_server::{LONGEST, frame};
use predicates::prelude::*;
use predicates::str::contains;

const LESSON: &str = "lesson-framed-server";
const REFUSAL: &str = "一条消息最多65536字节";

/// Returns what the others get when `sender` says something.
fn labelled(sender: &Peer, message: &[u8]) -> Vec<u8> {
    frame(&[format!("{}:", sender.port()).as_bytes(), message].concat())
}

#[test]
fn everyone_but_the_sender_gets_the_message_whatever_it_holds() {
    let server = Program::server(own(LESSON));
    let (mut first, mut second, mut sender) =
        (server.connect(), server.connect(), server.connect());
    let every_byte: Vec<u8> = (0..=255).collect();
    for message in [&b"hello"[..], b"", b"two\nlines\n", b"\0\0\0\0", &every_byte] {
        sender.send(frame(message));
        first.expect(labelled(&sender, message));
        second.expect(labelled(&sender, message));
    }
    sender.assert_open_and_silent();
}

#[test]
fn a_frame_may_come_in_any_pieces() {
    let server = Program::server(own(LESSON));
    let (mut listener, mut sender) = (server.connect(), server.connect());
    for byte in frame("你好".as_bytes()) {
        sender.send([byte]);
    }
    listener.expect(labelled(&sender, "你好".as_bytes()));
    let messages: Vec<Vec<u8>> = (0..100).map(|length| vec![length; length as usize]).collect();
    sender.send(messages.iter().flat_map(|message| frame(message)).collect::<Vec<u8>>());
    for message in &messages {
        listener.expect(labelled(&sender, message));
    }
}

#[test]
fn the_longest_message_arrives_and_a_longer_one_is_refused_with_the_reason() {
    let server = Program::server(own(LESSON));
    let (mut listener, mut sender) = (server.connect(), server.connect());
    let longest = vec![b'x'; LONGEST];
    sender.send(frame(&longest));
    listener.expect(labelled(&sender, &longest));

    let too_long = vec![b'x'; LONGEST + 1];
    // All of it, and more than the server reads in one go: closing a socket with unread data sends a reset,
    // which must not destroy the reason.
    sender.send([frame(b"and then"), frame(&too_long), too_long].concat());
    listener.expect(labelled(&sender, b"and then"));
    sender.expect(frame(REFUSAL.as_bytes()));
    sender.half_close();
    assert_eq!(sender.read_to_end(), b"");
    server.wait_for_line("有客户端退出了");
    server.wait_for_stderr(contains(format!("refused {}: ", sender.address())));
    listener.assert_open_and_silent();
}

#[test]
fn who_announces_and_never_sends_costs_nothing_but_a_socket() {
    let server = Program::server(own(LESSON));
    let (mut first, mut second) = (server.connect(), server.connect());
    second.send(frame(b"hello"));
    first.expect(labelled(&second, b"hello"));
    let before = resident_memory(server.process_id());
    let announcers: Vec<Peer> = (0..100)
        .map(|_| {
            let mut peer = server.connect();
            peer.send((LONGEST as u32).to_be_bytes());
            peer
        })
        .collect();
    // Everybody who came before hears the one who comes last.
    let mut last = server.connect();
    last.send(frame(b"still here"));
    first.expect(labelled(&last, b"still here"));
    for mut peer in announcers {
        peer.expect(labelled(&last, b"still here"));
    }
    if let (Some(before), Some(after)) = (before, resident_memory(server.process_id())) {
        let grown = after.saturating_sub(before);
        assert!(grown < 100 * LONGEST as u64 / 2, "the memory has grown by {grown} bytes");
    }
}

#[test]
fn a_frame_that_is_not_whole_is_no_message() {
    let server = Program::server(own(LESSON));
    let (mut listener, mut leaver, mut speaker) =
        (server.connect(), server.connect(), server.connect());
    leaver.send([frame(b"whole"), frame(b"in part")[..8].to_vec()].concat());
    listener.expect(labelled(&leaver, b"whole"));
    leaver.half_close();
    server.wait_for_line("有客户端退出了");
    speaker.send(frame(b"who was that?"));
    listener.expect(labelled(&speaker, b"who was that?"));
    let _ = leaver.stream().shutdown(Shutdown::Both);
}

/// A client that resets a connection may make the next one from the same port before the thread of the
/// first has noticed.
#[cfg(unix)]
#[test]
fn who_comes_back_from_the_same_port_is_in_the_room() {
    use socket2::{Domain, Socket, Type};
    use std::net::{Ipv4Addr, SocketAddr};

    let server = Program::server(own(LESSON));
    let mut speaker = server.connect();
    let connect_from = |port: u16| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("a port that was used before will do");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).expect("the port");
        socket.connect(&server.address().into()).expect("room in the backlog");
        Peer::over(socket.into())
    };
    let mut client = connect_from(0);
    for number in 0..20 {
        let port = client.port();
        client.send(frame(b"I am here"));
        speaker.expect(labelled(&client, b"I am here"));
        server.suspend();
        client.reset();
        client = connect_from(port);
        server.resume();
        server.wait_for_lines(number + 1, "有客户端退出了");
        client.send(frame(b"I am back"));
        speaker.expect(labelled(&client, b"I am back"));
        speaker.send(frame(b"welcome"));
        client.expect(labelled(&speaker, b"welcome"));
    }
}

#[test]
fn who_never_reads_is_disconnected_and_nobody_waits() {
    let server = Program::server(own(LESSON));
    let mut never_reads = server.connect();
    let mut listener = server.connect();
    let message = vec![b'x'; LONGEST];
    let is_disconnected = contains(format!("disconnected {}: it does not", never_reads.address()));
    for _ in 0..512 {
        // Each sender is new, so it may send a whole message without a pause.
        let mut sender = server.connect();
        sender.send(frame(&message));
        listener.expect(labelled(&sender, &message));
        listener.forget();
        if is_disconnected.eval(&server.stderr()) {
            break;
        }
    }
    server.wait_for_stderr(is_disconnected);
    never_reads.wait_until_closed();
}
