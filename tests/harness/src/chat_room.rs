//! Tests what every chat server does, on the wire and on the screen: who receives what, and what
//! happens to clients that do not read.

use std::io::Write;
use std::net::Shutdown;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use predicates::str::contains;

use crate::{Peer, Program, resident_memory, wait_until};

/// Makes each of these a test of a chat server, given the name of its program:
///
/// ```ignore
/// harness::chat_room_tests!("lesson-broadcast-server");
/// ```
///
/// With `needs NATS_SERVER:` in front, the tests are those of the crate `needs`.
#[macro_export]
macro_rules! chat_room_tests {
    ($(needs $need:ident:)? $program:literal) => {
        $crate::chat_room_tests! { [$($need)?] $program;
            everyone_but_the_sender_gets_the_message_with_the_senders_port
            a_message_is_a_line_and_what_has_no_newline_is_one_too
            a_line_in_several_segments_arrives_whole
            a_long_first_line_in_two_segments_is_one_message
            a_line_in_many_reads_is_one_message_and_so_is_the_next
            a_line_longer_than_the_bound_is_cut_but_loses_nothing
            a_line_that_is_not_finished_is_passed_on_but_half_a_character_is_not
            messages_without_newlines_stay_messages_of_their_own
            a_paste_longer_than_the_servers_buffer_arrives_line_by_line
            leavers_are_announced_and_forgotten_however_they_leave
            everyone_sees_the_same_messages_in_the_same_order
            who_floods_starves_nobody
            a_client_that_never_reads_is_disconnected_and_nobody_else_is
            a_hundred_clients_that_never_read_hold_nobody_up
        }
    };
    ([$need:ident] $program:literal; $($name:ident)*) => { $(
        needs::test!(needs::$need: $name);
        fn $name() {
            $crate::chat_room::$name(&$crate::own($program));
        }
    )* };
    ([] $program:literal; $($name:ident)*) => { $(
        #[test]
        fn $name() {
            $crate::chat_room::$name(&$crate::own($program));
        }
    )* };
}

pub fn everyone_but_the_sender_gets_the_message_with_the_senders_port(program: &Path) {
    let server = Program::server(program);
    let (mut first, mut second, mut third) = (server.connect(), server.connect(), server.connect());
    third.send("hello\n");
    let message = format!("{}:hello\n", third.port());
    first.expect(&message);
    second.expect(&message);

    first.send("你好\n");
    let answer = format!("{}:你好\n", first.port());
    second.expect(&answer);
    third.expect(&answer);
    for client in [&mut first, &mut second, &mut third] {
        client.assert_open_and_silent();
    }
}

pub fn a_message_is_a_line_and_what_has_no_newline_is_one_too(program: &Path) {
    let server = Program::server(program);
    let (mut listener, mut sender) = (server.connect(), server.connect());
    let port = sender.port();
    sender.send("  no newline  ");
    listener.expect(format!("{port}:no newline\n"));
    sender.send("one\r\n \n\n\t\r\n two ");
    listener.expect(format!("{port}:one\n{port}:two\n"));
    sender.send([b"\0\xfe\xc0 bytes \x80".as_slice(), b"\n"].concat());
    listener.expect([format!("{port}:").as_bytes(), b"\0\xfe\xc0 bytes \x80\n"].concat());
    sender.send(" \t\r\n");
    sender.send("last");
    sender.half_close();
    listener.expect(format!("{port}:last\n"));
}

pub fn a_line_in_several_segments_arrives_whole(program: &Path) {
    let server = Program::server(program);
    let (mut listener, mut sender) = (server.connect(), server.connect());
    let port = sender.port();
    sender.send("a first line\nand a sec");
    listener.expect(format!("{port}:a first line\n"));
    sender.send("ond, wit");
    sender.send("hout an end\n");
    listener.expect(format!("{port}:and a second, without an end\n"));
}

/// Waits until the server has most likely read what it has been sent so far: by then, it has passed
/// on what another client sent later.
fn a_moment_later(server: &Program, listener: &mut Peer) {
    let mut other = server.connect();
    other.send("a moment later\n");
    listener.skip_to(format!("{}:a moment later\n", other.port()));
}

/// How long the server waits for the rest of a line from a client that has never sent a newline.
const A_MOMENT: Duration = Duration::from_millis(300);

