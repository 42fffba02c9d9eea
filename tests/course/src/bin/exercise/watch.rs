//! Checks on every save.

use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use course::{Exercise, Progress, all};

use crate::check::check_one;
use crate::course::{next, untouched, what_to_do};
use crate::screen::{Screen, print_line};

/// How often the file is looked at.
const PAUSE: Duration = Duration::from_millis(300);

/// Checks the answer now, if it was begun, and each time it is saved. Without a name it begins with
/// the next exercise of the course, and goes on to the one after when that is solved.
pub fn watch(only: Option<Exercise>, screen: &Screen) -> Result<bool, String> {
    if let Some(exercise) = only {
        loop {
            watch_until_solved(&exercise, screen)?;
            wait_for_a_save(&exercise, saved_at(&exercise));
        }
    }
    let exercises = all();
    if let Some(first) = next(&exercises, &Progress::load()) {
        print_line!("{}", what_to_do(first, screen));
    }
    while let Some(exercise) = next(&exercises, &Progress::load()) {
        watch_until_solved(exercise, screen)?; // which says what comes next
    }
    Ok(true)
}

fn watch_until_solved(exercise: &Exercise, screen: &Screen) -> Result<(), String> {
    loop {
        let saved = saved_at(exercise);
        if !untouched(exercise) && check_one(exercise, screen)? {
            return Ok(());
        }
        let file = exercise.shown("answer.rs");
        print_line!("\n{}", screen.dim(&format!("Waiting until you save {file} (Ctrl-C ends)")));
        wait_for_a_save(exercise, saved);
    }
}

fn saved_at(exercise: &Exercise) -> Option<SystemTime> {
    let metadata = fs::metadata(exercise.folder.join("answer.rs"));
    metadata.and_then(|metadata| metadata.modified()).ok() // an editor may be replacing the file
}

fn wait_for_a_save(exercise: &Exercise, before: Option<SystemTime>) {
    while saved_at(exercise).is_none_or(|saved| Some(saved) == before) {
        thread::sleep(PAUSE);
    }
}
