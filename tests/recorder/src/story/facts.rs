//! Gathers what is known of a run before its story is told.

use anyhow::Result;

use super::ports::Ports;
use crate::events::{self, Role, Thread};
use crate::scenarios::Told;
use crate::stage::Run;

/// A run, with the names of everything in it.
pub struct Facts<'a> {
    pub run: &'a Run,
    pub threads: Vec<Thread>,
    pub ports: Ports,
    /// The files of the programs, from the root of the repository. A source's index is its index
    /// here.
    pub files: Vec<String>,
}

impl<'a> Facts<'a> {
    /// Gathers the facts of `run`.
    pub fn of(run: &'a Run, told_times: &[Told]) -> Result<Facts<'a>> {
        let threads = events::all_threads(run)?;
        let ports = Ports::of(run, &threads, told_times)?;
        let files = files(&threads);
        Ok(Facts { run, threads, ports, files })
    }

    /// Returns the number of the terminal that a thread belongs to.
    pub fn terminal(&self, thread: usize) -> usize {
        self.threads[thread].terminal
    }

    /// Returns the book's name for a thread.
    pub fn name(&self, thread: usize) -> String {
        match self.threads[thread].role {
            Role::Main => "main".into(),
            Role::Keyboard => "keyboard".into(),
            Role::Peer => "peer".into(),
            Role::Reads(port) => self.ports.shown(port).to_string(),
            Role::SendsTo(port) => format!("to {}", self.ports.shown(port)),
            Role::Other(number) => format!("thread {number}"),
        }
    }

    /// Returns the index of the source in a file.
    pub fn source(&self, file: &str) -> usize {
        self.files.iter().position(|other| other == file).unwrap_or(0)
    }

    /// Returns whether the name of a thread alone does not tell which program it belongs to.
    pub fn has_several_programs(&self) -> bool {
        self.run.terminals.iter().filter(|terminal| terminal.traced.is_some()).count() > 1
    }
}

/// Lists the files in which the threads called something, the main.rs of each program first.
fn files(threads: &[Thread]) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for event in threads.iter().flat_map(|thread| &thread.calls) {
        if !files.contains(&event.place.0) {
            files.push(event.place.0.clone());
        }
    }
    files.sort_by_key(|file| !file.ends_with("/main.rs"));
    files
}

/// Helpers for the tests of the story.
#[cfg(test)]
pub mod examples {
    use super::*;
    use crate::events::{Event, Kind, Outcome};

    /// Returns a run in which nothing happens.
    pub fn empty_run() -> Run {
        Run { terminals: Vec::new(), actions: Vec::new(), segments: Vec::new(), end: 0.0 }
    }

    /// Returns the facts of a program with one thread in terminal 1.
    pub fn facts(run: &Run) -> Facts<'_> {
        let (role, calls, printed) = (Role::Main, Vec::new(), Vec::new());
        let threads = vec![Thread { terminal: 1, role, ended: None, calls, printed }];
        let ports = Ports::of(run, &threads, &[]).expect("no port is unknown");
        Facts { run, threads, ports, files: Vec::new() }
    }

    /// Returns a call on the connection of a client.
    pub fn event(kind: Kind, outcome: Outcome) -> Event {
        Event {
            kind,
            start: 0.0,
            end: Some(1.0),
            latest: 1.0,
            place: ("lessons/a-room/src/main.rs".into(), 1),
            within: None,
            outcome,
            ports: (Some(3000), Some(50001)),
            waited_for_room: false,
        }
    }
}
