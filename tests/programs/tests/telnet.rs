//! Tests telnet in the chat rooms: what it sends besides the typed text must not become a message,
//! and nobody can send it a command through the room.

use std::process::Command;

use harness::{Peer, Program, against_every_chat_server, lesson};
use needs::TELNET;
use predicates::str::contains;

against_every_chat_server! {
    putty_joins
    nobody_is_sent_a_command
}

against_every_chat_server! {
    needs TELNET:
    telnet_joins
}

/// The bytes that PuTTY sends by itself when its connection type is Telnet: it offers the size of
/// its window, its speed, its terminal and its environment, and requests two options.
const PUTTY: &[u8] =
    b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03";

fn putty_joins(package: &str) {
    let server = Program::server(lesson(package));
    let (mut listener, mut putty) = (server.connect(), server.connect());
    let port = putty.port();
    putty.send(PUTTY);
    putty.send("hello\r\0");
    listener.expect(format!("{port}:hello\n"));
    // In character mode each key is sent by itself, and Enter is a carriage return and NUL.
    for byte in "你好\r\0\u{3000}\r\0bye\r\0".bytes() {
        putty.send([byte]);
    }
    listener.expect(format!("{port}:你好\n{port}:bye\n"));
    putty.send(b"\xff\xfa\x1f\0\x50\0\x0a\xff\xf0"); // a window of ten rows, so 0a is not a newline
    putty.send("still here\r\n");
    listener.expect(format!("{port}:still here\n"));
    putty.assert_open_and_silent();
}

/// Commands that telnet answers, each in another disguise.
const COMMANDS: [&[u8]; 6] = [
    b"\xff\xfd\x06",                         // DO TIMING-MARK
    b"\xff\xfb\x01",                         // WILL ECHO
    b"\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0", // DO TERMINAL-TYPE, and SEND it
    b"\xff\xff\xfd\x06",                     // as a byte 0xFF of data, which is sent doubled
    b"\xff\xff\xff\xff\xfb\x01",
    b"\xff\xfa\x18\xff\xff\xff\xf0\xff\xf6", // ARE YOU THERE, behind a subnegotiation
];

/// The text in each of them.
const TEXTS: [&[u8]; 6] = [b"", b"", b"", b"\xfd\x06", b"\xfb\x01", b""];

fn nobody_is_sent_a_command(package: &str) {
    let server = Program::server(lesson(package));
    let (mut listener, mut speaker) = (server.connect(), server.connect());
    speaker.stream().set_nodelay(true).expect("no delay");
    let label = format!("{}:", speaker.port());
    for (command, text) in COMMANDS.into_iter().zip(TEXTS) {
        let sent = [b"hello ", command, b"!\n"].concat();
        let expected = [label.as_bytes(), b"hello ", text, b"!\n"].concat();
        speaker.send(&sent);
        listener.expect(&expected);
        sent.iter().for_each(|byte| speaker.send([*byte]));
        listener.expect(&expected);
    }
}

/// Starts a real telnet in a pseudo terminal.
fn telnet(server: &Program) -> Program {
    let mut command = Command::new("script");
    let address = server.address();
    // Without "exec" a shell may stay in between, and end with 130 because it saw the Ctrl-C as
    // well.
    let telnet = format!("exec telnet {} {}", address.ip(), address.port());
    command.args(["-q", "-e", "-f", "-c", &telnet, "/dev/null"]);
    let telnet = Program::start(command);
    telnet.wait_for_stdout(contains("Escape character is '^]'."));
    telnet
}

fn telnet_joins(package: &str) {
    let server = Program::server(lesson(package));
    let (mut other, mut stranger) = (server.connect(), server.connect());
    let mut telnet = telnet(&server);
    telnet.type_line("hello");
    if package == "lesson-tls-server" {
        telnet.wait_for_stdout(contains("cargo run -p lesson-tls-client -- 127.0.0.1:"));
        telnet.wait_for_exit(); // the server has closed the connection
        return other.assert_open_and_silent();
    }
    let hello = other.line();
    let label = hello.strip_suffix("hello").expect("the word that was typed").to_string();
    stranger.skip_to(format!("{label}hello\n"));

    // If these reached telnet, it would answer, and its answers would come before its next line.
    for command in COMMANDS {
        stranger.send(command);
    }
    stranger.send("can you hear me?\n");
    telnet.wait_for_stdout(contains("can you hear me?"));
    other.line();
    telnet.type_line("yes");
    other.expect(format!("{label}yes\n"));
    stranger.skip_to(format!("{label}yes\n"));

    // Ctrl-C sends IAC IP and IAC DO TIMING-MARK, which are not text. From then on telnet shows
    // nothing, as the book says, because it waits for an answer that no chat room gives.
    telnet.type_bytes(b"\x03");
    telnet.type_line("and now?");
    other.expect(format!("{label}and now?\n"));
    stranger.skip_to(format!("{label}and now?\n"));
    stranger.send("you cannot hear me\n");
    other.line();
    telnet.type_line("hello?");
    other.expect(format!("{label}hello?\n"));
    assert!(!telnet.stdout().contains("cannot hear me"), "{}", telnet.stdout());

    // And this is how to leave.
    telnet.type_bytes(b"\x1d");
    telnet.wait_for_stdout(contains("telnet>"));
    telnet.type_line("quit");
    assert_eq!(telnet.wait_for_exit().code(), Some(0));
    server.wait_for_line("有客户端退出了");
    leave(other);
    leave(stranger);
}

fn leave(mut client: Peer) {
    client.half_close();
    client.wait_until_closed();
}

fn main() -> std::process::ExitCode {
    needs::run()
}
