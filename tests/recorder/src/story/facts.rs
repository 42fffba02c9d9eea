//! What is known of a run before its story is told.

use anyhow::Result;

use super::ports::Ports;
use crate::events::{self, Role, Thread};
use crate::scenarios::Told;
use crate::stage::Run;

/// A run, and who is who in it.
pub struct Facts<'a> {
    pub run: &'a Run,
    pub threads: Vec<Thread>,
    pub ports: Ports,
    /// The files of the programs, from the root of the repository. A source's index is its index
    /// here.
    pub files: Vec<String>,
}

impl<'a> Facts<'a> {
    /// Finds out what there is to know of `run`.
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

    /// Returns what the book calls a thread.
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

    /// Returns the index of the source that a file is.
    pub fn source(&self, file: &str) -> usize {
        self.files.iter().position(|other| other == file).unwrap_or(0)
    }

    /// Whether the name of a thread alone does not tell which program it belongs to.
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
