//! Draws segments as arrows, and finds the arrow that made a call return.

use std::collections::HashMap;

use super::facts::Facts;
use super::step::{ArrowAt, Step};
use crate::capture::Segment;
use crate::events::{Event, Kind, Outcome, Readiness};
use crate::recording::{Arrow, BULK, Shown};

/// The segments that have been drawn so far.
pub struct Wire<'a> {
    facts: &'a Facts<'a>,
    /// Whether arrows show how much time passes between segments.
    timed: bool,
    /// The segments behind the arrows. An arrow may stand for several.
    drawn: Vec<(&'a Segment, ArrowAt)>,
    /// The bytes that have arrived at an nc, by its terminal, but cannot be shown yet.
    arriving: HashMap<usize, Vec<u8>>,
}

impl<'a> Wire<'a> {
    /// Creates a wire on which nothing has been sent.
    pub fn new(facts: &'a Facts<'a>, timed: bool) -> Wire<'a> {
        Wire { facts, timed, drawn: Vec::new(), arriving: HashMap::new() }
    }

    /// Draws a segment in the step with index `at`, and shows its data if it arrives at an nc.
    pub fn draw(&mut self, segment: &'a Segment, steps: &mut [Step], at: usize) {
        let Some(arrow) = self.arrow(segment) else { return };
        let shown = self.shown_by_nc(arrow.to, segment);
        let Some(step) = steps.get_mut(at) else { return };
        if let Some(shown) = shown {
            // Bulk is shown as dots, once.
            if shown.text != DOTS || step.screen.iter().all(|other| other.text != DOTS) {
                step.screen.push(shown);
            }
        }
        self.drawn.push((segment, (at, add(step, arrow))));
    }

    /// Returns the arrow for a segment, which is about to be drawn.
    fn arrow(&self, segment: &Segment) -> Option<Arrow> {
        let Facts { run, ports, .. } = self.facts;
        let (from, to) = (ports.owner(segment.from)?, ports.owner(segment.to)?);
        let pair = |one: &Segment| (one.from.min(one.to), one.from.max(one.to));
        let mut drawn = self.drawn.iter().rev().map(|(other, _)| other);
        let before = drawn.find(|other| pair(other) == pair(segment)).filter(|_| self.timed);
        let connects = |port| run.segments.iter().any(|one| one.flags == "S" && one.from == port);
        let client = if connects(segment.from) { segment.from } else { segment.to };
        let does_not_read = matches!(run.terminals[from - 1].netcat, Some((_, false)));
        Some(Arrow {
            from,
            to,
            connection: ports.shown(client),
            flags: segment.flags.clone(),
            bytes: segment.data.len(),
            data: self.readable(&segment.data),
            message: None,
            times: None,
            window: does_not_read.then_some(segment.window),
            after_ms: before.map(|before| ((segment.time - before.time) * 1e4).round() / 10.0),
        })
    }

    /// Returns the data of a segment as a person can read it: as text or in hexadecimal.
    fn readable(&self, bytes: &[u8]) -> String {
        match std::str::from_utf8(bytes) {
            _ if bytes.len() > 100 => String::new(),
            Ok(text) => self.facts.ports.mask(text),
            Err(_) => {
                let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                bytes.join(" ")
            }
        }
    }

    /// Returns what a terminal shows when a segment arrives, if an nc runs there that shows
    /// anything.
    fn shown_by_nc(&mut self, terminal: usize, segment: &Segment) -> Option<Shown> {
        let (_, shows) = self.facts.run.terminals[terminal - 1].netcat?;
        if !shows || segment.data.is_empty() {
            return None;
        }
        let arrived = self.arrived(terminal, &segment.data);
        let text = match segment.data.len() {
            BULK.. => DOTS.to_string(),
            _ => self.facts.ports.mask(&arrived),
        };
        Some(Shown { terminal, text, by: None, typed: false })
    }

    /// Returns the text that an nc can show once `data` has arrived. Keeps a partial character,
    /// because no terminal can show it.
    fn arrived(&mut self, terminal: usize, data: &[u8]) -> String {
        let waiting = self.arriving.entry(terminal).or_default();
        waiting.extend_from_slice(data);
        let whole = match std::str::from_utf8(waiting) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => waiting.len(),
        };
        let rest = waiting.split_off(whole);
        let shown = std::mem::replace(waiting, rest);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Returns the arrow that made a call of a program in `terminal` return by `time`.
    pub fn cause(&self, event: &Event, terminal: usize, time: f64) -> Option<ArrowAt> {
        if let Outcome::Ready(1.., Readiness::Input) = event.outcome {
            return self.news(event, terminal, time);
        }
        let (own, peer) = match event.outcome {
            Outcome::Client(port) => (event.ports.0, Some(port)),
            _ => event.ports,
        };
        let is_it = |(segment, _): &&(&Segment, ArrowAt)| {
            Some(segment.to) == own
                && Some(segment.from) == peer
                && segment.time <= time
                && can_end(event, segment)
        };
        let mut drawn = self.drawn.iter().filter(is_it);
        let found = match event.kind {
            Kind::Accept => drawn.next(),
            _ => drawn.next_back(),
        };
        found.map(|(_, arrow)| *arrow)
    }

    /// Returns the arrow that made a socket ready: the last that brings a client, bytes, or an end.
    /// An arrow that arrived before the wait is not the cause.
    fn news(&self, event: &Event, terminal: usize, time: f64) -> Option<ArrowAt> {
        let ends_a_handshake = |segment: &Segment| {
            let of_it = |other: &&Segment| other.from == segment.from && other.flags == ".";
            let first = self.facts.run.segments.iter().find(of_it);
            first.is_some_and(|first| first.time == segment.time)
        };
        let is_news = |(segment, _): &&(&Segment, ArrowAt)| {
            self.facts.ports.owner(segment.to) == Some(terminal)
                && (event.start..=time).contains(&segment.time)
                && (!segment.data.is_empty()
                    || segment.flags.contains(['F', 'R'])
                    || ends_a_handshake(segment))
        };
        self.drawn.iter().rfind(is_news).map(|(_, arrow)| *arrow)
    }
}

