//! Tests that answers in the places of earlier versions are found and moved along.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tree::{Ran, STARTER, Tree};

const OLD: &str = "lessons/6.1-alpha/exercises/first/answer.rs";

fn read(tree: &Tree, file: &str) -> String {
    fs::read_to_string(tree.root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn old_answers_are_moved_and_it_is_said_once() {
    let tree = Tree::new();
    tree.write(OLD, "mod peer; // mine\n");
    tree.write("lessons/6.1-alpha/exercises/first/answer-1.rs", "an attempt");
    tree.write("lessons/6.1-alpha/exercises/second/answer.rs", STARTER);
    tree.write("lessons/7.1-beta-client/exercises/third/answer.rs", b"caf\xe9");
    tree.write("lessons/7.1-beta-server/exercises/fourth/answer.rs/main.rs", "in a folder");
    let ran = tree.run(&[]);
    assert!(ran.stderr.contains(&format!("answers/first/main.rs (it was {OLD})")), "{ran:?}");
    for moved in ["answers/first/main-1.rs", "answers/third/main.rs", "answers/fourth/main.rs"] {
        assert!(ran.stderr.contains(moved), "{moved}: {ran:?}");
    }
    assert!(!ran.stderr.contains("second"), "nobody has worked on it: {ran:?}");
    assert_eq!(read(&tree, "answers/first/main.rs"), "mod peer; // mine\n");
    assert_eq!(read(&tree, "answers/first/main-1.rs"), "an attempt");
    assert_eq!(fs::read(tree.root.join("answers/third/main.rs")).expect("a file"), b"caf\xe9");
    assert_eq!(read(&tree, "answers/fourth/main.rs/main.rs"), "in a folder");
    assert!(read(&tree, "answers/Cargo.toml").contains("\"first\""));
    assert!(!tree.root.join(OLD).exists());
    assert_eq!(tree.run(&[]).stderr, "", "the second time there is nothing to say");
}

#[test]
fn an_old_answer_replaces_no_new_one() {
    let tree = Tree::new();
    tree.answer("a new one");
    tree.write(OLD, "an old one");
    let ran = tree.run(&[]);
    assert!(ran.stderr.contains("answers/first/main-1.rs"), "{ran:?}");
    assert_eq!(read(&tree, "answers/first/main.rs"), "a new one");
    assert_eq!(read(&tree, "answers/first/main-1.rs"), "an old one");

    tree.answer(STARTER);
    tree.write(OLD, "another");
    tree.run(&[]);
    assert_eq!(read(&tree, "answers/first/main.rs"), "another", "a starter is no work");
}

#[test]
fn an_old_answer_finds_the_modules_of_its_lesson() {
    let tree = Tree::new();
    tree.write(OLD, "#[path = \"../../src/peer.rs\"]\nmod peer;\n");
    tree.run(&[]);
    let path = "../../lessons/6.1-alpha/src/peer.rs";
    let adapted = format!("#[path = \"{path}\"]\nmod peer;\n");
    assert_eq!(read(&tree, "answers/first/main.rs"), adapted);

    // The starter has that path as well. Its earlier form does not count as work.
    tree.write("lessons/6.1-alpha/src/main.rs", "mod peer;\n");
    tree.run(&["second"]);
    assert_eq!(read(&tree, "answers/second/main.rs"), adapted);
    let old = "#[path = \"../../src/peer.rs\"]\nmod peer;\n";
    tree.write("class/anna/first/main.rs", format!("{old}// mine\n"));
    tree.write("class/anna/second/main.rs", old);
    tree.run(&["--class", "class"]);
    let found = read(&tree, "target/exercises/class/anna.txt");
    assert!(found.contains("second: A title\nnot begun\n"), "{found}");
    let copies = fs::read_dir(tree.root.join("target/exercises/handed-in")).expect("copies");
    let copies: Vec<_> = copies.flatten().map(|entry| entry.path()).collect();
    let [anna] = &copies[..] else { panic!("{copies:?}") };
    let copy = fs::read_to_string(anna.join("first/main.rs")).expect("a copy");
    assert_eq!(copy, format!("{}// mine\n", adapted.replace("../../", "../../../../../")));
    assert!(anna.join("first/../../../../../lessons/6.1-alpha/src").is_dir(), "as the path says");
}

/// A learner's clone of a project of the earlier version, in which the answers were files of git.
struct Clone {
    tree: Tree,
    upstream: PathBuf,
}

impl Clone {
    fn new() -> Clone {
        let tree = Tree::new();
        tree.write(OLD, "what main.rs was then");
        tree.write(".gitignore", "/answers\n/upstream\n/elsewhere\n/.exercise-progress\n");
        let upstream = tree.root.join("upstream");
        let clone = Clone { tree, upstream };
        clone.git(&["init", "-q", "-b", "main"]);
        clone.git(&["config", "user.name", "A Learner"]);
        clone.git(&["config", "user.email", "learner@example.org"]);
        clone.git(&["config", "pull.rebase", "false"]);
        clone.git(&["add", "."]);
        clone.git(&["commit", "-qm", "The earlier version"]);
        clone.git(&["clone", "-q", "--bare", ".", "upstream"]);
        clone.git(&["remote", "add", "origin", "upstream"]);
        clone.git(&["fetch", "-q"]);
        clone.git(&["branch", "-q", "--set-upstream-to=origin/main"]);
        clone
    }

    /// Runs git in the clone. Returns what it prints, whether it succeeds or not.
    fn git(&self, arguments: &[&str]) -> String {
        git(&self.tree.root, arguments)
    }

    /// Lets the learner commit an answer.
    fn commit(&self, answer: &str) {
        self.tree.write(OLD, answer);
        self.git(&["commit", "-qam", "My answer"]);
    }

    /// Publishes a new version, in which git does not know the answers.
    fn publish(&self) {
        let elsewhere = self.tree.root.join("elsewhere");
        self.git(&["clone", "-q", &self.upstream.display().to_string(), "elsewhere"]);
        git(&elsewhere, &["rm", "-q", OLD]);
        let as_somebody = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        git(&elsewhere, &[&as_somebody[..], &["commit", "-qam", "The new version"]].concat());
        git(&elsewhere, &["push", "-q"]);
    }

    fn is_clean(&self) -> bool {
        self.git(&["status", "--porcelain"]).is_empty()
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("LC_ALL", "C");
    let output = git.output().expect("git");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_conflict_in_a_pull_leaves_the_answer_to_the_learner() {
    let clone = Clone::new();
    clone.commit("my work");
    clone.publish();
    let pulled = clone.git(&["pull"]);
    assert!(pulled.contains("CONFLICT (modify/delete)"), "{pulled}");
    let ran = clone.tree.run(&[]);
    assert_eq!(read(&clone.tree, "answers/first/main.rs"), "my work", "{ran:?}");
    assert!(ran.stderr.contains("git rm -r -q --cached"), "{ran:?}");
    clone.git(&["rm", "-r", "-q", "--cached", "lessons/*/exercises/*/answer.rs"]);
    clone.git(&["commit", "-qm", "Merge"]);
    assert!(clone.is_clean(), "{}", clone.git(&["status"]));
    assert_eq!(clone.tree.run(&[]).stderr, "");
    assert_eq!(read(&clone.tree, "answers/first/main.rs"), "my work");
}

#[test]
fn what_a_pull_has_put_into_the_stash_is_found() {
    let clone = Clone::new();
    clone.tree.write(OLD, "my work");
    clone.publish();
    clone.git(&["stash", "-q"]);
    clone.git(&["pull", "-q"]);
    assert!(!clone.tree.root.join(OLD).exists(), "{}", clone.git(&["status"]));
    found_in_git(&clone);
}

#[test]
fn what_a_merge_has_deleted_is_found() {
    let clone = Clone::new();
    clone.commit("my first attempt");
    clone.commit("my work");
    clone.publish();
    clone.git(&["pull", "-q"]);
    clone.git(&["rm", "-q", OLD]);
    clone.git(&["commit", "-qm", "Merge"]);
    assert!(clone.is_clean(), "{}", clone.git(&["status"]));
    found_in_git(&clone);
}

#[test]
fn what_a_reset_has_undone_is_found() {
    let clone = Clone::new();
    clone.commit("my work");
    clone.publish();
    clone.git(&["fetch", "-q"]);
    clone.git(&["reset", "-q", "--hard", "origin/main"]);
    found_in_git(&clone);
}

fn found_in_git(clone: &Clone) {
    let ran: Ran = clone.tree.run(&[]);
    assert!(ran.stderr.contains("from git: answers/first/main.rs (only commit "), "{ran:?}");
    assert_eq!(read(&clone.tree, "answers/first/main.rs"), "my work");
    assert!(clone.is_clean(), "{}", clone.git(&["status"]));
    assert_eq!(clone.tree.run(&[]).stderr, "");
}

#[test]
fn a_clone_without_old_work_is_told_nothing() {
    let clone = Clone::new();
    clone.publish();
    clone.git(&["pull", "-q"]);
    assert_eq!(clone.tree.run(&[]).stderr, "");
    assert!(!clone.tree.root.join("answers").exists());
}
