//! Makes the story: actions, calls and segments in the order of their times.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;

use anyhow::{Context, Result, ensure};

use crate::caption;
use crate::capture::Segment;
use crate::events::{Event, Kind, Outcome, Readiness, Thread, threads};
use crate::recording::{Arrow, BULK, Call, Mark, Recording, Shown, Source, Step, Terminal};
use crate::stage::Run;

/// What a recording is about, beyond what every recording shows.
#[derive(Clone, Copy, Default)]
pub struct About {
    /// Which times to tell of, where it is not all, and what happens then. What happened between
    /// these is left out.
    pub only: Option<Only>,
    /// How much time passes between segments.
    pub times: bool,
}

/// A time of which a recording tells, and what happens then.
pub type Told = (Range<f64>, &'static str);

/// Finds the times to tell of among all segments.
pub type Only = fn(&[Segment]) -> Result<Vec<Told>>;

/// A call that returned, in its place in time.
struct Returned<'a> {
    time: f64,
    thread: usize,
    event: &'a Event,
}

/// Where an arrow is: the step, and which of its arrows.
type Place = (usize, usize);

struct Merge<'a> {
    run: &'a Run,
    /// The times to tell of, unless it is all.
    told_times: Vec<Told>,
    /// Whether to tell how much time passes between segments.
    times: bool,
    threads: Vec<Thread>,
    /// Which terminal a port belongs to.
    owners: HashMap<u16, usize>,
    /// What a port is shown as.
    shown_as: BTreeMap<u16, u16>,
    steps: Vec<Step>,
    /// For each step the thread that it is about.
    about_thread: Vec<Option<usize>>,
    /// The index of the first step after the last action.
    recent: usize,
    /// The index of the first step after the last that is not bulk: what is alike is told together
    /// only as long as nothing else happens.
    bulk: usize,
    /// For each thread, when the call began that has been told last.
    told: HashMap<usize, f64>,
    /// The segments behind the arrows, and where those are; an arrow may stand for several.
    drawn: Vec<(Segment, Place)>,
    /// For steps that have one, the arrow that made their call return.
    causes: HashMap<usize, Place>,
    /// The files whose lines are marked.
    files: Vec<String>,
    /// What has arrived at an nc, as far as it has not been shown.
    arriving: HashMap<usize, Vec<u8>>,
}

/// Tells what happened in `run`.
pub fn recording(run: &Run, made_by: &str, about: About) -> Result<Recording> {
    let mut all = Vec::new();
    for (number, terminal) in (1..).zip(&run.terminals) {
        if let Some(traced) = &terminal.traced {
            let mut threads = threads(number, traced, &run.segments)?;
            for thread in threads.iter_mut().filter(|_| traced.exited.is_some()) {
                let exit = traced.exited.as_ref().map(|(time, _)| *time);
                thread.ended = thread.ended.into_iter().chain(exit).reduce(f64::min);
            }
            all.extend(threads);
        }
        if let Some(peer) = all.iter_mut().find(|thread| thread.name == "peer") {
            if terminal.is_an_end {
                peer.terminal = number;
            }
        }
    }
    let owners = owners(run, &all);
    for port in run.segments.iter().flat_map(|segment| [segment.from, segment.to]) {
        ensure!(
            owners.contains_key(&port),
            "a segment has port {port}, which no program called for"
        );
    }
    let only = about.only.map(|only| only(&run.segments)).transpose()?;
    let told_times = only.unwrap_or_default();
    let mut merge = Merge {
        run,
        times: about.times,
        owners,
        shown_as: shown_as(run, &told_times),
        told_times,
        steps: Vec::new(),
        about_thread: Vec::new(),
        recent: 0,
        bulk: 0,
        told: HashMap::new(),
        drawn: Vec::new(),
        causes: HashMap::new(),
        files: files(&all),
        arriving: HashMap::new(),
        threads: all,
    };
    for thread in &mut merge.threads {
        let port = thread.name.trim_start_matches("to ").to_string();
        if let Some(shown) = port.parse().ok().and_then(|port| merge.shown_as.get(&port)) {
            thread.name = thread.name.replace(&port, &shown.to_string());
        }
    }
    merge.tell();
    let mut steps = merge.steps;
    let terminals = terminals(run, &merge.owners, &merge.shown_as);
    let sources = sources(&merge.files, &steps)?;
    only_changes(&mut steps);
    Ok(Recording { made_by: made_by.into(), terminals, sources, steps })
}

