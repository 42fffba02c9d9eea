//! Tests what happens when somebody suspends the tests with Ctrl-Z and resumes them. A read with a
//! time-out is interrupted by that, even without a signal handler (signal(7)).

#![cfg(unix)]

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use harness::Peer;

#[test]
fn a_peer_goes_on_reading_when_the_tests_were_suspended() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let mut reader = Peer::over(TcpStream::connect(address).expect("a connection"));
    let mut writer = Peer::accepted_by(&listener);
    thread::scope(|scope| {
        let reads = scope.spawn(move || reader.line());
        for _ in 0..10 {
            suspend_us();
        }
        writer.send("still here\n");
        assert_eq!(reads.join().expect("the reader read on"), "still here");
    });
}

/// Suspends the process that runs this test for a moment.
fn suspend_us() {
    let line = "kill -STOP $PPID; kill -CONT $PPID; sleep 0.01";
    assert!(Command::new("sh").args(["-c", line]).status().expect("a shell").success());
}
