//! Runs lessons as real processes and talks to them over real sockets, for the tests of all
//! lessons.
//!
//! Nothing in here sleeps in the hope that something happens meanwhile. Every wait is for one
//! thing, ends as soon as that is there, and has a deadline; a failure shows what each side has
//! printed, sent and received.

use std::thread;
use std::time::{Duration, Instant};

mod capture;
mod connection;
mod lessons;
mod peer;
mod process;
mod program;

pub use connection::{Connection, Patience, Stopped, accept_within, timed_out};
#[cfg(unix)]
pub use lessons::with_limit;
pub use lessons::{Lesson, lesson, lessons, node, refusing, repository, workspace};
pub use peer::Peer;
pub use process::{open_descriptors, processor_time, resident_memory, threads, times_scheduled};
pub use program::{Program, shortened};

/// How long a wait may take before the test fails. Nothing takes as long on a working machine, not
/// even a slow and loaded one.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "it never comes to this: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