impl Merge<'_> {
    fn tell(&mut self) {
        let threads = std::mem::take(&mut self.threads);
        let returned = self.returned(&threads);
        let mut owned: HashMap<usize, usize> = HashMap::new(); // segment -> call
        for (index, segment) in self.run.segments.iter().enumerate() {
            let causes = returned.iter().enumerate().filter(|(_, one)| one.event.caused(segment));
            let cause =
                causes.max_by(|(_, one), (_, two)| one.event.start.total_cmp(&two.event.start));
            owned.extend(cause.map(|(cause, _)| (index, cause)));
        }
        // They are sorted by their times. What is said about a time comes before what happens then.
        let notes = self.told_times.iter().map(|(told, what)| (told.start, Item::Note(what)));
        let mut items: Vec<(f64, Item)> = notes.collect();
        items.extend(
            self.run.actions.iter().enumerate().map(|(i, action)| (action.time, Item::Action(i))),
        );
        items.extend(
            returned.iter().enumerate().map(|(i, returned)| (returned.time, Item::Call(i))),
        );
        for (index, thread) in threads.iter().enumerate() {
            items.extend(
                (0..thread.printed.len()).map(|i| (thread.printed[i].time, Item::Print(index, i))),
            );
        }
        for (index, terminal) in self.run.terminals.iter().enumerate() {
            let exited = terminal.traced.as_ref().and_then(|traced| traced.exited.as_ref());
            items.extend(exited.map(|(time, _)| (*time, Item::Exit(index))));
        }
        for (index, segment) in self.run.segments.iter().enumerate() {
            if !owned.contains_key(&index) {
                items.push((segment.time, Item::Segment(index)));
            }
        }
        items.retain(|(time, item)| {
            let told = |(told, _): &Told| told.contains(time);
            matches!(item, Item::Action(_))
                || self.told_times.is_empty()
                || self.told_times.iter().any(told)
        });
        items.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (time, item) in items {
            match item {
                Item::Action(index) => {
                    self.quiet(time - 0.001, &threads);
                    let action = &self.run.actions[index];
                    let caption = action.caption.clone();
                    let mut step = Step { caption, is_action: true, ..Step::default() };
                    if !action.echo.is_empty() {
                        let text = action.echo.clone();
                        step.screen.push(Shown {
                            terminal: action.terminal,
                            text,
                            by: None,
                            typed: true,
                        });
                    }
                    step.threads = self.marks(time, &threads, None);
                    self.steps.push(step);
                    self.about_thread.push(None);
                    self.recent = self.steps.len();
                }
                Item::Call(index) => {
                    let segments: Vec<usize> = (0..self.run.segments.len())
                        .filter(|segment| owned.get(segment) == Some(&index))
                        .collect();
                    self.call(&returned[index], &segments, &threads);
                }
                Item::Note(what) => self.say(what.into(), time, &threads),
                Item::Exit(index) => {
                    let traced = self.run.terminals[index].traced.as_ref();
                    let status = traced.and_then(|traced| traced.exited.as_ref());
                    let status = status.map_or("", |(_, status)| status);
                    self.say(caption::of_exit(index + 1, status), time, &threads);
                }
                Item::Print(thread, index) => self.print(time, thread, index, &threads),
                Item::Segment(index) => {
                    if self.times {
                        self.pause(index, &threads);
                    }
                    self.draw(index, self.steps.len().saturating_sub(1));
                }
            }
        }
        self.quiet(self.run.end, &threads);
        // Arrows are numbered through the whole recording, from 1.
        for (step, (at, number)) in std::mem::take(&mut self.causes) {
            let before: usize = self.steps[..at].iter().map(|step| step.wire.len()).sum();
            self.steps[step].because = Some(before + number + 1);
        }
        for step in &mut self.steps {
            step.caption = caption::with_segments(&step.caption, step);
        }
        self.threads = threads;
    }

    /// A step in which no call of a program returns.
    fn say(&mut self, caption: String, time: f64, threads: &[Thread]) {
        let threads = self.marks(time, threads, None);
        self.steps.push(Step { caption, threads, ..Step::default() });
        self.about_thread.push(None);
        self.bulk = self.steps.len();
    }

    /// The calls that returned, each in its place in time. What is sent can be received before the
    /// sender's call has returned, so sending counts from the moment when it is on the wire.
    fn returned<'a>(&self, threads: &'a [Thread]) -> Vec<Returned<'a>> {
        let mut all = Vec::new();
        for (thread, index) in threads.iter().zip(0..) {
            for event in thread.calls.iter().filter(|event| event.kind != Kind::Wait) {
                let Some(end) = event.end else { continue };
                let sent: Vec<&Segment> =
                    self.run.segments.iter().filter(|segment| event.caused(segment)).collect();
                let is_listener = event.ports.1.is_none();
                let closes = !sent.is_empty() || is_listener || self.closes_later(event, threads);
                if event.kind == Kind::Close && !closes {
                    continue; // another handle of the socket is still there
                }
                let time = match (event.kind, sent.first(), sent.last()) {
                    (Kind::Connect, _, Some(last)) => last.time,
                    (_, Some(first), _) if !event.waited_for_room => first.time,
                    _ => end,
                };
                all.push(Returned { time, thread: index, event });
            }
        }
        all
    }

    /// Whether a close that sends nothing is the last of its socket all the same: the kernel has bytes
    /// to send first, and sends the FIN behind them.
    fn closes_later(&self, event: &Event, threads: &[Thread]) -> bool {
        let mut calls = threads.iter().flat_map(|thread| &thread.calls);
        let again = |other: &Event| {
            other.kind == Kind::Close && other.ports == event.ports && other.start > event.start
        };
        let (own, peer) = event.ports;
        let ours = |one: &&Segment| {
            (Some(one.from), Some(one.to)) == (own, peer) && one.flags.contains('F')
        };
        let fin = self.run.segments.iter().find(ours);
        fin.is_some_and(|fin| fin.time > event.start) && !calls.any(again)
    }

    fn call(&mut self, returned: &Returned, segments: &[usize], threads: &[Thread]) {
        let several = self.several_programs();
        let peer = returned.event.ports.1.and_then(|port| self.shown_as.get(&port).copied());
        let thread = &threads[returned.thread];
        let event = returned.event;
        let call = Call {
            terminal: thread.terminal,
            thread: thread.name.clone(),
            source: self.source(&event.place.0),
            line: event.place.1,
            name: event.name().to_string(),
            within: event.within.clone().filter(|within| within != event.name()),
            value: self.value(&event.outcome),
            times: None,
        };
        self.told.insert(returned.thread, event.start);
        let marks = self.marks(returned.time, threads, Some((returned.thread, &call)));
        let alike = |other: &Call| is_bulk(other) && is_alike(other, &call);
        let more = |step: &Step| !is_zero(&call) && step.calls.iter().any(alike);
        let first = self.recent.max(self.bulk).min(self.steps.len());
        let again = self.steps[first..].iter().rposition(more);
        if let Some(index) = again.map(|index| first + index).filter(|_| !event.waited_for_room) {
            // More of what goes on already: it is told where it began.
            add_call(&mut self.steps[index], &call);
            self.steps[index].caption =
                caption::of_calls(&self.steps[index].calls, event, peer, several);
            for segment in segments {
                self.draw(*segment, index);
            }
            return;
        }
        let because = self.cause(event, thread.terminal, returned.time);
        self.causes.extend(because.map(|because| (self.steps.len(), because)));
        let is_bulk = is_bulk(&call) && !event.waited_for_room;
        self.steps.push(Step { calls: vec![call], threads: marks, ..Step::default() });
        self.about_thread.push(Some(returned.thread));
        for segment in segments {
            self.draw(*segment, self.steps.len() - 1);
        }
        let because = match event.kind {
            Kind::Connect => self.cause(event, thread.terminal, returned.time + 1e-6),
            _ => None,
        };
        let last = self.steps.len() - 1;
        self.causes.extend(because.map(|because| (last, because)));
        self.steps[last].caption = match (event.kind, &event.outcome, self.causes.get(&last)) {
            (Kind::Read, Outcome::Bytes(0), None) => {
                caption::of_own_end(&self.steps[last].calls[0])
            }
            _ => caption::of_calls(&self.steps[last].calls, event, peer, several),
        };
        if !is_bulk {
            self.bulk = self.steps.len();
        }
    }

    /// The arrow that made a call return.
    fn cause(&self, event: &Event, terminal: usize, time: f64) -> Option<Place> {
        let (own, peer) = match (&event.outcome, event.kind) {
            (Outcome::Client(port), _) => (event.ports.0, Some(*port)),
            _ => event.ports,
        };
        let to_us = |segment: &Segment| {
            Some(segment.to) == own && Some(segment.from) == peer && segment.time <= time
        };
        let is_it = |segment: &Segment| match (event.kind, &event.outcome) {
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
        };
        if let Outcome::Ready(1.., Readiness::Input) = event.outcome {
            return self.news(event, terminal, time);
        }
        let mut drawn = self.drawn.iter().filter(|(segment, _)| to_us(segment) && is_it(segment));
        let found = match event.kind {
            Kind::Accept => drawn.next(),
            _ => drawn.next_back(),
        };
        found.map(|(_, arrow)| *arrow)
    }

    /// The arrow that made a socket ready: the last that brings a client, bytes, or an end. Where it
    /// has come before the wait, it is no news.
    fn news(&self, event: &Event, terminal: usize, time: f64) -> Option<Place> {
        let ours = |segment: &Segment| {
            self.owners.get(&segment.to) == Some(&terminal)
                && (event.start..=time).contains(&segment.time)
        };
        let handshake = |segment: &Segment| {
            let of_it = |other: &&Segment| other.from == segment.from && other.flags == ".";
            self.run.segments.iter().find(of_it).is_some_and(|first| first.time == segment.time)
        };
        let is_news = |segment: &Segment| {
            !segment.data.is_empty() || segment.flags.contains(['F', 'R']) || handshake(segment)
        };
        let mut drawn = self.drawn.iter().filter(|(segment, _)| ours(segment) && is_news(segment));
        drawn.next_back().map(|(_, arrow)| *arrow)
    }

    fn print(&mut self, time: f64, thread: usize, index: usize, threads: &[Thread]) {
        let printed = &threads[thread].printed[index];
        let text = self.mask(&String::from_utf8_lossy(&printed.text));
        let by = printed.place.as_ref();
        let by = by.map(|(file, line)| (threads[thread].name.clone(), self.source(file), *line));
        let shown = Shown { terminal: threads[thread].terminal, text, by, typed: false };
        // It belongs to what this thread has done last, even if others have done something since.
        let recent = &self.about_thread[self.recent.min(self.about_thread.len())..];
        let own =
            recent.iter().rposition(|about| *about == Some(thread)).map(|at| at + self.recent);
        // Unless it has waited for another thread since.
        let told = self.told.get(&thread).copied().unwrap_or(0.0);
        let waited = threads[thread].calls.iter().rfind(|event| {
            let since = event.start > told && event.end.is_some_and(|end| end <= time);
            event.kind == Kind::Wait && since && event.waited()
        });
        let own = own.filter(|_| waited.is_none());
        let starts = threads[thread].calls.first().is_none_or(|call| call.start > time);
        if let Some(index) = own.or(starts.then_some(self.recent.saturating_sub(1))) {
            self.steps[index].screen.push(shown);
            return;
        }
        let after = waited.and_then(|event| event.within.as_deref());
        let caption = caption::of_print(&threads[thread].name, threads[thread].terminal, after);
        let threads_now = self.marks(time, threads, None);
        self.steps.push(Step {
            caption,
            screen: vec![shown],
            threads: threads_now,
            ..Step::default()
        });
        self.about_thread.push(Some(thread));
    }

    /// A step in which, after a time that a person notices, a kernel sends something by itself.
    fn pause(&mut self, index: usize, threads: &[Thread]) {
        let time = self.run.segments[index].time;
        let before = index.checked_sub(1).map_or(0.0, |before| self.run.segments[before].time);
        if time - before > 0.02 {
            let caption = caption::of_pause(time - before);
            let threads = self.marks(time, threads, None);
            self.steps.push(Step { caption, threads, ..Step::default() });
            self.about_thread.push(None);
        }
    }

    /// Draws an arrow in a step, or makes one that is there stand for one segment more.
    fn draw(&mut self, index: usize, at: usize) {
        let segment = &self.run.segments[index];
        let pair = |one: &Segment| (one.from.min(one.to), one.from.max(one.to));
        let mut drawn = self.drawn.iter().rev().map(|(other, _)| other);
        let before = drawn.find(|other| pair(other) == pair(segment)).map(|one| one.time);
        let (Some(from), Some(to)) = (self.owners.get(&segment.from), self.owners.get(&segment.to))
        else {
            return;
        };
        let (from, to) = (*from, *to);
        let connects = |port: u16| {
            self.run.segments.iter().any(|other| other.flags == "S" && other.from == port)
        };
        let client = if connects(segment.from) { segment.from } else { segment.to };
        let does_not_read = matches!(self.run.terminals[from - 1].netcat, Some((_, false)));
        let arrow = Arrow {
            from,
            to,
            connection: self.shown_as.get(&client).copied().unwrap_or(client),
            flags: segment.flags.clone(),
            bytes: segment.data.len(),
            data: self.data(&segment.data),
            times: None,
            window: does_not_read.then_some(segment.window),
            after_ms: before
                .filter(|_| self.times)
                .map(|before| ((segment.time - before) * 10_000.0).round() / 10.0),
        };
        let netcat = self.run.terminals[to - 1].netcat;
        if netcat.is_some_and(|(_, shows)| shows) && !segment.data.is_empty() {
            let text = self.arrived(to, &segment.data);
            // Bulk is shown as dots, once.
            let dots = segment.data.len() >= BULK;
            let text = if dots { "…\n".to_string() } else { self.mask(&text) };
            let step = self.steps.get_mut(at);
            let again = |step: &Step| dots && step.screen.iter().any(|shown| shown.text == text);
            if let Some(step) = step.filter(|step| !again(step)) {
                step.screen.push(Shown { terminal: to, text, by: None, typed: false });
            }
        }
        let Some(step) = self.steps.get_mut(at) else { return };
        let bulk = step.calls.iter().any(|call| call.times.is_some())
            || step.wire.iter().any(|other| other.bytes >= BULK && other.times.is_some());
        let is_like_it = |other: &Arrow| {
            (other.from, other.to, other.connection) == (from, to, arrow.connection)
                && ((other.bytes >= BULK && arrow.bytes > 0 && !arrow.flags.contains(['F', 'R']))
                    || ((bulk || other.window.is_some() && other.window == arrow.window)
                        && other.is_pure_acknowledgement()
                        && arrow.is_pure_acknowledgement()))
        };
        let number = match step.wire.iter().rposition(is_like_it) {
            Some(number) => {
                let other = &mut step.wire[number];
                other.times = Some(other.times.unwrap_or(1) + 1);
                other.bytes += arrow.bytes;
                other.data.clear();
                other.window = arrow.window;
                number
            }
            None => {
                step.wire.push(arrow);
                step.wire.len() - 1
            }
        };
        self.drawn.push((segment.clone(), (at, number)));
    }

    /// What an nc can show, now that `data` has arrived: no terminal shows half a character.
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

    /// A step in which nothing happens but waiting, if anything has happened since the last.
    fn quiet(&mut self, time: f64, threads: &[Thread]) {
        let marks = self.marks(time, threads, None);
        let Some(last) = self.steps.last() else { return };
        let waiting: Vec<Mark> = marks.iter().filter(|mark| mark.waits).cloned().collect();
        if last.threads == marks || waiting.is_empty() {
            return;
        }
        let caption = caption::of_quiet(&waiting, self.several_programs());
        self.steps.push(Step { caption, threads: marks, ..Step::default() });
        self.about_thread.push(None);
    }

    /// Where each thread stands at a time. `returned` is the call that has just returned, and its
    /// thread.
    fn marks(&self, time: f64, threads: &[Thread], returned: Option<(usize, &Call)>) -> Vec<Mark> {
        let mut marks = Vec::new();
        for (index, thread) in threads.iter().enumerate() {
            let (terminal, name) = (thread.terminal, thread.name.clone());
            if let Some((_, call)) = returned.filter(|(thread, _)| *thread == index) {
                let text = format!("{} → {}", call.name, call.value);
                marks.push(Mark {
                    terminal,
                    thread: name,
                    source: call.source,
                    line: call.line,
                    call: text,
                    waits: false,
                });
                continue;
            }
            if thread.ended.is_some_and(|ended| ended <= time) {
                continue;
            }
            let begun = thread.calls.iter().rev().find(|event| event.start <= time);
            let Some(event) = begun else { continue };
            // What has been told of as returned does not wait any more.
            let told = self.told.get(&index) == Some(&event.start);
            let waits = !told && event.end.is_none_or(|end| end > time);
            let call = match (event.kind, &event.within) {
                (Kind::Wait, Some(within)) => within.clone(),
                (Kind::Wait, None) => continue,
                _ => event.name().to_string(),
            };
            marks.push(Mark {
                terminal,
                thread: name,
                source: self.source(&event.place.0),
                line: event.place.1,
                call,
                waits,
            });
        }
        marks
    }

    fn several_programs(&self) -> bool {
        self.run.terminals.iter().filter(|terminal| terminal.traced.is_some()).count() > 1
    }

    fn source(&self, file: &str) -> usize {
        self.files.iter().position(|other| other == file).unwrap_or(0)
    }

    fn value(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Done => "ok".into(),
            Outcome::Bytes(count) | Outcome::Ready(count, _) => count.to_string(),
            Outcome::Client(port) => self.shown_as.get(port).unwrap_or(port).to_string(),
            Outcome::Failed(error) => error.clone(),
        }
    }

    /// What a segment carries, if a person can read that.
    fn data(&self, bytes: &[u8]) -> String {
        match std::str::from_utf8(bytes) {
            _ if bytes.len() > 100 => String::new(),
            Ok(text) => self.mask(text),
            Err(_) => bytes
                .iter()
                .map(|byte| format!("{byte:02x} "))
                .collect::<String>()
                .trim_end()
                .into(),
        }
    }

    fn mask(&self, text: &str) -> String {
        let mut masked = String::new();
        let mut digits = String::new();
        for character in text.chars().chain(['\0']) {
            if character.is_ascii_digit() {
                digits.push(character);
                continue;
            }
            let port = digits.parse().ok().and_then(|port: u16| self.shown_as.get(&port));
            masked += &port.map_or(std::mem::take(&mut digits), u16::to_string);
            digits.clear();
            masked.push(character);
        }
        masked.trim_end_matches('\0').to_string()
    }
}

