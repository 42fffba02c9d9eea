//! Keeps what a learner has solved, and which hints were shown, in a file in the folder that holds
//! everything.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use crate::answer::read;
use crate::{Exercise, repository};

const FILE: &str = ".exercise-progress";

/// One line for each answer that has passed its check, `solved say-goodbye 0123456789abcdef`, and
/// for each hint shown, `hints say-goodbye 2`, of which the last one counts. The number is that of
/// the answer's content, so an answer that has changed since counts as not solved, until it is
/// checked or is the same again.
///
/// Lines are only ever added at the end, each in one write, so whatever else the file holds stays, and two
/// processes may add to it at the same time.
pub struct Progress {
    file: PathBuf,
    lines: Vec<String>,
    /// Whether the file ends within a line, as after a write that found the disk full.
    is_cut: bool,
    /// The reason why the file cannot be read, if it cannot.
    trouble: Option<String>,
}

impl Progress {
    /// Reads what has been remembered so far.
    pub fn load() -> Progress {
        let file = repository().join(FILE);
        let (bytes, trouble) = match read(&file) {
            Ok(bytes) => (bytes, None),
            Err(error) if error.kind() == ErrorKind::NotFound => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(format!("cannot read {FILE}: {error}"))),
        };
        let is_cut = bytes.last().is_some_and(|byte| *byte != b'\n');
        let lines = String::from_utf8_lossy(&bytes).lines().map(str::to_string).collect();
        Progress { file, lines, is_cut, trouble }
    }

    /// Returns why it isn't known what was solved before, if it isn't.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Returns whether the answer, as it is now, has passed its check.
    pub fn is_solved(&self, exercise: &Exercise) -> bool {
        let answer = exercise.answer();
        let is_known = |answer| self.lines.contains(&solved_line(exercise, answer));
        answer.bytes().is_some_and(is_known)
    }

    /// Remembers that `answer` has passed its check, for as long as this process runs, and in the file if
    /// that is possible.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn solved(&mut self, exercise: &Exercise, answer: &[u8]) -> Result<(), String> {
        self.remember(solved_line(exercise, answer))
    }

    /// Returns the number of the hint that was shown last, or 0.
    pub fn hints(&self, exercise: &Exercise) -> usize {
        let shown = |line: &String| line.strip_prefix(&hints_of(exercise))?.trim().parse().ok();
        self.lines.iter().rev().find_map(shown).unwrap_or(0)
    }

    /// Remembers which hint was shown last.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn hints_shown(&mut self, exercise: &Exercise, number: usize) -> Result<(), String> {
        if self.hints(exercise) == number {
            return Ok(());
        }
        self.remember(format!("{}{number}", hints_of(exercise)))
    }

    fn remember(&mut self, line: String) -> Result<(), String> {
        let is_known = line.starts_with("solved ") && self.lines.contains(&line);
        if is_known {
            return Ok(());
        }
        let text = format!("{}{line}\n", if self.is_cut { "\n" } else { "" });
        self.lines.push(line);
        if let Some(trouble) = &self.trouble {
            return Err(format!("{trouble}; it was left as it is"));
        }
        let file = File::options().append(true).create(true).open(&self.file);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| format!("cannot write {FILE}: {error}"))?;
        self.is_cut = false;
        Ok(())
    }
}

fn solved_line(exercise: &Exercise, answer: &[u8]) -> String {
    format!("solved {} {:016x}", exercise.name, number_of(answer))
}

fn hints_of(exercise: &Exercise) -> String {
    format!("hints {} ", exercise.name)
}

/// FNV-1a, which is the same on every system and with every version of Rust.
pub fn number_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
