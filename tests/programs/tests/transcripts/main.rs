//! Records what the book shows of terminals, from real runs of the real programs, and compares it
//! with the files that the pages include.
//!
//! After a change of what a program prints, renew the files and look at the difference:
//!
//!     SNAPSHOTS=overwrite cargo test -p programs --test transcripts
//!     git diff book/src/transcripts
//!
//! With `--features harness/part-7` those of parts 7 and 8 are among them. Those of 8.1 happen on a local
//! network of two or three machines, which are network namespaces of this one.
//!
//! The recorder waits for each line before it goes on, so the lines of several terminals always
//! come in the same order. What differs from run to run is masked, here and nowhere else: ports,
//! times, and how many bytes the system's buffers hold. `nc` is played by the harness, which shows
//! what nc would: the bytes that arrive, and nothing else.

#[cfg(target_os = "linux")]
mod linux;

fn main() -> std::process::ExitCode {
    needs::run()
}
