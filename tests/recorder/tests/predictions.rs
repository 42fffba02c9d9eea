//! Compares the questions that the players ask with the recordings: the step that a question asks
//! about must exist, and must do what the right option says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use recorder::prediction::{Prediction, predictions};
use recorder::recording::Recording;

#[test]
fn the_recordings_do_what_the_right_options_say() {
    let mut problems = Vec::new();
    for (name, recording) in recordings() {
        for question in questions(&name) {
            if let Err(error) = question.check(&recording) {
                problems.push(format!("{name}, {:?}: {error:#}", question.question));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn each_recording_has_two_or_three_questions_at_different_steps() {
    for (name, recording) in recordings() {
        let steps = questions(&name).into_iter().map(|question| {
            assert_eq!(question.recording, name, "{:?}", question.question);
            question.asked_before(&recording).unwrap_or_else(|error| panic!("{name}: {error:#}"))
        });
        let steps: Vec<usize> = steps.collect();
        assert!((2..=3).contains(&steps.len()), "{name} has {} questions", steps.len());
        assert!(steps.is_sorted_by(|one, next| one < next), "{name} asks before {steps:?}");
    }
}

#[test]
fn each_option_has_its_reason() {
    for question in recordings().keys().flat_map(|name| questions(name)) {
        let (name, count) = (&question.recording, question.options.len());
        let asked = &question.question;
        assert!(asked.ends_with('?'), "{name}: {asked:?} is not a question");
        assert!((3..=4).contains(&count), "{name}, {asked:?}: {count} options");
        assert_eq!(question.reasons.len(), count, "{name}, {asked:?}: reasons");
        let different: BTreeSet<&String> = question.options.iter().collect();
        assert_eq!(different.len(), count, "{name}, {asked:?}: two options are the same");
        for (number, reason) in (1..).zip(&question.reasons) {
            let is_right = reason.starts_with("**Right.** ");
            assert_eq!(is_right, number == question.right, "{name}, {asked:?}: option {number}");
            assert!(reason.len() > 30, "{name}, {asked:?}: no reason for option {number}");
        }
    }
}

#[test]
fn each_page_with_a_player_has_its_questions() {
    for page in fs::read_dir(book()).expect("the book").map(|page| page.expect("a page").path()) {
        let text = fs::read_to_string(&page).unwrap_or_default(); // a folder has none
        for figure in text.split("<figure class=\"player\" data-recording=\"").skip(1) {
            let (name, after) = figure.split_once("\"></figure>\n").expect("a figure");
            let included = format!("\n{{{{#include recordings/{name}.md}}}}\n");
            let is_start = page.ends_with("start.md"); // where a reader only wants to see something
            assert_eq!(!is_start, after.starts_with(&included), "{}: {name}", page.display());
        }
    }
}

fn questions(name: &str) -> Vec<Prediction> {
    let file = book().join("recordings").join(format!("{name}.md"));
    let text = fs::read_to_string(&file);
    let text = text.unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    predictions(&text).unwrap_or_else(|error| panic!("{}: {error:#}", file.display()))
}

fn recordings() -> BTreeMap<String, Recording> {
    let files = fs::read_dir(book().join("recordings")).expect("the recordings");
    let files = files.map(|file| file.expect("a file").path());
    let scripts = files.filter(|file| file.extension().is_some_and(|other| other == "js"));
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a recording");
        let recording = Recording::from_script(&text);
        (name, recording.unwrap_or_else(|error| panic!("{}: {error:#}", file.display())))
    };
    scripts.map(read).collect()
}

fn book() -> PathBuf {
    harness::repository().join("book/src")
}
