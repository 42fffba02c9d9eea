//! Answers in the places of earlier versions: `lessons/LESSON/exercises/NAME/answer.rs`, which git
//! knew, and `answer-1.rs` and so on beside it. They are the learners' work, so they are moved along.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::answer::{Answer, Draft, move_to, read};
use crate::exercise::{files_in, name_of};
use crate::workspace::{ANSWERS, FROM_AN_ANSWER, prepare_answers, write_if_changed};
use crate::{Exercise, all, repository};

const OLD_ANSWERS: &str = "lessons/*/exercises/*/answer.rs";

/// Moves all answers from the old places to the new, and fetches those that only git still has. Returns
/// what a learner has to know about it, or nothing if there was nothing to do.
pub fn take_over_old_answers() -> Vec<String> {
    let is_first_time = !repository().join(ANSWERS).exists();
    let mut notes = Vec::new();
    for exercise in all() {
        for file in files_in(&exercise.folder) {
            let name = name_of(&file);
            if name == "answer.rs" || name.starts_with("answer-") && name.ends_with(".rs") {
                notes.extend(exercise.take_over(&file, &name).unwrap_or_else(Some));
            }
        }
    }
    let is_known = || !git(&["ls-files", "--", OLD_ANSWERS]).unwrap_or_default().is_empty();
    if !notes.is_empty() && is_known() {
        notes.push(format!(
            "Git still has old answers on its list. These take them off, and delete nothing:\n  \
             git rm -r -q --cached \"{OLD_ANSWERS}\"\n  git commit -m \"My answers have moved\""
        ));
    }
    if is_first_time {
        notes.extend(fetch_from_git());
    }
    if !notes.is_empty() {
        notes.insert(
            0,
            format!("Answers now lie in the folder {ANSWERS}, out of the way of git pull."),
        );
        notes.extend(prepare_answers().err());
    }
    notes
}

impl Exercise {
    /// Moves one old answer. Returns what was done, if anything.
    fn take_over(&self, file: &Path, name: &str) -> Result<Option<String>, String> {
        let shown = self.shown(name);
        if let Answer::Missing | Answer::Starter(_) = self.answer_at(file, &shown) {
            return Ok(None);
        }
        let failed = |error| format!("cannot move {shown} to {ANSWERS}/{}: {error}", self.name);
        fs::create_dir_all(self.answers()).map_err(failed)?;
        let main = self.answers().join("main.rs");
        if let (true, Answer::Starter(_)) = (name == "answer.rs", self.answer()) {
            fs::remove_file(&main).map_err(failed)?;
        }
        let kept = match name == "answer.rs" && move_to(file, &main, file.is_dir()).is_ok() {
            true => self.shown_answer("main.rs"),
            false => self.set_aside(file, &shown)?.ok_or_else(|| format!("{shown} is gone"))?,
        };
        self.adapt(&repository().join(&kept))?;
        Ok(Some(format!("Yours, moved: {kept} (it was {shown})")))
    }

    /// Adapts a program in the new place. A file that is not text stays as it is.
    fn adapt(&self, path: &Path) -> Result<(), String> {
        let Some(text) = read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Ok(());
        };
        let written = write_if_changed(path, self.adapted(&text)).map(drop);
        written.map_err(|error| format!("cannot adapt the paths in {}: {error}", path.display()))
    }

    /// Returns a program from the old place so that it finds the modules of its lesson from the new.
    pub fn adapted(&self, program: &str) -> String {
        let source = format!("\"{FROM_AN_ANSWER}lessons/{}/src/", self.lesson);
        program.replace("\"../../src/", &source)
    }

    /// Writes the program that only git still has. Returns what was done.
    fn fetch(&self, (commit, program): (String, Vec<u8>)) -> Result<String, String> {
        let path = self.answers().join("main.rs");
        let shown = self.shown_answer("main.rs");
        let written = fs::create_dir_all(self.answers())
            .and_then(|()| Draft::beside(&path, &program))
            .and_then(|draft| draft.place(&path));
        written.map_err(|error| format!("cannot write {shown}: {error}"))?;
        self.adapt(&path)?;
        let old = self.shown("answer.rs");
        Ok(format!("Yours, from git: {shown} (only commit {commit} still had {old})"))
    }
}

/// Fetches the answers that a `git pull` may have left in the stash, or in a commit of the learner's that was
/// undone or merged away. Those are not in any branch of where the project comes from.
fn fetch_from_git() -> Vec<String> {
    let is_clone = git(&["for-each-ref", "--count=1", "refs/remotes"]);
    if is_clone.unwrap_or_default().is_empty() || commits_with(OLD_ANSWERS).is_empty() {
        return Vec::new();
    }
    let is_free = |one: &Exercise| matches!(one.answer(), Answer::Missing);
    let mut notes = Vec::new();
    for exercise in all().into_iter().filter(is_free) {
        let old = exercise.shown("answer.rs");
        let mut versions = commits_with(&old).into_iter().filter_map(|commit| {
            let program = git(&["show", &format!("{commit}:./{old}")])?;
            Some((commit.chars().take(10).collect(), program))
        });
        if let Some(newest) = versions.next().filter(|(_, program)| !exercise.is_starter(program)) {
            notes.push(exercise.fetch(newest).unwrap_or_else(|problem| problem));
        }
    }
    notes
}

/// Returns the learner's own commits that have changed these files, the newest first.
fn commits_with(files: &str) -> Vec<String> {
    let commits =
        ["rev-list", "--date-order", "--all", "--reflog", "--not", "--remotes", "--", files];
    let commits = git(&commits).unwrap_or_default();
    String::from_utf8_lossy(&commits).lines().map(str::to_string).collect()
}

/// Returns what git prints, or nothing if there is no git, or this is not a clone.
fn git(arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("git").arg("-C").arg(repository()).args(arguments).output().ok()?;
    output.status.success().then_some(output.stdout)
}
