//! Edges as the tests start them, and people who meet at them.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use harness::{DEADLINE, Nats, Peer, Program, own};
use predicates::str::contains;

pub const LESSON: &str = "lesson-cluster-server";

/// An edge, connected to one of these servers or not.
pub fn edge_with(name: &str, servers: &str) -> Program {
    let mut command = Command::new(own(LESSON));
    command.args(["127.0.0.1:0", "--nats", servers, "--name", name]);
    Program::server_from(command)
}

/// An edge that is connected to NATS.
pub fn edge(name: &str, nats: &Nats) -> Program {
    let edge = edge_with(name, &nats.address());
    edge.wait_for_stderr(contains("joined the other edges"));
    edge
}

/// Waits until everybody is in the room and hears everybody else, wherever: each says a line again
/// and again until all the others have heard one, and then all wait for the last of those.
pub fn meet(people: &mut [&mut Peer]) {
    for index in 0..people.len() {
        people.swap(0, index);
        let (speaker, others) = people.split_first_mut().expect("somebody");
        let here = format!("{} is here\n", speaker.address());
        let heard = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let most = DEADLINE.as_millis() / 10;
                for _ in (0..most).take_while(|_| !heard.load(Ordering::Relaxed)) {
                    speaker.send(&here);
                    thread::sleep(Duration::from_millis(10));
                }
            });
            others.iter_mut().for_each(|other| other.skip_to(&here));
            heard.store(true, Ordering::Relaxed);
        });
        let done = format!("{} has been heard\n", speaker.address());
        speaker.send(&done);
        others.iter_mut().for_each(|other| other.skip_to(&done));
        people.swap(0, index);
    }
}
