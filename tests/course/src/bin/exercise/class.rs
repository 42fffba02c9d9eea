//! Checks the answers of a class.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use course::{Answer, Exercise, all, build_answers_of, not_text, repository};

use crate::check::{Checks, Verdict, build_checks, run_all};
use crate::screen::{Screen, note, print_line};
use crate::table::{cell, file_name, on_one_line};

/// The verdicts on a learner's answers, by the names of the exercises. An answer that has not been begun
/// has none.
type Verdicts<'a> = HashMap<&'a str, Verdict>;

/// Checks the answers in `folder`, in which each learner has a folder, with the checks of this copy. Shows
/// how many each learner has solved, and writes a table of all and a file for each.
///
/// # Errors
/// If there is nothing to check. Trouble with one learner's answers is reported in lines of its own.
pub fn check(folder: &Path, screen: &Screen) -> Result<(), String> {
    let exercises = all();
    let learners = learners_in(folder, &exercises)?;
    let names: Vec<&str> = exercises.iter().map(|exercise| exercise.name.as_str()).collect();
    // The mark tells Excel that this is UTF-8: otherwise it shows Chinese names as garbage.
    let mut table = format!("\u{feff}learner,solved,{}\r\n", names.join(","));
    let results = repository().join("target/exercises/class");
    let made = fs::create_dir_all(&results);
    let mut files = HashSet::new();
    let mut problems: Vec<String> = Vec::new();
    problems.extend(made.err().map(|error| format!("cannot make {}: {error}", results.display())));

    let mut checks = Checks::new();
    for learner in &learners {
        let who = learner.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let verdicts = verdicts_on(&who, learner, &exercises, &mut checks, screen);
        let marks: Vec<&str> = names.iter().map(|name| mark(verdicts.get(name))).collect();
        let count = |what| marks.iter().filter(|mark| **mark == what).count();
        let (solved, not_checked) = (count("solved"), count(NOT_CHECKED));
        let aside = match not_checked {
            0 => String::new(),
            count => format!("   ({count} {NOT_CHECKED}: the learner's file says why)"),
        };
        // A name may be of any width, so it comes last.
        print_line!("{solved:>3} of {}   {}{aside}", exercises.len(), on_one_line(&who));
        table += &format!("{},{solved},{}\r\n", cell(&who), marks.join(","));
        let file = results.join(file_name(&who, &mut files));
        problems.extend(write(&file, &findings(&exercises, &verdicts)).err());
    }
    let file = results.join("class.csv");
    match write(&file, &table) {
        Ok(()) => print_line!("\nThe table of all exercises: {}", file.display()),
        Err(problem) => return Err([problems, vec![problem]].concat().join("\n")),
    }
    print_line!("What was found, for each learner: {}", results.join("*.txt").display());
    for problem in problems {
        note!("{problem}");
    }
    Ok(())
}

/// Returns the folders in `folder` that hold answers, and reports those that do not.
fn learners_in(folder: &Path, exercises: &[Exercise]) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()
    });
    let mut folders =
        entries.map_err(|error| format!("cannot read the folder {}: {error}", folder.display()))?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    let holds_answers = |learner: &PathBuf| {
        let names = exercises.iter().map(|exercise| exercise.name.as_str());
        ["answers", "lessons"].into_iter().chain(names).any(|name| learner.join(name).is_dir())
    };
    let (learners, others): (Vec<PathBuf>, Vec<PathBuf>) =
        folders.into_iter().partition(holds_answers);
    for other in &others {
        let other = on_one_line(&other.to_string_lossy());
        note!("{other} is left out: there are no answers in it, or it cannot be read");
    }
    if learners.is_empty() {
        return Err(format!(
            "nobody has answers in {}: it is to hold a folder for each learner, which is the learner's \
             folder `answers`, or holds it",
            folder.display()
        ));
    }
    Ok(learners)
}

fn verdicts_on<'a>(
    who: &str,
    learner: &Path,
    exercises: &'a [Exercise],
    checks: &mut Checks,
    screen: &Screen,
) -> Verdicts<'a> {
    let mut verdicts = Verdicts::new();
    let mut begun = Vec::new();
    for exercise in exercises {
        match exercise.answer_of(learner) {
            (_, Answer::Missing | Answer::Starter(_)) => {}
            (path, Answer::Begun(answer)) => match not_text(&answer) {
                Some(problem) => drop(verdicts.insert(&exercise.name, Verdict::Wrong(problem))),
                None => begun.push((exercise, path)),
            },
            (_, Answer::Unreadable(problem)) => {
                verdicts.insert(&exercise.name, Verdict::NotChecked(problem));
            }
        }
    }
    let doing = format!("Compiling the answers of {}", on_one_line(who));
    let mut built = match begun.is_empty() {
        true => Ok(HashMap::new()),
        false => screen.while_doing(&doing, |told| build_answers_of(learner, &begun, told)),
    };
    let programs: Vec<_> = begun
        .iter()
        .map(|(exercise, _)| {
            let program = match &mut built {
                Ok(built) => built.remove(&exercise.name),
                Err(problem) => return (*exercise, Err(Verdict::NotChecked(problem.clone()))),
            };
            let missing = || Err(Verdict::NotChecked("it was not compiled".to_string()));
            let program = program.map(|program| match program {
                Ok(built) => Ok(built.program),
                Err(problem) => Err(Verdict::from(problem)),
            });
            (*exercise, program.unwrap_or_else(missing))
        })
        .collect();
    build_checks(begun.iter().map(|(exercise, _)| *exercise), checks, screen);
    let found = run_all(&programs, checks, screen);
    verdicts.extend(begun.iter().map(|(exercise, _)| exercise.name.as_str()).zip(found));
    verdicts
}

const NOT_CHECKED: &str = "not checked";

fn mark(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Solved) => "solved",
        Some(Verdict::Wrong(_)) => "wrong",
        Some(Verdict::NotChecked(_)) => NOT_CHECKED,
        None => "not begun",
    }
}

fn findings(exercises: &[Exercise], verdicts: &Verdicts) -> String {
    let mut text = String::new();
    for Exercise { name, title, .. } in exercises {
        let verdict = verdicts.get(name.as_str());
        let found = match verdict {
            Some(Verdict::Wrong(finding)) => finding.clone(),
            Some(Verdict::NotChecked(problem)) => format!("{NOT_CHECKED}: {problem}"),
            Some(Verdict::Solved) | None => mark(verdict).to_string(),
        };
        text += &format!("{name}: {title}\n{found}\n\n");
    }
    text
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
}
