//! The edges of 7.5, one after the other in one run on one machine: how a room grows with them, and
//! what the book says about it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar};

use crate::arguments::Options;
use crate::candidates::{EDGE, NATS, Running};
use crate::ladder::Extent;
use crate::limits::Limits;
use crate::machine;
use crate::measure::measure;
use crate::report::{bytes, duration};

/// For how many seconds each step is measured, and how many clients each edge has, if nothing else
/// is said.
pub const CLUSTER: (f64, usize) = (5.0, EDGE.most_clients);

/// How many edges there are in the last step, and how many people they have all together.
const LAST: (usize, usize) = (6, 100_000);

/// Measures one edge, then two, and so on, and writes what the book includes.
pub fn grow(extent: &Extent, limits: &Limits) -> anyhow::Result<()> {
    let load = machine::load();
    let began = Instant::now();
    NATS.prepare()?;
    EDGE.prepare()?;
    let mut steps: Vec<_> = (1..LAST.0).map(|edges| (edges, edges * extent.clients)).collect();
    if LAST.1 <= LAST.0 * extent.clients {
        steps.push(LAST);
    }
    let mut table = String::from(
        "| edges | people | until the last has the line | processor time, a person | memory, a person |\n\
         |--:|--:|--:|--:|--:|\n",
    );
    for (edges, people) in steps {
        let row = measure_one(edges, people, extent, limits)
            .with_context(|| format!("{people} people at {edges} edge(s)"))?;
        eprint!("{row}");
        table += &row;
    }
    let machine = machine::described("--cluster", began.elapsed(), load);
    fs::create_dir_all(&extent.folder)
        .with_context(|| format!("cannot make {}", extent.folder.display()))?;
    let path = extent.folder.join("cluster.md");
    fs::write(&path, format!("{machine}\n\n{table}"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn measure_one(
    edges: usize,
    people: usize,
    extent: &Extent,
    limits: &Limits,
) -> anyhow::Result<String> {
    let nats = NATS.start()?;
    let start =
        |number| EDGE.start_with(&["--nats", &nats.address, "--name", &format!("edge-{number}")]);
    let running: Vec<Running> = (1..=edges).map(start).collect::<anyhow::Result<_>>()?;
    let options = Options {
        addresses: running.iter().map(|edge| edge.address.clone()).collect(),
        clients: people,
        seconds: extent.seconds,
        patience: Duration::from_secs(60),
        processes: running.iter().map(Running::process_id).collect(),
        ..Options::default()
    };
    let outcome = measure(&options, limits, &ProgressBar::hidden())?;
    let unknown = || "–".to_string();
    Ok(format!(
        "| {edges} | {} | {} | {} | {} |\n",
        HumanCount(people as u64),
        duration(outcome.round_waits.value_at_quantile(0.5) as f64),
        outcome.processor_time().map_or_else(unknown, |time| format!("{time:.2} µs")),
        outcome.memory_a_client().map_or_else(unknown, bytes),
    ))
}