pub fn a_long_first_line_in_two_segments_is_one_message(program: &Path) {
    let server = Program::server(program);
    let mut listener = server.connect();
    for cut in [1, 1200, 1448, 2399] {
        // On a busy machine the rest may arrive too late. In that case the line is rightly cut.
        wait_until("the rest of a line has been sent in time", || {
            is_one_message_cut_at(cut, &server, &mut listener)
        });
    }
}

/// Sends a line in two pieces. Returns whether the second was sent in time.
fn is_one_message_cut_at(cut: usize, server: &Program, listener: &mut Peer) -> bool {
    let mut sender = server.connect(); // which has never sent a newline
    let line = "你".repeat(800);
    let start = Instant::now();
    sender.send(&line.as_bytes()[..cut]);
    a_moment_later(server, listener);
    sender.send([&line.as_bytes()[cut..], b"\n"].concat());
    let in_time = start.elapsed() < A_MOMENT;
    if in_time {
        listener.expect(format!("{}:{line}\n", sender.port()));
    }
    sender.send("that was all\n");
    listener.skip_to(format!("{}:that was all\n", sender.port()));
    in_time
}

pub fn a_line_in_many_reads_is_one_message_and_so_is_the_next(program: &Path) {
    let server = Program::server(program);
    let (mut listener, mut sender) = (server.connect(), server.connect());
    let port = sender.port();
    sender.send("short\n");
    listener.expect(format!("{port}:short\n"));
    for length in [2000, 4096, 10_000, 65_530, 65_536] {
        let line = "x".repeat(length);
        sender.send(&line[..length / 2]);
        a_moment_later(&server, &mut listener);
        sender.send(format!("{}\nhello world\n", &line[length / 2..]));
        listener.expect(format!("{port}:{line}\n{port}:hello world\n"));
    }
}

pub fn a_line_longer_than_the_bound_is_cut_but_loses_nothing(program: &Path) {
    let server = Program::server(program);
    let (mut listener, mut sender) = (server.connect(), server.connect());
    sender.send("I end my lines\n"); // so it is given time to send the long ones
    listener.expect(format!("{}:I end my lines\n", sender.port()));
    for text in ["你好", "a b ", "x    "] {
        let text = format!("!{}!", text.repeat(200_000 / text.len()));
        sender.send(format!("{text}\n"));
        let mut heard = String::new();
        while heard.len() < text.len() {
            let line = listener.line();
            heard += line.strip_prefix(&format!("{}:", sender.port())).expect("the sender's port");
        }
        assert!(heard == text, "text was lost or broken at a cut");
    }
}

/// A client's last words must not wait for a newline that never arrives, but a character whose rest
/// never arrives must not become a message.
pub fn a_line_that_is_not_finished_is_passed_on_but_half_a_character_is_not(program: &Path) {
    let server = Program::server(program);
    let (mut listener, mut sender) = (server.connect(), server.connect());
    let port = sender.port();
    sender.send(b"no newline \xe4\xbd");
    listener.expect(format!("{port}:no newline\n"));
    sender.send(b"\xa0 and then one\nunfinished");
    listener.expect(format!("{port}:你 and then one\n{port}:unfinished\n"));
}

pub fn messages_without_newlines_stay_messages_of_their_own(program: &Path) {
    let server = Program::server(program);
    let (mut listener, mut sender) = (server.connect(), server.connect());
    for text in ["one", "two", "三"] {
        sender.send(text); // as the Node client does
        listener.expect(format!("{}:{text}\n", sender.port()));
    }
}

pub fn a_paste_longer_than_the_servers_buffer_arrives_line_by_line(program: &Path) {
    let server = Program::server(program);
    let (mut listener, mut sender) = (server.connect(), server.connect());
    let port = sender.port();
    let lines: Vec<String> = (0..5000).map(|number| format!("line {number} of a paste")).collect();
    sender.send(lines.join("\n") + "\n");
    for line in lines {
        assert_eq!(listener.line(), format!("{port}:{line}"));
    }
    // As long as the server's buffer. The unfinished line at its end must not be kept forever.
    sender.send(format!("{}\n{}", "a".repeat(1000), "b".repeat(4096 - 1001)));
    listener.expect(format!("{port}:{}\n{port}:{}\n", "a".repeat(1000), "b".repeat(4096 - 1001)));
}

