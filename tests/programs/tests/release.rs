//! Checks that the texts about a release, and about what has to be installed, agree with the
//! project.

use std::fs;
use std::path::Path;

use harness::{lessons, repository, workspace};

#[test]
fn the_changelog_has_the_version_of_the_workspace() {
    let changelog = read(&repository().join("CHANGELOG.md"));
    for package in &workspace().packages {
        let heading = format!("## {} - ", package.version);
        let found = changelog.lines().any(|line| line.starts_with(&heading));
        assert!(found, "no line of CHANGELOG.md begins with {heading:?}, as {} is", package.name);
    }
}

#[test]
fn read_me_first_names_programs_that_are_packed() {
    let text = read(&repository().join(".ci/READ-ME-FIRST.txt"));
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let named: Vec<&str> = words.filter(|word| word.starts_with("lesson-")).collect();
    assert!(!named.is_empty(), "READ-ME-FIRST.txt names no program at all");
    for name in named {
        let packed = lessons().iter().any(|lesson| lesson.binary == name);
        assert!(packed, "READ-ME-FIRST.txt names {name}, which is not a lesson's program");
    }
}

/// Checks that nothing is installed that nobody needs any more.
#[test]
fn every_program_to_install_is_run_by_a_test_or_a_script() {
    let list = read(&repository().join(".ci/packages.txt"));
    let entries: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(!entries.is_empty(), ".ci/packages.txt lists nothing");
    let mut tests = String::new();
    add_sources(&repository().join("tests"), &mut tests);
    let scripts = ["install", "pack", "run"].map(|name| read(&repository().join(".ci").join(name)));
    let commands = scripts.iter().flat_map(|script| script.lines());
    let words: Vec<&str> = commands
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')))
        .collect();
    for entry in entries {
        let [program, _package, "#", _reason, ..] =
            entry.split_whitespace().collect::<Vec<_>>()[..]
        else {
            panic!("not a program, its package, and a comment with the reason: {entry:?}");
        };
        let is_run = tests.contains(&format!("\"{program}\"")) || words.contains(&program);
        assert!(is_run, ".ci/packages.txt lists {program}, which no test and no script runs");
    }
}

/// Adds the Rust sources in `folder` and below to `text`.
fn add_sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            add_sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&read(&path));
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}