/// The text that replaces bulk on a terminal.
const DOTS: &str = "…\n";

/// Returns whether the arrival of a segment is what `event` waits for, if it is on the same
/// connection.
fn can_end(event: &Event, segment: &Segment) -> bool {
    match (event.kind, &event.outcome) {
        (Kind::Read, Outcome::Bytes(0)) => segment.flags.contains('F'),
        (Kind::Read, Outcome::Bytes(_)) => !segment.data.is_empty(),
        (Kind::Read | Kind::Write, Outcome::Failed(error)) if error == "ConnectionReset" => {
            segment.flags.contains('R')
        }
        (Kind::Accept, Outcome::Client(_)) => segment.flags == ".",
        (Kind::Write, Outcome::Bytes(_)) if event.waited_for_room => {
            segment.flags == "." && segment.data.is_empty()
        }
        (Kind::Connect, Outcome::Done) => segment.flags == "S.",
        (Kind::Connect, Outcome::Failed(_)) => segment.flags.contains('R'),
        _ => false,
    }
}

/// Adds an arrow to a step, or counts the segment on an existing arrow. Returns its index.
fn add(step: &mut Step, arrow: Arrow) -> usize {
    let is_bulk = step.caption.returned().is_some_and(|returned| returned.times > 1)
        || step.wire.iter().any(|other| other.bytes >= BULK && other.times.is_some());
    let joins = |other: &Arrow| {
        let ends = |one: &Arrow| (one.from, one.to, one.connection);
        let more_bulk = other.bytes >= BULK && arrow.bytes > 0 && !arrow.flags.contains(['F', 'R']);
        let acknowledges_again = other.is_pure_acknowledgement()
            && arrow.is_pure_acknowledgement()
            && (is_bulk || other.window.is_some() && other.window == arrow.window);
        ends(other) == ends(&arrow) && (more_bulk || acknowledges_again)
    };
    match step.wire.iter().rposition(joins) {
        Some(index) => {
            let other = &mut step.wire[index];
            other.times = Some(other.times.unwrap_or(1) + 1);
            other.bytes += arrow.bytes;
            other.data.clear();
            other.window = arrow.window;
            index
        }
        None => {
            step.wire.push(arrow);
            step.wire.len() - 1
        }
    }
}
