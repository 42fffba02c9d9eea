//! Tests what the discovery server answers, and what it does not.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;

use harness::{DEADLINE, Program, own, with_failing};
use lesson_discovery_server::{LONGEST, LONGEST_NAME, Message};
use needs::STRACE;
use predicates::prelude::*;
use predicates::str::contains;

const LESSON: &str = "lesson-discovery-server";

/// Starts a server with these options, on a free port of loopback.
fn server(options: &[&str]) -> Program {
    let mut command = Command::new(own(LESSON));
    command.arg("127.0.0.1:0").args(options);
    Program::server_from(command)
}

/// Somebody who asks a server.
struct Asker {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Asker {
    fn of(server: &Program) -> Asker {
        Asker::at("127.0.0.1:0", server)
    }

    fn at(address: &str, server: &Program) -> Asker {
        let socket = UdpSocket::bind(address).expect("a free port");
        socket.set_read_timeout(Some(DEADLINE)).expect("set a time-out");
        Asker { socket, server: server.address() }
    }

    fn send(&self, datagram: impl AsRef<[u8]>) {
        self.socket.send_to(datagram.as_ref(), self.server).expect("it is sent");
    }

    /// Returns the next answer, which must come from the address that was asked.
    fn answer(&self) -> String {
        let mut buffer = [0; 1024];
        let (length, from) = self.socket.recv_from(&mut buffer).expect("an answer");
        assert_eq!(from, self.server);
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// Asks, and expects the answer to exactly this. Nothing that was sent before has been answered.
    fn is_answered(&self, id: u64) {
        self.send(question(id));
        assert_eq!(self.answer(), answer(id));
    }
}

fn question(id: u64) -> String {
    Message::Who { id }.line()
}

/// Returns the answer of a server without options.
fn answer(id: u64) -> String {
    Message::Here { id, port: 3000, name: "聊天室" }.line()
}

needs::test!(a_question_is_answered_with_the_port_and_the_name_of_the_chat);
fn a_question_is_answered_with_the_port_and_the_name_of_the_chat() {
    let server = server(&["--chat", "3001", "--name", "三班"]);
    let asker = Asker::of(&server);
    asker.send(question(0xc0ffee));
    assert_eq!(asker.answer(), "chat-discovery/1 here 0000000000c0ffee 3001 三班\n");
    let port = server.address().port();
    server.wait_for_line("127.0.0.1 在找聊天室");
    let expected = [format!("server listening at port {port}"), "127.0.0.1 在找聊天室".to_string()];
    assert_eq!(server.lines(), expected);
}

needs::test!(an_answer_is_never_longer_than_its_question);
fn an_answer_is_never_longer_than_its_question() {
    let server = server(&[]);
    let asker = Asker::of(&server);
    let padded = |id, length| question(id)[..length].to_string();
    let length = answer(1).len();
    asker.send(padded(1, length - 1));
    asker.send(padded(2, length));
    assert_eq!(asker.answer(), answer(2));
    server
        .wait_for_stderr(contains("127.0.0.1 has not padded its question, so it gets no answer\n"));
}

needs::test!(what_is_no_question_is_not_answered_and_does_no_harm);
fn what_is_no_question_is_not_answered_and_does_no_harm() {
    let server = server(&[]);
    let asker = Asker::of(&server);
    asker.send("");
    asker.send("x");
    asker.send((0..=255).collect::<Vec<u8>>());
    asker.send(question(1) + "."); // longer than any question
    asker.send(question(1).replace("/1", "/2"));
    asker.send(answer(1)); // two servers must not keep each other busy
    asker.send([question(1).as_bytes()[..LONGEST - 1].to_vec(), vec![0xff]].concat());
    asker.is_answered(2);
    // The largest datagram there is. macOS does not let a program send it without being asked to.
    if asker.socket.send_to(&[b'x'; 65_507], asker.server).is_ok() {
        server.wait_for_stderr(contains("127.0.0.1 has sent 65507 bytes that ask nothing\n"));
    }
    asker.is_answered(3);
    server.wait_for_stderr(contains("127.0.0.1 has sent 0 bytes that ask nothing\n"));
}

needs::test!(an_asker_that_has_gone_does_not_disturb_the_next);
fn an_asker_that_has_gone_does_not_disturb_the_next() {
    let server = server(&[]);
    for number in 0..3 {
        // If nobody listens any more, the answer comes back as an error on some systems.
        Asker::of(&server).send(question(number));
        Asker::of(&server).is_answered(100 + number);
    }
    assert!(!server.stderr().contains("cannot"), "{}", server.stderr());
}

needs::test!(a_server_on_ipv6_answers);
fn a_server_on_ipv6_answers() {
    let mut command = Command::new(own(LESSON));
    command.arg("[::1]:0");
    let server = Program::server_from(command);
    Asker::at("[::1]:0", &server).is_answered(1);
    server.wait_for_line("::1 在找聊天室");
}

needs::test!(it_says_who_may_ask);
fn it_says_who_may_ask() {
    for (address, who) in [
        ("127.0.0.1:0", "only this machine may ask (0.0.0.0:"),
        ("0.0.0.0:0", "everybody on its networks may ask"),
        ("[::]:0", "everybody on its networks may ask"),
    ] {
        let mut command = Command::new(own(LESSON));
        command.arg(address);
        Program::server_from(command).wait_for_stderr(contains(who).and(contains("Ctrl-C\n")));
    }
}

needs::test!(a_port_that_is_taken_is_named_with_a_next_step);
fn a_port_that_is_taken_is_named_with_a_next_step() {
    let somebody = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = somebody.local_addr().expect("its address").to_string();
    let mut command = Command::new(own(LESSON));
    command.arg(&address);
    let mut server = Program::start(command);
    assert_eq!(server.wait_for_exit().code(), Some(1));
    let error = server.stderr();
    assert!(error.starts_with(&format!("Error: cannot listen on {address}: ")), "{error}");
    assert!(error.contains("pass another port"), "{error}");
    assert_eq!(server.stdout(), "");
}

needs::test!(a_bad_option_is_quoted_on_one_line);
fn a_bad_option_is_quoted_on_one_line() {
    let long = "x".repeat(LONGEST_NAME + 1);
    for (option, value) in [
        ("--chat", "0"),
        ("--chat", "65536"),
        ("--chat", "3000x"),
        ("--name", ""),
        ("--name", "\x1b[2J"),
        ("--name", "a\nb"),
        ("--name", &long),
    ] {
        let mut command = Command::new(own(LESSON));
        command.args([option, value]);
        let mut server = Program::start(command);
        assert_eq!(server.wait_for_exit().code(), Some(2), "{option} {value:?}");
        let said = server.stderr();
        assert!(said.contains(&format!("{value:?} is not a ")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

needs::test!(it_goes_on_when_nobody_reads_its_stdout);
fn it_goes_on_when_nobody_reads_its_stdout() {
    let mut command = Command::new(own(LESSON));
    command.arg("127.0.0.1:0");
    let server = Program::with_closed_stdout(command).listening();
    let asker = Asker::of(&server);
    asker.is_answered(1);
    asker.is_answered(2);
}

// Linux alone has more than one address of loopback without being told so.
#[cfg(target_os = "linux")]
needs::test!(a_flood_of_questions_of_one_address_gets_a_dozen_answers_and_others_get_theirs);
#[cfg(target_os = "linux")]
fn a_flood_of_questions_of_one_address_gets_a_dozen_answers_and_others_get_theirs() {
    let server = server(&[]);
    let (floods, asks) = (Asker::of(&server), Asker::at("127.0.0.2:0", &server));
    floods.is_answered(1);
    for asker in [&floods, &asks] {
        asker.socket.set_nonblocking(true).expect("a socket that does not wait");
    }
    let memory = || harness::resident_memory(server.process_id()).expect("Linux tells it");
    let before = memory();
    let begun = std::time::Instant::now();
    let is_answered = |asker: &Asker| asker.socket.recv_from(&mut [0; LONGEST]).is_ok();
    let (mut answers, mut others) = (1.0, 0);
    let questions = harness::while_repeating(
        |number| {
            // It may find no room.
            let _ = floods.socket.send_to(question(number as u64).as_bytes(), floods.server);
            if is_answered(&floods) {
                answers += 1.0;
            }
        },
        || {
            harness::wait_until("another address is answered ten times", || {
                asks.send(question(7));
                others += usize::from(is_answered(&asks));
                others == 10
            });
        },
    );
    let seconds = begun.elapsed().as_secs_f64();
    let most = 12.0 * (2.0 + seconds / 10.0) + 3.0 * seconds;
    assert!(answers <= most, "{answers} answers to {questions} questions in {seconds} s");
    assert!(memory() < before + 4 * 1024 * 1024, "from {before} bytes to {}", memory());
    server.wait_for_stderr(contains("127.0.0.1 asks too often, so it gets no answer for now\n"));
}

#[cfg(unix)]
needs::test!(ctrl_c_and_sigterm_end_it_with_status_0);
#[cfg(unix)]
fn ctrl_c_and_sigterm_end_it_with_status_0() {
    for end in [Program::press_ctrl_c, Program::terminate] {
        let mut server = server(&[]);
        Asker::of(&server).is_answered(1);
        end(&server);
        assert_eq!(server.wait_for_exit().code(), Some(0));
        assert_eq!(server.stderr().lines().count(), 1, "{}", server.stderr());
    }
}

/// Starts the server with calls that fail, see [`with_failing`].
fn failing(calls: &[&str]) -> Program {
    let mut command = with_failing(calls, &own(LESSON));
    command.arg("127.0.0.1:0");
    Program::server_from(command)
}

needs::test!(STRACE: interrupted_calls_are_made_again);
fn interrupted_calls_are_made_again() {
    let server = failing(&["recvfrom:error=EINTR:when=1..3", "sendto:error=EINTR:when=1..3"]);
    let asker = Asker::of(&server);
    asker.is_answered(1);
    asker.is_answered(2);
    assert_eq!(server.stderr().lines().count(), 1, "{}", server.stderr());
}

needs::test!(STRACE: answers_that_come_back_are_no_trouble);
fn answers_that_come_back_are_no_trouble() {
    // This is how a Windows server is told that an asker has gone.
    let server = failing(&["recvfrom:error=ECONNRESET:when=1..50"]);
    Asker::of(&server).is_answered(1);
    assert_eq!(server.stderr().lines().count(), 1, "{}", server.stderr());
}

needs::test!(STRACE: an_error_that_passes_is_told_and_waited_for);
fn an_error_that_passes_is_told_and_waited_for() {
    let server = failing(&["recvfrom:error=ENOMEM:when=1..2", "sendto:error=EPERM:when=1"]);
    let asker = Asker::of(&server);
    asker.send(question(1)); // which it may not answer, for example because of a firewall
    asker.is_answered(2);
    let asker = asker.socket.local_addr().expect("its address");
    let refused = format!("\ncannot answer {asker}: Operation not permitted ");
    server.wait_for_stderr(contains(refused).and(contains("\ncannot receive for now: ").count(2)));
}

fn main() -> std::process::ExitCode {
    needs::run()
}
