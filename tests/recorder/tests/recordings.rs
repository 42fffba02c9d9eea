//! Compares the recordings in the book with what the programs do now, and with what the pages show.
//!
//! After changing a program, renew the recordings and look at the difference:
//!
//!     cargo run -p recorder
//!     git diff book/src/recordings

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::process::Command;

use recorder::recording::{Arrow, Recording, Step};

#[cfg(target_os = "linux")]
static RECORDING: needs::Need = needs::Need::new(
    "strace, elfutils, tcpdump, ip, nats-server and the right to make a network namespace",
    || recorder::tools::missing().is_empty(),
);

#[cfg(target_os = "linux")]
needs::test!(RECORDING: what_is_recorded_happens_again);
#[cfg(target_os = "linux")]
fn what_is_recorded_happens_again() {
    let folder = harness::scratch().join("recordings");
    let mut recorder = Command::new(harness::own("recorder"));
    let status = recorder.arg("--into").arg(&folder).status().expect("the recorder");
    assert!(status.success(), "the recorder fails");
    let mut problems = Vec::new();
    for (name, stored) in recordings(&book().join("recordings")) {
        let again = &recordings(&folder)[&name];
        problems.extend(differences(&name, &stored, again));
    }
    assert!(
        problems.is_empty(),
        "programs and recordings have drifted apart; `cargo run -p recorder` renews them:\n{}",
        problems.join("\n")
    );
}

needs::test!(every_call_and_every_print_is_compared);
/// Checks that everything a program did is compared.
fn every_call_and_every_print_is_compared() {
    for (name, mut recording) in recordings(&book().join("recordings")) {
        let stored = recording.decided();
        for step in 0..recording.steps.len() {
            for index in 0..lines(&mut recording.steps[step]).len() {
                *lines(&mut recording.steps[step])[index] += 1000;
                assert_ne!(stored, recording.decided(), "{name}: step {}", step + 1);
                *lines(&mut recording.steps[step])[index] -= 1000;
            }
        }
    }
}

/// Returns the lines of the program at which something returned or was printed in this step.
fn lines(step: &mut Step) -> Vec<&mut u32> {
    let calls = step.calls.iter_mut().map(|call| &mut call.line);
    let prints = step.screen.iter_mut().filter_map(|shown| Some(&mut shown.by.as_mut()?.2));
    calls.chain(prints).collect()
}

needs::test!(the_lines_are_those_of_the_programs);
/// Compares the lines with the files on every system, so that a moved line is noticed even if
/// nothing can be recorded there.
fn the_lines_are_those_of_the_programs() {
    let mut problems = Vec::new();
    for (name, recording) in recordings(&book().join("recordings")) {
        for source in &recording.sources {
            let text = read(&harness::repository().join(&source.file));
            let lines: Vec<&str> = text.lines().collect();
            for (number, line) in &source.lines {
                if lines.get(*number as usize - 1) != Some(&line.as_str()) {
                    problems
                        .push(format!("{name}: line {number} of {} is not {line:?}", source.file));
                }
            }
        }
    }
    assert!(problems.is_empty(), "`cargo run -p recorder` renews them:\n{}", problems.join("\n"));
}

