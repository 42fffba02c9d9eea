//! What of a recording the programs decide: the same whenever and wherever it is recorded.
//!
//! Somebody at a terminal acts only when all is quiet, so the programs decide what happens in a
//! scene, from one action to the next. They do not decide in which order their threads do it, in how
//! many pieces bytes arrive, or how long anything takes. So each thread and each direction of each
//! connection is listed by itself, in one form:
//!
//! - A scene has one entry for each line of the program at which the thread called something, in
//!   the order in which the thread first came there. The bytes that it has read there are added up,
//!   what it has printed there is joined, and any other outcome is listed once.
//! - The bytes of each write are listed, because the program decides them. But when a buffer is full,
//!   the kernel cuts writes, and ends them with one error or another. So a line that has moved
//!   [`BULK`] bytes or more has moved `many`, in whatever calls.
//! - The bytes that were sent in one direction are joined, however they were cut into segments.
//!   Acknowledgements are left out.
//! - A thread waits somewhere at the end of a scene. Where it waited before, for a lock or for its
//!   turn, is left out.
//!
//! The text of the program's lines is left out as well: to compare it, nothing needs to run.

use std::collections::BTreeMap;

use crate::recording::{Arrow, BULK, Call, Mark, Recording, Shown, Step};

/// What is decided, by the scene and the thread, connection or terminal that it is about.
pub type Decided = BTreeMap<String, Vec<String>>;

impl Recording {
    /// What the programs decide.
    pub fn decided(&self) -> Decided {
        let titles = self.terminals.iter().map(|terminal| terminal.title.clone());
        let mut decided = Decided::from([("terminals".to_string(), titles.collect())]);
        let mut standing = BTreeMap::new();
        for (number, steps) in (1..).zip(self.steps.chunk_by(|_, next| !next.is_action)) {
            let scene = Scene { recording: self, steps };
            scene.moves(&mut standing);
            let mut facts = scene.threads();
            for mark in standing.values().filter(|mark| mark.waits) {
                let fact =
                    format!("{}: waits in {}", scene.place(mark.source, mark.line), mark.call);
                facts.entry(thread(mark.terminal, &mark.thread)).or_default().push(fact);
            }
            facts.extend(scene.wires());
            facts.extend(scene.terminals());
            let title = title(number, steps);
            let about = |(what, facts)| (format!("{title}, {what}"), facts);
            decided.extend(facts.into_iter().map(about));
        }
        decided
    }
}

/// What happens from one action to the next.
struct Scene<'a> {
    recording: &'a Recording,
    steps: &'a [Step],
}

impl<'a> Scene<'a> {
    /// Follows where each thread stands, to the end of this scene.
    fn moves(&self, standing: &mut BTreeMap<(usize, String), &'a Mark>) {
        for step in self.steps {
            for mark in &step.threads {
                standing.insert((mark.terminal, mark.thread.clone()), mark);
            }
            for ended in &step.ended {
                standing.remove(ended);
            }
        }
    }

    /// What each thread called and printed.
    fn threads(&self) -> Decided {
        let mut threads: BTreeMap<String, Vec<AtALine>> = BTreeMap::new();
        for step in self.steps {
            for call in &step.calls {
                // When two threads own a connection together, the one that ends last closes it.
                let who = match call.name.as_str() {
                    "close" => format!("{CLOSES}{}", call.terminal),
                    _ => thread(call.terminal, &call.thread),
                };
                let (place, name) = (self.place(call.source, call.line), &call.name);
                let within = call.within.as_ref().unwrap_or(name);
                let line = format!("{place}: {within}: {name}");
                at(threads.entry(who).or_default(), line).add(call);
            }
            for shown in &step.screen {
                let Some((name, source, line)) = &shown.by else { continue };
                let line = format!("{}: prints", self.place(*source, *line));
                let lines = threads.entry(thread(shown.terminal, name)).or_default();
                at(lines, line).printed += &shown.text;
            }
        }
        let facts = |(who, lines): (String, Vec<AtALine>)| {
            let mut facts: Vec<String> = lines.iter().map(AtALine::fact).collect();
            if who.starts_with(CLOSES) {
                facts.sort();
            }
            (who, facts)
        };
        threads.into_iter().map(facts).collect()
    }

    /// What was sent in each direction of each connection.
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

    /// What was typed, and what the terminals show that no line of a program has printed.
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

    fn place(&self, source: usize, line: u32) -> String {
        let file = self.recording.sources.get(source).map_or("", |source| &source.file);
        format!("{}:{line}", file.rsplit('/').next().unwrap_or(file))
    }
}

/// Names a scene by its number and its action: by what the caption says before it says more, which
/// may be measured.
fn title(number: usize, steps: &[Step]) -> String {
    let caption = steps.first().map_or("", |action| &action.caption);
    format!("scene {number:2} ({})", caption.split([':', '.']).next().unwrap_or_default())
}

fn thread(terminal: usize, name: &str) -> String {
    format!("thread {name} in terminal {terminal}")
}

/// How the entry begins that lists what a terminal's program closes.
const CLOSES: &str = "closes in terminal ";

/// What a thread did at one line.
#[derive(Default)]
struct AtALine {
    line: String,
    bytes: Vec<usize>,
    outcomes: Vec<String>,
    printed: String,
}

/// The entry for `line`, which is a new one when the thread comes there for the first time.
fn at(lines: &mut Vec<AtALine>, line: String) -> &mut AtALine {
    let index = lines.iter().position(|other| other.line == line).unwrap_or(lines.len());
    if index == lines.len() {
        lines.push(AtALine { line, ..AtALine::default() });
    }
    &mut lines[index]
}

impl AtALine {
    fn add(&mut self, call: &Call) {
        match (call.name.as_str(), call.value.parse()) {
            ("read" | "write", Ok(bytes @ 1..)) => self.bytes.push(bytes),
            ("poll", _) => {} // how many sockets are ready at the same time is chance
            _ if self.outcomes.contains(&call.value) => {}
            _ => self.outcomes.push(call.value.clone()),
        }
    }

    fn fact(&self) -> String {
        let (sum, end): (usize, _) = (self.bytes.iter().sum(), "0");
        let mut parts = match self.line.ends_with(": read") {
            _ if sum >= BULK => vec!["many".to_string()],
            true if sum > 0 => vec![sum.to_string()],
            _ => self.bytes.iter().map(usize::to_string).collect(),
        };
        parts.extend(self.outcomes.iter().filter(|one| sum < BULK || *one == end).cloned());
        if !self.printed.is_empty() {
            parts.push(format!("{:?}", measures_nothing(&self.printed)));
        }
        format!("{} = {}", self.line, parts.join(" + "))
    }
}

/// What one end of a connection sent.
#[derive(Default)]
struct Sent {
    flags: String,
    bytes: usize,
    data: String,
}

impl Sent {
    /// Which segments carry PSH is chance, and so is whether a FIN comes with the last bytes.
    fn add(&mut self, arrow: &Arrow) {
        let new = |flag: &char| !matches!(flag, 'P' | '.') && !self.flags.contains(*flag);
        let new: String = arrow.flags.chars().filter(new).collect();
        self.flags += &new;
        self.bytes += arrow.bytes;
        self.data += &arrow.data;
    }

    fn fact(&self) -> String {
        match self.bytes {
            0 => self.flags.clone(),
            BULK.. => format!("{} many bytes", self.flags),
            bytes => format!("{} {bytes} bytes {:?}", self.flags, self.data),
        }
    }
}

/// The same text, with a `#` for each number in lines that print a measurement.
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
