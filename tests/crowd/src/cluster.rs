//! The edges of 7.5, one after the other in one run on one machine: how a room grows with them, and
//! what the book says about it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar};

use crate::arguments::Options;
use crate::candidates::{EDGE, NATS, Running, repository};
use crate::limits::Limits;
use crate::machine;
use crate::measure::measure;
use crate::report::{bytes, duration};

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// How long each measurement goes on.
    pub seconds: f64,
    /// How many clients each edge has.
    pub clients: usize,
    /// Where the table goes.
    pub folder: PathBuf,
}

impl Default for Cluster {
    fn default() -> Cluster {
        let folder = repository().join("book/src/measured");
        Cluster { seconds: 5.0, clients: EDGE.most_clients, folder }
    }
}

/// How many edges there are in the last step, and how many people they have all together.
const LAST: (usize, usize) = (6, 100_000);

/// Measures one edge, then two, and so on, and writes what the book includes.
pub fn grow(cluster: &Cluster, limits: &Limits) -> anyhow::Result<()> {
    let load = machine::load();
    let began = Instant::now();
    NATS.prepare()?;
    EDGE.prepare()?;
    let mut steps: Vec<_> = (1..LAST.0).map(|edges| (edges, edges * cluster.clients)).collect();
    if LAST.1 <= LAST.0 * cluster.clients {
        steps.push(LAST);
    }
    let mut table = String::from(
        "| edges | people | until the last has the line | processor time, a person | memory, a person |\n\
         |--:|--:|--:|--:|--:|\n",
    );
    for (edges, people) in steps {
        let row = measure_one(edges, people, cluster, limits)
            .with_context(|| format!("{people} people at {edges} edge(s)"))?;
        eprint!("{row}");
        table += &row;
    }
    let machine = machine::described("--cluster", began.elapsed(), load);
    fs::create_dir_all(&cluster.folder)
        .with_context(|| format!("cannot make {}", cluster.folder.display()))?;
    let path = cluster.folder.join("cluster.md");
    fs::write(&path, format!("{machine}\n\n{table}"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn measure_one(
    edges: usize,
    people: usize,
    cluster: &Cluster,
    limits: &Limits,
) -> anyhow::Result<String> {
    let nats = NATS.start()?;
    let start =
        |number| EDGE.start_with(&["--nats", &nats.address, "--name", &format!("edge-{number}")]);
    let running: Vec<Running> = (1..=edges).map(start).collect::<anyhow::Result<_>>()?;
    let options = Options {
        addresses: running.iter().map(|edge| edge.address.clone()).collect(),
        clients: people,
        seconds: cluster.seconds,
        patience: Duration::from_secs(60),
        processes: running.iter().map(Running::process_id).collect(),
        ..Options::default()
    };
    let outcome = measure(&options, limits, &ProgressBar::hidden())?;
    let unknown = || "–".to_string();
    Ok(format!(
        "| {edges} | {} | {} | {} | {} |\n",
        HumanCount(people as u64),
        duration(outcome.rounds.value_at_quantile(0.5) as f64),
        outcome.processor_time().map_or_else(unknown, |time| format!("{time:.2} µs")),
        outcome.memory_a_client().map_or_else(unknown, bytes),
    ))
}
