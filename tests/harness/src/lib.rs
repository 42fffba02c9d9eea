//! Runs lessons as real processes and talks to them over real sockets, for the tests of all
//! lessons.
//!
//! Nothing in here sleeps in the hope that something happens meanwhile. Every wait is for one
//! thing, ends as soon as that happens, and has a deadline. A failure shows what each side has
//! printed, sent and received.

use std::thread;
use std::time::{Duration, Instant};

mod built;
mod capture;
#[doc(hidden)]
pub mod chat_room;
mod connection;
mod guard;
mod lessons;
mod nats;
mod nats_client;
mod peer;
mod process;
mod program;
mod servers;
mod service;
mod strange_server;

pub use built::{own, scratch};
pub use checkout::repository;
pub use connection::{Connection, Patience, Stopped, accept_within, timed_out};
#[cfg(target_os = "linux")]
pub use lessons::with_full_stdout;
#[cfg(unix)]
pub use lessons::with_limit;
pub use lessons::{Lesson, lesson, lessons, lessons_under_test, node, refusing, workspace};
pub use nats::{NO_NATS, Nats, port_that_stays_free};
pub use peer::Peer;
pub use process::{
    backlog, open_descriptors, processor_time, resident_memory, runs, sleeping_threads, threads,
};
pub use program::{Program, shortened};
pub use servers::{is_chat_server, package};
pub use service::expect_service;
pub use strange_server::StrangeServer;

/// How long a wait may take before the test fails. On a working machine nothing takes that long,
/// even if the machine is slow and loaded.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds. `what` says in words what that means.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