needs::test!(every_marked_line_is_in_the_listing_of_its_page);
fn every_marked_line_is_in_the_listing_of_its_page() {
    let mut problems = Vec::new();
    let recordings = recordings(&book().join("recordings"));
    for (page, text) in pages() {
        for name in players(&text) {
            let Some(recording) = recordings.get(&name) else {
                problems.push(format!("{page} plays {name}, which is not recorded"));
                continue;
            };
            for (index, source) in recording.sources.iter().enumerate() {
                let marked = marked_lines(recording, index);
                let carried: BTreeSet<u32> =
                    source.lines.iter().map(|(number, _)| *number).collect();
                let not_carried = marked.difference(&carried).map(|line| (line, "the recording"));
                let listed = lines_listed(&text, &source.file);
                // On a page about something else, the listing appears only in the player.
                let not_listed = marked.difference(&listed).map(|line| (line, page.as_str()));
                let not_listed = not_listed.filter(|_| !listed.is_empty());
                problems.extend(not_carried.chain(not_listed).map(|(line, place)| {
                    format!(
                        "{name} marks line {line} of {}, which {place} does not show",
                        source.file
                    )
                }));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

needs::test!(every_recording_is_played);
fn every_recording_is_played() {
    let played: BTreeSet<String> = pages().values().flat_map(|text| players(text)).collect();
    let there: BTreeSet<String> = recordings(&book().join("recordings")).into_keys().collect();
    assert_eq!(played, there, "what the pages play, and what is in book/src/recordings");
    #[cfg(target_os = "linux")]
    {
        let known = |name: &str| recorder::record::names_of_all().any(|known| known == name);
        let unknown: Vec<&String> = there.iter().filter(|name| !known(name)).collect();
        assert!(unknown.is_empty(), "there is no scenario for {unknown:?}");
    }
}

needs::test!(causes_come_before_their_effects);
/// Checks that every arrow that made a call return has been drawn by then.
fn causes_come_before_their_effects() {
    for (name, recording) in recordings(&book().join("recordings")) {
        let mut drawn = 0;
        for (index, step) in recording.steps.iter().enumerate() {
            drawn += step.wire.len();
            let cause = step.because.unwrap_or(0);
            assert!(cause <= drawn, "{name}: step {} is caused by arrow {cause}", index + 1);
            assert!(!step.caption.is_empty(), "{name}: step {} has no caption", index + 1);
        }
    }
}

needs::test!(texts_are_those_of_their_recordings);
/// Checks that a text for print agrees with its recording.
fn texts_are_those_of_their_recordings() {
    let texts = texts(&book().join("recordings"), "txt");
    for (name, recording) in recordings(&book().join("recordings")) {
        let text = recording.as_text();
        assert_eq!(texts.get(&name), text.as_ref(), "`cargo run -p recorder` renews it: {name}");
    }
}

needs::test!(every_event_has_its_cause);
/// Checks that a call that returned a connection, bytes or an end has an arrow that brought it.
fn every_event_has_its_cause() {
    for (name, recording) in recordings(&book().join("recordings")) {
        let mut shut_down = BTreeSet::new(); // terminals whose program can end its own reads
        for (number, step) in (1..).zip(&recording.steps) {
            for call in &step.calls {
                let is_keyboard = call.thread == "keyboard"
                    || recording.terminals[call.terminal - 1].port.is_none();
                let needs_a_cause = match (call.name.as_str(), call.value.as_str()) {
                    ("read", "0") => !is_keyboard && !shut_down.contains(&call.terminal),
                    ("read", value) => !is_keyboard && value.parse::<usize>().is_ok(),
                    ("accept", value) => value.parse::<u16>().is_ok(),
                    ("connect", value) => value == "ok",
                    _ => false,
                };
                if call.name == "shutdown" {
                    shut_down.insert(call.terminal);
                }
                if needs_a_cause && step.because.is_none() {
                    panic!("{name}: step {number} has no cause: {}", step.caption);
                }
            }
        }
    }
}

needs::test!(a_closed_window_is_that_of_the_terminal_that_sent_it);
/// Checks that a sentence about a closed window names the terminal whose segment says so, even if
/// the call in that step is about another connection.
fn a_closed_window_is_that_of_the_terminal_that_sent_it() {
    let mut closed = 0;
    for (name, recording) in recordings(&book().join("recordings")) {
        for (number, step) in (1..).zip(&recording.steps) {
            let Some((_, after)) = step.caption.split_once("window of terminal ") else { continue };
            let terminal = after.split_once(' ').and_then(|(number, _)| number.parse().ok());
            let mut closes = step.wire.iter().filter(|arrow| arrow.window == Some(0));
            let is_its_own = closes.any(|arrow| Some(arrow.from) == terminal);
            assert!(is_its_own, "{name}: no arrow of step {number} says: {}", step.caption);
            closed += 1;
        }
    }
    assert!(closed > 0, "no recording shows a closed window");
}

needs::test!(what_wakes_a_program_up_is_not_called_a_client);
/// Checks that a program that connects to itself, to wake itself up, is not called a new client.
fn what_wakes_a_program_up_is_not_called_a_client() {
    let mut found = 0;
    for (name, recording) in recordings(&book().join("recordings")) {
        let arrows: Vec<&Arrow> = recording.steps.iter().flat_map(|step| &step.wire).collect();
        for (number, step) in (1..).zip(&recording.steps) {
            let Some(cause) = step.because.map(|cause| arrows[cause - 1]) else { continue };
            if cause.from == cause.to && step.calls.iter().any(|call| call.name == "accept") {
                assert!(
                    !step.caption.contains("*connection*"),
                    "{name}, {number}: {}",
                    step.caption
                );
                found += 1;
            }
        }
    }
    assert!(found > 0, "no recording has a program that wakes itself up");
}

needs::test!(all_eight_socket_events_are_shown);
/// Checks that the main thread of 6.2.2 shows all eight events, with a cause if they have one.
fn all_eight_socket_events_are_shown() {
    type Shows = fn(&Step, &str, &str) -> bool;
    let eight: [(&str, Shows); 8] = [
        ("lookup", |_, name, _| name == "lookup"),
        ("connect", |step, name, value| name == "connect" && value == "ok" && is_caused(step)),
        ("data", |step, name, value| name == "read" && value != "0" && is_caused(step)),
        ("timeout", |_, name, value| name == "read" && value == "WouldBlock"),
        ("drain", |step, name, _| name == "write" && is_caused(step)),
        ("end", |step, name, value| name == "read" && value == "0" && is_caused(step)),
        ("error", |step, name, value| {
            name == "connect" && value == "ConnectionRefused" && is_caused(step)
        }),
        ("close", |_, name, _| name == "close"),
    ];
    let steps = &recordings(&book().join("recordings"))["socket-events"].steps;
    for (event, shows) in eight {
        let by_main = |step: &Step| {
            let mut calls = step.calls.iter().filter(|call| call.thread == "main");
            calls.any(|call| shows(step, &call.name, &call.value))
        };
        assert!(steps.iter().any(by_main), "no step shows {event}");
    }
}

fn is_caused(step: &Step) -> bool {
    step.because.is_some()
}

needs::test!(no_page_grows_by_more_than_110_kilobytes);
/// Checks that a page stays light, together with everything that its players load.
fn no_page_grows_by_more_than_110_kilobytes() {
    let size = |file: PathBuf| fs::metadata(&file).map_or(0, |file| file.len());
    let player = size(harness::repository().join("book/player.js"))
        + size(harness::repository().join("book/player.css"));
    for (page, text) in pages() {
        let recordings = players(&text).into_iter();
        let recordings = recordings.map(|name| size(recording_file(&name))).sum::<u64>();
        assert!(player + recordings <= 110_000, "{page} grows by {} bytes", player + recordings);
    }
}

fn recording_file(name: &str) -> PathBuf {
    book().join("recordings").join(format!("{name}.js"))
}

#[cfg(target_os = "linux")]
fn differences(name: &str, stored: &Recording, again: &Recording) -> Vec<String> {
    let (stored, again) = (stored.decided(), again.decided());
    let keys: BTreeSet<&String> = stored.keys().chain(again.keys()).collect();
    let mut differences = Vec::new();
    for key in keys {
        let (stored, again) = (stored.get(key), again.get(key));
        if stored != again {
            differences.push(format!("{name}, {key}:\n  stored {stored:#?}\n  now {again:#?}"));
        }
    }
    differences
}

fn marked_lines(recording: &Recording, source: usize) -> BTreeSet<u32> {
    let marks = recording.steps.iter().flat_map(|step| &step.threads);
    let marks = marks.filter(|mark| mark.source == source).map(|mark| mark.line);
    let prints = recording.steps.iter().flat_map(|step| &step.screen);
    let prints = prints.filter_map(|shown| shown.by.as_ref());
    marks.chain(prints.filter(|by| by.1 == source).map(|by| by.2)).collect()
}

/// Returns the numbers of the lines of `file` that a page includes, whole or by anchors.
fn lines_listed(page: &str, file: &str) -> BTreeSet<u32> {
    let text = read(&harness::repository().join(file));
    let mut listed = BTreeSet::new();
    for include in between(page, "{{#include ../../", "}}") {
        let Some(anchor) = include.strip_prefix(file) else { continue };
        let anchor = anchor.trim_start_matches(':');
        let mut inside = anchor.is_empty();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            match line.strip_prefix("// ANCHOR") {
                Some(mark) if mark == format!(": {anchor}") => inside = true,
                Some(mark) if mark == format!("_END: {anchor}") => inside = false,
                Some(_) => {}
                None if inside => drop(listed.insert(number)),
                None => {}
            }
        }
    }
    listed
}

/// Returns the names of the recordings that a page plays.
fn players(page: &str) -> Vec<String> {
    between(page, "<figure class=\"player\" data-recording=\"", "\"")
}

fn between(text: &str, begin: &str, end: &str) -> Vec<String> {
    let parts = text.split(begin).skip(1);
    parts.filter_map(|part| Some(part.split_once(end)?.0.to_string())).collect()
}

fn recordings(folder: &Path) -> BTreeMap<String, Recording> {
    let mut recordings = BTreeMap::new();
    let files = texts(folder, "js");
    assert!(!files.is_empty(), "there is no recording in {}", folder.display());
    for (name, text) in files {
        let recording = Recording::from_script(&text);
        let recording = recording.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        recordings.insert(name, recording);
    }
    recordings
}

fn pages() -> BTreeMap<String, String> {
    texts(&book(), "md")
}

/// Returns the texts in a folder, by their names without the extension.
fn texts(folder: &Path, extension: &str) -> BTreeMap<String, String> {
    let files =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = files.map(|file| file.expect("a file").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|other| other == extension));
    paths
        .map(|path| {
            (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), read(&path))
        })
        .collect()
}

fn book() -> PathBuf {
    harness::repository().join("book/src")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn main() -> std::process::ExitCode {
    needs::run()
}
