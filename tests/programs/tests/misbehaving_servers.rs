//! Tests both client lessons against servers that do what no server should.

use harness::{Peer, Program, lesson, resident_memory};

const CLIENTS: [&str; 2] = ["lesson-bidirectional-client", "lesson-broadcast-client"];

/// Starts each client against a server that `misbehaves`.
fn against_every_client(misbehaves: impl Fn(&mut Program, Peer)) {
    for package in CLIENTS {
        let (mut client, server) = Program::client(lesson(package));
        misbehaves(&mut client, server);
        assert!(!client.stderr().contains("panicked"), "{}", client.stderr());
    }
}

#[test]
fn it_goes_in_the_middle_of_a_character() {
    against_every_client(|client, mut server| {
        server.send(b"5000:\xe4\xbd");
        server.half_close();
        assert_eq!(client.wait_for_exit().code(), Some(0));
        let shown = client.stdout().replace('\n', "");
        assert!(shown.ends_with("5000:\u{fffd}"), "{shown:?}");
    });
}

#[test]
fn it_resets_the_connection() {
    against_every_client(|client, server| {
        server.reset();
        assert_eq!(client.wait_for_exit().code(), Some(1));
        let error = client.stderr();
        assert!(error.contains("lost the connection to 127.0.0.1:"), "{error}");
        assert!(error.contains("start it again"), "{error}");
    });
}

#[test]
fn it_floods() {
    against_every_client(|client, mut server| {
        let lines: Vec<String> =
            (0..100_000).map(|number| format!("5000:message {number}")).collect();
        server.send(lines.join("\n") + "\n");
        server.half_close();
        assert_eq!(client.wait_for_exit().code(), Some(0));
        let shown = client.stdout();
        // The two-way client shows each piece as it arrives, and a piece may end within a line.
        assert!(shown.replace('\n', "").ends_with(&lines.concat()), "lines have been lost");
    });
}

#[test]
fn it_floods_without_a_newline() {
    against_every_client(|client, mut server| {
        let before = resident_memory(client.process_id());
        for _ in 0..20 {
            server.send([b'x'; 1024 * 1024]);
        }
        let after = resident_memory(client.process_id());
        if let (Some(before), Some(after)) = (before, after) {
            let grown = after.saturating_sub(before);
            assert!(grown < 16 * 1024 * 1024, "the memory has grown by {grown} bytes");
        }
        server.half_close();
        assert_eq!(client.wait_for_exit().code(), Some(0));
        assert_eq!(client.stdout().matches('x').count(), 20 * 1024 * 1024);
    });
}

#[test]
fn it_sends_terminal_escape_sequences() {
    against_every_client(|client, mut server| {
        server.send("\x1b[2J\x1b]0;owned\x07\x1b[31mred\u{9b}31m\x08\x7f\u{202e}\n");
        server.half_close();
        assert_eq!(client.wait_for_exit().code(), Some(0));
        let shown = client.stdout();
        assert!(shown.contains("␛[2J␛]0;owned␇␛[31mred\u{fffd}31m␈␡\u{fffd}"), "{shown}");
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    });
}

#[test]
fn it_never_answers() {
    against_every_client(|client, mut server| {
        client.close_stdin();
        // Both wait for it, and neither gives up: the bytes they have sent arrive, and they are
        // still connected.
        server.send("at last\n");
        client.wait_for_line("at last");
        server.half_close();
        assert_eq!(client.wait_for_exit().code(), Some(0));
    });
}

#[test]
fn it_never_reads() {
    let (mut client, mut server) = Program::client(lesson("lesson-broadcast-client"));
    client.type_line(&"x".repeat(4096));
    server.send("5000:you can still hear me\n");
    client.wait_for_line("5000:you can still hear me");
    drop(server);
    client.wait_for_exit();
}

/// Tests clients that read all the time and print: once they cannot print, they have nothing left
/// to do.
#[cfg(target_os = "linux")] // which alone has /dev/full
#[test]
fn its_words_go_to_a_full_disk() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    for package in CLIENTS.into_iter().chain(["lesson-stdin-echo"]) {
        let mut command = harness::with_full_stdout(&lesson(package));
        let mut program = if package == "lesson-stdin-echo" {
            let mut echo = Program::start(command);
            echo.type_line("hello");
            echo
        } else {
            command.arg(listener.local_addr().expect("its address").to_string());
            let client = Program::start(command);
            Peer::accepted_by(&listener).send("5000:hello\n");
            client
        };
        assert_eq!(program.wait_for_exit().code(), Some(1), "{package}");
        let error = program.stderr();
        assert!(error.contains("cannot write to stdout: No space left on device"), "{error}");
    }
}
