//! The contents of an exercise's folder.

use std::fs;
use std::path::{self, Path, PathBuf};

use crate::difference;
use crate::repository;
use crate::workspace::FROM_AN_ANSWER;

/// An exercise in its folder.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// The folder of its lesson, such as `6.2.2.1-greeting`.
    pub lesson: String,
    /// The name of its own folder, such as `say-goodbye`.
    pub name: String,
    /// The path of that folder.
    pub folder: PathBuf,
    /// The first line of its task.
    pub title: String,
    /// `easy`, `medium` or `hard`.
    pub level: String,
    /// How long it takes somebody who has read the chapter.
    pub minutes: u32,
}

/// A known wrong answer.
pub struct WrongAnswer {
    /// The name of its file.
    pub name: String,
    /// The program.
    pub program: String,
    /// A part of the diagnosis with which it must be rejected.
    pub rejected_with: String,
}

/// Returns all exercises in the order of the course: lesson by lesson, a section's server before its
/// client, and in each lesson the easiest first.
pub fn all() -> Vec<Exercise> {
    let mut exercises = Vec::new();
    for lesson in files_in(&repository().join("lessons")) {
        let folders = files_in(&lesson.join("exercises"));
        // A system may leave files of its own there, such as .DS_Store, and so may a learner.
        for folder in folders.into_iter().filter(|folder| folder.join("task.md").exists()) {
            exercises.push(Exercise::in_folder(name_of(&lesson), folder));
        }
    }
    exercises.sort_by_key(Exercise::place);
    exercises
}

/// Returns the exercise called `name`, in which a hyphen may be written as an underscore.
pub fn find(name: &str) -> Option<Exercise> {
    all().into_iter().find(|exercise| exercise.name == name.replace('_', "-"))
}

/// Returns the folders of the lessons called `name`: a folder, a package, a section (of which the
/// server and the client may be two lessons), or the name alone.
pub fn lessons_called(name: &str) -> Vec<String> {
    let name = name.replace('_', "-");
    let is_it = |lesson: &str| {
        let (section, short) = lesson.split_once('-').unwrap_or((lesson, lesson));
        name == lesson || name == section || name.strip_prefix("lesson-").unwrap_or(&name) == short
    };
    let mut lessons: Vec<String> = all().into_iter().map(|exercise| exercise.lesson).collect();
    lessons.dedup(); // those of a lesson stand together
    lessons.retain(|lesson| is_it(lesson));
    lessons
}

