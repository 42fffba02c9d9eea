//! Tests facts about Linux. Each test names the pages that state them.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};

use harness::{Program, lesson, scratch, wait_until};
use needs::{Need, STRACE};

static IPV6: Need = Need::new("IPv6", || TcpListener::bind("[::1]:0").is_ok());

needs::test!(a_program_that_is_killed_closes_its_sockets);
/// 6.2.2.2, and the exercise `say-who-leaves`: a crash causes a FIN, like any other end.
fn a_program_that_is_killed_closes_its_sockets() {
    let (mut program, mut server) = program_with_a_connection();
    kill(&mut program);
    assert_eq!(server.read(&mut [0]).expect("an orderly end"), 0);
}

needs::test!(a_program_that_is_killed_with_something_unread_resets_the_connection);
/// 6.2.2.2: unread data in a socket turns its end into a reset.
fn a_program_that_is_killed_with_something_unread_resets_the_connection() {
    let (mut program, mut server) = program_with_a_connection();
    server.write_all(b"nobody reads this").expect("the kernel takes it");
    kill(&mut program);
    let error = server.read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

needs::test!(what_has_arrived_can_be_read_after_a_reset);
/// 6.1.2 and 7.1: Linux keeps data that has arrived, and returns the error after it.
fn what_has_arrived_can_be_read_after_a_reset() {
    let (mut client, mut server) = connection();
    client.write_all(b"the server does not read this").expect("the kernel takes it");
    server.peek(&mut [0]).expect("it arrives");
    server.write_all(b"last frame").expect("the kernel takes it");
    drop(server);
    let mut arrived = [0; 10];
    client.read_exact(&mut arrived).expect("it has arrived");
    assert_eq!(arrived, *b"last frame");
    let error = client.read(&mut arrived).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

needs::test!(IPV6: every_address_of_ipv6_includes_those_of_ipv4);
/// 6.1.1: `[::]` and 127.0.0.1 conflict, whichever comes first.
fn every_address_of_ipv6_includes_those_of_ipv4() {
    for (first, second) in [("127.0.0.1", "::"), ("::", "127.0.0.1")] {
        let listener = TcpListener::bind((first, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let error = TcpListener::bind((second, port)).expect_err("it overlaps");
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{second} after {first}");
    }
}

needs::test!(STRACE: bind_makes_four_system_calls);
/// 6.2.1: `TcpListener::bind` also sets SO_REUSEADDR.
fn bind_makes_four_system_calls() {
    let trace = scratch().join("bind.strace");
    let mut command = Command::new("strace");
    command.args(["-D", "-qq", "-e", "trace=socket,setsockopt,bind,listen", "-o"]);
    command.arg(&trace).arg(lesson("lesson-listening-events")).arg("127.0.0.1:0");
    let _server = Program::server_from(command);
    let calls = || fs::read_to_string(&trace).unwrap_or_default();
    wait_until("strace has written what it saw", || calls().contains("listen("));
    let calls = calls();
    let names: Vec<&str> = calls.lines().filter_map(|line| line.split('(').next()).collect();
    assert!(names.starts_with(&["socket", "setsockopt", "bind", "listen"]), "{calls}");
    assert!(calls.contains("SO_REUSEADDR, [1]"), "{calls}");
}

/// Returns both ends of a connection, the client's first.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let client = TcpStream::connect(listener.local_addr().expect("its address"));
    let (server, _) = listener.accept().expect("the client");
    (client.expect("a connection"), server)
}

/// Starts a program that has the client's end of a connection, and never reads. Returns it and the
/// server's end.
fn program_with_a_connection() -> (Child, TcpStream) {
    let (client, server) = connection();
    let program = Command::new("sleep").arg("60").stdin(OwnedFd::from(client)).spawn();
    (program.expect("sleep"), server)
}

fn kill(program: &mut Child) {
    program.kill().expect("it runs");
    program.wait().expect("it ends");
}
