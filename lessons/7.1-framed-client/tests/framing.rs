//! Tests what the framed client sends, and how it shows what arrives.

use std::fs;
#[cfg(unix)]
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use harness::{Peer, Program, own, scratch};
use lesson_framed_server::{LABEL, LONGEST, frame};
use predicates::str::contains;

/// Starts the client with these arguments before the address. Returns it, and the server's end of its
/// connection.
fn client(arguments: &[&str]) -> (Program, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut command = Command::new(own("lesson-framed-client"));
    command.args(arguments).arg(listener.local_addr().expect("an address").to_string());
    let client = Program::start(command);
    let (stream, _) = listener.accept().expect("accept");
    (client, Peer::over(stream))
}

#[test]
fn each_line_typed_is_a_frame() {
    let (mut client, mut server) = client(&[]);
    client.type_line("  hello ");
    server.expect(frame(b"hello"));
    client.type_line("");
    client.type_line("你好");
    server.expect(frame("你好".as_bytes()));
    client.close_stdin();
    assert_eq!(server.read_to_end(), b"");
    server.send(frame(b"1:still there"));
    client.wait_for_line("1:still there");
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(0));
}

/// Returns the path of a file to be sent.
fn file(name: &str) -> String {
    scratch().join(name).to_str().expect("a path that is text").to_string()
}

#[test]
fn a_whole_file_is_sent_as_it_is() {
    let path = file("a file.bin");
    let bytes: Vec<u8> = (0..2 * LONGEST + 1000).map(|number| (number * 7 % 256) as u8).collect();
    fs::write(&path, &bytes).expect("write a file");
    let (mut client, mut server) = client(&["--file", &path]);
    for part in bytes.chunks(LONGEST) {
        server.expect(frame(part));
    }
    assert_eq!(server.read_to_end(), b"");
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(0));
}

#[test]
fn an_option_without_a_file_is_quoted_on_one_line() {
    let mut command = Command::new(own("lesson-framed-client"));
    command.args(["3000", "--file"]);
    let mut client = Program::start(command);
    assert_eq!(client.wait_for_exit().code(), Some(2));
    let said = "lesson-framed-client: \"--file\" needs a value (see --help)\n";
    assert_eq!(client.stderr(), said);
}

#[test]
fn a_file_that_is_not_there_is_named_in_one_line() {
    let mut command = Command::new(own("lesson-framed-client"));
    command.args(["--file", "no such file", "127.0.0.1:1"]);
    let mut client = Program::start(command);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    assert!(
        client.stderr().starts_with("Error: cannot open no such file: ")
            && client.stderr().ends_with("\nIs there such a file, and may you read it?\n"),
        "{}",
        client.stderr()
    );
}

/// The exit status must say that not everything has been sent.
#[test]
fn a_file_that_cannot_be_sent_whole_is_a_failure() {
    // Elsewhere a folder cannot even be opened.
    if cfg!(unix) {
        let (mut reads_in_vain, server) = client(&["--file", &file("")]);
        drop(server);
        assert_eq!(reads_in_vain.wait_for_exit().code(), Some(1), "a folder cannot be sent");
    }

    let path = file("a large file.bin");
    fs::write(&path, vec![0; 32 * 1024 * 1024]).expect("write a file");
    let (mut writes_in_vain, mut server) = client(&["--file", &path]);
    server.expect(frame(&vec![0; LONGEST]));
    server.half_close(); // the client sees an orderly end, long before all is sent
    assert_eq!(writes_in_vain.wait_for_exit().code(), Some(1), "the server has gone");
    let said = writes_in_vain.stderr();
    let error = format!("Error: cannot send all of {path}: the server has closed the connection\n");
    assert!(said.contains(&error), "{said}");
}

/// A pipe has no end as long as somebody may write into it.
#[cfg(unix)]
#[test]
fn it_ends_with_the_server_even_while_it_waits_for_the_file() {
    let path = file("a pipe");
    let _ = fs::remove_file(&path); // left by an earlier run, if at all
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let mut writer = fs::File::options().read(true).write(true).open(&path).expect("the pipe");
    let (mut client, mut server) = client(&["--file", &path]);
    writer.write_all(&vec![7; LONGEST]).expect("the client reads");
    server.expect(frame(&vec![7; LONGEST]));
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let error = client.stderr();
    assert!(error.contains(&format!("Error: cannot send all of {path}: ")), "{error}");
}

#[test]
fn a_message_that_is_cut_off_is_a_failure() {
    let whole = frame(b"4000:hello");
    for length in 1..whole.len() {
        let (mut client, mut server) = client(&[]);
        server.send(&whole);
        server.send(&whole[..length]);
        drop(server);
        assert_eq!(client.wait_for_exit().code(), Some(1), "{length} bytes of {}", whole.len());
        assert_eq!(client.lines(), ["4000:hello"]);
        let error = client.stderr();
        assert!(error.contains("it has ended in the middle of a message\n"), "{error}");
        assert!(error.contains("start it again"), "{error}");
    }
}

#[test]
fn a_server_of_lines_is_left_with_a_next_step() {
    let (mut client, mut server) = client(&[]);
    server.send([&frame(b"4000:before")[..], b"hello"].concat());
    assert_eq!(client.wait_for_exit().code(), Some(1));
    assert_eq!(client.lines(), ["4000:before"]);
    let error = client.stderr();
    assert!(error.contains("a message of 1751477356 bytes is announced"), "{error}");
    assert!(error.contains("\nAnother kind of server may be there"), "{error}");
    assert!(error.contains("cargo run -p lesson-framed-server -- 127.0.0.1:"), "{error}");
}

#[test]
fn a_message_is_one_harmless_line_whatever_it_holds() {
    let (client, mut server) = client(&[]);
    for (message, shown) in [
        ("4000:你好".as_bytes(), "4000:你好"),
        (b"4000:", "4000:"),
        (b"", ""),
        (b"4000:\x1b[2J\n4001:never said\r", "4000:␛[2J␊4001:never said␍"),
        (b"4000:a\r\nb", "4000:a␊b"),
        (b"4000:\xff\xfe\0", "4000: <3 bytes>"),
        (b"\xff\xfe", "\u{fffd}\u{fffd} <0 bytes>"),
        ("一条消息最多65536字节".as_bytes(), "一条消息最多65536字节"),
    ] {
        for byte in frame(message) {
            server.send([byte]);
        }
        client.wait_for_line(shown);
    }
    let longest = vec![b'x'; LABEL + LONGEST];
    server.send(frame(&longest));
    client.wait_for_line(String::from_utf8_lossy(&longest));
}

#[test]
fn a_server_that_announces_too_much_is_left() {
    let (mut client, mut server) = client(&[]);
    server.send((LABEL as u32 + LONGEST as u32 + 1).to_be_bytes());
    assert_eq!(client.wait_for_exit().code(), Some(1));
    client.wait_for_stderr(contains("a message of 65543 bytes is announced, which is too long"));
}
