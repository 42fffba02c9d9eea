//! Lets a whole lecture hall join at the same time. The test has a file of its own, because it needs a
//! thousand sockets.

#![cfg(target_os = "linux")] // elsewhere the system's own limit on the backlog is too low

use std::fs;

use harness::{Peer, Program, own};

#[test]
fn a_thousand_join_without_a_retry_before_the_first_is_accepted() {
    let limit = fs::read_to_string("/proc/sys/net/core/somaxconn").expect("proc(5)");
    if limit.trim().parse::<u32>().is_ok_and(|limit| limit < 1024) {
        eprintln!("skipped: this system holds a backlog to {limit}");
        return;
    }
    let server = Program::server(own("lesson-broadcast-server"));
    // A suspended server accepts nobody, so all of them have to find room in the backlog. A client that
    // found none would try again and again, until connecting has failed for good.
    server.suspend();
    let mut clients: Vec<Peer> = (0..1000).map(|_| server.connect()).collect();
    server.resume();

    let mut sender = server.connect();
    sender.send("welcome");
    let message = format!("{}:welcome\n", sender.port());
    for client in &mut clients {
        client.expect(&message);
    }
}
