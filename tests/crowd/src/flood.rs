//! Runs a flood, from joining to the report.

use std::fmt::Write;

use anyhow::ensure;
use indicatif::{HumanCount, ProgressBar};

use crate::arguments::Options;
use crate::clients::flood::Flooded;
use crate::limits::{Limits, look_up, split};
use crate::processes::Team;
use crate::report::{percentiles, percentiles_in_json};

/// Lets everybody join, and then starts the flood. Returns its result, and how many of the clients
/// that never read were disconnected.
pub fn flood(
    options: &Options,
    limits: &Limits,
    progress: &ProgressBar,
) -> anyhow::Result<(Flooded, usize)> {
    let first = &options.addresses[..1];
    let mut parts = split(&Options { addresses: first.to_vec(), ..options.clone() }, limits)?;
    ensure!(
        parts.len() == 1,
        "{} clients are too many for a flood: one process has at most {} (see ulimit -n)",
        options.clients + options.stuck,
        limits.clients
    );
    if let Some(address) = options.addresses.get(1) {
        parts[0].flooders_address = Some(look_up(address)?);
    }
    let mut team = Team::start(&parts, progress)?;
    team.connect()?;
    team.call_the_roll(false)?;
    progress.set_message("the flood goes on");
    progress.set_length((options.seconds * 1000.0) as u64);
    let mut crowd = team.into_crowd();
    let flooded = crowd.flood(options.seconds)?;
    Ok((flooded, crowd.stuck_and_disconnected()))
}

/// Formats the result as a table.
pub fn table(options: &Options, flooded: &Flooded, stuck: usize) -> String {
    let count = |number: usize| HumanCount(number as u64);
    let seconds = flooded.took + flooded.drained;
    let mut rows = vec![
        (
            "readers",
            format!("{} of {} are left", count(flooded.readers_left), count(flooded.readers)),
        ),
        (
            "who flooded",
            format!("{} of {} are left", count(flooded.flooders_left), count(flooded.flooders)),
        ),
        (
            "lines said",
            format!("{} in {:.2} s", HumanCount(flooded.said), flooded.took.as_secs_f64()),
        ),
        (
            "heard by all who are left",
            match flooded.said - flooded.heard_by_all {
                _ if flooded.readers_left == 0 => "nobody is left".to_string(),
                0 => format!("all of them, {:.2} s after the end", flooded.drained.as_secs_f64()),
                _ => format!(
                    "{}; the others were still on their way {:.2} s after the end",
                    HumanCount(flooded.heard_by_all),
                    flooded.drained.as_secs_f64()
                ),
            },
        ),
        (
            "deliveries",
            format!("{}, every byte as it should be, in one order", HumanCount(flooded.deliveries)),
        ),
        (
            "deliveries a second",
            HumanCount((flooded.deliveries as f64 / seconds.as_secs_f64()) as u64).to_string(),
        ),
        (
            "who said a line at times",
            format!(
                "{}, {} of its {} lines were heard by all who are left",
                if flooded.talker_left { "is left" } else { "was disconnected" },
                count(flooded.talk_heard_by_all),
                count(flooded.talked)
            ),
        ),
        ("those, from due to heard", percentiles(&flooded.waits)),
    ];
    if options.stuck > 0 {
        rows.push(("never read", format!("{stuck} of {} disconnected", options.stuck)));
    }
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:26}{value}");
    }
    text
}

/// Formats the result for programs: one line of JSON, with times in seconds.
pub fn json(options: &Options, flooded: &Flooded, stuck: usize) -> String {
    let fields = [
        ("readers", flooded.readers.to_string()),
        ("readers_left", flooded.readers_left.to_string()),
        ("flooders", flooded.flooders.to_string()),
        ("flooders_left", flooded.flooders_left.to_string()),
        ("talker_left", flooded.talker_left.to_string()),
        ("stuck", options.stuck.to_string()),
        ("stuck_and_disconnected", stuck.to_string()),
        ("seconds", flooded.took.as_secs_f64().to_string()),
        ("seconds_after", flooded.drained.as_secs_f64().to_string()),
        ("said", flooded.said.to_string()),
        ("heard_by_all", flooded.heard_by_all.to_string()),
        ("deliveries", flooded.deliveries.to_string()),
        ("talked", flooded.talked.to_string()),
        ("talk_heard_by_all", flooded.talk_heard_by_all.to_string()),
        ("talk_percentiles", percentiles_in_json(&flooded.waits)),
    ];
    let fields = fields.map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", fields.join(","))
}
