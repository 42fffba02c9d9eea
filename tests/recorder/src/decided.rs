//! Finds the part of a recording that the programs decide, which is the same whenever and wherever
//! it is recorded.
//!
//! Somebody at a terminal acts only when everything is quiet, so the programs decide what happens
//! in a scene, that is, from one action to the next. But they do not decide in which order their
//! threads act, in how many pieces bytes arrive, or how long anything takes. So each thread and
//! each direction of each connection is listed by itself, in a normal form:
//!
//! - A scene has one entry for each line of the program at which the thread called something, in
//!   the order in which the thread first came there. The bytes that it has read there are added up,
//!   what it has printed there is joined, and any other outcome is listed once.
//! - The bytes of each write are listed, because the program decides them. But when a buffer is full,
//!   the kernel cuts writes, and ends them with one error or another. So a line that has moved
//!   [`BULK`] bytes or more has moved `many`, in whatever calls. When a thread waits in a write at the
//!   end of a scene, how many writes have returned there before is left out.
//! - The bytes that were sent in one direction are joined, however they were cut into segments.
//!   Acknowledgements are left out.
//! - Which of a program's threads closes a socket or prints a line is left out.
//! - A thread waits somewhere at the end of a scene. Where it waited before, for a lock or for its
//!   turn, is left out.
//! - A sentence that only says something about what has happened is listed, because it is the
//!   scenario's. All other sentences say in words what the rest of their step says.
//!
//! The text of the program's lines is left out as well, because it can be compared without a run.

use std::collections::BTreeMap;

use crate::recording::{Arrow, BULK, Call, Mark, Recording, Shown, Step};

/// The facts that are decided, by the scene and the thread, connection or terminal that they are
/// about.
pub type Decided = BTreeMap<String, Vec<String>>;

impl Recording {
    /// Returns what the programs decide.
    pub fn decided(&self) -> Decided {
        let titles = self.terminals.iter().map(|terminal| terminal.title.clone());
        let mut decided = Decided::from([("terminals".to_string(), titles.collect())]);
        let mut standing = Standing::new();
        for (number, steps) in (1..).zip(self.steps.chunk_by(|_, next| !next.is_action)) {
            let scene = Scene { recording: self, steps };
            scene.moves(&mut standing);
            let mut facts = scene.threads(&standing);
            facts.extend(scene.wires());
            facts.extend(scene.terminals());
            facts.extend(scene.note());
            let title = scene.title(number);
            let about = |(what, facts)| (format!("{title}, {what}"), facts);
            decided.extend(facts.into_iter().map(about));
        }
        decided
    }
}

/// The mark of each thread, by its terminal and its name.
type Standing<'a> = BTreeMap<(usize, String), &'a Mark>;

/// The steps from one action to the next.
struct Scene<'a> {
    recording: &'a Recording,
    steps: &'a [Step],
}

impl<'a> Scene<'a> {
    /// Updates where each thread stands, up to the end of this scene.
    fn moves(&self, standing: &mut Standing<'a>) {
        for step in self.steps {
            for mark in &step.threads {
                standing.insert((mark.terminal, mark.thread.clone()), mark);
            }
            for ended in &step.ended {
                standing.remove(ended);
            }
        }
    }

