//! A fuzzer of peers: clients that do what a seed tells them, beside honest ones, against every
//! server.
//!
//!     cargo test -p fuzzer
//!     FUZZ_SEED=7 FUZZ_SECONDS=600 cargo test -p fuzzer broadcast_server
//!
//! The first command runs each of [`SEEDS`] for [`SECONDS`]. The same seed always makes the same
//! peers, which do the same things in the same order, and a longer run begins like a shorter one.
//! But the system decides when each byte arrives, so a fault that needs a race may take several
//! runs to come back.

use std::env;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use harness::against_every_server;

mod fuzz;
mod order;
mod random;
mod rest;
mod room;
mod stranger;
mod wire;

use fuzz::Fuzz;

/// The seeds that are tried if the environment names none.
const SEEDS: [u64; 2] = [1, 2];

/// How long each seed is tried if the environment does not say.
const SECONDS: u64 = 2;

against_every_server! {
    serves_the_honest_ones_whatever_the_others_do
}

fn serves_the_honest_ones_whatever_the_others_do(package: &str) {
    let seconds = from_environment("FUZZ_SECONDS").unwrap_or(SECONDS);
    let seed: Option<u64> = from_environment("FUZZ_SEED");
    for seed in seed.map_or(SEEDS.to_vec(), |seed| vec![seed]) {
        let mut run = Run { package, seed, seconds, turn: 0 };
        let mut fuzz = Fuzz::start(package, seed);
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            run.turn += 1;
            fuzz.turn();
            thread::sleep(PACE);
        }
        println!("{package}, seed {seed}: {} turns, {}", run.turn, fuzz.finish());
    }
}

/// The minimum length of a turn. It limits the connections to about a hundred a second, because
/// each keeps its port for a while after it has ended.
const PACE: Duration = Duration::from_millis(1);

/// Returns the number that the variable `name` holds, if it is set.
fn from_environment<T: FromStr>(name: &str) -> Option<T> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} should be a number, not {value:?}")))
}

/// Reports how to repeat a run when it fails.
struct Run<'a> {
    package: &'a str,
    seed: u64,
    seconds: u64,
    turn: u64,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let Run { package, seed, seconds, turn } = self;
            let server = package.trim_start_matches("lesson-").replace('-', "_");
            eprintln!(
                "{package} has failed in turn {turn} of seed {seed}. To repeat it:\n    \
                 FUZZ_SEED={seed} FUZZ_SECONDS={seconds} cargo test -p fuzzer {server}"
            );
        }
    }
}

fn main() -> std::process::ExitCode {
    needs::run()
}
