//! Records real runs of the lessons for the book: which line each thread stands at, which call has
//! returned and with what, what is on each terminal, and what goes over the wire.
//!
//! It works on Linux only, and needs strace, elfutils, tcpdump, iproute2, and the right to make a
//! network namespace and to capture in it. Everything runs in a namespace of its own, so that the
//! ports are free and nothing else is on the wire.

#[cfg(target_os = "linux")]
mod caption;
#[cfg(target_os = "linux")]
mod capture;
pub mod decided;
#[cfg(target_os = "linux")]
mod events;
#[cfg(target_os = "linux")]
mod merge;
#[cfg(target_os = "linux")]
mod place;
#[cfg(target_os = "linux")]
pub mod record;
pub mod recording;
#[cfg(target_os = "linux")]
pub mod scenarios;
#[cfg(target_os = "linux")]
mod stage;
pub mod tools;
#[cfg(target_os = "linux")]
mod trace;