/// Returns the exercise whose folder or file is at `path`, or all of the lesson there. The path is
/// relative to the current folder, or to the one that holds everything, as this program shows paths.
/// A word that is not a path is never taken for one, in whatever folder it is typed.
pub fn at_path(path: &Path) -> Vec<Exercise> {
    let from_here = path::absolute(path).unwrap_or_default();
    // The file itself may be missing, or a symbolic link: the folders around it say what it is.
    let places = [from_here, repository().join(path)];
    let is_path = |place: &&PathBuf| place.ends_with("main.rs") || place.symlink_metadata().is_ok();
    let folders = places.iter().filter(is_path).flat_map(|place| place.ancestors());
    let exercises = all();
    for folder in folders.filter_map(|folder| folder.canonicalize().ok()) {
        let is_here = |other: &Path| other.canonicalize().is_ok_and(|other| other == folder);
        let lesson = |exercise: &Exercise| repository().join("lessons").join(&exercise.lesson);
        let belongs_here = |one: &&Exercise| {
            [&one.folder, &one.answers(), &lesson(one)].into_iter().any(|other| is_here(other))
        };
        let found: Vec<Exercise> = exercises.iter().filter(belongs_here).cloned().collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Returns those of `known` that look most like `name`, at most three.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.replace('_', "-").to_lowercase();
    let mut ranked: Vec<(usize, &str)> = known
        .into_iter()
        .map(|other| match other.contains(&name) || name.contains(other) {
            true => (0, other),
            false => (distance(&name, other), other),
        })
        .collect();
    ranked.sort();
    let closest = ranked.first().map_or(0, |(distance, _)| *distance);
    ranked.retain(|(distance, _)| *distance <= closest + 1);
    ranked.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Returns how many characters have to be inserted, removed or replaced to turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl Exercise {
    fn in_folder(lesson: String, folder: PathBuf) -> Exercise {
        let task = fs::read_to_string(folder.join("task.md")).unwrap_or_default();
        let mut lines = task.lines().filter(|line| !line.is_empty());
        let title = lines.next().unwrap_or_default().trim_start_matches("### ").to_string();
        let effort = lines.next().unwrap_or_default().trim_matches('*');
        let (level, time) = effort.split_once(", ").unwrap_or_default();
        let minutes = time.trim_end_matches(" minutes").parse().unwrap_or_default();
        Exercise { lesson, name: name_of(&folder), folder, title, level: level.into(), minutes }
    }

    fn place(&self) -> impl Ord + use<> {
        let (section, name) = self.lesson.split_once('-').unwrap_or((&self.lesson, ""));
        let section: Vec<u32> = section.split('.').map_while(|part| part.parse().ok()).collect();
        let level = ["easy", "medium", "hard"].iter().position(|level| *level == self.level);
        let is_client = name.ends_with("client");
        (section, is_client, name.to_string(), level, self.minutes, self.name.clone())
    }

    /// Returns the package of its lesson, such as `lesson-greeting`.
    pub fn package(&self) -> String {
        format!("lesson-{}", self.lesson_name())
    }

    /// Returns the lesson's name without its number, such as `greeting`.
    pub fn lesson_name(&self) -> &str {
        self.lesson.split_once('-').map_or(&self.lesson, |(_, name)| name)
    }

    /// Returns the name of the test that checks the learner's file, such as `greeting::say_goodbye`.
    pub fn test(&self) -> String {
        format!("{}::{}", self.lesson_name(), self.name).replace('-', "_")
    }

    /// Returns the path of one of its files, as a learner types it.
    pub fn shown(&self, file: &str) -> String {
        format!("lessons/{}/exercises/{}/{file}", self.lesson, self.name)
    }

    /// Returns the text of one of its files, such as `task.md`.
    ///
    /// # Errors
    /// If it cannot be read: the message names the file.
    pub fn read(&self, file: &str) -> Result<String, String> {
        fs::read_to_string(self.folder.join(file))
            .map_err(|error| format!("cannot read {}: {error}", self.shown(file)))
    }

    /// Returns the program that the learner begins with: the lesson's main.rs as the book shows it, without
    /// the lines that mark its anchors. Its modules stay in the lesson. If there is a `starter.diff`, it
    /// says what is different, or which file the program is.
    ///
    /// # Errors
    /// If a file is missing, or the difference does not fit.
    pub fn starter(&self) -> Result<String, String> {
        let difference = match self.folder.join("starter.diff").is_file() {
            true => self.read("starter.diff")?,
            false => String::new(),
        };
        let main = self.read(difference::base(&difference).unwrap_or("../../src/main.rs"))?;
        let mut starter = String::new();
        for line in main.lines().filter(|line| !line.trim_start().starts_with("// ANCHOR")) {
            if let Some(module) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
            {
                let source = format!("lessons/{}/src/{module}.rs", self.lesson);
                starter += &format!("#[path = \"{FROM_AN_ANSWER}{source}\"]\n");
            }
            starter += &format!("{line}\n");
        }
        difference::apply(&starter, &difference)
            .map_err(|problem| format!("{}: {problem}", self.shown("starter.diff")))
    }

    /// Returns one right answer.
    ///
    /// # Errors
    /// As [`Exercise::starter`].
    pub fn solution(&self) -> Result<String, String> {
        self.patched("solution.diff", &self.read("solution.diff")?)
    }

    /// Returns all right answers that are known, each with its name: `solution`, and those in
    /// `solution-2.diff` and so on. They show that the check accepts more than one way.
    ///
    /// # Errors
    /// If one does not fit what it is a difference from.
    pub fn solutions(&self) -> Result<Vec<(String, String)>, String> {
        let files = files_in(&self.folder).into_iter().map(|file| name_of(&file));
        let files = files.filter(|file| file.starts_with("solution") && file.ends_with(".diff"));
        files
            .map(|file| {
                let program = self.patched(&file, &self.read(&file)?)?;
                Ok((file.trim_end_matches(".diff").to_string(), program))
            })
            .collect()
    }

    /// Returns the known wrong answers, by the names of their files.
    ///
    /// # Errors
    /// If one does not fit what it is a difference from, or does not say what it is rejected
    /// with.
    pub fn wrong_answers(&self) -> Result<Vec<WrongAnswer>, String> {
        files_in(&self.folder.join("wrong")).iter().map(|file| self.wrong_answer(file)).collect()
    }

    fn wrong_answer(&self, path: &Path) -> Result<WrongAnswer, String> {
        let name = name_of(path);
        let file = format!("wrong/{name}");
        let text = self.read(&file)?;
        let first = text.lines().next().unwrap_or_default();
        let rejected_with = first.trim_start_matches("//! ").strip_prefix("Rejected with: ");
        let Some(rejected_with) = rejected_with.map(str::trim).filter(|part| !part.is_empty())
        else {
            let shown = self.shown(&file);
            return Err(format!("{shown} does not begin with `Rejected with: ` and a diagnosis"));
        };
        let rejected_with = rejected_with.to_string();
        let program = match name.ends_with(".rs") {
            true => text,
            false => self.patched(&file, &text)?,
        };
        Ok(WrongAnswer { name, program, rejected_with })
    }

    fn patched(&self, file: &str, difference: &str) -> Result<String, String> {
        let base = match difference::base(difference) {
            Some("starter.rs") => self.starter()?,
            Some("solution.rs") => self.solution()?,
            other => {
                let shown = self.shown(file);
                return Err(format!(
                    "{shown} says that it starts from {other:?}: it must be starter.rs or solution.rs"
                ));
            }
        };
        difference::apply(&base, difference)
            .map_err(|problem| format!("{} does not fit: {problem}", self.shown(file)))
    }

    /// Returns the three hints of its task, without their mark-up.
    ///
    /// # Errors
    /// If the task cannot be read.
    pub fn hints(&self) -> Result<Vec<String>, String> {
        let task = self.read("task.md")?;
        let hints = task.split("<summary>Hint ").skip(1);
        Ok(hints
            .filter_map(|hint| hint.split_once("</summary>")?.1.split("</details>").next())
            .map(|hint| hint.trim().to_string())
            .collect())
    }
}

/// Returns the contents of `folder`, in the order of the names, or nothing if there is no such folder.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        let known = ["say-goodbye", "whole-greeting", "who", "history"];
        assert_eq!(nearest("say_godbye", known), ["say-goodbye"]);
        assert_eq!(nearest("histroy", known), ["history"]);
        assert_eq!(nearest("goodbye", known), ["say-goodbye"]);
    }
}
