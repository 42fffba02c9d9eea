//! Records real runs of the lessons for the book: which line each thread stands at, which call has
//! returned and with what, what is on each terminal, and what goes over the wire.
//!
//! It works only on Linux, and needs strace, elfutils, tcpdump, iproute2, nats-server, and the right
//! to make a network namespace and to capture in it. Everything runs in a namespace of its own, so the ports
//! are free and no other traffic is on the wire.
//!
//! From a run to a recording:
//!
//! 1. `scenarios` plays on a `stage`, on which `trace` and `capture` record every system call and
//!    every segment. `record` makes all of that happen in a namespace.
//! 2. `events` and `place` find out which line of a lesson made a call, and what it means.
//! 3. `story` tells what happened step by step. The subject of a step is an enum,
//!    `story::step::Caption`. At the very end `story::words` makes a sentence of it.
//!    `cluster` does all of that in its own way, for runs in which only the messages matter.
//! 4. `recording` is what the book plays, and `decided` the part that is the same in every run.
//!    `prediction` is a question about what happens next in it.

#[cfg(target_os = "linux")]
mod capture;
#[cfg(target_os = "linux")]
mod cluster;
pub mod decided;
#[cfg(target_os = "linux")]
mod events;
#[cfg(target_os = "linux")]
mod place;
pub mod prediction;
#[cfg(target_os = "linux")]
pub mod record;
pub mod recording;
#[cfg(target_os = "linux")]
pub mod scenarios;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod story;
pub mod tools;
#[cfg(target_os = "linux")]
mod trace;
