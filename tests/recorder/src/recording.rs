//! Defines a recording: a run of some programs, told step by step.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A run, as `book/player.js` plays it.
#[derive(Serialize, Deserialize, Default)]
pub struct Recording {
    /// The command that makes this recording again.
    pub made_by: String,
    /// The terminals, from left to right as they stand on the page.
    pub terminals: Vec<Terminal>,
    /// The programs whose lines are marked.
    pub sources: Vec<Source>,
    /// The events, in the order in which they happened.
    pub steps: Vec<Step>,
}

/// A terminal, and whatever runs in it: one end of the wire.
#[derive(Serialize, Deserialize, Clone)]
pub struct Terminal {
    /// The command that a person would type to start it.
    pub title: String,
    /// The port that identifies it on the wire, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether it is an end of the wire without a terminal. Then the title is the name of a program.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_only_an_end: bool,
}

/// A main.rs as the page shows it: without its anchors.
#[derive(Serialize, Deserialize, Clone)]
pub struct Source {
    /// The path from the root of the repository.
    pub file: String,
    /// The lines, each with its number in the file. Items in which no thread ever stands are left
    /// out.
    pub lines: Vec<(u32, String)>,
}

/// One event: what has happened, and how everything looks afterwards.
#[derive(Serialize, Deserialize, Default, Clone)]
pub struct Step {
    /// The event in a sentence or two.
    pub caption: String,
    /// Whether somebody at a terminal acts. Everything was quiet before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_action: bool,
    /// The call that returned, if any. Several similar calls are one entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// The arrow that made the call return: its number, counted through the recording from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<usize>,
    /// The text that appears on the terminals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub screen: Vec<Shown>,
    /// The segments that go over the wire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wire: Vec<Arrow>,
    /// The threads that have moved, or are in another state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<Mark>,
    /// The threads that have ended: the number of the terminal, and the name of the thread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<(usize, String)>,
}

/// A call that returned.
#[derive(Serialize, Deserialize, Clone, PartialEq)]
pub struct Call {
    /// The number of the terminal, from 1.
    pub terminal: usize,
    /// The book's name for the thread: `main`, `keyboard`, or the port of the client that it
    /// serves.
    pub thread: String,
    /// The index of the source that the line is in.
    pub source: usize,
    /// The number of the line in the file.
    pub line: u32,
    /// The system's name for the call, without the parts that only the system needs: `accept`,
    /// `read`.
    pub name: String,
    /// The name in that line of the source, if it differs: `write_all`, `copy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// The value that it returned: a number of bytes, a client's port, `ok`, or the name of an
    /// error.
    pub value: String,
    /// The number of similar calls that this stands for, if more than one. The value is their sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<usize>,
}

/// A piece of text on a terminal.
#[derive(Serialize, Deserialize, Clone)]
pub struct Shown {
    /// The number of the terminal, from 1.
    pub terminal: usize,
    /// The text as it appears, with a newline only if it was printed.
    pub text: String,
    /// The thread that printed it, with the index of the source and the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<(String, usize, u32)>,
    /// Whether a person typed it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub typed: bool,
}

/// A segment, or several similar ones.
#[derive(Serialize, Deserialize, Default, Clone, Debug)]
pub struct Arrow {
    /// The number of a terminal, from 1.
    pub from: usize,
    /// The number of a terminal, from 1.
    pub to: usize,
    /// The client's port of the connection, as the book shows it.
    pub connection: u16,
    /// The flags as tcpdump writes them: `S`, `S.`, `P.`, `.`, `F.`, `R`, `R.`.
    pub flags: String,
    /// The number of bytes of data that it carries.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: usize,
    /// Those bytes, if they are few: as text if they are text, or in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// The head of the message of NATS that it carries, such as `PUB chat.said.east`, or what the
    /// message says. Then `data` is the lines in the message, and `bytes` is left out, because a
    /// message has numbers in it that are chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The number of segments that this stands for, if more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<usize>,
    /// The number of bytes that the sender of this one has room for, if the sender does not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    /// The milliseconds since the previous arrow, if the recording is about times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<f64>,
}

/// The place where a thread stands.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Mark {
    /// The number of the terminal, from 1.
    pub terminal: usize,
    /// The book's name for the thread: `main`, `keyboard`, or the port of the client that it
    /// serves.
    pub thread: String,
    /// The index of the source that the line is in.
    pub source: usize,
    /// The number of the line in the file.
    pub line: u32,
    /// The call that it waits in, or the last one that returned.
    pub call: String,
    /// Whether it waits.
    #[serde(default, skip_serializing_if = "is_false")]
    pub waits: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &usize) -> bool {
    *value == 0
}

impl Arrow {
    /// Returns whether it only says that something has arrived.
    pub fn is_pure_acknowledgement(&self) -> bool {
        self.flags == "." && self.bytes == 0
    }
}

impl Step {
    /// Returns whether there is nothing to show but its caption.
    pub fn only_says_something(&self) -> bool {
        self.calls.is_empty() && self.screen.is_empty() && self.wire.is_empty()
    }
}

impl Recording {
    /// Returns the file that the book plays. It is a script, because a page that is opened as a
    /// file may run scripts, but may not fetch JSON.
    pub fn to_script(&self, name: &str) -> String {
        format!("(window.recordings ??= {{}})[{name:?}{ASSIGNED}{}", self.to_json())
    }

    /// Parses what `to_script` has written.
    pub fn from_script(script: &str) -> Result<Recording> {
        let (_, json) = script.split_once(ASSIGNED).context("the script assigns no recording")?;
        serde_json::from_str(json).context("what the script assigns is not a recording")
    }

    /// Returns JSON with a line for each action and all that it leads to, so that a change of the
    /// recording is found.
    fn to_json(&self) -> String {
        let mut json = format!("{{\"made_by\":{},\n\"steps\":[", compact(&self.made_by));
        for (index, step) in self.steps.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let line = if step.is_action { "\n" } else { "" };
            json += &format!("{comma}{line}{}", compact(step));
        }
        let (terminals, sources) = (compact(&self.terminals), compact(&self.sources));
        json += &format!("],\n\"terminals\":{terminals},\n\"sources\":{sources}}}\n");
        json
    }

    /// Returns the recording as a text, for print and for pages without JavaScript, if no transcript
    /// shows the same: because it is about times, or about messages.
    pub fn as_text(&self) -> Option<String> {
        let arrows = || self.steps.iter().flat_map(|step| &step.wire);
        if arrows().any(|arrow| arrow.after_ms.is_some()) {
            return Some(self.wire_as_text());
        }
        let has_messages = arrows().any(|arrow| arrow.message.is_some());
        let captions = self.steps.iter().map(|step| format!("1. {}\n", step.caption));
        has_messages.then(|| captions.collect())
    }

    /// Returns what goes over the wire and when.
    fn wire_as_text(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            if step.only_says_something() {
                text += &format!("{}\n", step.caption.replace(['*', '`'], ""));
            }
            for arrow in &step.wire {
                let after = arrow.after_ms.unwrap_or(0.0);
                let what = match arrow.is_pure_acknowledgement() {
                    true => "ACK".to_string(),
                    false => format!("{} bytes, {:?}", arrow.bytes, arrow.data),
                };
                text += &format!("{after:>8.1} ms  {} > {}  {what}\n", arrow.from, arrow.to);
            }
        }
        text
    }
}

/// The text before the JSON in the script of a recording.
const ASSIGNED: &str = "] = ";

/// The size from which data counts as bulk, which the system cuts as it likes.
pub const BULK: usize = 1024;

fn compact<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a recording has nothing that JSON cannot hold")
}
