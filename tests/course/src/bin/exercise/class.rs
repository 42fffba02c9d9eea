//! Checks the answers of a class.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use course::{Exercise, all, build_answers_of, repository};

use crate::check::{Verdict, build_checks, run_all};
use crate::screen::{Screen, print_line};

/// Checks the copies of this project in `folder`, one in each folder, with the checks of this copy.
/// Shows how many each has solved, and writes a table of all and a file for each. It is always
/// fulfilled.
pub fn check(folder: &Path, screen: &Screen) -> Result<bool, String> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot read the folder {}: {error}", folder.display()))?;
    let mut copies: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    copies.retain(|copy| copy.join("lessons").is_dir());
    copies.sort();
    if copies.is_empty() {
        return Err(format!("there is no folder with `lessons` in it in {}", folder.display()));
    }
    let exercises = all();
    let names: Vec<&str> = exercises.iter().map(|exercise| exercise.name.as_str()).collect();
    let mut table = format!("learner,solved,{}\n", names.join(","));
    let results = repository().join("target/exercises/class");
    fs::create_dir_all(&results)
        .map_err(|error| format!("cannot make the folder {}: {error}", results.display()))?;
    let checks = build_checks(&exercises, screen)?;
    for copy in &copies {
        let who = copy.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let verdicts = verdicts_on(&who, copy, &exercises, &checks, screen)?;
        let marks = exercises.iter().map(|exercise| match verdicts.get(exercise.name.as_str()) {
            Some(Ok(())) => "solved",
            Some(Err(_)) => "wrong",
            None => "not begun",
        });
        let marks: Vec<&str> = marks.collect();
        let solved = marks.iter().filter(|mark| **mark == "solved").count();
        print_line!("{who:<20} {solved:>3} of {}", exercises.len());
        table += &format!("{who},{solved},{}\n", marks.join(","));
        write(&results.join(format!("{who}.txt")), &findings(&exercises, &verdicts))?;
    }
    let file = results.join("class.csv");
    write(&file, &table)?;
    print_line!("\nThe table of all exercises: {}", file.display());
    print_line!("What was found, for each learner: {}", results.join("*.txt").display());
    Ok(true)
}

/// What was found of the answers that are begun.
fn verdicts_on<'a>(
    who: &str,
    copy: &Path,
    exercises: &'a [Exercise],
    checks: &HashMap<String, PathBuf>,
    screen: &Screen,
) -> Result<HashMap<&'a str, Verdict>, String> {
    let mut begun = Vec::new();
    for exercise in exercises {
        let answer = fs::read_to_string(copy.join(exercise.shown("answer.rs")));
        if answer.is_ok_and(|answer| exercise.starter().is_ok_and(|starter| starter != answer)) {
            begun.push(exercise);
        }
    }
    let folder = copy.canonicalize().unwrap_or_else(|_| copy.to_path_buf());
    let doing = format!("Compiling the answers of {who}");
    let mut built = screen.while_doing(&doing, || build_answers_of(who, &folder, &begun))?;
    let missing = || Err("it was not compiled".to_string());
    let built: Vec<_> = begun
        .iter()
        .map(|exercise| (*exercise, built.remove(&exercise.name).unwrap_or_else(missing)))
        .collect();
    let verdicts = run_all(&built, checks, screen)?;
    Ok(begun.iter().map(|exercise| exercise.name.as_str()).zip(verdicts).collect())
}

fn findings(exercises: &[Exercise], verdicts: &HashMap<&str, Verdict>) -> String {
    let mut text = String::new();
    for Exercise { name, title, .. } in exercises {
        let found = match verdicts.get(name.as_str()) {
            Some(Ok(())) => "solved",
            Some(Err(finding)) => finding,
            None => "not begun",
        };
        text += &format!("{name}: {title}\n{found}\n\n");
    }
    text
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
}
