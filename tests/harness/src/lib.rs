//! Runs lessons as real processes and talks to them over real sockets, for the tests of all
//! lessons.
//!
//! Nothing in here sleeps in the hope that something happens meanwhile. Every wait is for one
//! thing, ends as soon as that happens, and has a deadline. A failure shows what each side has
//! printed, sent and received.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

mod built;
mod capture;
#[doc(hidden)]
pub mod chat_room;
mod connection;
mod guard;
#[cfg(target_os = "linux")] // which alone has network namespaces
pub mod lan;
mod lessons;
mod nats;
mod nats_client;
mod pace;
mod peer;
mod process;
mod program;
mod servers;
mod service;
mod strange_server;
mod tunnel;

pub use built::{own, scratch};
pub use checkout::repository;
pub use connection::{Connection, Patience, Stopped, accept_within, timed_out};
#[cfg(target_os = "linux")]
pub use lessons::with_full_stdout;
#[cfg(unix)]
pub use lessons::with_limit;
pub use lessons::{
    Lesson, example, lesson, lessons, lessons_under_test, node, refusing, with_failing, workspace,
};
pub use nats::{NO_NATS, Nats, port_that_stays_free};
pub use pace::{Deadline, Watch};
pub use peer::Peer;
pub use process::{
    backlog, open_descriptors, processor_time, resident_memory, runs, sleeping_threads, threads,
    virtual_memory,
};
pub use program::{Program, prints_in_the_end, shortened};
pub use servers::{is_chat_server, package};
pub use service::{expect_service, two_in_the_room};
pub use strange_server::StrangeServer;
pub use tunnel::Tunnel;

/// How long a wait may take before the test fails. On a working machine nothing takes that long,
/// even if the machine is slow and loaded.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Repeats `again` in a thread of its own while `test` runs. It receives the number of earlier
/// repetitions. Returns how many there were in the end.
pub fn while_repeating(mut again: impl FnMut(usize) + Send, test: impl FnOnce()) -> usize {
    /// Ends the repetition, even if the test fails.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let repeated = scope.spawn(|| {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                again(count);
                count += 1;
            }
            count
        });
        let ends = Over(&over);
        test();
        drop(ends);
        repeated.join().expect("a thread that does not panic")
    })
}

/// Waits until `condition` holds. `what` says in words what that means.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Deadline::after(DEADLINE);
    while !condition() {
        assert!(!deadline.is_over(), "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
