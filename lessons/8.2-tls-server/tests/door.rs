//! Tests the door: which clients get into the room, which do not, and what that costs the others.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use harness::{
    DEADLINE, Program, expect_service, open_descriptors, own, processor_time, resident_memory,
    two_in_the_room, wait_until,
};
use lesson_tls_server::{HANDSHAKE, provider, read_certificate, trusting};
use predicates::str::contains;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

const LESSON: &str = "lesson-tls-server";
const HAS_LEFT: &str = "有客户端退出了";
const REFUSAL: &str = "聊天室已加密 (this chat is encrypted): cargo run -p lesson-tls-client -- ";

/// Opens a plain connection, which is not in the room.
fn knock(server: &Program) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("the server listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
    stream
}

fn client_of(server: &Program) -> ClientConnection {
    let certificate = read_certificate(&server.certificate()).expect("its certificate");
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(trusting(&certificate).expect("a certificate"))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    ClientConnection::new(Arc::new(config), name).expect("a client")
}

/// Returns the first message of a handshake.
fn client_hello(server: &Program) -> Vec<u8> {
    let mut hello = Vec::new();
    client_of(server).write_tls(&mut hello).expect("a message");
    hello
}

/// Returns a client in the room, for which this test encrypts by itself.
fn joined(server: &Program) -> StreamOwned<ClientConnection, TcpStream> {
    let mut client = StreamOwned::new(client_of(server), knock(server));
    client.conn.complete_io(&mut client.sock).expect("a handshake");
    client
}

/// Returns how a connection ends, and what was sent before that.
fn end(mut stream: &TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut received = Vec::new();
    let outcome = stream.read_to_end(&mut received);
    (received, outcome.err().map(|error| error.kind()))
}

#[cfg(unix)] // the harness cannot press Ctrl-C on Windows
needs::test!(needs::OPENSSL: openssl_joins_the_same_room);
#[cfg(unix)]
fn openssl_joins_the_same_room() {
    let server = Program::server(own(LESSON));
    let (mut other, _silent) = two_in_the_room(&server);
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["s_client", "-quiet", "-verify_return_error", "-verify_ip", "127.0.0.1"]);
    openssl.arg("-CAfile").arg(server.certificate());
    openssl.args(["-connect", &server.address().to_string()]);
    let mut openssl = Program::start(openssl);
    openssl.type_line("hello from openssl");
    assert!(other.line().ends_with(":hello from openssl"));
    other.send("你好\n");
    openssl.wait_for_line(format!("{}:你好", other.port()));
    server.press_ctrl_c();
    openssl.wait_for_line("服务器关闭了");
    assert_eq!(openssl.wait_for_exit().code(), Some(0), "close_notify is an orderly end");
}

needs::test!(a_client_that_speaks_plainly_is_told_what_to_use);
fn a_client_that_speaks_plainly_is_told_what_to_use() {
    let server = Program::server(own(LESSON));
    let mut listener = server.connect();
    let said: [&[u8]; 4] = [b"hello\n", b"x", b"GET / HTTP/1.1\r\n\r\n", &[b'\n'; 64 * 1024]];
    for said in said {
        let mut plain = knock(&server);
        plain.write_all(said).expect("it is sent");
        let (told, error) = end(&plain);
        let expected = format!("{REFUSAL}{}\n", server.address());
        assert_eq!(String::from_utf8_lossy(&told), expected);
        assert_eq!(error, None, "an orderly end");
    }
    server.wait_for_stderr(contains(": it does not speak TLS\n"));
    listener.assert_open_and_silent();
    expect_service(LESSON, &server);
    server.wait_for_lines(2, HAS_LEFT);
    assert_eq!(server.lines().len(), 3, "those who were not in cannot leave: {:?}", server.lines());
}

