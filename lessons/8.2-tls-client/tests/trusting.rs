//! Whom the client trusts, what it says about those it does not, and how it chats.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::{Duration, Instant, SystemTime};

use harness::{Peer, Program, StrangeServer, lesson, own, scratch, two_in_the_room};
use needs::OPENSSL;
use predicates::prelude::*;
use predicates::str::{contains, ends_with};
use rcgen::{CertificateParams, KeyPair};

const LESSON: &str = "lesson-tls-client";

/// Returns an empty folder for the files of one test.
fn folder(test: &str) -> PathBuf {
    let folder = scratch().join(format!("trusting-{test}-{}", process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Starts a server with a certificate of its own.
fn server(certificate: &Path) -> Program {
    let mut command = Command::new(lesson("lesson-tls-server"));
    command.arg("127.0.0.1:0").arg("--certificate").arg(certificate);
    Program::server_from(command)
}

fn client(address: &str, certificate: &Path) -> Program {
    Program::start(client_command(address, certificate))
}

fn client_command(address: &str, certificate: &Path) -> Command {
    let mut command = Command::new(own(LESSON));
    command.arg(address).arg("--certificate").arg(certificate);
    command
}

/// Asserts that a client does not talk to `address`, and says so on one line.
fn is_refused(address: &str, certificate: &Path, why: &[&str]) {
    let mut client = client(address, certificate);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let said = client.stderr();
    let mut lines = said.lines().filter(|line| !line.starts_with("connected to "));
    assert!(lines.next().is_some_and(|line| line.starts_with("Error: ")), "{said}");
    assert_eq!(lines.next(), None, "one line: {said}");
    for part in why.iter().chain(&[address]) {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(client.stdout(), "");
}

needs::test!(it_chats_and_leaves_in_good_order);
fn it_chats_and_leaves_in_good_order() {
    let path = folder("chats").join("chat.pem");
    let server = server(&path);
    let (mut other, _silent) = two_in_the_room(&server);
    let mut client = client(&server.address().to_string(), &path);
    client.type_line("  你好  ");
    let line = other.line();
    assert!(line.ends_with(":你好"), "{line}");
    other.send("hello\nand no newline");
    client.wait_for_line(format!("{}:hello", other.port()));
    client.wait_for_line(format!("{}:and no newline", other.port()));
    other.send("\x1b[2J\u{202e}\n");
    client.wait_for_stdout(contains("␛[2J\u{fffd}"));
    client.type_bytes(b"last words");
    client.close_stdin();
    assert!(other.line().ends_with(":last words"));
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert!(client.stderr().ends_with("you have left the chat\n"), "{}", client.stderr());
    server.wait_for_line("有客户端退出了");
}

needs::test!(a_stopped_screen_stops_only_what_is_shown);
fn a_stopped_screen_stops_only_what_is_shown() {
    let path = folder("stopped").join("chat.pem");
    let server = server(&path);
    let (mut speaker, mut listener) = two_in_the_room(&server);
    let mut client = client(&server.address().to_string(), &path);
    client.type_line("here I am");
    assert!(speaker.line().ends_with(":here I am"));
    assert!(listener.line().ends_with(":here I am"));
    client.stop_terminal();
    // More than a pipe and our own reader hold.
    let long = "x".repeat(1000);
    for _ in 0..300 {
        speaker.send(format!("{long}\n"));
        listener.expect(format!("{}:{long}\n", speaker.port()));
    }
    speaker.send("the last one\n");
    for number in 0..50 {
        client.type_line(&format!("still here {number}"));
        assert!(speaker.line().ends_with(&format!(":still here {number}")));
    }
    assert!(!client.stdout().contains("the last one"), "the screen has not been stopped");
    client.start_terminal();
    client.wait_for_line(format!("{}:the last one", speaker.port()));
}

#[cfg(unix)] // the harness cannot press Ctrl-C on Windows
needs::test!(it_ends_when_the_server_does_even_while_it_waits_for_the_keyboard);
#[cfg(unix)]
fn it_ends_when_the_server_does_even_while_it_waits_for_the_keyboard() {
    let path = folder("ends").join("chat.pem");
    let server = server(&path);
    let mut client = client(&server.address().to_string(), &path);
    client.wait_for_stderr(contains("the server has proved that its certificate is "));
    server.press_ctrl_c();
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert_eq!(client.stdout(), "服务器关闭了\n");
    assert!(client.stderr().ends_with("the server has closed the connection\n"));
}

needs::test!(it_ends_quietly_when_nobody_reads_its_output);
fn it_ends_quietly_when_nobody_reads_its_output() {
    let path = folder("closed").join("chat.pem");
    let server = server(&path);
    let command = client_command(&server.address().to_string(), &path);
    let mut client = Program::with_closed_stdout(command);
    client.wait_for_stderr(contains("the server has proved that its certificate is "));
    two_in_the_room(&server).0.send("is anybody there?\n");
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert_eq!(client.stderr().lines().count(), 1, "{}", client.stderr());
}

needs::test!(without_a_thread_for_the_keyboard_it_says_so_and_ends);
fn without_a_thread_for_the_keyboard_it_says_so_and_ends() {
    let path = folder("thread").join("chat.pem");
    let server = server(&path);
    let mut command = client_command(&server.address().to_string(), &path);
    command.env("RUST_MIN_STACK", (1_u64 << 46).to_string()); // 64 TiB for each thread
    let mut client = Program::start(command);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let said = client.stderr();
    assert!(said.contains("Error: cannot start a thread for the keyboard: "), "{said}");
}

needs::test!(it_says_when_the_server_has_not_said_goodbye);
/// Without close_notify, somebody on the way may have ended the connection.
fn it_says_when_the_server_has_not_said_goodbye() {
    let path = folder("goodbye").join("chat.pem");
    let mut server = server(&path);
    let address = server.address();
    let mut client = client(&address.to_string(), &path);
    client.wait_for_stderr(contains("the server has proved that its certificate is "));
    server.kill();
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let said = client.stderr();
    assert!(said.contains(&format!("Error: lost the connection to {address}: ")), "{said}");
    assert!(said.contains("without close_notify") || said.contains("reset"), "{said}");
}

needs::test!(another_server_is_not_trusted);
fn another_server_is_not_trusted() {
    let folder = folder("another");
    let (ours, others) = (folder.join("ours.pem"), folder.join("others.pem"));
    let _ours = server(&ours);
    let others = server(&others);
    let why = ["its certificate is not the one in ", "copy its certificate again"];
    is_refused(&others.address().to_string(), &ours, &why);
    others.wait_for_stderr(contains("refused 127.0.0.1:"));
}

needs::test!(OPENSSL: another_certificate_of_the_same_key_is_not_trusted);
/// Otherwise the fingerprint that the client prints might be none that the server has printed.
fn another_certificate_of_the_same_key_is_not_trusted() {
    let folder = folder("same-key");
    let (ours, others) = (folder.join("ours.pem"), folder.join("others.pem"));
    let now = SystemTime::now();
    write(&ours, "localhost", now - DAY, now + DAY);
    let key = fs::read_to_string(ours.with_extension("key")).expect("a key");
    let key = KeyPair::from_pem(&key).expect("a key");
    write_with(&key, &others, "localhost", now - DAY, now + 2 * DAY);
    let (_server, port) = openssl_server(&others);
    let why = ["its certificate is not the one in ", "copy its certificate again"];
    is_refused(&format!("localhost:{port}"), &ours, &why);
}

needs::test!(the_address_may_be_one_of_ipv6);
fn the_address_may_be_one_of_ipv6() {
    let path = folder("ipv6").join("chat.pem");
    let mut command = Command::new(lesson("lesson-tls-server"));
    command.arg("[::1]:0").arg("--certificate").arg(&path);
    let server = Program::server_from(command);
    let address = server.address().to_string();
    let mut client = client(&address, &path);
    client.wait_for_stderr(contains("the server has proved that its certificate is "));
    client.close_stdin();
    assert_eq!(client.wait_for_exit().code(), Some(0));
}

/// Plays a server with the certificate and the key in these files.
fn openssl_server(certificate: &Path) -> (Program, u16) {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-cert"]).arg(certificate);
    command.arg("-key").arg(certificate.with_extension("key"));
    let program = Program::start(command);
    program.wait_for_stdout(contains("ACCEPT 127.0.0.1:").and(ends_with("\n")));
    let stdout = program.stdout();
    let (_, port) = stdout.trim_end().rsplit_once(':').expect("an address");
    let port = port.parse().expect("a port");
    (program, port)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn write(path: &Path, name: &str, from: SystemTime, until: SystemTime) {
    write_with(&KeyPair::generate().expect("a key"), path, name, from, until);
}

fn write_with(key: &KeyPair, path: &Path, name: &str, from: SystemTime, until: SystemTime) {
    let mut parameters = CertificateParams::new(vec![name.to_string()]).expect("a name");
    parameters.not_before = from.into();
    parameters.not_after = until.into();
    let certificate = parameters.self_signed(key).expect("a certificate");
    fs::write(path, certificate.pem()).expect("written");
    fs::write(path.with_extension("key"), key.serialize_pem()).expect("written");
}

needs::test!(OPENSSL: a_certificate_out_of_its_time_or_for_another_host_is_not_trusted);
fn a_certificate_out_of_its_time_or_for_another_host_is_not_trusted() {
    let path = folder("out-of-time").join("chat.pem");
    let now = SystemTime::now();
    for (name, from, until, why) in [
        (
            "localhost",
            now - 2 * DAY,
            now - DAY,
            ["its certificate has expired", "start the server"],
        ),
        ("localhost", now + DAY, now + 2 * DAY, ["is not valid yet", "is the clock of this"]),
        (
            "example.org",
            now - DAY,
            now + DAY,
            ["its certificate is not for localhost, but for example.org: ", "connect to one of"],
        ),
    ] {
        write(&path, name, from, until);
        let (_server, port) = openssl_server(&path);
        is_refused(&format!("localhost:{port}"), &path, &why);
    }
    // The right one, from the same server.
    write(&path, "localhost", now - DAY, now + DAY);
    let (mut server, port) = openssl_server(&path);
    let mut client = client(&format!("localhost:{port}"), &path);
    client.type_line("\u{3000}hello ");
    server.wait_for_line("hello"); // without the spaces around it
    server.type_line("hello from openssl");
    client.wait_for_line("hello from openssl");
    server.type_bytes(b"and no newline");
    client.wait_for_line("and no newline");
}

needs::test!(a_server_that_does_not_speak_tls_is_no_server);
fn a_server_that_does_not_speak_tls_is_no_server() {
    let path = folder("plain").join("chat.pem");
    drop(server(&path)); // which has made a certificate
    let use_this = ["does not speak TLS", "cargo run -p lesson-broadcast-client -- "];
    for what in ["hello\n", "服务器关闭了\n", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let plain = StrangeServer::that_says(what, "127.0.0.1:0");
        is_refused(&plain.address.to_string(), &path, &use_this);
    }
    // The chat of 6.3.2 takes the handshake for what somebody says, and waits for more.
    let chat = Program::server(lesson("lesson-broadcast-server"));
    let since = Instant::now();
    is_refused(&chat.address().to_string(), &path, &["has not answered the handshake within 10 s"]);
    let took = since.elapsed();
    assert!(took >= Duration::from_secs(10), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// Accepts a client, and then does this.
fn accepts_and(does: impl FnOnce(Peer) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || does(Peer::accepted_by(&listener)));
    address
}

needs::test!(a_server_that_leaves_in_the_middle_of_the_handshake_is_said);
fn a_server_that_leaves_in_the_middle_of_the_handshake_is_said() {
    let path = folder("leaves").join("chat.pem");
    drop(server(&path));
    let leaves = accepts_and(|mut client| {
        client.half_close();
        client.wait_until_closed();
    });
    is_refused(&leaves.to_string(), &path, &["in the middle of the handshake"]);
    let resets = accepts_and(|mut client| {
        client.expect(b"\x16"); // the handshake has begun
        client.reset();
    });
    is_refused(&resets.to_string(), &path, &["cannot trust"]);
    let alert = accepts_and(|mut client| {
        client.send(b"\x15\x03\x03\x00\x02\x02\x28"); // handshake_failure
        client.wait_until_closed();
    });
    is_refused(&alert.to_string(), &path, &["the handshake has failed", "HandshakeFailure"]);
}

needs::test!(without_the_certificate_it_says_where_to_get_it);
fn without_the_certificate_it_says_where_to_get_it() {
    let folder = folder("without");
    let (none, empty) = (folder.join("none.pem"), folder.join("empty.pem"));
    fs::write(&empty, "").expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    for path in [none, empty] {
        let mut client = client(&address, &path);
        assert_eq!(client.wait_for_exit().code(), Some(1));
        let said = client.stderr();
        let expected = format!("Error: cannot read a certificate from {}: ", path.display());
        assert!(said.starts_with(&expected), "{said}");
        assert!(said.contains("--certificate FILE"), "{said}");
    }
}

fn main() -> std::process::ExitCode {
    needs::run()
}