    /// Returns what each thread called and printed, and where it waits at the end.
    fn threads(&self, standing: &Standing<'a>) -> Decided {
        let mut threads: BTreeMap<Who, Vec<AtALine>> = BTreeMap::new();
        for step in self.steps {
            for call in &step.calls {
                let who = match call.name.as_str() {
                    "close" => Who::Any(call.terminal),
                    _ => Who::Thread(call.terminal, &call.thread),
                };
                let within = call.within.as_ref().unwrap_or(&call.name);
                let what = What::Calls { within, name: &call.name };
                at(threads.entry(who).or_default(), (call.source, call.line), what).add(call);
            }
            for shown in &step.screen {
                let Some((_, source, line)) = &shown.by else { continue };
                let lines = threads.entry(Who::Any(shown.terminal)).or_default();
                at(lines, (*source, *line), What::Prints).printed += &shown.text;
            }
        }
        for mark in standing.values().filter(|mark| mark.waits) {
            let lines = threads.entry(Who::Thread(mark.terminal, &mark.thread)).or_default();
            let place = (mark.source, mark.line);
            if mark.call == "write" {
                lines.retain(|line| line.place != place);
            }
            lines.push(AtALine::new(place, What::Waits(&mark.call)));
        }
        let facts = |(who, lines): (Who, Vec<AtALine>)| {
            let mut facts: Vec<String> = lines.iter().map(|line| self.fact(line)).collect();
            match who {
                Who::Thread(terminal, name) => {
                    (format!("thread {name} in terminal {terminal}"), facts)
                }
                Who::Any(terminal) => {
                    facts.sort();
                    (format!("some thread in terminal {terminal}"), facts)
                }
            }
        };
        threads.into_iter().map(facts).collect()
    }

    /// Returns what was sent in each direction of each connection.
    fn wires(&self) -> Decided {
        let mut wires: BTreeMap<String, Sent> = BTreeMap::new();
        let arrows = self.steps.iter().flat_map(|step| &step.wire);
        for arrow in arrows.filter(|arrow| !arrow.is_pure_acknowledgement()) {
            let (from, to) = (arrow.from, arrow.to);
            let wire = format!("wire of {} from terminal {from} to {to}", arrow.connection);
            wires.entry(wire).or_default().add(arrow);
        }
        wires.into_iter().map(|(wire, sent)| (wire, vec![sent.fact()])).collect()
    }

    /// Returns what was typed, and what appears on the terminals without a line of a program
    /// printing it.
    fn terminals(&self) -> Decided {
        let mut terminals: BTreeMap<String, String> = BTreeMap::new();
        for shown in self.steps.iter().flat_map(|step| &step.screen) {
            let what = match shown {
                Shown { by: Some(_), .. } => continue,
                Shown { typed: true, .. } => "typed in",
                _ => "shown in",
            };
            let what = format!("{what} terminal {}", shown.terminal);
            *terminals.entry(what).or_default() += &shown.text;
        }
        // Which parts of bulk are shown as dots depends on how it was cut.
        let fact = |text: String| if text.contains('…') { "many".into() } else { text };
        terminals.into_iter().map(|(what, text)| (what, vec![fact(text)])).collect()
    }

    /// Returns the sentence of an action that only consists of a sentence, because nothing is typed
    /// or sent. Acknowledgements may arrive at any time.
    fn note(&self) -> Decided {
        let is_note = |step: &&Step| {
            step.is_action
                && step.screen.is_empty()
                && step.wire.iter().all(Arrow::is_pure_acknowledgement)
        };
        let note = self.steps.first().filter(is_note);
        note.map(|note| ("note".into(), vec![note.caption.clone()])).into_iter().collect()
    }

    /// Names the scene by its number and by what was typed when it began.
    fn title(&self, number: usize) -> String {
        let screen = self.steps.first().map_or(&[][..], |action| &action.screen);
        match screen.iter().find(|shown| shown.typed) {
            Some(typed) => format!("scene {number:2} ({:?})", typed.text),
            None => format!("scene {number:2}"),
        }
    }

    /// Returns what a thread did at a line, in words.
    fn fact(&self, line: &AtALine) -> String {
        let (source, number) = line.place;
        let file = self.recording.sources.get(source).map_or("", |source| &source.file);
        let place = format!("{}:{number}", file.rsplit('/').next().unwrap_or(file));
        match line.what {
            What::Calls { within, name } => {
                format!("{place}: {within}: {name} = {}", line.outcome())
            }
            What::Prints => format!("{place}: prints = {}", line.outcome()),
            What::Waits(call) => format!("{place}: waits in {call}"),
        }
    }
}

/// The thread that did something, with the number of its terminal.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Who<'a> {
    Thread(usize, &'a str),
    /// Any thread that closes or prints, in no order: if two threads share a connection, the one
    /// that ends last closes it, and prints that.
    Any(usize),
}

