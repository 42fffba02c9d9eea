//! Knows which terminal each port belongs to, and which number the book shows for it.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, ensure};

use crate::events::Thread;
use crate::recording::Terminal;
use crate::scenarios::{Told, is_told};
use crate::stage::Run;
use crate::trace::SystemCall;

/// Ports below this one were chosen by a program, and are shown as they are.
const CHOSEN_BY_THE_SYSTEM: u16 = 10_000;

/// The ports of a run.
pub struct Ports {
    /// The number of the terminal that a port belongs to.
    owners: HashMap<u16, usize>,
    /// The numbers that replace ports that the system chose.
    shown: BTreeMap<u16, u16>,
}

impl Ports {
    /// Creates the ports of a run in which all are known: the end that each belongs to, and the
    /// numbers that replace some of them.
    pub fn known(owners: HashMap<u16, usize>, shown: BTreeMap<u16, u16>) -> Ports {
        Ports { owners, shown }
    }

    /// Finds the ports of a run. Fails if a segment belongs to no program.
    pub fn of(run: &Run, threads: &[Thread], told_times: &[Told]) -> Result<Ports> {
        let owners = owners(run, threads);
        for port in run.segments.iter().flat_map(|segment| [segment.from, segment.to]) {
            ensure!(
                owners.contains_key(&port),
                "a segment has port {port}, which no program called for"
            );
        }
        Ok(Ports { owners, shown: shown(run, told_times) })
    }

    /// Returns the number of the terminal that a port belongs to.
    pub fn owner(&self, port: u16) -> Option<usize> {
        self.owners.get(&port).copied()
    }

    /// Returns the number that replaces a port that the system chose.
    pub fn stand_in(&self, port: u16) -> Option<u16> {
        self.shown.get(&port).copied()
    }

    /// Returns the number that the book shows for a port.
    pub fn shown(&self, port: u16) -> u16 {
        self.stand_in(port).unwrap_or(port)
    }

    /// Replaces each port in a text by the number that the book shows for it.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = String::new();
        let mut digits = String::new();
        for character in text.chars().map(Some).chain([None]) {
            if let Some(digit) = character.filter(char::is_ascii_digit) {
                digits.push(digit);
                continue;
            }
            let port = digits.parse().ok().and_then(|port| self.stand_in(port));
            masked += &port.map_or(std::mem::take(&mut digits), |port| port.to_string());
            digits.clear();
            masked.extend(character);
        }
        masked
    }

    /// Lists the terminals of a run, each with the port that identifies it on the wire.
    pub fn terminals(&self, run: &Run) -> Vec<Terminal> {
        let terminal = |(number, title): (usize, &String)| {
            let of_it = self.owners.iter().filter(|(_, owner)| **owner == number);
            let shown = of_it.map(|(port, _)| *port);
            let mut shown: Vec<u16> = shown
                .filter_map(|port| match port {
                    ..CHOSEN_BY_THE_SYSTEM => Some(port),
                    _ => self.stand_in(port),
                })
                .collect();
            shown.sort_unstable();
            let (title, port) = (title.clone(), shown.first().copied());
            Terminal { title, port, is_only_an_end: false }
        };
        (1..).zip(run.terminals.iter().map(|ended| &ended.title)).map(terminal).collect()
    }
}

fn owners(run: &Run, threads: &[Thread]) -> HashMap<u16, usize> {
    let mut owners = HashMap::new();
    for (number, terminal) in (1..).zip(&run.terminals) {
        owners.extend(terminal.netcat.map(|(port, _)| (port, number)));
        let traced = terminal.traced.iter().flat_map(|traced| &traced.threads);
        for call in traced.flat_map(|thread| &thread.calls) {
            let port = call.ports().map(|(port, _)| port).filter(|port| *port != 0);
            owners.extend(port.map(|port| (port, number)));
            owners.extend(connecting_port(call, run).map(|port| (port, number)));
        }
    }
    let end = run.terminals.iter().position(|terminal| terminal.is_an_end);
    for segment in run.segments.iter().filter(|segment| segment.flags == "S") {
        owners.extend(end.map(|index| (segment.to, index + 1)));
    }
    // The threads go last, because one of them may have a terminal of its own.
    for thread in threads.iter().filter(|_| end.is_none()) {
        let ports = thread.calls.iter().filter_map(|event| event.ports.0);
        owners.extend(ports.map(|port| (port, thread.terminal)));
    }
    owners
}

/// Returns the local port of a connecting socket, which is read from the segments that were sent
/// during the call.
fn connecting_port(call: &SystemCall, run: &Run) -> Option<u16> {
    if call.name != "connect" {
        return None;
    }
    let mut during =
        run.segments.iter().filter(|one| (call.start..call.latest).contains(&one.time));
    let syn = during.find(|one| one.flags == "S" && call.address_port() == Some(one.to));
    syn.map(|segment| segment.from)
}

/// Numbers the ports that the system chose from 50001 on, in the order in which they appear.
fn shown(run: &Run, told_times: &[Told]) -> BTreeMap<u16, u16> {
    let mut shown = BTreeMap::new();
    for segment in &run.segments {
        let appears = match told_times {
            [] => segment.flags == "S",
            _ => is_told(told_times, segment.time),
        };
        for port in [segment.to, segment.from].into_iter().filter(|_| appears) {
            let next = 50001 + shown.len() as u16;
            if port > CHOSEN_BY_THE_SYSTEM {
                shown.entry(port).or_insert(next);
            }
        }
    }
    shown
}