needs::test!(a_client_that_has_been_told_what_to_use_and_stays_is_closed);
fn a_client_that_has_been_told_what_to_use_and_stays_is_closed() {
    let server = Program::server(own(LESSON));
    expect_service(LESSON, &server);
    let before = open_descriptors(server.process_id());
    let mut plain = knock(&server);
    plain.write_all(b"hello\n").expect("it is sent");
    end(&plain);
    wait_until("its descriptor is free", || open_descriptors(server.process_id()) <= before);
}

/// Asserts that connections end when the time for their handshake is over, and not before. Meanwhile
/// others join and chat, and nothing is left afterwards.
fn are_closed_in_time(server: &Program, strangers: Vec<TcpStream>, since: Instant) {
    let mut chats = 0;
    while since.elapsed() < HANDSHAKE - Duration::from_secs(1) {
        expect_service(LESSON, server);
        chats += 1;
    }
    assert!(chats > 5, "others are held up: {chats} chats");
    for stranger in &strangers {
        let mut left = stranger;
        let mut buffer = [0; 4096];
        while matches!(left.read(&mut buffer), Ok(1..)) {}
    }
    let took = since.elapsed();
    assert!(took >= HANDSHAKE, "the first {took:?}");
    assert!(took < HANDSHAKE + Duration::from_secs(10), "{took:?}");
    server.wait_for_stderr(contains("no handshake within 10 s"));
}

needs::test!(two_hundred_that_say_nothing_are_closed_after_ten_seconds);
fn two_hundred_that_say_nothing_are_closed_after_ten_seconds() {
    let server = Program::server(own(LESSON));
    expect_service(LESSON, &server);
    let before = open_descriptors(server.process_id());
    let since = Instant::now();
    let silent: Vec<TcpStream> = (0..200).map(|_| knock(&server)).collect();
    are_closed_in_time(&server, silent, since);
    wait_until("their descriptors are free", || open_descriptors(server.process_id()) <= before);
    expect_service(LESSON, &server);
}

needs::test!(a_thousand_that_send_a_byte_a_second_cost_the_others_nothing);
fn a_thousand_that_send_a_byte_a_second_cost_the_others_nothing() {
    let server = Program::server(own(LESSON));
    expect_service(LESSON, &server);
    let hello = client_hello(&server);
    let since = Instant::now();
    let trickling: Vec<TcpStream> = (0..1000).map(|_| knock(&server)).collect();
    let copies: Vec<TcpStream> =
        trickling.iter().map(|stream| stream.try_clone().expect("a copy")).collect();
    let used = processor_time(server.process_id());
    let sender = thread::spawn(move || {
        for byte in hello {
            let sent = copies.iter().filter(|stream| (&**stream).write_all(&[byte]).is_ok());
            if sent.count() == 0 {
                return;
            }
            thread::sleep(Duration::from_secs(1));
        }
    });
    are_closed_in_time(&server, trickling, since);
    sender.join().expect("a thread that does not panic");
    // Most of it is spent on the chats meanwhile, and their handshakes.
    if let (Some(before), Some(after)) = (used, processor_time(server.process_id())) {
        println!("processor time while a thousand trickle: {:?}", after - before);
    }
    expect_service(LESSON, &server);
}

needs::test!(garbage_in_a_handshake_disturbs_nobody);
fn garbage_in_a_handshake_disturbs_nobody() {
    let server = Program::server(own(LESSON));
    let hello = client_hello(&server);
    let mut wrong = hello.clone();
    wrong[20] ^= 0xff; // a random number, so that is right
    let mut twice = hello.clone();
    twice.extend(&hello);
    let garbage: [Vec<u8>; 5] = [
        vec![22; 64 * 1024],
        [&[22, 3, 1, 0xff, 0xff], &[0; 70_000][..]].concat(),
        [&hello[..hello.len() - 1], b"\n"].concat(),
        twice,
        wrong,
    ];
    for bytes in garbage {
        let mut stream = knock(&server);
        let _ = stream.write_all(&bytes); // the server may have given up already
        let _ = stream.shutdown(Shutdown::Write);
        end(&stream);
        expect_service(LESSON, &server);
    }
    server.wait_for_stderr(contains("refused 127.0.0.1:"));
    drop(knock(&server)); // and one that leaves without a word
    expect_service(LESSON, &server);
}

