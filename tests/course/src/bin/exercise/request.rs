//! Reads what the command line asks for.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use course::{Exercise, all, at_path, find, lessons_called, nearest};
use lexopt::{Arg, Parser};

pub const HELP: &str = "\
The exercises of the book, on the command line.

  cargo exercise                       shows the course, and what to do next
  cargo exercise NAME                  makes your file for an exercise; from then on, checks it
  cargo exercise NAME NAME ...         checks your answers to exercises, or to those of a lesson
  cargo exercise --hint NAME [NUMBER]  shows a hint, and the next time another; or that of a number
  cargo exercise --watch [NAME]        checks on every save; without NAME it goes on to the next
  cargo exercise --all                 checks all answers
  cargo exercise --start-over NAME     puts the starter back; your answer is kept beside it
  cargo exercise --solution NAME       writes solution.rs beside your answer
  cargo exercise --class FOLDER        checks a class: FOLDER holds the folder `answers` of each learner

An answer is the file answers/NAME/main.rs. In that folder, cargo run runs it. Git ignores all answers.
In NAME, - and _ are the same. A path to the answer or its folder will do as well. A lesson is
greeting, 6.2.2.1, or its folder. After the last hint the first comes again.
Exit status: 0 solved, 1 not solved or not checked, 2 no such exercise or option.
";

const OPTIONS: [&str; 7] =
    ["--hint", "--watch", "--all", "--start-over", "--solution", "--class", "--help"];

/// What the command line asks for.
pub enum Request {
    Course,
    Check(Vec<Exercise>),
    Hint(Exercise, Option<usize>),
    Watch(Option<Exercise>),
    All,
    StartOver(Exercise),
    Solution(Exercise),
    Class(PathBuf),
    Help,
}

/// Reads the command line.
///
/// # Errors
/// If something is wrong with it: the error says what.
pub fn request() -> Result<Request, String> {
    let mut parser = Parser::from_env();
    let mut names: Vec<OsString> = Vec::new();
    let mut options: Vec<&str> = Vec::new();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Arg::Value(name) => names.push(name),
            Arg::Short('h') => options.push("--help"),
            Arg::Short(letter) => return Err(no_option(&format!("-{letter}"))),
            Arg::Long(long) => {
                let known = OPTIONS.into_iter().find(|known| known[2..] == *long);
                options.push(known.ok_or_else(|| no_option(&format!("--{long}")))?);
            }
        }
    }
    if options.contains(&"--help") {
        return Ok(Request::Help);
    }
    options.dedup();
    if let [first, second, ..] = options[..] {
        return Err(format!("{first} and {second} do not go together (see --help)"));
    }
    asked(options.first().copied(), &names)
}

fn asked(option: Option<&str>, names: &[OsString]) -> Result<Request, String> {
    match (option, names) {
        (None, []) => Ok(Request::Course),
        (None, names) => Ok(Request::Check(exercises_called(names)?)),
        (Some("--all"), []) => Ok(Request::All),
        (Some("--watch"), []) => Ok(Request::Watch(None)),
        (Some("--watch"), [name]) => Ok(Request::Watch(Some(exercise_called(name)?))),
        (Some("--hint"), [name]) => Ok(Request::Hint(exercise_called(name)?, None)),
        (Some("--hint"), [name, number]) => {
            let which = number.to_str().and_then(|number| number.parse().ok());
            let which = which.ok_or_else(|| format!("{number:?} is not the number of a hint"))?;
            Ok(Request::Hint(exercise_called(name)?, Some(which)))
        }
        (Some("--start-over"), [name]) => Ok(Request::StartOver(exercise_called(name)?)),
        (Some("--solution"), [name]) => Ok(Request::Solution(exercise_called(name)?)),
        (Some("--class"), [folder]) => Ok(Request::Class(PathBuf::from(folder))),
        (Some(option), []) => Err(format!("{option} needs a name behind it (see --help)")),
        (Some(_), [.., last]) => Err(format!("{last:?} is one name too many (see --help)")),
    }
}

fn no_option(option: &str) -> String {
    let near = nearest(option.trim_start_matches('-'), OPTIONS.map(|known| &known[2..]));
    format!("there is no option {option}. Do you mean --{}? (see --help)", near.join(" or --"))
}

/// Returns all exercises of these names, each once.
fn exercises_called(names: &[OsString]) -> Result<Vec<Exercise>, String> {
    let mut exercises: Vec<Exercise> = Vec::new();
    for name in names {
        for exercise in called(name)? {
            if !exercises.iter().any(|other| other.name == exercise.name) {
                exercises.push(exercise);
            }
        }
    }
    Ok(exercises)
}

fn exercise_called(name: &OsStr) -> Result<Exercise, String> {
    match &called(name)?[..] {
        [exercise] => Ok(exercise.clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|exercise| exercise.name.as_str()).collect();
            Err(format!("{name:?} has several exercises. Name one of them: {}", names.join(", ")))
        }
    }
}

/// Returns the exercise of that name or at that path, or all of the lessons of that name.
fn called(name: &OsStr) -> Result<Vec<Exercise>, String> {
    let text = name.to_string_lossy();
    if let Some(exercise) = find(&text) {
        return Ok(vec![exercise]);
    }
    let lessons = lessons_called(&text);
    let exercises = match lessons.is_empty() {
        true => at_path(Path::new(name)),
        false => all().into_iter().filter(|one| lessons.contains(&one.lesson)).collect(),
    };
    if exercises.is_empty() { Err(no_exercise(&text)) } else { Ok(exercises) }
}

fn no_exercise(name: &str) -> String {
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
}
