//! Measures the edges of 7.5 and of 7.6, in one run on one machine: how a room grows with them,
//! what a line costs in each, and what the book says about it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar};

use crate::arguments::Options;
use crate::candidates::{Candidate, EDGE, NATS, ORDERED_EDGE, Running};
use crate::ladder::Extent;
use crate::limits::Limits;
use crate::machine;
use crate::measure::{Outcome, measure};
use crate::report::{bytes, duration};

/// The default number of seconds for each step, and of clients for each edge.
pub const CLUSTER: (f64, usize) = (5.0, EDGE.most_clients);

/// The number of edges in the last step, and of people in all.
const LAST: (usize, usize) = (6, 100_000);

/// The numbers of edges, people and lines at a time with which the two lessons are compared.
const COMPARED: [(usize, usize, usize); 3] = [(2, 20, 1), (2, 20, 1000), (2, 2000, 1)];

/// Measures one edge, then two, and so on, and both kinds of edges, and writes what the book
/// includes.
pub fn grow(extent: &Extent, limits: &Limits) -> anyhow::Result<()> {
    NATS.prepare()?;
    EDGE.prepare()?;
    ORDERED_EDGE.prepare()?;
    fs::create_dir_all(&extent.folder)
        .with_context(|| format!("cannot make {}", extent.folder.display()))?;
    write("cluster.md", extent, || growth(extent, limits))?;
    write("ordered-cluster.md", extent, || comparison(extent, limits))
}

/// Writes a table, and below it the circumstances of the measurement.
fn write(
    name: &str,
    extent: &Extent,
    table: impl FnOnce() -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let (load, began) = (machine::load(), Instant::now());
    let table = table()?;
    let machine = machine::described("--cluster", began.elapsed(), load);
    let path = extent.folder.join(name);
    fs::write(&path, format!("{machine}\n\n{table}"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn growth(extent: &Extent, limits: &Limits) -> anyhow::Result<String> {
    let mut steps: Vec<_> = (1..LAST.0).map(|edges| (edges, edges * extent.clients)).collect();
    if LAST.1 <= LAST.0 * extent.clients {
        steps.push(LAST);
    }
    let mut table = String::from(
        "| edges | people | until the last has the line | processor time, a person | memory, a person |\n\
         |--:|--:|--:|--:|--:|\n",
    );
    let unknown = || "–".to_string();
    for (edges, people) in steps {
        let outcome = measure_one(&EDGE, edges, people, 1, extent, limits)?;
        let row = format!(
            "| {edges} | {} | {} | {} | {} |\n",
            HumanCount(people as u64),
            median(&outcome),
            outcome.processor_time().map_or_else(unknown, |time| format!("{time:.2} µs")),
            outcome.memory_a_client().map_or_else(unknown, bytes),
        );
        eprint!("{row}");
        table += &row;
    }
    Ok(table)
}

fn comparison(extent: &Extent, limits: &Limits) -> anyhow::Result<String> {
    let mut table = String::from(
        "| edges | people | lines at a time | 7.5: until the last has them | 7.6 |\n\
         |--:|--:|--:|--:|--:|\n",
    );
    for (edges, people, lines) in COMPARED {
        let measured = |edge| measure_one(edge, edges, people, lines, extent, limits);
        let (waits, order) = (measured(&EDGE)?, measured(&ORDERED_EDGE)?);
        let people = HumanCount(people as u64);
        let (waits, order) = (median(&waits), median(&order));
        let row = format!("| {edges} | {people} | {lines} | {waits} | {order} |\n");
        eprint!("{row}");
        table += &row;
    }
    Ok(table)
}

/// Returns the median time until everybody had received everything.
fn median(outcome: &Outcome) -> String {
    duration(outcome.round_waits.value_at_quantile(0.5) as f64)
}

fn measure_one(
    edge: &Candidate,
    edges: usize,
    people: usize,
    lines: usize,
    extent: &Extent,
    limits: &Limits,
) -> anyhow::Result<Outcome> {
    let store = Store::new();
    let folder = store.0.to_string_lossy();
    let nats = NATS.start_with(&["-js", "-sd", &folder])?;
    let start =
        |number| edge.start_with(&["--nats", &nats.address, "--name", &format!("edge-{number}")]);
    let running: Vec<Running> = (1..=edges).map(start).collect::<anyhow::Result<_>>()?;
    let options = Options {
        addresses: running.iter().map(|edge| edge.address.clone()).collect(),
        clients: people,
        lines,
        seconds: extent.seconds,
        patience: Duration::from_secs(60),
        processes: running.iter().map(Running::process_id).collect(),
        ..Options::default()
    };
    measure(&options, limits, &ProgressBar::hidden())
        .with_context(|| format!("{people} people at {edges} edge(s) of {}", edge.name))
}

/// The folder of a nats-server, which is removed when this is dropped.
struct Store(PathBuf);

impl Store {
    fn new() -> Store {
        Store(env::temp_dir().join(format!("crowd-{}", process::id())))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all::<&Path>(&self.0); // 7.5 leaves none
    }
}