needs::test!(garbage_in_the_room_ends_one_connection);
fn garbage_in_the_room_ends_one_connection() {
    let server = Program::server(own(LESSON));
    let (mut listener, _other) = two_in_the_room(&server);
    let mut client = joined(&server);
    client.write_all(b"hello\n").expect("it is sent");
    let address = client.sock.local_addr().expect("an address");
    listener.expect(format!("{}:hello\n", address.port()));
    client.sock.write_all(&[23, 3, 3, 0, 32]).expect("it is sent");
    client.sock.write_all(&[0; 32]).expect("it is sent");
    server.wait_for_stderr(contains(format!(
        "disconnected {address}: what it sends cannot be decrypted: "
    )));
    let told = client.read(&mut [0; 64]).expect_err("an alert").to_string();
    assert!(told.contains("BadRecordMac"), "{told}");
    server.wait_for_line(HAS_LEFT);
    listener.assert_open_and_silent();
    expect_service(LESSON, &server);
}

needs::test!(a_reader_that_is_far_behind_costs_no_more_than_a_record);
/// A line that is encrypted for it is out of the log, where the slow-reader policy would count it.
fn a_reader_that_is_far_behind_costs_no_more_than_a_record() {
    const MIB: usize = 1024 * 1024;
    let server = Program::server(own(LESSON));
    let (mut listener, mut speaker) = two_in_the_room(&server);
    let mut behind = joined(&server);
    let line = "x".repeat(15_000);
    let heard = format!("{}:{line}\n", speaker.port());
    let mut said = 0;
    while said < 6 * MIB {
        speaker.send(format!("{line}\n"));
        listener.expect(&heard);
        listener.forget();
        said += heard.len();
    }
    let memory = || resident_memory(server.process_id()).unwrap_or_default(); // Windows does not tell
    let before = memory();
    let (mut read, mut buffer) = (0, vec![0; 16 * 1024]);
    while read < 2 * MIB {
        read += behind.read(&mut buffer).expect("what was said");
        let more = memory().saturating_sub(before);
        assert!(more < MIB as u64, "{more} bytes are encrypted, and {read} have been read");
    }
}

needs::test!(a_client_that_sends_close_notify_still_hears_what_was_said_before);
fn a_client_that_sends_close_notify_still_hears_what_was_said_before() {
    let server = Program::server(own(LESSON));
    let (mut listener, _other) = two_in_the_room(&server);
    let mut client = joined(&server);
    client.write_all(b"I leave").expect("it is sent");
    client.conn.send_close_notify();
    client.flush().expect("it is sent");
    listener.expect(format!("{}:I leave\n", port(&client.sock)));
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).expect("close_notify of the server");
    assert_eq!(rest, b"");
    server.wait_for_line(HAS_LEFT);
}

needs::test!(a_client_that_ends_without_close_notify_has_left_and_its_last_words_are_heard);
/// Anybody on the way can end a TCP connection, and nobody but the client can send close_notify.
fn a_client_that_ends_without_close_notify_has_left_and_its_last_words_are_heard() {
    let server = Program::server(own(LESSON));
    let (mut listener, _other) = two_in_the_room(&server);
    let mut client = joined(&server);
    client.write_all(b"one\ntwo").expect("it is sent");
    client.sock.shutdown(Shutdown::Write).expect("a half-close of TCP alone");
    let port = port(&client.sock);
    listener.expect(format!("{port}:one\n{port}:two\n"));
    server.wait_for_line(HAS_LEFT);
    let peer: SocketAddr = ([127, 0, 0, 1], port).into();
    assert!(!server.stderr().contains(&peer.to_string()), "it is no trouble: {}", server.stderr());
}

