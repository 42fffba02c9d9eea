//! A learner's own files. They are read as bytes and moved as a whole, and never overwritten: a file
//! that cannot be read may be hours of work, in another encoding or without permission to read.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::workspace::{ANSWERS, prepare_answers};
use crate::{Exercise, repository};

/// The most bytes to read of a file. No person writes a program as long as that.
const MOST: u64 = 16 << 20;

/// What was found where a learner's answer belongs.
pub enum Answer {
    /// Nothing.
    Missing,
    /// Something that is not readable, and why.
    Unreadable(String),
    /// The starter, with any line ends and with or without a byte-order mark.
    Starter(Vec<u8>),
    /// The learner's work.
    Begun(Vec<u8>),
}

impl Answer {
    /// Returns the content, if there is any to read.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Answer::Starter(bytes) | Answer::Begun(bytes) => Some(bytes),
            Answer::Missing | Answer::Unreadable(_) => None,
        }
    }
}

impl Exercise {
    /// Returns the folder of the learner's files, which may not be there yet.
    pub fn answers(&self) -> PathBuf {
        repository().join(ANSWERS).join(&self.name)
    }

    /// Returns the path of one of the learner's files, as the learner types it.
    pub fn shown_answer(&self, file: &str) -> String {
        format!("{ANSWERS}/{}/{file}", self.name)
    }

    /// Returns the learner's program as it is now.
    pub fn answer(&self) -> Answer {
        self.answer_at(&self.answers().join("main.rs"), &self.shown_answer("main.rs"))
    }

    /// Returns what is at `path`, which messages call `shown`.
    pub fn answer_at(&self, path: &Path, shown: &str) -> Answer {
        match read(path) {
            Ok(bytes) if self.is_starter(&bytes) => Answer::Starter(bytes),
            Ok(bytes) => Answer::Begun(bytes),
            Err(_) if is_free(path) => Answer::Missing,
            Err(error) => Answer::Unreadable(format!("cannot read {shown}: {error}")),
        }
    }

    /// Returns the program in a folder that a learner has handed in, and its path. The folder is `answers`
    /// or a clone, perhaps of an earlier version.
    pub fn answer_of(&self, learner: &Path) -> (PathBuf, Answer) {
        let own = format!("{}/main.rs", self.name);
        let places = [self.shown_answer("main.rs"), own, self.shown("answer.rs")];
        for place in places {
            let path = learner.join(&place);
            match self.answer_at(&path, &place) {
                Answer::Missing | Answer::Starter(_) => {}
                answer => return (path, answer),
            }
        }
        (PathBuf::new(), Answer::Missing)
    }

    /// Returns whether the file is still the starter. Editors and copies may change the line ends and the
    /// byte-order mark, and an earlier version had other paths in it.
    pub fn is_starter(&self, answer: &[u8]) -> bool {
        let text = std::str::from_utf8(answer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(answer));
        let text = text.map(|text| self.adapted(text)).unwrap_or_default();
        self.starter().is_ok_and(|starter| text.lines().eq(starter.lines()))
    }

    /// Puts the starter into `answers/NAME/main.rs` if nothing is there. Returns whether it did.
    ///
    /// # Errors
    /// If it cannot be made or written.
    pub fn begin(&self) -> Result<bool, String> {
        let missing = matches!(self.answer(), Answer::Missing);
        if missing {
            self.start_over()?;
        }
        Ok(missing)
    }

    /// Moves the learner's file to a free name beside it, and puts the starter in its place. Returns that
    /// name, or `None` if there was nothing to move.
    ///
    /// # Errors
    /// If a file cannot be moved or written. Even then nothing is lost: the message says where it is.
    pub fn start_over(&self) -> Result<Option<String>, String> {
        let starter = self.starter()?;
        let path = self.answers().join("main.rs");
        let shown = self.shown_answer("main.rs");
        if read(&path).is_ok_and(|already| already == starter.as_bytes()) {
            return Ok(None);
        }
        // Written before anything is moved, so that on a full disk everything stays where it is.
        let failed = |error| format!("cannot write {shown}: {error}");
        fs::create_dir_all(self.answers()).map_err(failed)?;
        let draft = Draft::beside(&path, starter.as_bytes()).map_err(failed)?;
        let kept = self.set_aside(&path, &shown)?;
        let placed = draft.place(&path).or_else(|error| {
            // Somebody else may have started over at the same time.
            let is_there = read(&path).is_ok_and(|there| there == starter.as_bytes());
            if is_there { Ok(()) } else { Err(failed(error)) }
        });
        match placed.and_then(|()| prepare_answers()) {
            Ok(_) => Ok(kept),
            Err(problem) => {
                let kept = kept.map_or(String::new(), |kept| format!("\nYour file is now {kept}"));
                Err(problem + &kept)
            }
        }
    }

