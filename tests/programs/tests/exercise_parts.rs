//! No exercise lacks a part. What each part does is tested by the lesson's own tests/exercises.rs.

use std::collections::{HashMap, HashSet};
use std::fs;

use checker::{Exercise, rejected_with};

/// How many exercises there are at least, in all.
const IN_ALL: usize = 18;

/// How many there are at least in a section. The server and the client of one share theirs.
const IN_A_SECTION: usize = 2;

#[test]
fn every_exercise_has_all_its_parts() {
    let missing: Vec<String> = checker::all().iter().flat_map(missing_parts).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn no_two_exercises_have_the_same_name() {
    let mut names = HashSet::new();
    for exercise in checker::all() {
        assert!(names.insert(exercise.name.clone()), "there are two called {}", exercise.name);
    }
}

#[test]
fn there_are_enough_exercises() {
    let exercises = checker::all();
    let mut sections: HashMap<&str, usize> = HashMap::new();
    for lesson in harness::lessons() {
        let of_this_lesson = exercises.iter().filter(|exercise| exercise.lesson == lesson.name);
        *sections.entry(&lesson.section).or_default() += of_this_lesson.count();
    }
    let mut too_few: Vec<_> = sections.iter().filter(|(_, count)| **count < IN_A_SECTION).collect();
    too_few.sort();
    assert!(too_few.is_empty(), "fewer than {IN_A_SECTION} exercises: {too_few:?}");
    assert!(exercises.len() >= IN_ALL, "{} exercises of {IN_ALL}", exercises.len());
}

fn missing_parts(exercise: &Exercise) -> Vec<String> {
    let mut missing = Vec::new();
    let mut demand = |there: bool, what: &str| {
        if !there {
            missing.push(format!("{}: {what} is missing", exercise.folder.display()));
        }
    };
    for file in ["starter.rs", "answer.rs", "solution.rs"] {
        demand(exercise.folder.join(file).is_file(), file);
    }
    demand(!exercise.wrong_answers().is_empty(), "a wrong answer in wrong/");
    for file in exercise.wrong_answers() {
        let what = format!("the first line `//! Rejected with: ...` of {}", file.display());
        demand(rejected_with(&file).is_some(), &what);
    }

    let task = fs::read_to_string(exercise.folder.join("task.md")).unwrap_or_default();
    let answer = format!("lessons/{}/exercises/{}/answer.rs", exercise.lesson, exercise.name);
    let name = exercise.name.replace('-', "_");
    for part in [
        "<summary>Hint 1: ",
        "<summary>Hint 2: ",
        "<summary>Hint 3: ",
        "\n```text\n",
        &answer,
        &format!("cargo try-answer {}", exercise.name),
        &format!("cargo exercise {name}"),
        &format!("cargo start-over {}", exercise.name),
    ] {
        demand(task.contains(part), &format!("in task.md, {part:?}"));
    }

    let lines: Vec<&str> = task.lines().filter(|line| !line.is_empty()).take(2).collect();
    let title = lines.first().and_then(|line| line.strip_prefix("### ")).unwrap_or_default();
    let level = lines.get(1).unwrap_or(&"").trim_matches('*');
    let marked = ["easy, ", "medium, ", "hard, "].iter().any(|mark| level.starts_with(mark));
    demand(!title.is_empty(), "in task.md, a title `### ...` on the first line");
    demand(marked && level.ends_with(" minutes"), "in task.md, a line such as *easy, 10 minutes*");

    let declared = format!("{name}: \"{level}: {title}\",");
    let tests = format!("lessons/{}/tests/exercises.rs", exercise.lesson);
    let text = fs::read_to_string(harness::repository().join(&tests)).unwrap_or_default();
    demand(text.contains(&declared), &format!("in {tests}, the declaration `{declared}`"));

    let teachers = "book/src/exercises-for-teachers.md";
    let text = fs::read_to_string(harness::repository().join(teachers)).unwrap_or_default();
    demand(text.contains(&format!("### {title}\n")), &format!("in {teachers}, `### {title}`"));
    missing
}