/// The kind of action at a line of the program.
#[derive(Clone, Copy, PartialEq)]
enum What<'a> {
    Calls { within: &'a str, name: &'a str },
    Prints,
    Waits(&'a str),
}

/// The actions of a thread at one line.
struct AtALine<'a> {
    /// The index of the source, and the number of the line.
    place: (usize, u32),
    what: What<'a>,
    bytes: Vec<usize>,
    outcomes: Vec<String>,
    printed: String,
}

/// Returns the entry for a line, and creates it if the thread is there for the first time.
fn at<'a, 'b>(
    lines: &'b mut Vec<AtALine<'a>>,
    place: (usize, u32),
    what: What<'a>,
) -> &'b mut AtALine<'a> {
    let known = lines.iter().position(|other| (other.place, other.what) == (place, what));
    let index = known.unwrap_or(lines.len());
    if index == lines.len() {
        lines.push(AtALine::new(place, what));
    }
    &mut lines[index]
}

impl<'a> AtALine<'a> {
    fn new(place: (usize, u32), what: What<'a>) -> AtALine<'a> {
        let (bytes, outcomes, printed) = (Vec::new(), Vec::new(), String::new());
        AtALine { place, what, bytes, outcomes, printed }
    }

    fn add(&mut self, call: &Call) {
        match (call.name.as_str(), call.value.parse()) {
            ("read" | "write", Ok(bytes @ 1..)) => self.bytes.push(bytes),
            ("poll", _) => {} // how many sockets are ready at the same time is chance
            _ if self.outcomes.contains(&call.value) => {}
            _ => self.outcomes.push(call.value.clone()),
        }
    }

    fn outcome(&self) -> String {
        let (sum, end): (usize, _) = (self.bytes.iter().sum(), "0");
        let mut parts = match self.what {
            _ if sum >= BULK => vec!["many".to_string()],
            What::Calls { name: "read", .. } if sum > 0 => vec![sum.to_string()],
            _ => self.bytes.iter().map(usize::to_string).collect(),
        };
        parts.extend(self.outcomes.iter().filter(|one| sum < BULK || *one == end).cloned());
        if !self.printed.is_empty() {
            parts.push(format!("{:?}", measures_nothing(&self.printed)));
        }
        parts.join(" + ")
    }
}

/// The bytes and the end that one side of a connection sent.
#[derive(Default)]
struct Sent {
    flags: String,
    bytes: usize,
    data: String,
}

impl Sent {
    /// Adds a segment. Which segments carry PSH is chance, and so is whether the last bytes carry
    /// the FIN.
    fn add(&mut self, arrow: &Arrow) {
        let new = |flag: &char| !matches!(flag, 'P' | '.') && !self.flags.contains(*flag);
        let new: String = arrow.flags.chars().filter(new).collect();
        self.flags += &new;
        self.bytes += arrow.bytes;
        self.data += arrow.message.as_deref().unwrap_or_default();
        self.data += &arrow.data;
    }

