//! Reports the result of a run, for people and for programs.

use std::fmt::Write;

use hdrhistogram::Histogram;
use indicatif::HumanCount;

use crate::arguments::Options;
use crate::limits::Limits;
use crate::measure::Outcome;

/// The percentiles that are shown.
const PERCENTILES: [f64; 5] = [50.0, 90.0, 99.0, 99.9, 100.0];

/// Returns what a run is going to do, and within which limits.
pub fn heading(options: &Options, limits: &Limits) -> String {
    let Options { clients, speakers, lines, size, stuck, .. } = options;
    let lines = if *lines == 1 { "a line".to_string() } else { format!("{lines} lines") };
    let speak = match options.flood {
        Some(flood) => format!("{} flood with lines of {size} bytes", count(flood as u64)),
        None if options.in_turn => format!(
            "speakers: {} in turn, each with {lines} of {size} bytes",
            count(*speakers as u64)
        ),
        None => format!(
            "speakers: {}, each with {lines} of {size} bytes at once",
            count(*speakers as u64)
        ),
    };
    let mut text =
        format!("{}: {} clients; {speak}", options.addresses.join(" "), count(*clients as u64));
    if *stuck > 0 {
        text += &format!("; {stuck} more never read");
    }
    let ports = limits.ports.map(|ports| format!("; {} ports an address", count(ports as u64)));
    text + &format!(
        "\nlimits: {} descriptors a process, so {} clients in each of crowd's own{}\n",
        count(limits.descriptors),
        count(limits.clients as u64),
        ports.unwrap_or_default()
    ) + if cfg!(debug_assertions) {
        "a debug build: measure with cargo run --release\n"
    } else {
        ""
    }
}

/// Formats the result as a table.
pub fn table(options: &Options, outcome: &Outcome) -> String {
    // nats-server promises only the order of each publisher's messages, so that is all we check.
    let order = if options.nats { "each speaker's in order" } else { "in one order" };
    let mut rows = vec![
        (
            "connections",
            format!("{} in {} process(es)", count(outcome.connections as u64), outcome.processes),
        ),
        ("rounds", format!("{} in {:.2} s", count(outcome.rounds), outcome.took.as_secs_f64())),
        (
            "deliveries",
            format!("{}, every byte as it should be, {order}", count(outcome.deliveries)),
        ),
        ("deliveries a second", count(outcome.rate() as u64)),
        ("from due to heard", percentiles(&outcome.waits)),
        ("until the last has heard", percentiles(&outcome.round_waits)),
    ];
    if let (Some(server), Some(each)) = (&outcome.server, outcome.processor_time()) {
        let processes: Vec<String> = server.processes.iter().map(u32::to_string).collect();
        let used = server.after.processor.saturating_sub(server.before.processor);
        rows.push(("server's process", processes.join(", ")));
        rows.push((
            "its processor time",
            format!(
                "{:.2} s, {each:.3} µs a delivery, {:.0} % of one processor",
                used.as_secs_f64(),
                100.0 * used.as_secs_f64() / outcome.took.as_secs_f64()
            ),
        ));
        if options.tls.is_some() {
            let each = outcome.processor_time_a_join().filter(|each| *each > 0.0);
            let handshakes = match each {
                Some(each) => {
                    let most = 1e6 / each;
                    format!("{each:.0} µs of processor time each, so at most {most:.0} a second")
                }
                None => "too few to tell: try --clients 1000".to_string(),
            };
            rows.push(("its handshakes", handshakes));
        }
        rows.push((
            "its memory",
            format!(
                "{} empty, {} with everybody there, {} at most, {} a client",
                bytes(server.empty.memory as f64),
                bytes(server.joined.memory as f64),
                bytes(server.after.most_memory as f64),
                bytes(outcome.memory_a_client().unwrap_or_default()),
            ),
        ));
    } else {
        rows.push((
            "the server itself",
            "not known: it is not a process of this machine that we may see".to_string(),
        ));
    }
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:26}{value}");
    }
    text
}

/// Returns what happened to the clients that never read.
pub fn stuck(options: &Options, outcome: &Outcome) -> String {
    match options.stuck {
        0 => String::new(),
        stuck => format!("{:26}{} of {stuck} disconnected\n", "never read", outcome.disconnected),
    }
}

/// Formats the percentiles of times in nanoseconds for people.
pub fn percentiles(histogram: &Histogram<u64>) -> String {
    let all = PERCENTILES.map(|percentile| {
        let name =
            if percentile == 100.0 { "slowest".to_string() } else { format!("{percentile} %") };
        format!("{name} {}", duration(histogram.value_at_percentile(percentile) as f64))
    });
    all.join(", ")
}

/// Formats a time in nanoseconds for people.
pub fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e6 => format!("{:.0} µs", nanoseconds / 1e3),
        ..1e9 => format!("{:.1} ms", nanoseconds / 1e6),
        _ => format!("{:.2} s", nanoseconds / 1e9),
    }
}

/// Formats an amount of memory for people.
pub fn bytes(bytes: f64) -> String {
    match bytes / 1024.0 {
        ..1024.0 => format!("{:.1} KiB", bytes / 1024.0),
        kibibytes => format!("{:.1} MiB", kibibytes / 1024.0),
    }
}

fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Formats the percentiles of times in nanoseconds for programs, in seconds.
pub fn percentiles_in_json(histogram: &Histogram<u64>) -> String {
    let all = PERCENTILES.map(|percentile| {
        format!("\"{percentile}\":{}", histogram.value_at_percentile(percentile) as f64 / 1e9)
    });
    format!("{{{}}}", all.join(","))
}

/// Formats the result for programs: one line of JSON. Times are in seconds, memory in bytes, and
/// unknown values are null.
pub fn json(options: &Options, outcome: &Outcome) -> String {
    let or_null = |value: Option<f64>| value.map_or("null".to_string(), |value| value.to_string());
    let server = outcome.server.as_ref();
    let addresses: Vec<String> =
        options.addresses.iter().map(|address| format!("{address:?}")).collect();
    let fields = [
        ("addresses", format!("[{}]", addresses.join(","))),
        ("clients", options.clients.to_string()),
        ("speakers", options.speakers.to_string()),
        ("lines", options.lines.to_string()),
        ("size", options.size.to_string()),
        ("stuck", options.stuck.to_string()),
        ("stuck_and_disconnected", outcome.disconnected.to_string()),
        ("connections", outcome.connections.to_string()),
        ("processes", outcome.processes.to_string()),
        ("seconds", outcome.took.as_secs_f64().to_string()),
        ("rounds", outcome.rounds.to_string()),
        ("deliveries", outcome.deliveries.to_string()),
        ("deliveries_a_second", outcome.rate().to_string()),
        ("wait_percentiles", percentiles_in_json(&outcome.waits)),
        ("round_percentiles", percentiles_in_json(&outcome.round_waits)),
        ("processor_time_a_delivery", or_null(outcome.processor_time().map(|time| time / 1e6))),
        ("processor_time_a_join", or_null(outcome.processor_time_a_join().map(|time| time / 1e6))),
        ("memory_a_client", or_null(outcome.memory_a_client())),
        ("memory_empty", or_null(server.map(|server| server.empty.memory as f64))),
        ("memory_joined", or_null(server.map(|server| server.joined.memory as f64))),
        ("memory_most", or_null(server.map(|server| server.after.most_memory as f64))),
    ];
    let fields = fields.map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", fields.join(","))
}
