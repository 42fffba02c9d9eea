//! `cargo exercise`: the course on the command line. See `--help`.

mod check;
mod class;
mod course;
mod request;
mod screen;
mod table;
mod watch;

use std::process::ExitCode;

use ::course::{Exercise, Progress, all, repository, take_over_old_answers};

use request::{HELP, Request};
use screen::{Screen, note, print_line};

fn main() -> ExitCode {
    if let Err(problem) = checkout::find() {
        note!("{problem}");
        return ExitCode::FAILURE;
    }
    let request = request::request();
    if all().is_empty() && !matches!(request, Ok(Request::Help)) {
        note!(
            "there are no exercises in {}. Run `cargo exercise` in a complete copy of this project, \
             whose folder `lessons` holds them",
            repository().join("lessons").display()
        );
        return ExitCode::FAILURE;
    }
    let request = match request {
        Ok(request) => request,
        Err(problem) => {
            note!("{problem}");
            return ExitCode::from(2);
        }
    };
    let old = take_over_old_answers();
    if !old.is_empty() {
        note!("{}\n", old.join("\n"));
    }
    match fulfil(request, &Screen::new()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            note!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Does what is asked for. Returns whether everything that was checked is solved.
fn fulfil(request: Request, screen: &Screen) -> Result<bool, String> {
    match request {
        Request::Course => course::show(screen),
        Request::Check(exercises) => match &exercises[..] {
            [exercise] => return check::check_one(exercise, &mut Progress::load(), screen),
            _ => return Ok(check::check_all(&exercises, screen)),
        },
        Request::Hint(exercise, number) => hint(&exercise, number, screen)?,
        Request::Watch(exercise) => watch::watch(exercise, screen)?,
        Request::All => return Ok(check::check_all(&all(), screen)),
        Request::StartOver(exercise) => start_over(&exercise)?,
        Request::Solution(exercise) => {
            print_line!("One right answer is in {}", exercise.write_solution()?);
        }
        Request::Class(folder) => class::check(&folder, screen)?,
        Request::Help => print_line!("{}", HELP.trim_end()),
    }
    Ok(true)
}

/// Shows the hint of that number, or the one after the last that was shown. After the last hint, the
/// first comes again.
fn hint(exercise: &Exercise, number: Option<usize>, screen: &Screen) -> Result<(), String> {
    let hints = exercise.hints()?;
    let mut progress = Progress::load();
    let number = number.unwrap_or(progress.hints(exercise) % hints.len().max(1) + 1);
    let Some(hint) = number.checked_sub(1).and_then(|index| hints.get(index)) else {
        return Err(format!(
            "there are {} hints, and number {number} is not among them",
            hints.len()
        ));
    };
    print_line!("{}\n\n{hint}\n", screen.bold(&format!("Hint {number} of {}", hints.len())));
    if number < hints.len() {
        print_line!("The next one: cargo exercise --hint {}", exercise.name);
    } else {
        print_line!("That was the last. The task: {}", exercise.shown("task.md"));
    }
    if let Err(problem) = progress.hints_shown(exercise, number) {
        note!("The next time, this hint comes again: {problem}");
    }
    Ok(())
}

fn start_over(exercise: &Exercise) -> Result<(), String> {
    match exercise.start_over()? {
        Some(kept) => print_line!("What you had is kept in {kept}"),
        None => print_line!("There was nothing to keep."),
    }
    print_line!("{} is the starter again", exercise.shown_answer("main.rs"));
    if let Err(problem) = Progress::load().hints_shown(exercise, 0) {
        note!("The hints do not begin again: {problem}");
    }
    Ok(())
}