needs::test!(half_a_record_is_no_line);
/// A record that is cut off anywhere must not be taken for less than it is.
fn half_a_record_is_no_line() {
    let server = Program::server(own(LESSON));
    let (mut listener, _other) = two_in_the_room(&server);
    let mut client = joined(&server);
    client.write_all(b"whole\n").expect("it is sent");
    let mut record = Vec::new();
    client.conn.writer().write_all(b"this never arrives whole\n").expect("encrypted");
    client.conn.write_tls(&mut record).expect("a record");
    client.sock.write_all(&record[..record.len() - 1]).expect("it is sent");
    let port = port(&client.sock);
    client.sock.shutdown(Shutdown::Write).expect("the end");
    listener.expect(format!("{port}:whole\n"));
    server.wait_for_line(HAS_LEFT);
    listener.assert_open_and_silent();
}

needs::test!(what_comes_together_with_the_end_of_the_handshake_is_heard);
fn what_comes_together_with_the_end_of_the_handshake_is_heard() {
    let server = Program::server(own(LESSON));
    let (mut listener, _other) = two_in_the_room(&server);
    for _ in 0..20 {
        let (mut client, mut socket) = (client_of(&server), knock(&server));
        client.writer().write_all(b"I could not wait\n").expect("kept until the keys are there");
        client.write_tls(&mut socket).expect("the first message");
        while client.is_handshaking() {
            client.read_tls(&mut socket).expect("the server's messages");
            client.process_new_packets().expect("a handshake");
        }
        let mut segment = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut segment).expect("the last message, and a line");
        }
        socket.write_all(&segment).expect("it is sent");
        listener.expect(format!("{}:I could not wait\n", port(&socket)));
    }
}

needs::test!(records_arrive_however_they_are_cut);
/// Tests that each record that arrives in pieces, and each piece with several records, is read.
fn records_arrive_however_they_are_cut() {
    let server = Program::server(own(LESSON));
    let (mut listener, _other) = two_in_the_room(&server);
    let mut client = joined(&server);
    client.write_all(b"first\n").expect("it is sent");
    let label = port(&client.sock);
    listener.expect(format!("{label}:first\n"));
    client.sock.set_nodelay(true).expect("no delay");
    let mut records = Vec::new();
    for number in 0..20 {
        let line = format!("{number}\n");
        client.conn.writer().write_all(line.as_bytes()).expect("encrypted");
        while client.conn.wants_write() {
            client.conn.write_tls(&mut records).expect("a record");
        }
    }
    let (one_by_one, all) = records.split_at(records.len() / 2);
    one_by_one.iter().for_each(|byte| client.sock.write_all(&[*byte]).expect("it is sent"));
    client.sock.write_all(all).expect("it is sent");
    for number in 0..20 {
        listener.expect(format!("{label}:{number}\n"));
    }
    // A record of 16 KiB, which the server reads in several pieces.
    client.write_all(format!("{}\n", "x".repeat(16_000)).as_bytes()).expect("it is sent");
    listener.expect(format!("{label}:{}\n", "x".repeat(16_000)));
}

#[cfg(unix)] // the harness cannot press Ctrl-C on Windows
needs::test!(everybody_is_told_goodbye_with_close_notify);
#[cfg(unix)]
fn everybody_is_told_goodbye_with_close_notify() {
    let mut server = Program::server(own(LESSON));
    let (mut listener, other) = two_in_the_room(&server);
    let mut client = joined(&server);
    client.write_all(b"yes\n").expect("it is sent");
    listener.expect(format!("{}:yes\n", port(&client.sock)));
    let _in_the_door = knock(&server);
    server.press_ctrl_c();
    let mut heard = String::new();
    client.read_to_string(&mut heard).expect("close_notify, without which this is an error");
    assert!(heard.ends_with("服务器关闭了\n"), "{heard}");
    drop((client, listener, other));
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

fn port(stream: &TcpStream) -> u16 {
    stream.local_addr().expect("an address").port()
}

fn main() -> std::process::ExitCode {
    needs::run()
}
