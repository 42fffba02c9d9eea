//! Checks on every save.

use std::fs::{self, File};
use std::thread;
use std::time::{Duration, SystemTime};

use course::{Answer, Exercise, Progress, all};

use crate::check::check_one;
use crate::course::{next, what_to_do};
use crate::screen::{Screen, note, print_line};

/// How often the file is looked at.
const PAUSE: Duration = Duration::from_millis(300);

/// Checks the answer now, if it was begun, and each time it is saved. Without a name it begins with the
/// next exercise of the course, and moves on when that is solved.
///
/// # Errors
/// If the file to begin with cannot be made.
pub fn watch(only: Option<Exercise>, screen: &Screen) -> Result<(), String> {
    let mut progress = Progress::load();
    if let Some(exercise) = only {
        exercise.begin()?;
        loop {
            let before = watch_until_solved(&exercise, &mut progress, screen);
            say_what_for(&exercise, screen);
            wait_for_a_save(&exercise, &before);
        }
    }
    let exercises = all();
    match next(&exercises, &progress) {
        Some(first) => {
            first.begin()?;
            print_line!("{}", what_to_do(first, screen));
        }
        None => print_line!("All exercises are solved. To go on with one: --watch NAME"),
    }
    while let Some(exercise) = next(&exercises, &progress) {
        exercise.begin()?;
        watch_until_solved(exercise, &mut progress, screen); // which says what comes next
    }
    Ok(())
}

/// Checks each save until one is right, and returns which one that was. If something goes wrong, the next
/// save may mend it.
fn watch_until_solved(
    exercise: &Exercise,
    progress: &mut Progress,
    screen: &Screen,
) -> Option<Saved> {
    loop {
        let before = saved(exercise);
        if !matches!(exercise.answer(), Answer::Starter(_)) {
            match check_one(exercise, progress, screen) {
                Ok(true) => return before,
                Ok(false) => {}
                Err(problem) => note!("{problem}"),
            }
        }
        say_what_for(exercise, screen);
        wait_for_a_save(exercise, &before);
    }
}

fn say_what_for(exercise: &Exercise, screen: &Screen) {
    let file = exercise.shown_answer("main.rs");
    print_line!("\n{}", screen.dim(&format!("Waiting until you save {file} (Ctrl-C ends)")));
}

/// What tells one save from another.
#[derive(PartialEq)]
struct Saved {
    time: Option<SystemTime>,
    length: u64,
    /// A virus scanner, or the editor itself, may keep the file to itself for a moment.
    is_readable: bool,
}

/// Returns `None` while there is no such file: an editor may be replacing it.
fn saved(exercise: &Exercise) -> Option<Saved> {
    let path = exercise.answers().join("main.rs");
    let metadata = fs::metadata(&path).ok()?;
    let is_readable = metadata.is_file() && File::open(&path).is_ok();
    Some(Saved { time: metadata.modified().ok(), length: metadata.len(), is_readable })
}

fn wait_for_a_save(exercise: &Exercise, before: &Option<Saved>) {
    loop {
        match saved(exercise) {
            Some(saved) if Some(&saved) != before.as_ref() => return,
            _ => thread::sleep(PAUSE),
        }
    }
}