enum Item {
    Action(usize),
    Call(usize),
    Print(usize, usize),
    Segment(usize),
    Note(&'static str),
    /// The program in the terminal with this index has ended.
    Exit(usize),
}

fn is_bulk(call: &Call) -> bool {
    let moves_bytes = matches!(call.name.as_str(), "read" | "write");
    moves_bytes && call.value.parse().is_ok_and(|bytes: usize| bytes >= BULK)
}

fn is_zero(call: &Call) -> bool {
    call.value.parse::<usize>().unwrap_or(0) == 0
}

fn is_alike(one: &Call, other: &Call) -> bool {
    (one.terminal, &one.thread, one.source, one.line, &one.name)
        == (other.terminal, &other.thread, other.source, other.line, &other.name)
}

/// Adds a call to those that are alike.
fn add_call(step: &mut Step, call: &Call) {
    match step.calls.iter_mut().find(|other| is_alike(other, call)) {
        Some(other) => {
            other.times = Some(other.times.unwrap_or(1) + 1);
            let sum =
                |one: &str, two: &str| Some(one.parse::<u64>().ok()? + two.parse::<u64>().ok()?);
            other.value =
                sum(&other.value, &call.value).map_or(call.value.clone(), |sum| sum.to_string());
        }
        None => step.calls.push(call.clone()),
    }
}

/// Which terminal each port belongs to.
fn owners(run: &Run, threads: &[Thread]) -> HashMap<u16, usize> {
    let mut owners = HashMap::new();
    for (number, terminal) in (1..).zip(&run.terminals) {
        owners.extend(terminal.netcat.map(|(port, _)| (port, number)));
        for call in terminal.traced.iter().flat_map(|traced| &traced.threads).flat_map(|t| &t.calls)
        {
            owners.extend(
                call.ports().filter(|(port, _)| *port != 0).map(|(port, _)| (port, number)),
            );
            // A socket that connects: what went over the wire meanwhile tells its port.
            if call.name == "connect" {
                let during = call.start..call.latest;
                let syn = |segment: &&Segment| {
                    segment.flags == "S"
                        && during.contains(&segment.time)
                        && call.address_port() == Some(segment.to)
                };
                owners.extend(run.segments.iter().find(syn).map(|segment| (segment.from, number)));
            }
        }
    }
    let own_end = run.terminals.iter().position(|terminal| terminal.is_an_end);
    for segment in run.segments.iter().filter(|segment| segment.flags == "S") {
        owners.extend(own_end.map(|index| (segment.to, index + 1)));
    }
    // The threads come last: one of them may have a place of its own.
    for thread in threads {
        for event in thread.calls.iter().filter(|_| own_end.is_none()) {
            owners.extend(event.ports.0.map(|port| (port, thread.terminal)));
        }
    }
    owners
}

/// The ports that the system chose are shown as 50001 and so on, in the order in which they appear.
fn shown_as(run: &Run, told_times: &[Told]) -> BTreeMap<u16, u16> {
    let told = |segment: &&Segment| match told_times {
        [] => segment.flags == "S",
        _ => told_times.iter().any(|(told, _)| told.contains(&segment.time)),
    };
    let mut shown = BTreeMap::new();
    for segment in run.segments.iter().filter(told) {
        for port in [segment.to, segment.from] {
            let next = 50001 + shown.len() as u16;
            if port > 10_000 {
                shown.entry(port).or_insert(next);
            }
        }
    }
    shown
}

fn terminals(
    run: &Run,
    owners: &HashMap<u16, usize>,
    shown_as: &BTreeMap<u16, u16>,
) -> Vec<Terminal> {
    let mut terminals = Vec::new();
    for (number, ended) in (1..).zip(&run.terminals) {
        let mut ports: Vec<u16> =
            owners.iter().filter(|(_, owner)| **owner == number).map(|(port, _)| *port).collect();
        ports.retain(|port| *port < 10_000 || shown_as.contains_key(port));
        ports.sort_by_key(|port| *shown_as.get(port).unwrap_or(port));
        let port = ports.first().map(|port| *shown_as.get(port).unwrap_or(port));
        let port = ports.iter().find(|port| **port < 10_000).copied().or(port);
        terminals.push(Terminal { title: ended.title.clone(), port });
    }
    terminals
}

/// Leaves of each step's marks those that are not as they were in the step before.
fn only_changes(steps: &mut [Step]) {
    let mut before: Vec<Mark> = Vec::new();
    for step in steps {
        let now = step.threads.clone();
        step.threads.retain(|mark| !before.contains(mark));
        let stands = |mark: &Mark| {
            now.iter().any(|other| (other.terminal, &other.thread) == (mark.terminal, &mark.thread))
        };
        let gone = before.iter().filter(|mark| !stands(mark));
        step.ended = gone.map(|mark| (mark.terminal, mark.thread.clone())).collect();
        before = now;
    }
}

/// The files in which a call or a print of a thread is.
fn files(threads: &[Thread]) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for thread in threads {
        for event in &thread.calls {
            if !files.contains(&event.place.0) {
                files.push(event.place.0.clone());
            }
        }
    }
    files.sort_by_key(|file| !file.ends_with("/main.rs"));
    files
}

