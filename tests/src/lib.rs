//! Runs lessons as real processes and talks to them over real sockets, for the tests of all
//! lessons.
//!
//! Nothing in here sleeps and hopes. Every wait is for one thing, ends as soon as that is there,
//! and has a deadline; a failure shows what each side has printed, sent and received.

use std::time::Duration;

mod capture;
pub mod exercise;
mod lessons;
mod peer;
mod program;

pub use lessons::{lesson, lesson_folder, node, with_limit};
pub use peer::Peer;
pub use program::Program;

/// How long a wait may take before the test fails. Nothing takes as long on a working machine, not
/// even a slow and loaded one.
pub const DEADLINE: Duration = Duration::from_secs(60);
