//! Checks that no exercise lacks a part. The lesson's own tests/exercises.rs tests what each part
//! does.

use std::collections::{HashMap, HashSet};
use std::fs;

use course::Exercise;
use harness::{Lesson, lessons, repository};

/// The minimum number of exercises, in all and for each lesson.
const IN_ALL: usize = 28;
const FOR_A_LESSON: usize = 2;

#[test]
fn every_exercise_has_all_its_parts() {
    let missing: Vec<String> = course::all().iter().flat_map(missing_parts).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn no_two_exercises_have_the_same_name() {
    let mut names = HashSet::new();
    for exercise in course::all() {
        assert!(names.insert(exercise.name.clone()), "there are two called {}", exercise.name);
    }
}

fn with_exercises() -> impl Iterator<Item = &'static Lesson> {
    lessons().iter().filter(|lesson| lesson.keeps_the_contract())
}

#[test]
fn there_are_enough_exercises_and_each_lesson_begins_with_an_easy_one() {
    let exercises = course::all();
    assert!(exercises.len() >= IN_ALL, "{} exercises of {IN_ALL}", exercises.len());
    let mut of_lesson: HashMap<&str, Vec<&Exercise>> = HashMap::new();
    for exercise in &exercises {
        of_lesson.entry(&exercise.lesson).or_default().push(exercise);
    }
    for Lesson { name: lesson, .. } in with_exercises() {
        let exercises = of_lesson.get(lesson.as_str()).map_or(&[][..], Vec::as_slice);
        assert!(exercises.len() >= FOR_A_LESSON, "{lesson} has {} exercise(s)", exercises.len());
        assert_eq!(exercises[0].level, "easy", "the first of {lesson}, {}", exercises[0].name);
    }
}

#[test]
fn the_exercises_stand_in_the_order_of_the_course_wherever_they_are_listed() {
    let read = |file: &str| {
        let path = repository().join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let in_order = |file: &str, text: &str, listed: &dyn Fn(&Exercise) -> String| {
        let mut last = 0;
        for exercise in course::all() {
            let Some(place) = text.find(&listed(&exercise)) else { continue };
            assert!(place > last, "{file} lists {} too early", exercise.name);
            last = place;
        }
    };
    let teachers = "book/src/exercises-for-teachers.md";
    in_order(teachers, &read(teachers), &|exercise| format!("\n### {}\n", exercise.title));
    for page in fs::read_dir(repository().join("book/src")).expect("the pages") {
        let page = page.expect("a page").path();
        let text = fs::read_to_string(&page).unwrap_or_default();
        in_order(&page.display().to_string(), &text, &|exercise| exercise.shown("task.md"));
    }
    for lesson in with_exercises() {
        let file = format!("lessons/{}/tests/exercises.rs", lesson.name);
        let tests = read(&file);
        in_order(&file, &tests, &|exercise| format!(" {}: \"", exercise.name.replace('-', "_")));
    }
}

fn missing_parts(exercise: &Exercise) -> Vec<String> {
    let mut missing = Vec::new();
    let mut demand = |there: bool, what: &str| {
        if !there {
            missing.push(format!("{}: {what} is missing", exercise.folder.display()));
        }
    };
    let Exercise { lesson, name, title, level, minutes, .. } = exercise;
    for problem in [exercise.starter().err(), exercise.solutions().err()].into_iter().flatten() {
        demand(false, &problem);
    }
    match exercise.wrong_answers() {
        Ok(wrong) => demand(!wrong.is_empty(), "a wrong answer in wrong/"),
        Err(problem) => demand(false, &problem),
    }

    let task = exercise.read("task.md").unwrap_or_default();
    for part in [
        "\n```text\n",
        &format!("Your file: `{}`", exercise.shown_answer("main.rs")),
        &format!("`cargo run`, in the folder `answers/{name}`"),
        &format!("`cargo exercise {name}`"),
        &format!("`cargo exercise --hint {name}`"),
        &format!("`cargo exercise --start-over {name}`"),
        "\n<summary>When you have solved it: other ways, and what they cost</summary>\n",
    ] {
        demand(task.contains(part), &format!("in task.md, {part:?}"));
    }
    let begins_otherwise = exercise.folder.join("starter.diff").exists();
    let says_so = task.contains("answer begins with");
    demand(says_so == begins_otherwise, "in task.md, why the answer begins with something else");
    demand(exercise.hints().is_ok_and(|hints| hints.len() == 3), "in task.md, one of three hints");
    demand(task.starts_with("### ") && !title.is_empty(), "in task.md, a title on the first line");
    let marked = ["easy", "medium", "hard"].contains(&level.as_str()) && *minutes > 0;
    demand(marked, "in task.md, a line such as *easy, 10 minutes*");

    let parts = [
        (
            format!("lessons/{lesson}/tests/exercises.rs"),
            format!("{}: \"{level}, {minutes} minutes: {title}\",", name.replace('-', "_")),
        ),
        (
            "book/src/exercises-for-teachers.md".to_string(),
            format!("### {title}\n\n*{level}, {minutes} minutes*\n"),
        ),
    ];
    for (file, part) in parts {
        let text = fs::read_to_string(repository().join(&file)).unwrap_or_default();
        demand(text.contains(&part), &format!("in {file}, `{part}`"));
    }
    missing
}
