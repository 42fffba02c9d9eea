//! Tests that a learner's work is never lost, whatever state it is in.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tree::{
    EXERCISES, RIGHT, SAVED_AGAIN_AND_AGAIN, SAVED_MEANWHILE, SOLVED, STARTER, Tree,
};

#[test]
fn a_name_makes_the_answer_and_its_manifests() {
    let tree = Tree::new();
    let made = tree.run(&["first"]);
    assert_eq!(made.status, Some(1), "not solved: {made:?}");
    assert!(made.stdout.contains("Your file is answers/first/main.rs"), "{made:?}");
    let read = |file: &str| fs::read_to_string(tree.root.join(file)).expect("a file");
    assert_eq!(read("answers/first/main.rs"), STARTER);
    assert!(read("answers/Cargo.toml").contains("members = [\"first\"]"));
    assert!(read("answers/first/Cargo.toml").contains("shared = { path = \"../../shared\","));
    let root = tree.root.display().to_string();
    for file in
        ["answers/Cargo.toml", "answers/first/Cargo.toml", "answers/first/.cargo/config.toml"]
    {
        assert!(!read(file).contains(&root), "{file} would be wrong if the folder was moved");
    }
    // Anything else in there is none of our business, and what is missing is made again.
    tree.write("answers/first (copy)/Cargo.toml", "[package]\nname = \"first\"\n");
    tree.run(&["second"]);
    fs::remove_file(tree.root.join("answers/first/Cargo.toml")).expect("the manifest");
    fs::remove_file(tree.root.join("answers/Cargo.lock")).expect("the lock file");
    let again = tree.run(&["first"]);
    assert!(again.stdout.contains("✗ A title"), "{again:?}");
    assert!(read("answers/Cargo.toml").contains("members = [\"first\", \"second\"]"));
    assert_eq!(read("answers/Cargo.lock"), read("Cargo.lock"));
    assert!(read("answers/first/Cargo.toml").contains("name = \"first\""));
}

#[test]
fn a_manifest_that_a_learner_has_made_their_own_stays() {
    let tree = Tree::new();
    tree.run(&["first"]);
    let manifest = tree.first().join("Cargo.toml");
    let ours = fs::read_to_string(&manifest).expect("a manifest");
    let theirs = ours.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()
        + "rand = \"0.9\"\n";
    fs::write(&manifest, &theirs).expect("a manifest");
    tree.run(&["first"]);
    assert_eq!(fs::read_to_string(&manifest).expect("a manifest"), theirs);
    fs::write(&manifest, ours.clone() + "rand = \"0.9\"\n").expect("a manifest");
    tree.run(&["first"]);
    assert_eq!(fs::read_to_string(&manifest).expect("a manifest"), ours);
}

