//! A load generator for chat servers that send lines: some clients speak, all listen, and every
//! byte is checked.
//!
//!     cargo run --release -p lesson-broadcast-server           (in a first terminal)
//!     cargo run --release -p crowd -- 3000 --clients 1000      (in a second)
//!
//! | file | about |
//! |---|---|
//! | `arguments` | the command line |
//! | `check` | whether clients receive what was sent |
//! | `protocol` | the bytes on the wire |
//! | `wire` | a connection, plain or encrypted |
//! | `clients` | the sockets, in one thread; joining, the calls of the roll, the rounds |
//! | `processes` | more clients than one process may have |
//! | `limits` | what the system allows |
//! | `server` | what /proc tells about the server |
//! | `measure` | one run |
//! | `flood` | one run in which some speak as fast as they can |
//! | `stream` | whether everybody receives the same in a flood |
//! | `report` | the table, the JSON |
//! | `ladder` | every server of the book, one after the other |
//! | `cluster` | the edges of 7.5, from one to six, and those of 7.6 beside them |
//! | `candidates` | those servers, and how to start each |
//! | `bare` | the barest loops, to compare them with |
//! | `tables`, `plots`, `machine` | what these write |

use std::env;
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::{Options, Request};
use crate::limits::Limits;

mod arguments;
mod bare;
mod candidates;
mod check;
mod clients;
mod cluster;
mod flood;
mod ladder;
mod limits;
mod machine;
mod measure;
mod plots;
mod processes;
mod protocol;
mod report;
mod server;
mod stream;
mod tables;
mod wire;

fn main() -> ExitCode {
    let request = match arguments::parse(env::args_os().skip(1)) {
        Ok(request) => request,
        Err(error) => {
            eprintln!("crowd: {error:#} (see --help)");
            return ExitCode::from(2);
        }
    };
    let outcome = match request {
        Request::Run(options) => run(&options),
        Request::Ladder(extent) => {
            Limits::raise().and_then(|limits| ladder::climb(&extent, &limits))
        }
        Request::Cluster(extent) => {
            Limits::raise().and_then(|limits| cluster::grow(&extent, &limits))
        }
        Request::Bare(run) => run(),
        Request::Worker(part) => processes::work(&part),
        Request::Print(text) => {
            print(&text);
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crowd: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let limits = Limits::raise()?;
    if !options.json {
        print(&report::heading(options, &limits));
    }
    let progress = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {elapsed} {msg}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(100));
    let text = if options.flood.is_some() {
        flood::flood(options, &limits, &progress).map(|(flooded, stuck)| match options.json {
            true => flood::json(options, &flooded, stuck) + "\n",
            false => flood::table(options, &flooded, stuck),
        })
    } else {
        measure::measure(options, &limits, &progress).map(|outcome| match options.json {
            true => report::json(options, &outcome) + "\n",
            false => report::table(options, &outcome) + &report::stuck(options, &outcome),
        })
    };
    progress.finish_and_clear();
    print(&text?);
    Ok(())
}

/// Prints to stdout, where somebody may have stopped reading.
fn print(text: &str) {
    let _ = stdout().write_all(text.as_bytes());
}
