//! `cargo exercise`: the course on the command line. See `--help`.

mod check;
mod class;
mod course;
mod screen;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use ::course::{Exercise, Progress, all, find, lesson_called, nearest};
use lexopt::{Arg, Parser, ValueExt};

use screen::{Screen, print_line};

const HELP: &str = "\
The exercises of the book, on the command line.

  cargo exercise                     shows the course, and what to do next
  cargo exercise NAME                checks your answer to an exercise, or those of a lesson
  cargo exercise --hint NAME         shows a hint; again, the next one
  cargo exercise --watch [NAME]      checks on every save; without NAME it goes on to the next
  cargo exercise --all               checks all answers
  cargo exercise --start-over NAME   puts the starter back; your answer is kept beside it
  cargo exercise --solution NAME     writes solution.rs beside your answer
  cargo exercise --class FOLDER      checks the copies of a class, one in each folder in FOLDER

An answer is the file lessons/LESSON/exercises/NAME/answer.rs. In NAME, - and _ are the same.
Exit status: 0 solved, 1 not solved, 2 no such exercise or option.
";

const OPTIONS: [&str; 7] =
    ["--hint", "--watch", "--all", "--start-over", "--solution", "--class", "--help"];

/// What is asked for.
enum Request {
    Course,
    Check(Vec<Exercise>),
    Hint(Exercise),
    Watch(Option<Exercise>),
    All,
    StartOver(Exercise),
    Solution(Exercise),
    Class(PathBuf),
    Help,
}

fn main() -> ExitCode {
    let request = match request() {
        Ok(request) => request,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    match fulfil(request, &Screen::new()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all that was checked is solved.
fn fulfil(request: Request, screen: &Screen) -> Result<bool, String> {
    match request {
        Request::Course => course::show(screen),
        Request::Check(exercises) => match &exercises[..] {
            [exercise] => check::check_one(exercise, screen),
            _ => check::check_all(&exercises, screen),
        },
        Request::Hint(exercise) => hint(&exercise, screen),
        Request::Watch(exercise) => watch::watch(exercise, screen),
        Request::All => check::check_all(&all(), screen),
        Request::StartOver(exercise) => start_over(&exercise),
        Request::Solution(exercise) => {
            print_line!("One right answer is in {}", exercise.write_solution()?);
            Ok(true)
        }
        Request::Class(folder) => class::check(&folder, screen),
        Request::Help => {
            print_line!("{}", HELP.trim_end());
            Ok(true)
        }
    }
}

/// What the command line asks for.
fn request() -> Result<Request, String> {
    let mut parser = Parser::from_env();
    let mut names = Vec::new();
    let mut option = None;
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Arg::Value(name) => names.push(name.string().map_err(|error| error.to_string())?),
            Arg::Short('h') => option = Some("--help"),
            Arg::Short(letter) => return Err(no_option(&format!("-{letter}"))),
            Arg::Long(long) => {
                let known = OPTIONS.into_iter().find(|known| known[2..] == *long);
                option = Some(known.ok_or_else(|| no_option(&format!("--{long}")))?);
            }
        }
    }
    match (option, &names[..]) {
        (Some("--help"), _) => Ok(Request::Help),
        (None, []) => Ok(Request::Course),
        (None, [name]) => Ok(Request::Check(exercises_called(name)?)),
        (Some("--all"), []) => Ok(Request::All),
        (Some("--watch"), []) => Ok(Request::Watch(None)),
        (Some("--watch"), [name]) => Ok(Request::Watch(Some(exercise_called(name)?))),
        (Some("--hint"), [name]) => Ok(Request::Hint(exercise_called(name)?)),
        (Some("--start-over"), [name]) => Ok(Request::StartOver(exercise_called(name)?)),
        (Some("--solution"), [name]) => Ok(Request::Solution(exercise_called(name)?)),
        (Some("--class"), [folder]) => Ok(Request::Class(PathBuf::from(folder))),
        (Some(option), []) => Err(format!("{option} needs a name behind it (see --help)")),
        (_, [.., last]) => Err(format!("{last:?} is one name too many (see --help)")),
    }
}

fn no_option(option: &str) -> String {
    let near = nearest(option.trim_start_matches('-'), OPTIONS.map(|known| &known[2..]));
    format!("there is no option {option}. Do you mean --{}? (see --help)", near.join(" or --"))
}

fn exercise_called(name: &str) -> Result<Exercise, String> {
    find(name).ok_or_else(|| {
        let exercises = all();
        let near = nearest(name, exercises.iter().map(|exercise| exercise.name.as_str()));
        let near: Vec<String> = near
            .into_iter()
            .filter_map(find)
            .map(|exercise| format!("  {:<22} {}", exercise.name, exercise.title))
            .collect();
        format!(
            "there is no exercise {name:?}. The nearest are:\n{}\n`cargo exercise` shows all.",
            near.join("\n")
        )
    })
}

/// The exercise of that name, or all of the lesson of that name.
fn exercises_called(name: &str) -> Result<Vec<Exercise>, String> {
    match (find(name), lesson_called(name)) {
        (None, Some(lesson)) => {
            Ok(all().into_iter().filter(|exercise| exercise.lesson == lesson).collect())
        }
        _ => Ok(vec![exercise_called(name)?]),
    }
}

/// Shows the hint that was not shown yet, or the last.
fn hint(exercise: &Exercise, screen: &Screen) -> Result<bool, String> {
    let hints = exercise.hints()?;
    let mut progress = Progress::load();
    let number = (progress.hints(exercise) + 1).min(hints.len());
    let hint = hints.get(number - 1).map_or("", String::as_str);
    print_line!("{}\n\n{hint}\n", screen.bold(&format!("Hint {number} of {}", hints.len())));
    if number < hints.len() {
        print_line!("The next one: cargo exercise --hint {}", exercise.name);
    } else {
        print_line!("That was the last. The task: {}", exercise.shown("task.md"));
    }
    progress.hints_shown(exercise, number)?;
    Ok(true)
}

fn start_over(exercise: &Exercise) -> Result<bool, String> {
    match exercise.start_over()? {
        Some(kept) => print_line!("What you had is kept in {kept}"),
        None => print_line!("There was nothing to keep."),
    }
    print_line!("{} is the starter again", exercise.shown("answer.rs"));
    Progress::load().hints_shown(exercise, 0)?;
    Ok(true)
}
