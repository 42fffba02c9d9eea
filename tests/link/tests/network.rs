//! Tests the link itself with real sockets. Tests that need a clock are beside the code, and do not
//! wait for it.

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Peer, wait_until};
use link::{Conditions, Link, machine};

mod as_root;
mod need;

macro_rules! on_a_link {
    ($($test:ident)*) => { mod on_a_link { $(
        needs::test!(crate::need::LINK: $test);
        fn $test() {
            crate::as_root::as_root(concat!("on_a_link::", stringify!($test)), crate::$test);
        }
    )* } };
}

on_a_link! {
    a_server_sees_another_machine
    what_is_sent_arrives_in_both_directions_not_before_its_time
    a_megabyte_arrives_whole_in_spite_of_losses_and_a_small_queue
    a_machine_that_is_cut_off_is_reached_again_when_it_is_restored
    nothing_is_carried_after_the_link_is_dropped
    two_links_have_nothing_to_do_with_each_other
}

fn link_with(conditions: Conditions) -> Link {
    Link::new(conditions).unwrap_or_else(|error| panic!("no link: {error:#}"))
}

/// Connects a client on the machine `number`. Returns it and the server's end.
fn connected_pair(number: u8) -> (Peer, Peer) {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let client = TcpStream::connect((machine(number), port)).expect("a connection");
    (Peer::over(client), Peer::accepted_by(&listener))
}

fn a_server_sees_another_machine() {
    let _link = link_with(Conditions::default());
    let (client, server) = connected_pair(7);
    let ip = |address: std::io::Result<std::net::SocketAddr>| address.expect("an address").ip();
    assert_eq!(ip(server.stream().peer_addr()), IpAddr::from(machine(7)));
    assert_eq!(ip(client.stream().peer_addr()), IpAddr::from(machine(7)));
    assert_eq!(ip(client.stream().local_addr()), ip(server.stream().local_addr()));
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| TcpStream::connect(listener.local_addr()?))
        .expect("loopback works there too");
}

fn what_is_sent_arrives_in_both_directions_not_before_its_time() {
    let delay = Duration::from_millis(30);
    let _link = link_with(Conditions { delay, ..Conditions::default() });
    let (mut client, mut server) = connected_pair(2);
    let start = Instant::now();
    client.send("there");
    server.expect("there");
    assert!(start.elapsed() >= delay, "after {:?}", start.elapsed());
    server.send("and back");
    client.expect("and back");
    assert!(start.elapsed() >= 2 * delay, "after {:?}", start.elapsed());
}

fn a_megabyte_arrives_whole_in_spite_of_losses_and_a_small_queue() {
    let conditions = Conditions {
        rate: Some(100_000_000),
        loss: 0.02,
        queue: 32 * 1024,
        mtu: 600,
        ..Conditions::default()
    };
    let _link = link_with(conditions);
    let (mut client, mut server) = connected_pair(2);
    let megabyte: Vec<u8> = (0..1 << 20).map(|number: u32| (number % 251) as u8).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            client.send(&megabyte);
            client.half_close();
        });
        assert!(server.read_to_end() == megabyte, "other data has arrived");
    });
}

fn a_machine_that_is_cut_off_is_reached_again_when_it_is_restored() {
    let link = link_with(Conditions::default());
    let (mut client, mut server) = connected_pair(2);
    let (mut other_client, mut other_server) = connected_pair(3);
    link.cut(2);
    client.send("is anybody there?");
    server.send("hello?");
    // Once these have arrived, the earlier packets would have arrived as well.
    for _ in 0..3 {
        other_client.send("yes");
        other_server.expect("yes");
        other_server.send("we are");
        other_client.expect("we are");
    }
    client.assert_open_and_silent();
    server.assert_open_and_silent();
    link.restore(2);
    server.expect("is anybody there?");
    client.expect("hello?");
}

fn nothing_is_carried_after_the_link_is_dropped() {
    let link = link_with(Conditions::default());
    let (mut client, mut server) = connected_pair(2);
    drop(link);
    // The device is gone, and the route to the other machine with it, but perhaps not immediately
    // if it is in use.
    wait_until("there is no way to the other machine", || {
        let error = TcpStream::connect((machine(3), 9)).expect_err("nobody listens");
        error.kind() == ErrorKind::NetworkUnreachable
    });
    client.send("lost");
    server.assert_open_and_silent();
}

fn two_links_have_nothing_to_do_with_each_other() {
    let _link = link_with(Conditions::default());
    let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let elsewhere = thread::spawn(move || {
        let _link = link_with(Conditions::default());
        TcpStream::connect((machine(2), port)).map(drop)
    });
    let outcome = elsewhere.join().expect("a thread that does not panic");
    assert_eq!(outcome.map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
    drop(listener);
}

fn main() -> std::process::ExitCode {
    needs::run()
}