    fn fact(&self) -> String {
        match self.bytes {
            0 if self.data.is_empty() => self.flags.clone(),
            BULK.. => format!("{} many bytes", self.flags),
            bytes => format!("{} {bytes} bytes {:?}", self.flags, self.data),
        }
    }
}

/// Returns the same text, with `#` instead of each number in lines that print a measurement.
fn measures_nothing(text: &str) -> String {
    let measured = ["timeout: ", "drain: ", "close: the socket", "disconnected "];
    let mut masked = String::new();
    for line in text.split_inclusive('\n') {
        let measures = measured.iter().any(|begin| line.starts_with(begin));
        for character in line.chars() {
            match character {
                '0'..='9' if measures && masked.ends_with('#') => {}
                '0'..='9' if measures => masked.push('#'),
                other => masked.push(other),
            }
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Source;

    /// Returns a scene in which a line arrives, is passed on, and is printed, and another thread
    /// closes its client's connection.
    fn a_line_is_passed_on() -> Vec<Step> {
        vec![
            Step { caption: "Terminal 2 sends a line.".into(), is_action: true, ..Step::default() },
            sent(2, 1, "P.", "hello\n"),
            call("50001", 30, "read", "6"),
            call("50001", 40, "write", "12"),
            sent(1, 3, "P.", "50001:hello\n"),
            call("50002", 50, "shutdown", "ok"),
            printed("50001", 41, "passed on\n"),
            waits("50001", 30, "read"),
            waits("50002", 60, "wait"),
        ]
    }

    /// Returns what is decided if the step at this index is replaced.
    fn with(index: usize, steps: impl IntoIterator<Item = Step>) -> Decided {
        let mut all = a_line_is_passed_on();
        all.splice(index..=index, steps);
        decided(all)
    }

    fn decided(steps: Vec<Step>) -> Decided {
        let source = Source { file: "lessons/a-room/src/main.rs".into(), lines: Vec::new() };
        Recording { steps, sources: vec![source], ..Recording::default() }.decided()
    }

    fn call(thread: &str, line: u32, name: &str, value: &str) -> Step {
        let (terminal, source, within, times) = (1, 0, None, None);
        let (thread, name, value) = (thread.into(), name.into(), value.into());
        let call = Call { terminal, thread, source, line, name, within, value, times };
        Step { calls: vec![call], ..Step::default() }
    }

    fn sent(from: usize, to: usize, flags: &str, data: &str) -> Step {
        let (bytes, flags, data) = (data.len(), flags.into(), data.into());
        let connection = 50001;
        let arrow = Arrow { from, to, connection, flags, bytes, data, ..Arrow::default() };
        Step { wire: vec![arrow], ..Step::default() }
    }

    fn printed(thread: &str, line: u32, text: &str) -> Step {
        let by = Some((thread.into(), 0, line));
        let shown = Shown { terminal: 1, text: text.into(), by, typed: false };
        Step { screen: vec![shown], ..Step::default() }
    }

    fn waits(thread: &str, line: u32, call: &str) -> Step {
        let (terminal, source, waits) = (1, 0, true);
        let mark = Mark { terminal, thread: thread.into(), source, line, call: call.into(), waits };
        Step { threads: vec![mark], ..Step::default() }
    }

    #[test]
    fn in_how_many_pieces_bytes_arrive_is_chance() {
        let once = decided(a_line_is_passed_on());
        assert_eq!(once, with(1, [sent(2, 1, ".", "hel"), sent(2, 1, "P.", "lo\n")]));
        let twice = [call("50001", 30, "read", "4"), call("50001", 30, "read", "2")];
        assert_eq!(once, with(2, twice));
        assert_eq!(once, with(6, [printed("50001", 41, "passed "), printed("50001", 41, "on\n")]));
        assert_eq!(once, with(4, [sent(1, 3, "P.", "50001:hello\n"), sent(3, 1, ".", "")]));
    }

    #[test]
    fn which_thread_comes_first_is_chance() {
        let mut other_way = a_line_is_passed_on();
        let mut shutdown = other_way.remove(5);
        shutdown.threads = waits("50001", 99, "lock").threads; // for a moment
        other_way.insert(2, shutdown);
        other_way.swap(7, 8);
        assert_eq!(decided(a_line_is_passed_on()), decided(other_way));
        let closes = |thread| with(5, [call(thread, 53, "close", "ok")]);
        assert_eq!(closes("50001"), closes("50002"));
        let prints = |thread| with(6, [printed(thread, 41, "passed on\n")]);
        assert_eq!(prints("50001"), prints("50002"));
    }

    #[test]
    fn how_bulk_is_cut_and_what_ends_it_is_chance() {
        let write = |value| call("50001", 40, "write", value);
        let sent = |length| sent(1, 3, ".", &".".repeat(length));
        let fits = with(3, [write("4000"), write("4000"), sent(8000)]);
        assert_eq!(fits, with(3, [write("4000"), write("17"), write("WouldBlock"), sent(4017)]));
        assert_eq!(fits, with(3, [write("1500"), sent(1000), sent(500), write("BrokenPipe")]));
        assert_ne!(fits, with(3, [write("WouldBlock"), sent(8000)]));
        let waits_in_write = || waits("50001", 40, "write");
        assert_eq!(with(7, [waits_in_write()]), with(7, [write("4000"), waits_in_write()]));
    }

    #[test]
    fn how_many_sockets_are_ready_at_the_same_time_is_chance() {
        let poll = |value| call("main", 70, "poll", value);
        assert_eq!(with(5, [poll("2")]), with(5, [poll("1"), poll("1"), poll("0")]));
        assert_ne!(with(5, [poll("2")]), with(5, []));
    }

    #[test]
    fn what_the_program_does_is_compared() {
        let changes = [
            ("another line", with(2, [call("50001", 31, "read", "6")])),
            ("another thread", with(2, [call("50002", 30, "read", "6")])),
            ("more bytes", with(2, [call("50001", 30, "read", "7")])),
            ("a write of fewer", with(3, [call("50001", 40, "write", "11")])),
            ("two writes", with(3, ["6", "6"].map(|half| call("50001", 40, "write", half)))),
            ("an error", with(3, [call("50001", 40, "write", "BrokenPipe")])),
            ("other data", with(4, [sent(1, 3, "P.", "50001:HELLO\n")])),
            ("to somebody else", with(4, [sent(1, 2, "P.", "50001:hello\n")])),
            ("a FIN", with(4, [sent(1, 3, "FP.", "50001:hello\n")])),
            ("no shutdown", with(5, [])),
            ("another text", with(6, [printed("50001", 41, "passed on!\n")])),
            ("printed elsewhere", with(6, [printed("50001", 42, "passed on\n")])),
            ("waits elsewhere", with(8, [waits("50002", 61, "wait")])),
            ("waits for something else", with(8, [waits("50002", 60, "join")])),
            ("does not wait", with(8, [])),
        ];
        for (what, change) in changes {
            assert_ne!(decided(a_line_is_passed_on()), change, "{what} is not noticed");
        }
        let mut write_first = a_line_is_passed_on();
        write_first.swap(2, 3);
        assert_ne!(decided(a_line_is_passed_on()), decided(write_first), "the order of one thread");
        let ends = Step { ended: vec![(1, "50002".into())], ..Step::default() };
        assert_ne!(decided(a_line_is_passed_on()), with(8, [waits("50002", 60, "wait"), ends]));
    }

    #[test]
    fn a_note_is_compared() {
        let action = |caption: &str, wire| {
            let (caption, is_action) = (caption.into(), true);
            [Step { caption, is_action, wire, ..Step::default() }]
        };
        let note = |caption| with(0, action(caption, Vec::new()));
        assert_ne!(note("It waits."), note("It does not wait."));
        let acknowledged = with(0, action("It waits.", sent(1, 2, ".", "").wire));
        assert_eq!(note("It waits."), acknowledged);
        let sends = |caption| with(0, action(caption, sent(2, 1, "P.", "hello\n").wire));
        assert_eq!(sends("It sends a line."), sends("It sends 6 bytes."));
    }

    #[test]
    fn a_message_is_compared() {
        let message = |head: &str, lines: &str| {
            let (flags, data, message) = ("P.".into(), lines.into(), Some(head.into()));
            let arrow = Arrow { from: 3, to: 4, flags, data, message, ..Arrow::default() };
            with(4, [Step { wire: vec![arrow], ..Step::default() }])
        };
        let said = || message("PUB chat.said.east", "hello\n");
        assert_eq!(said(), said());
        assert_ne!(said(), message("PUB chat.said.west", "hello\n"));
        assert_ne!(said(), message("PUB chat.said.east", "HELLO\n"));
        assert_ne!(message("stored as number 1", ""), message("stored as number 2", ""));
    }

    #[test]
    fn what_is_measured_is_not_compared() {
        let text = |text| with(6, [printed("50001", 41, text)]);
        assert_eq!(text("timeout: 100 ms\n"), text("timeout: 2048 ms\n"));
        assert_ne!(text("timeout: 100 ms\n"), text("timeout: 100 s\n"));
        assert_ne!(text("now online: 1\n"), text("now online: 2\n"));
    }
}