fn sources(files: &[String], steps: &[Step]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let marks = steps.iter().flat_map(|step| &step.threads);
        let marks = marks.filter(|mark| mark.source == index).map(|mark| mark.line);
        let prints =
            steps.iter().flat_map(|step| &step.screen).filter_map(|shown| shown.by.as_ref());
        let prints = prints.filter(|(_, source, _)| *source == index).map(|(_, _, line)| *line);
        let marked: Vec<u32> = marks.chain(prints).collect();
        let text = fs::read_to_string(harness::repository().join(file))
            .with_context(|| format!("cannot read {file}"))?;
        sources.push(Source { file: file.clone(), lines: shown_lines(&text, &marked) });
    }
    Ok(sources)
}

/// The lines without the anchors of the book, as far as they belong to items of the program in
/// which a thread ever stands.
fn shown_lines(text: &str, marked: &[u32]) -> Vec<(u32, String)> {
    let lines: Vec<(u32, &str)> =
        (1..).zip(text.lines()).filter(|(_, line)| !line.trim().starts_with("// ANCHOR")).collect();
    let mut items: Vec<Vec<(u32, String)>> = vec![Vec::new()];
    let mut after_blank = false;
    for (number, line) in lines {
        let begins = after_blank && !line.is_empty() && !line.starts_with([' ', '}', ')']);
        if begins {
            items.push(Vec::new());
        }
        after_blank = line.is_empty();
        if let Some(item) = items.last_mut() {
            item.push((number, line.to_string()));
        }
    }
    items.retain(|item| item.iter().any(|(number, _)| marked.contains(number)));
    let mut shown = items.concat();
    while shown.last().is_some_and(|(_, line)| line.is_empty()) {
        shown.pop();
    }
    shown
}
