//! Measures every server of the book, one after the other in one run on one machine, and writes
//! what the book says about them: tables and plots.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use indicatif::{HumanCount, ProgressBar};

use crate::arguments::Options;
use crate::candidates::{CANDIDATES, Candidate};
use crate::limits::Limits;
use crate::measure::measure;
use crate::{machine, plots, tables};

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Extent {
    /// The length of each measurement.
    pub seconds: f64,
    /// The maximum number of clients that are tried, or the number of clients of each edge.
    pub clients: usize,
    /// The folder for tables and plots.
    pub folder: PathBuf,
}

/// The extent of a ladder by default.
pub const LADDER: (f64, usize) = (2.0, 19_000);

/// The time after which nothing more is started, so that the ladder also ends on a busy machine.
const AT_MOST: Duration = Duration::from_secs(600);

/// The clients that speak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pattern {
    /// One client at a time speaks, and all others listen.
    One,
    /// All clients speak at the same time, and listen.
    All,
}

impl Pattern {
    /// Returns the numbers of clients with which it is measured.
    pub fn counts(self) -> &'static [usize] {
        match self {
            Pattern::One => &[10, 100, 1_000, 5_000, 19_000],
            Pattern::All => &[10, 100, 1_000],
        }
    }
}

/// The result of one measurement of one server.
#[derive(Clone, Debug)]
pub struct Measured {
    pub server: &'static str,
    pub pattern: Pattern,
    pub clients: usize,
    /// Deliveries a second.
    pub rate: f64,
    /// Processor time per delivery, in microseconds.
    pub processor_time: Option<f64>,
    /// Memory that each client has added, in bytes.
    pub memory: Option<f64>,
    /// The median time until the slowest reader had received a round, in seconds.
    pub slowest: f64,
}

/// Measures all available servers, and writes what the book includes.
pub fn climb(extent: &Extent, limits: &Limits) -> anyhow::Result<()> {
    let load = machine::load();
    if load.is_some_and(|load| load > 0.5) {
        eprintln!("this machine is busy with other things: the figures will say little");
    }
    let began = Instant::now();
    let mut missing = Vec::new();
    let mut here = Vec::new();
    for candidate in &CANDIDATES {
        match candidate.prepare() {
            Ok(()) => here.push(candidate),
            Err(error) => missing.push(format!("{}: {error:#}", candidate.name)),
        }
    }
    let mut measured = Vec::new();
    for pattern in [Pattern::One, Pattern::All] {
        for clients in pattern.counts().iter().copied().filter(|count| *count <= extent.clients) {
            let mut runs = Vec::new();
            let servers = here.iter().filter(|server| clients <= server.most_clients);
            for candidate in (0..passes(clients)).flat_map(|_| servers.clone()) {
                let clients_said = HumanCount(clients as u64);
                let what = format!("{}, {clients_said} clients, {pattern:?}", candidate.name);
                let outcome = match began.elapsed() > AT_MOST {
                    true => Err(anyhow!("no time was left")),
                    false => measure_one(candidate, pattern, clients, extent, limits),
                };
                match outcome {
                    Ok(run) => {
                        eprintln!("{what}: {} deliveries a second", HumanCount(run.rate as u64));
                        runs.push(run);
                    }
                    Err(error) => missing.push(format!("{what}: {error:#}")),
                }
            }
            measured.extend(here.iter().filter_map(|server| middle(server.name, &runs)));
        }
    }
    missing.dedup();
    for what in &missing {
        eprintln!("not measured: {what}");
    }
    let machine = machine::described("--ladder", began.elapsed(), load);
    write_all(&extent.folder, &measured, &missing, &machine)
}

/// The number of clients that take turns when one speaks at a time. A server may slow down a
/// speaker that sends too much, and a single one soon would. The cost of a delivery is the same,
/// whoever speaks.
const IN_TURN: usize = 9;

/// Returns how often each server is started and measured, in turn with all others, because the
/// system may happen to share out its processors well for one and badly for another. With very many
/// clients, joining takes too long for that.
fn passes(clients: usize) -> usize {
    if clients <= 1_000 { 3 } else { 1 }
}

/// Returns the length of a measurement. With few clients, a round is so short that in a longer
/// measurement they would send more than they may.
fn seconds(clients: usize, extent: &Extent) -> f64 {
    extent.seconds
        / match clients {
            ..100 => 5.0,
            100..=1_000 => 2.0,
            _ => 1.0,
        }
}

/// Returns the median of several measurements of one server, if there are any.
fn middle(server: &str, runs: &[Measured]) -> Option<Measured> {
    let runs: Vec<&Measured> = runs.iter().filter(|run| run.server == server).collect();
    let of = |value: fn(&Measured) -> Option<f64>| {
        let mut values: Vec<f64> = runs.iter().filter_map(|run| value(run)).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let first = *runs.first()?;
    Some(Measured {
        rate: of(|run| Some(run.rate))?,
        processor_time: of(|run| run.processor_time),
        memory: of(|run| run.memory),
        slowest: of(|run| Some(run.slowest))?,
        ..first.clone()
    })
}

fn measure_one(
    candidate: &Candidate,
    pattern: Pattern,
    clients: usize,
    extent: &Extent,
    limits: &Limits,
) -> anyhow::Result<Measured> {
    let server = candidate.start()?;
    let options = Options {
        addresses: vec![server.address.clone()],
        clients,
        speakers: if pattern == Pattern::One { IN_TURN } else { clients },
        in_turn: pattern == Pattern::One,
        seconds: seconds(clients, extent),
        patience: Duration::from_secs(20),
        nats: candidate.is_nats(),
        ..Options::default()
    };
    let outcome = measure(&options, limits, &ProgressBar::hidden())?;
    Ok(Measured {
        server: candidate.name,
        pattern,
        clients,
        rate: outcome.rate(),
        processor_time: outcome.processor_time(),
        memory: outcome.memory_a_client(),
        slowest: outcome.round_waits.value_at_quantile(0.5) as f64 / 1e9,
    })
}

fn write_all(
    folder: &Path,
    measured: &[Measured],
    missing: &[String],
    machine: &str,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut files = vec![("ladder.md", tables::page(measured, missing, machine))];
    files.extend(plots::all(measured)?);
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
