//! A learner's own files. They are read as bytes and moved as a whole, and never overwritten: a file
//! that cannot be read may be hours of work, in another encoding or without permission to read.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::{Exercise, repository};

/// The most bytes that are read of a file. No person writes a program as long as that.
const MOST: u64 = 16 << 20;

/// What is found where a learner's `answer.rs` belongs.
pub enum Answer {
    /// Nothing.
    Missing,
    /// Something that is not readable, and why.
    Unreadable(String),
    /// What the learner began with, with any line ends and with or without a byte-order mark.
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
    /// Returns the learner's file as it is now.
    pub fn answer(&self) -> Answer {
        self.answer_in(repository())
    }

    /// Returns the learner's file in the folder `copy`, which is laid out like this project.
    pub fn answer_in(&self, copy: &Path) -> Answer {
        let path = copy.join(self.shown("answer.rs"));
        match read(&path) {
            Ok(bytes) if self.is_starter(&bytes) => Answer::Starter(bytes),
            Ok(bytes) => Answer::Begun(bytes),
            Err(_) if is_free(&path) => Answer::Missing,
            Err(error) => {
                Answer::Unreadable(format!("cannot read {}: {error}", self.shown("answer.rs")))
            }
        }
    }

    /// Not every editor and every copy leaves the line ends and the byte-order mark as they were.
    fn is_starter(&self, answer: &[u8]) -> bool {
        let text = str_from(answer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(answer));
        let starter = self.starter();
        text.is_some_and(|text| starter.is_ok_and(|starter| text.lines().eq(starter.lines())))
    }

    /// Puts the starter where the learner's file is, which is first moved to a name beside it that
    /// nothing has. Returns that name, or `None` if there was nothing to move.
    ///
    /// # Errors
    /// When a file cannot be moved or written. Nothing is lost then: the message says where it is.
    pub fn start_over(&self) -> Result<Option<String>, String> {
        let starter = self.starter()?;
        let path = self.folder.join("answer.rs");
        if read(&path).is_ok_and(|already| already == starter.as_bytes()) {
            return Ok(None);
        }
        // Written before anything is moved, so that on a full disk everything stays where it is.
        let failed = |error| format!("cannot write {}: {error}", self.shown("answer.rs"));
        let draft = Draft::beside(&path, &starter).map_err(failed)?;
        let kept = self.set_aside(&path)?;
        match draft.place(&path) {
            Ok(()) => Ok(kept),
            // Somebody else starts over at the same time.
            Err(_) if read(&path).is_ok_and(|there| there == starter.as_bytes()) => Ok(kept),
            Err(error) => {
                let kept = kept.map_or(String::new(), |kept| format!("\nYour file is now {kept}"));
                Err(failed(error) + &kept)
            }
        }
    }

    /// Moves whatever is at `path` to the first free name, `answer-1.rs` or a higher number.
    fn set_aside(&self, path: &Path) -> Result<Option<String>, String> {
        let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
        for number in 1.. {
            let name = format!("answer-{number}.rs");
            let kept = self.folder.join(&name);
            let failed =
                |error| format!("cannot rename {} to {name}: {error}", self.shown("answer.rs"));
            match reserve(&kept, is_folder) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(failed(error)),
            }
            let Err(error) = fs::rename(path, &kept) else { return Ok(Some(self.shown(&name))) };
            if !is_folder {
                let _ = fs::remove_file(&kept); // our own empty file
            }
            return if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(failed(error)) };
        }
        Ok(None)
    }

    /// Puts `solution.rs` into its folder, or `solution-1.rs` if the learner has changed that one.
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
            let path = self.folder.join(&name);
            if read(&path).is_ok_and(|already| already == solution.as_bytes()) {
                return Ok(self.shown(&name));
            }
            if !is_free(&path) {
                continue;
            }
            match Draft::beside(&path, &solution).and_then(|draft| draft.place(&path)) {
                Ok(()) => return Ok(self.shown(&name)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("cannot write {}: {error}", self.shown(&name))),
            }
        }
        Err("there is no free name for the solution".to_string())
    }
}

/// Reads a file that people write.
///
/// # Errors
/// When it is not readable, not a file (reading a named pipe would wait forever), or huge.
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

/// Says why the compiler could not read these bytes as text, if it could not.
pub fn not_text(answer: &[u8]) -> Option<String> {
    const SAVE: &str = "Rust reads only UTF-8: let your editor save it with the encoding UTF-8.";
    if answer.starts_with(b"\xff\xfe") || answer.starts_with(b"\xfe\xff") || answer.contains(&0) {
        return Some(format!("answer.rs is in UTF-16, or is not text. {SAVE}"));
    }
    let error = std::str::from_utf8(answer).err()?;
    let before = &answer[..error.valid_up_to()];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    Some(format!("Line {line} of answer.rs is not UTF-8, but perhaps GBK or Latin-1. {SAVE}"))
}

fn str_from(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Whether nothing has this name, not even a symbolic link that leads nowhere.
fn is_free(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Takes a free name for what is about to be renamed to it. A rename replaces a file without
/// asking, and now that can only be our own. A folder never replaces anything with content.
fn reserve(path: &Path, for_a_folder: bool) -> io::Result<()> {
    match for_a_folder {
        true if is_free(path) => Ok(()),
        true => Err(ErrorKind::AlreadyExists.into()),
        false => File::create_new(path).map(drop),
    }
}

/// A complete file under a passing name, which is removed when this is dropped.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path, text: &str) -> io::Result<Draft> {
        let new = path.with_extension(format!("rs.new-{}", process::id()));
        let mut file = File::create_new(&new)?;
        let draft = Draft(new);
        file.write_all(text.as_bytes())?;
        file.sync_all()?; // some systems notice only here that the disk is full
        Ok(draft)
    }

    /// Gives the file its name, unless something has that name: unlike a rename, a hard link
    /// replaces nothing. On a file system without hard links, looking first must do.
    fn place(&self, path: &Path) -> io::Result<()> {
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