pub fn leavers_are_announced_and_forgotten_however_they_leave(program: &Path) {
    let server = Program::server(program);
    let (mut stays, leaves, mut half_closes) =
        (server.connect(), server.connect(), server.connect());
    let mut resets = server.connect();
    // On some systems, a client that leaves before it is accepted has never been there.
    resets.send("we are all here");
    for client in [&mut stays, &mut half_closes] {
        client.expect(format!("{}:we are all here\n", resets.port()));
    }
    drop(leaves);
    server.wait_for_lines(1, "有客户端退出了");
    resets.reset();
    server.wait_for_lines(2, "有客户端退出了");
    half_closes.half_close();
    assert_eq!(half_closes.read_to_end(), b"");
    server.wait_for_lines(3, "有客户端退出了");

    server.connect().send("is anybody there?");
    assert!(stays.line().ends_with(":is anybody there?"));
    server.wait_for_lines(4, "有客户端退出了");
    let listening = format!("server listening at port {}", server.address().port());
    let mut expected = vec![listening];
    expected.resize(5, "有客户端退出了".to_string());
    assert_eq!(server.lines(), expected);
}

pub fn everyone_sees_the_same_messages_in_the_same_order(program: &Path) {
    const SENDERS: usize = 8;
    const MESSAGES: usize = 200;
    let server = Program::server(program);
    let mut listeners: Vec<Peer> = (0..3).map(|_| server.connect()).collect();
    let senders: Vec<Peer> = (0..SENDERS).map(|_| server.connect()).collect();
    thread::scope(|scope| {
        for mut sender in senders {
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    sender.send(format!("message {number}\n"));
                }
                sender.half_close();
                sender.read_to_end(); // what the other senders say; the test is about the listeners
            });
        }
    });
    let seen: Vec<Vec<String>> = listeners
        .iter_mut()
        .map(|listener| (0..SENDERS * MESSAGES).map(|_| listener.line()).collect())
        .collect();
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

/// Has lines sent until that many bytes have gone by, but never more than `listener` has received.
/// Returns how many clients have sent them and left: each sends too little to be slowed down.
fn say(bytes: usize, server: &Program, listener: &mut Peer) -> usize {
    let line = "x".repeat(1023 - "12345:".len());
    let speakers = bytes.div_ceil(60 * 1024);
    for _ in 0..speakers {
        let mut speaker = server.connect();
        let message = format!("{}:{line}\n", speaker.port());
        speaker.send(format!("{line}\n").repeat(60));
        listener.expect(message.repeat(60));
        listener.forget();
    }
    speakers
}

/// Sends a flood of blank lines, which are not passed on, but have to be read.
pub fn who_floods_starves_nobody(program: &Path) {
    let server = Program::server(program);
    let (mut listener, flooder, mut sender) =
        (server.connect(), server.connect(), server.connect());
    let (begun, has_begun) = mpsc::channel();
    let flooding = flooder.stream().try_clone().expect("a second handle");
    thread::scope(|scope| {
        scope.spawn(move || {
            while (&flooding).write_all(&[b'\n'; 64 * 1024]).is_ok() {
                let _ = begun.send(());
            }
        });
        for _ in 0..64 {
            has_begun.recv().expect("the flood goes on");
        }
        for number in 0..100 {
            sender.send(format!("message {number}\n"));
            listener.expect(format!("{}:message {number}\n", sender.port()));
        }
        flooder.stream().shutdown(Shutdown::Both).expect("shut down");
    });
}

pub fn a_client_that_never_reads_is_disconnected_and_nobody_else_is(program: &Path) {
    let server = Program::server(program);
    let mut never_reads = server.connect();
    let mut listener = server.connect();
    let mut speakers = say(1024 * 1024, &server, &mut listener);
    let memory_before = resident_memory(server.process_id());
    speakers += say(48 * 1024 * 1024, &server, &mut listener);

    server.wait_for_lines(speakers + 1, "有客户端退出了");
    let address = never_reads.address();
    let note = format!("disconnected {address}: it does not read what it is sent");
    server.wait_for_stderr(contains(note));
    if let (Some(before), Some(after)) = (memory_before, resident_memory(server.process_id())) {
        let grown = after.saturating_sub(before);
        assert!(grown < 16 * 1024 * 1024, "the memory has grown by {grown} bytes");
    }
    assert_eq!(server.lines().len(), speakers + 2, "only those and one more have left");
    never_reads.wait_until_closed();
}

pub fn a_hundred_clients_that_never_read_hold_nobody_up(program: &Path) {
    let server = Program::server(program);
    let never_read: Vec<Peer> = (0..100).map(|_| server.connect()).collect();
    let mut listener = server.connect();
    let speakers = say(48 * 1024 * 1024, &server, &mut listener);
    server.wait_for_lines(speakers + never_read.len(), "有客户端退出了");
    say(1024 * 1024, &server, &mut listener);
}
