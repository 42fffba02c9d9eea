//! Makes one run: everybody joins, the rounds go on for as long as requested, and everything is
//! counted.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::ensure;
use hdrhistogram::Histogram;
use indicatif::{HumanCount, ProgressBar};

use crate::arguments::Options;
use crate::clients::histogram;
use crate::limits::{Limits, look_up, split};
use crate::processes::Team;
use crate::server::{Usage, descriptor_limit, listening_at, usage};

/// The result of a run.
pub struct Outcome {
    /// The number of connections that were read from.
    pub connections: usize,
    /// The number of processes that they were split among.
    pub processes: usize,
    /// The time that all rounds took together.
    pub took: Duration,
    /// The number of rounds.
    pub rounds: u64,
    /// The time of each round from the moment at which it was due until the slowest reader had
    /// received everything, in nanoseconds.
    pub round_waits: Histogram<u64>,
    /// The number of lines that all clients together received.
    pub deliveries: u64,
    /// The time of each delivery, measured from the moment at which its round was due, in
    /// nanoseconds.
    pub waits: Histogram<u64>,
    /// The number of clients that never read and have been disconnected.
    pub disconnected: usize,
    /// The figures of the server's process, if they are known.
    pub server: Option<Server>,
}

/// The resources that the server's process has used.
pub struct Server {
    pub processes: BTreeSet<u32>,
    /// Before the first client.
    pub empty: Usage,
    /// With all clients in the room.
    pub joined: Usage,
    /// Before the first round that counts.
    pub before: Usage,
    /// After the last round.
    pub after: Usage,
}

impl Outcome {
    /// Returns the deliveries per second.
    pub fn rate(&self) -> f64 {
        self.deliveries as f64 / self.took.as_secs_f64()
    }

    /// Returns the server's processor time for one delivery, in microseconds.
    pub fn processor_time(&self) -> Option<f64> {
        let server = self.server.as_ref()?;
        let used = server.after.processor.saturating_sub(server.before.processor);
        Some(used.as_secs_f64() * 1e6 / self.deliveries as f64)
    }

    /// Returns the server's processor time for each client that has joined, in microseconds. It
    /// includes the calls of the roll.
    pub fn processor_time_a_join(&self) -> Option<f64> {
        let server = self.server.as_ref()?;
        let used = server.joined.processor.saturating_sub(server.empty.processor);
        Some(used.as_secs_f64() * 1e6 / self.connections as f64)
    }

    /// Returns how much each client in the room has added to the server's memory, in bytes.
    pub fn memory_a_client(&self) -> Option<f64> {
        let server = self.server.as_ref()?;
        let added = server.joined.memory.saturating_sub(server.empty.memory);
        Some(added as f64 / self.connections as f64)
    }
}

/// Measures as the options say. An error is a line for the user.
pub fn measure(
    options: &Options,
    limits: &Limits,
    progress: &ProgressBar,
) -> anyhow::Result<Outcome> {
    let parts = split(options, limits)?;
    let processes = server_processes(options)?;
    let usage = || usage(&processes);
    let empty = usage();
    let mut team = Team::start(&parts, progress)?;
    if let Err(error) = team.connect().and_then(|()| team.call_the_roll(false)) {
        let all = parts.iter().map(|part| part.clients + part.stuck).sum::<usize>();
        let limits = processes.iter().filter_map(|process| descriptor_limit(*process));
        let limit = limits.sum();
        ensure!(
            !(1..all).contains(&limit),
            "{error}; that server may have {limit} descriptors, and this takes {all} (see ulimit -n)"
        );
        return Err(error);
    }
    let joined = usage();

    rounds(&mut team, options, options.seconds / 10.0, |_| {})?; // until all has been used once
    team.forget()?;
    let before = usage();
    let mut round_waits = histogram()?;
    let connections = parts.iter().map(|part| part.clients).sum::<usize>();
    let hear_a_line = connections - usize::from(!team.echoes);
    let deliveries_each = (parts[0].lines_of_a_round() * hear_a_line) as u64;
    let mut deliveries = 0;
    progress.set_length((options.seconds * 1000.0) as u64);
    let began = Instant::now();
    let mut shown = Duration::ZERO;
    let took = rounds(&mut team, options, options.seconds, |wait| {
        round_waits.saturating_record(wait.as_nanos() as u64);
        deliveries += deliveries_each;
        if began.elapsed() - shown > Duration::from_millis(100) {
            shown = began.elapsed();
            let rate = deliveries as f64 / shown.as_secs_f64();
            progress.set_message(format!("{} deliveries a second", HumanCount(rate as u64)));
            progress.set_position(shown.as_millis() as u64);
        }
    })?;
    let after = usage();
    team.call_the_roll(true)?;
    let (mut waits, disconnected) = team.finish()?;
    let rounds = round_waits.len();
    if options.rate.is_none() {
        let usual = round_waits.value_at_quantile(0.5);
        (waits, round_waits) = (waits.clone_correct(usual), round_waits.clone_correct(usual));
    }
    let server = (|| {
        let (empty, joined, before, after) = (empty?, joined?, before?, after?);
        Some(Server { processes: processes.clone(), empty, joined, before, after })
    })();
    Ok(Outcome {
        connections,
        processes: parts.len(),
        took,
        rounds,
        round_waits,
        deliveries,
        waits,
        disconnected,
        server,
    })
}

/// Runs rounds for `seconds`, and one at least. Calls `each` with how long a round took from when
/// it was due. Returns how long all took.
fn rounds(
    team: &mut Team,
    options: &Options,
    seconds: f64,
    mut each: impl FnMut(Duration),
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    for number in 0.. {
        let late = options.rate.map_or(Duration::ZERO, |rate| {
            let due = Duration::from_secs_f64(f64::from(number) / rate);
            let now = began.elapsed();
            sleep(due.saturating_sub(now));
            now.saturating_sub(due) // a sleep that takes too long is not the server's fault
        });
        let round_began = Instant::now();
        team.round(late)?;
        each(late + round_began.elapsed());
        if began.elapsed().as_secs_f64() >= seconds {
            break;
        }
    }
    Ok(began.elapsed())
}

fn server_processes(options: &Options) -> anyhow::Result<BTreeSet<u32>> {
    if !options.processes.is_empty() {
        return Ok(options.processes.iter().copied().collect());
    }
    let addresses: Vec<_> =
        options.addresses.iter().map(|address| look_up(address)).collect::<anyhow::Result<_>>()?;
    Ok(addresses.into_iter().filter_map(listening_at).collect())
}
