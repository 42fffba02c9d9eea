//! What a learner has solved, and which hints were shown, kept in a file in the folder that holds
//! everything.

use std::fs;
use std::path::PathBuf;

use crate::{Exercise, repository};

/// One line for each answer that has passed its check, `solved say-goodbye 0123456789abcdef`, and
/// for the hints shown, `hints say-goodbye 2`. The number is that of the answer's content, so an
/// answer that has changed since counts as not solved, until it is checked or is the same again.
pub struct Progress {
    file: PathBuf,
    lines: Vec<String>,
}

impl Progress {
    /// What is remembered so far.
    pub fn load() -> Progress {
        let file = repository().join(".exercise-progress");
        let text = fs::read_to_string(&file).unwrap_or_default(); // at first there is none
        Progress { file, lines: text.lines().map(str::to_string).collect() }
    }

    /// Whether the answer, as it is now, has passed its check.
    pub fn is_solved(&self, exercise: &Exercise) -> bool {
        exercise.answer().is_ok_and(|answer| self.lines.contains(&solved_line(exercise, &answer)))
    }

    /// Remembers that `answer` has passed its check.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn solved(&mut self, exercise: &Exercise, answer: &str) -> Result<(), String> {
        self.remember(solved_line(exercise, answer), "")
    }

    /// How many hints have been shown.
    pub fn hints(&self, exercise: &Exercise) -> usize {
        let shown = |line: &String| line.strip_prefix(&hints_of(exercise))?.parse().ok();
        self.lines.iter().find_map(shown).unwrap_or(0)
    }

    /// Remembers that so many hints have been shown.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn hints_shown(&mut self, exercise: &Exercise, count: usize) -> Result<(), String> {
        let hints = hints_of(exercise);
        self.remember(format!("{hints}{count}"), &hints)
    }

    /// Adds `line`, in the place of those that begin with `instead_of`.
    fn remember(&mut self, line: String, instead_of: &str) -> Result<(), String> {
        if !instead_of.is_empty() {
            self.lines.retain(|other| !other.starts_with(instead_of));
        }
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
        fs::write(&self.file, self.lines.join("\n") + "\n")
            .map_err(|error| format!("cannot write {}: {error}", self.file.display()))
    }
}

fn solved_line(exercise: &Exercise, answer: &str) -> String {
    format!("solved {} {:016x}", exercise.name, number_of(answer))
}

fn hints_of(exercise: &Exercise) -> String {
    format!("hints {} ", exercise.name)
}

/// FNV-1a, which is the same on every system and with every version of Rust.
fn number_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
