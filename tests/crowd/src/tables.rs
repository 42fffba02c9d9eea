//! The tables of the ladder, in Markdown.

use indicatif::HumanCount;

use crate::candidates::{BARE_LOOP, BATCHED_LOOP, CANDIDATES, THREADS};
use crate::ladder::{Measured, Pattern};
use crate::report::{bytes, duration};

/// Returns the page that the book includes: one table for each question, then what is missing. The
/// chapter of the shared log includes the first table by its anchor.
pub fn page(measured: &[Measured], missing: &[String], machine: &str) -> String {
    let cost = |one: &Measured, find: Find| {
        let cost = one.processor_time?;
        let limit = if one.pattern == Pattern::One { BARE_LOOP } else { BATCHED_LOOP };
        let ratio = find(limit).and_then(|bare| bare.processor_time).map(|bare| cost / bare);
        Some(format!("{}{}", microseconds(cost), times(ratio)))
    };
    let rate = |one: &Measured, find: Find| {
        let ratio = find(THREADS).map(|threads| one.rate / threads.rate);
        Some(format!("{}{}", HumanCount(one.rate as u64), times(ratio)))
    };
    let slowest = |one: &Measured, _: Find| Some(duration(one.slowest * 1e9));
    let memory = |one: &Measured, _: Find| Some(bytes(one.memory?));
    let mut page = format!("{machine}\n\n<!-- ANCHOR: processor-time -->");
    page += &table(
        "One client speaks, and all the others listen: the server's processor time for one delivery, \
         and how many times the barest loop's that is",
        measured,
        Pattern::One,
        &cost,
    );
    page += "\n<!-- ANCHOR_END: processor-time -->\n";
    page += &table(
        "One client speaks, and all the others listen: how long it takes until the slowest reader \
         has the line",
        measured,
        Pattern::One,
        &slowest,
    );
    page += &table(
        "All clients speak at the same time: deliveries a second, and how many times those of \
         lesson-broadcast-server",
        measured,
        Pattern::All,
        &rate,
    );
    page += &table(
        "All clients speak at the same time: the server's processor time for one delivery, and how \
         many times the batched loop's that is",
        measured,
        Pattern::All,
        &cost,
    );
    page += &table(
        "All clients speak at the same time: how long it takes until the slowest reader has heard \
         everything",
        measured,
        Pattern::All,
        &slowest,
    );
    page += &table("Memory that each client adds to the server", measured, Pattern::One, &memory);
    if !missing.is_empty() {
        page += "\nNot measured:\n\n";
        missing.iter().for_each(|what| page += &format!("- {what}\n"));
    }
    page
}

/// Formats a time that may be much less than a microsecond, with three digits.
fn microseconds(time: f64) -> String {
    match time {
        ..0.1 => format!("{time:.4} µs"),
        ..1.0 => format!("{time:.3} µs"),
        _ => format!("{time:.2} µs"),
    }
}

fn times(ratio: Option<f64>) -> String {
    match ratio {
        None => String::new(),
        Some(ratio) if ratio < 0.95 => format!(" ({ratio:.2} ×)"),
        Some(ratio) if ratio < 10.0 => format!(" ({ratio:.1} ×)"),
        Some(ratio) => format!(" ({ratio:.0} ×)"),
    }
}

/// Finds the server of that name, measured in the same way with as many clients.
type Find<'a> = &'a dyn Fn(&str) -> Option<&'a Measured>;

/// Returns the contents of a cell.
type Cell<'a> = &'a dyn Fn(&Measured, Find) -> Option<String>;

fn table(title: &str, measured: &[Measured], pattern: Pattern, cell: Cell) -> String {
    let find = |server: &str, clients: usize| {
        measured
            .iter()
            .find(|one| (one.server, one.pattern, one.clients) == (server, pattern, clients))
    };
    let was_tried = |clients: &&usize| {
        measured.iter().any(|one| (one.pattern, one.clients) == (pattern, **clients))
    };
    let counts: Vec<usize> = pattern.counts().iter().filter(was_tried).copied().collect();
    let mut table = format!("\n{title}:\n\n| clients |");
    counts.iter().for_each(|count| table += &format!(" {} |", HumanCount(*count as u64)));
    table += "\n|---|";
    counts.iter().for_each(|_| table += "--:|");
    for candidate in &CANDIDATES {
        let name = candidate.name;
        if !measured.iter().any(|one| one.server == name) {
            continue;
        }
        table += &format!("\n| {name} |");
        for clients in &counts {
            let find_beside = |name: &str| find(name, *clients);
            let text = find(name, *clients).and_then(|one| cell(one, &find_beside));
            table += &format!(" {} |", text.unwrap_or("–".to_string()));
        }
    }
    table + "\n"
}