#[test]
fn start_over_keeps_what_is_there_whatever_it_is() {
    let utf_16: Vec<u8> =
        "\u{feff}fn main() {}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let crlf = STARTER.replace('\n', "\r\n");
    let contents: [&[u8]; 6] =
        [&utf_16, b"// caf\xe9", b"// \xc4\xe3\xba\xc3", b"", crlf.as_bytes(), b"\0\0"];
    let tree = Tree::new();
    let answer = tree.first().join("main.rs");
    for (number, content) in (1..).zip(contents) {
        tree.answer(content);
        let mode = if number % 2 == 0 { 0o000 } else { 0o400 };
        fs::set_permissions(&answer, fs::Permissions::from_mode(mode)).expect("a mode");
        let ran = tree.run(&["--start-over", "first"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let kept = tree.first().join(format!("main-{number}.rs"));
        assert!(ran.stdout.contains(&format!("main-{number}.rs")), "{ran:?}");
        fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(fs::read(&kept).expect("the kept file"), content);
        assert_eq!(fs::read_to_string(&answer).expect("the starter"), STARTER);
    }
    let again = tree.run(&["--start-over", "first"]);
    assert!(again.stdout.contains("nothing to keep"), "{again:?}");
    assert!(!tree.first().join("main-7.rs").exists());
}

#[test]
fn start_over_keeps_what_is_no_file() {
    let tree = Tree::new();
    let (answer, elsewhere) = (tree.first().join("main.rs"), tree.root.join("mine.rs"));
    tree.answer(STARTER);
    fs::write(&elsewhere, "mine").expect("a file elsewhere");
    let makes: [&dyn Fn(&Path); 4] = [
        &|answer| {
            fs::create_dir(answer).expect("a folder");
            fs::write(answer.join("main.rs"), "mine").expect("a file in it");
        },
        &|answer| symlink(&elsewhere, answer).expect("a link"),
        &|answer| symlink("nowhere", answer).expect("a link that leads nowhere"),
        &|answer| {
            let made = Command::new("mkfifo").arg(answer).status();
            assert!(made.is_ok_and(|status| status.success()), "mkfifo");
        },
    ];
    for (number, make) in (1..).zip(makes) {
        fs::remove_file(&answer).expect("the starter");
        make(&answer);
        let is = fs::symlink_metadata(&answer).expect("something").file_type();
        let ran = tree.run(&["--start-over", "first"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let kept = tree.first().join(format!("main-{number}.rs"));
        assert_eq!(fs::symlink_metadata(&kept).expect("the kept one").file_type(), is);
        assert_eq!(fs::read_to_string(&answer).expect("the starter"), STARTER);
    }
    let in_the_folder = fs::read_to_string(tree.first().join("main-1.rs/main.rs"));
    assert_eq!(in_the_folder.expect("the file in the folder"), "mine");
    assert_eq!(fs::read_to_string(&elsewhere).expect("the file elsewhere"), "mine");
}

#[test]
fn start_over_says_where_the_file_is_even_if_cargo_fails() {
    let tree = Tree::new();
    tree.answer("my work");
    tree.write("metadata.json", "nothing");
    let ran = tree.run(&["--start-over", "first"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("cargo cannot describe the workspace"), "{ran:?}");
    assert!(ran.stderr.contains("Your file is now answers/first/main-1.rs"), "{ran:?}");
    let kept = fs::read_to_string(tree.first().join("main-1.rs"));
    assert_eq!(kept.expect("the kept file"), "my work");
}

#[test]
fn many_who_start_over_at_the_same_time_lose_nothing() {
    let tree = Tree::new();
    tree.answer("my work");
    run_together([(); 8].map(|()| tree.exercise(&["--start-over", "first"])));
    let entries = fs::read_dir(tree.first()).expect("the folder").flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let files: Vec<_> = files
        .map(|entry| (entry.file_name(), fs::read_to_string(entry.path()).expect("a file")))
        .collect();
    let mine = files.iter().filter(|(_, content)| content == "my work");
    assert_eq!(mine.count(), 1, "{files:?}");
    assert!(files.contains(&("main.rs".into(), STARTER.to_string())), "{files:?}");
    assert!(!files.iter().any(|(name, _)| name.to_string_lossy().contains("new")), "{files:?}");
}

#[test]
fn an_answer_that_cannot_be_read_is_not_checked_and_not_empty() {
    let tree = Tree::new();
    fs::create_dir_all(tree.first().join("main.rs")).expect("a folder");
    let folder = tree.run(&["first"]);
    assert_eq!(folder.status, Some(1));
    assert!(folder.stderr.contains("it is a folder"), "{folder:?}");
    let all = tree.run(&["--all"]);
    assert!(all.stdout.contains("? first"), "{all:?}");
    let course = tree.run(&[]);
    assert!(course.stdout.contains("  ? first"), "{course:?}");
}

#[test]
fn another_encoding_is_said() {
    let tree = Tree::new();
    tree.answer(b"fn main() {\n// caf\xe9\n}");
    let ran = tree.run(&["first"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stdout.contains("Line 2 of main.rs is not UTF-8"), "{ran:?}");
}

#[test]
fn what_is_saved_while_it_is_compiled_is_compiled_again() {
    let tree = Tree::new();
    tree.answer(SAVED_MEANWHILE);
    let ran = tree.run(&["first"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(tree.run(&[]).stdout.contains("  ✓ first"), "what was checked is what is solved");

    tree.answer(SAVED_AGAIN_AND_AGAIN);
    let ran = tree.run(&["first"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("changes again and again"), "{ran:?}");
}

#[test]
fn line_ends_and_a_mark_do_not_make_the_starter_an_answer() {
    let tree = Tree::new();
    let starter = format!("\u{feff}{}", STARTER.replace('\n', "\r\n"));
    tree.answer(starter);
    let course = tree.run(&[]);
    assert!(course.stdout.contains("  · first"), "{course:?}");
}

#[test]
fn a_solution_of_the_learners_own_stays() {
    let tree = Tree::new();
    let solution = tree.first().join("solution.rs");
    tree.write("answers/first/solution.rs", b"mine \xff");
    for _ in 0..2 {
        let ran = tree.run(&["--solution", "first"]);
        assert!(ran.stdout.contains("solution-1.rs"), "{ran:?}");
    }
    assert_eq!(fs::read(&solution).expect("my solution"), b"mine \xff");
    let theirs = fs::read_to_string(tree.first().join("solution-1.rs"));
    assert_eq!(theirs.expect("the solution"), SOLVED);
    assert!(!tree.first().join("solution-2.rs").exists());
}

#[test]
fn progress_that_cannot_be_read_is_kept_and_does_not_change_the_result() {
    let tree = Tree::new();
    tree.answer(RIGHT);
    let progress = tree.root.join(".exercise-progress");
    fs::create_dir(&progress).expect("a folder in its place");
    let ran = tree.run(&["first"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("✓ A title"), "{ran:?}");
    assert!(ran.stdout.contains("1 of 4 exercises solved"), "{ran:?}");
    assert!(ran.stderr.contains("will be forgotten"), "{ran:?}");
    let hint = tree.run(&["--hint", "first"]);
    assert_eq!(hint.status, Some(0), "{hint:?}");
    assert!(hint.stdout.contains("one"), "{hint:?}");

    fs::remove_dir(&progress).expect("the folder");
    let garbled = b"hints first 1\n\xff\xfe garbled, and cut";
    fs::write(&progress, garbled).expect("a garbled file");
    assert_eq!(tree.run(&["first"]).status, Some(0));
    let now = fs::read(&progress).expect("the file");
    assert!(now.starts_with(garbled), "{now:?}");
    assert!(tree.run(&[]).stdout.contains("  ✓ first"));
    assert!(tree.run(&["--hint", "first"]).stdout.contains("two"));
}

#[test]
fn a_solution_that_cannot_be_written_does_not_change_the_result() {
    let tree = Tree::new();
    tree.answer(RIGHT);
    tree.write("lessons/6.1-alpha/exercises/first/solution.diff", "nothing");
    let ran = tree.run(&["first"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("✓ A title"), "{ran:?}");
    assert!(ran.stderr.contains("no solution to compare"), "{ran:?}");
    assert!(tree.run(&[]).stdout.contains("  ✓ first"));
}

#[test]
fn two_at_the_same_time_both_remember() {
    let tree = Tree::new();
    for (_, name) in EXERCISES {
        tree.write(&format!("answers/{name}/main.rs"), RIGHT);
    }
    run_together(EXERCISES.map(|(_, name)| tree.exercise(&[name])));
    let course = tree.run(&[]);
    assert!(course.stdout.contains("4 of 4 exercises solved"), "{course:?}");
}

fn run_together<const COUNT: usize>(commands: [Command; COUNT]) {
    let started = commands.map(|mut command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    });
    for child in started {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    }
}
