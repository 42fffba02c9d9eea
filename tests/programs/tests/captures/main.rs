//! Records what the book shows of the wire, with tcpdump on loopback, and compares it with the
//! files that the pages include.
//!
//! To renew the files (Linux, with tcpdump, as root), and look at the difference:
//!
//!     SNAPSHOTS=overwrite cargo test -p programs --test captures
//!     git diff book/src/captures
//!
//! A line keeps the sender, the receiver, the flags, the numbers and the length. The window and the
//! options are left out, and so are the random numbers from which a connection counts. Ports are
//! shown as in the transcripts. The kernel decides when an acknowledgement travels alone, which
//! differs from run to run, so only the other segments are compared, in each direction. On request,
//! the bytes that a segment carries are shown below it.
//!
//! What `ss` and tcpdump show of the three servers of an exercise is recorded in its task, see
//! `three_servers.rs`.
//!
//! With `--features harness/part-7` the captures of parts 7 and 8 are among them. That of 8.1 is taken on a
//! local network of two machines, which are network namespaces of this one.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod three_servers;

fn main() -> std::process::ExitCode {
    needs::run()
}