    /// Moves whatever is at `path`, which messages call `shown`, to the first free name beside the
    /// learner's file, `main-1.rs` or a higher number. Returns it, or `None` if there is nothing.
    pub fn set_aside(&self, path: &Path, shown: &str) -> Result<Option<String>, String> {
        let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
        for number in 1.. {
            let name = format!("main-{number}.rs");
            match move_to(path, &self.answers().join(&name), is_folder) {
                Ok(()) => return Ok(Some(self.shown_answer(&name))),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(format!("cannot rename {shown} to {name}: {error}")),
            }
        }
        Ok(None)
    }

    /// Puts `solution.rs` beside the answer, or `solution-1.rs` if the learner has changed that one.
    /// Returns its path as a learner types it.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn write_solution(&self) -> Result<String, String> {
        let solution = self.solution()?;
        for number in 0.. {
            let name = match number {
                0 => "solution.rs".to_string(),
                _ => format!("solution-{number}.rs"),
            };
            let path = self.answers().join(&name);
            if read(&path).is_ok_and(|already| already == solution.as_bytes()) {
                return Ok(self.shown_answer(&name));
            }
            if !is_free(&path) {
                continue;
            }
            let written = fs::create_dir_all(self.answers())
                .and_then(|()| Draft::beside(&path, solution.as_bytes()))
                .and_then(|draft| draft.place(&path));
            match written {
                Ok(()) => return Ok(self.shown_answer(&name)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(format!("cannot write {}: {error}", self.shown_answer(&name)));
                }
            }
        }
        Err("there is no free name for the solution".to_string())
    }
}

/// Reads a file that people write.
///
/// # Errors
/// If it is not readable, not a file (reading a named pipe would wait forever), or huge.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "it is a folder" } else { "it is not an ordinary file" };
        return Err(io::Error::other(what));
    }
    if metadata.len() > MOST {
        return Err(io::Error::other(format!(
            "it has {} bytes, more than anybody writes",
            metadata.len()
        )));
    }
    fs::read(path)
}

/// Returns why the compiler could not read these bytes as text, if it could not.
pub fn not_text(answer: &[u8]) -> Option<String> {
    const SAVE: &str = "Rust reads only UTF-8: let your editor save it with the encoding UTF-8.";
    if answer.starts_with(b"\xff\xfe") || answer.starts_with(b"\xfe\xff") || answer.contains(&0) {
        return Some(format!("main.rs is in UTF-16, or is not text. {SAVE}"));
    }
    let error = std::str::from_utf8(answer).err()?;
    let before = &answer[..error.valid_up_to()];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    Some(format!("Line {line} of main.rs is not UTF-8, but perhaps GBK or Latin-1. {SAVE}"))
}

/// Returns whether nothing has this name, not even a symbolic link that leads nowhere.
fn is_free(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Renames a file, or a folder, to a name that nothing has.
pub fn move_to(path: &Path, free: &Path, is_folder: bool) -> io::Result<()> {
    // A rename replaces a file without asking, and now that can only be our own. A folder never
    // replaces anything with content.
    match is_folder {
        true if is_free(free) => {}
        true => return Err(ErrorKind::AlreadyExists.into()),
        false => drop(File::create_new(free)?),
    }
    let moved = fs::rename(path, free);
    if moved.is_err() && !is_folder {
        let _ = fs::remove_file(free); // our own empty file
    }
    moved
}

/// A complete file under a temporary name, which is removed when this is dropped.
pub struct Draft(PathBuf);

impl Draft {
    pub fn beside(path: &Path, content: &[u8]) -> io::Result<Draft> {
        let new = path.with_extension(format!("rs.new-{}", process::id()));
        let mut file = File::create_new(&new)?;
        let draft = Draft(new);
        file.write_all(content)?;
        file.sync_all()?; // some systems notice only here that the disk is full
        Ok(draft)
    }

    /// Gives the file its name, unless something has that name, because a hard link, unlike a rename,
    /// replaces nothing. On a file system without hard links, it has to look first instead.
    pub fn place(&self, path: &Path) -> io::Result<()> {
        match fs::hard_link(&self.0, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists && is_free(path) => {
                fs::rename(&self.0, path)
            }
            linked => linked,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // gone already after a rename
    }
}
