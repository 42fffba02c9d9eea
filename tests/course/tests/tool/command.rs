//! Tests what `cargo exercise` understands, and what it says when something goes wrong.

use std::fs;
use std::process::Command;

use crate::tree::{
    CRASHES_THE_CHECK, LACKS_SOMETHING, NO_CARGO, REJECTED, RIGHT, Ran, Tree, WRONG, write,
};
use harness::Program;

#[test]
fn a_course_without_exercises_is_an_error() {
    let tree = Tree::new();
    fs::remove_dir_all(tree.root.join("lessons")).expect("the lessons");
    let ran = tree.run(&[]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("cannot find the project"), "{ran:?}");
    fs::create_dir(tree.root.join("lessons")).expect("a folder for lessons");
    for arguments in [&[][..], &["first"], &["--all"], &["--watch"]] {
        let ran = tree.run(arguments);
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("there are no exercises in"), "{ran:?}");
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(tree.run(&["--help"]).status, Some(0));
}

#[test]
fn an_exercise_has_many_names() {
    let tree = Tree::new();
    tree.answer(RIGHT);
    let answer = tree.first().join("main.rs");
    let absolute = answer.to_string_lossy();
    for name in [
        "first",
        "answers/first/main.rs",
        "./answers/first/",
        "./lessons/6.1-alpha/exercises/first/",
        "lessons/../lessons/6.1-alpha/exercises/first/task.md",
        &absolute,
    ] {
        let ran = tree.run(&[name]);
        assert_eq!(ran.status, Some(0), "{name}: {ran:?}");
        assert!(ran.stdout.contains("✓ A title"), "{name}: {ran:?}");
    }
    let mut here = tree.exercise(&["main.rs"]);
    let here = here.current_dir(tree.first()).output().expect("it starts");
    assert!(here.status.success(), "{here:?}");
    fs::remove_file(&answer).expect("the answer");
    let missing = tree.run(&[&absolute]);
    assert!(missing.stdout.contains("Your file is answers/first/main.rs"), "{missing:?}");
    assert_eq!(tree.run(&["somewhere/else.rs"]).status, Some(2));
}

#[test]
fn several_names_and_lessons_are_checked_together() {
    let tree = Tree::new();
    let checked = |arguments: &[&str]| {
        let ran = tree.run(arguments);
        let lines = ran.stdout.lines().filter(|line| line.ends_with("(not begun)"));
        let names = lines.filter_map(|line| line.split(' ').nth(1));
        names.map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(checked(&["second", "first", "second"]), ["second", "first"]);
    assert_eq!(checked(&["7.1"]), ["fourth", "third"]);
    assert_eq!(checked(&["lessons/6.1-alpha"]), ["first", "second"]);
    assert_eq!(checked(&["beta_server", "alpha"]), ["fourth", "first", "second"]);
    let several = tree.run(&["--hint", "7.1"]);
    assert_eq!(several.status, Some(2));
    assert!(several.stderr.contains("fourth, third"), "{several:?}");
    assert_eq!(tree.run(&["--all", "--watch"]).status, Some(2));
}

#[test]
fn hints_begin_again_and_have_numbers() {
    let tree = Tree::new();
    let hint = |arguments: &[&str]| tree.run(&[&["--hint", "first"], arguments].concat()).stdout;
    assert!(hint(&[]).contains("Hint 1 of 2\n\none"));
    assert!(hint(&[]).contains("Hint 2 of 2\n\ntwo"));
    assert!(hint(&[]).contains("Hint 1 of 2\n\none"));
    assert!(hint(&["2"]).contains("Hint 2 of 2\n\ntwo"));
    assert_eq!(tree.run(&["--hint", "first", "3"]).status, Some(1));
    assert_eq!(tree.run(&["--hint", "first", "one"]).status, Some(2));
}

#[test]
fn a_failure_of_the_tool_is_not_the_learners() {
    let tree = Tree::new();
    for (content, said) in [
        (NO_CARGO, "the disk is full"),
        (CRASHES_THE_CHECK, "something is \u{fffd}[2Jbroken"),
        (LACKS_SOMETHING, "the check itself needs something"),
    ] {
        tree.answer(content);
        let ran = tree.run(&["first"]);
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("first could not be checked."), "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
        assert!(!ran.stdout.contains("✗") && !ran.stdout.contains("rejects"), "{ran:?}");
        let all = tree.run(&["--all"]);
        assert!(all.stdout.contains("? first"), "{all:?}");
    }
    tree.answer(REJECTED);
    let ran = tree.run(&["first"]);
    let rejected = "the compiler rejects the answer:\n\nerror: no\n --> main.rs\n";
    assert!(ran.stdout.contains(rejected), "{ran:?}");
}

#[test]
fn a_watch_goes_on_whatever_happens() {
    let tree = Tree::new();
    let answer = tree.first().join("main.rs");
    fs::create_dir_all(tree.first()).expect("a folder");
    // As most editors do it: a file that is half written would also be checked.
    let save = |content: &[u8]| {
        tree.write("saved", content);
        fs::rename(tree.root.join("saved"), &answer).expect("an answer");
    };
    save(WRONG.as_bytes());
    let watch = Program::start(tree.exercise(&["--watch", "first"]));
    let waits = |times: usize| {
        watch.wait_for_lines(times, "Waiting until you save answers/first/main.rs (Ctrl-C ends)");
    };
    waits(1);
    save(b"\xff\xfef\0n\0 \0m\0");
    waits(2);
    save(NO_CARGO.as_bytes());
    waits(3);
    fs::remove_file(&answer).expect("the answer");
    fs::create_dir(&answer).expect("a folder in its place");
    waits(4);
    fs::remove_dir(&answer).expect("the folder");
    save(RIGHT.as_bytes());
    waits(5);
    assert!(watch.stdout().contains("✓ A title"), "{}", watch.stdout());
    save(WRONG.repeat(2).as_bytes());
    waits(6);
}

#[test]
fn a_watch_without_a_name_goes_on_when_nothing_can_be_noted() {
    let tree = Tree::new();
    fs::create_dir(tree.root.join(".exercise-progress")).expect("a folder in its place");
    tree.answer(RIGHT);
    let watch = Program::start(tree.exercise(&["--watch"]));
    watch.wait_for_line("Waiting until you save answers/second/main.rs (Ctrl-C ends)");
    assert_eq!(watch.stdout().matches('✓').count(), 1);
}

#[test]
fn a_class_may_have_any_names() {
    let tree = Tree::new();
    let class = tree.root.join("class");
    let names = [
        "anna",
        "Anna",
        "Li Lei",
        "O'Brien",
        "Wei, Zhang",
        "the \"first\"",
        "anna.m",
        "王小明（一班）",
        "-x",
        "=1+1",
        "two\nlines",
        "\x1b[2Jgone",
        "[a]\\b#%$(id)",
    ];
    // A folder `answers` by itself, one in a clone, and an answer of an earlier version.
    let places =
        ["first/main.rs", "answers/first/main.rs", "lessons/6.1-alpha/exercises/first/answer.rs"];
    for (name, place) in names.iter().zip(places.into_iter().cycle()) {
        write(&class.join(name).join(place), RIGHT);
    }
    let answer = "first/main.rs";
    write(&class.join("cargo").join(answer), NO_CARGO);
    write(&class.join("rejected").join(answer), REJECTED);
    fs::create_dir(class.join("no answers")).expect("a folder");
    let ran = tree.run(&["--class", "class"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("no answers is left out"), "{ran:?}");
    assert_eq!(ran.stdout.matches("  1 of 4   ").count(), names.len(), "{ran:?}");
    assert!(ran.stdout.contains("  0 of 4   cargo   (1 not checked"), "{ran:?}");
    assert!(!ran.stdout.contains('\x1b'), "{ran:?}");

    let results = tree.root.join("target/exercises/class");
    let table = fs::read_to_string(results.join("class.csv")).expect("a table");
    let table = table.strip_prefix('\u{feff}').expect("the mark of UTF-8");
    let rows: Vec<Vec<String>> = rows(table);
    assert_eq!(rows.len(), 1 + names.len() + 2, "{table}");
    assert!(rows.iter().all(|row| row.len() == 6), "{table}");
    assert!(rows.iter().any(|row| row[..3] == ["Wei, Zhang", "1", "solved"]), "{table}");
    assert!(rows.iter().any(|row| row[..3] == ["'=1+1", "1", "solved"]), "{table}");
    assert!(rows.iter().any(|row| row[..3] == ["cargo", "0", "not checked"]), "{table}");
    assert!(rows.iter().any(|row| row[..3] == ["rejected", "0", "wrong"]), "{table}");
    let files = fs::read_dir(&results).expect("the results").count();
    assert_eq!(files, 1 + names.len() + 2);
    let rejected = fs::read_to_string(results.join("rejected.txt")).expect("a file");
    assert!(rejected.contains("rejects the answer:\n\nerror: no"), "{rejected}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_need_not_be_text() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let tree = Tree::new();
    let name = OsStr::from_bytes(b"caf\xe9");
    write(&tree.root.join("class").join(name).join("first/main.rs"), RIGHT);
    let ran = tree.run(&["--class", "class"]);
    assert!(ran.stdout.contains("  1 of 4   caf\u{fffd}"), "{ran:?}");
}

/// Returns the cells of a table, as a spreadsheet reads them.
fn rows(table: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut is_quoted = false;
    for character in table.chars() {
        let cells = rows.last_mut().expect("a row");
        match character {
            '"' => is_quoted = !is_quoted, // doubled quotation marks are of no interest here
            ',' if !is_quoted => cells.push(String::new()),
            '\n' if !is_quoted => rows.push(vec![String::new()]),
            '\r' if !is_quoted => {}
            character => cells.last_mut().expect("a cell").push(character),
        }
    }
    rows.retain(|cells| cells.len() > 1);
    rows
}

#[test]
fn a_word_that_is_no_name_means_nothing_in_any_folder() {
    let tree = Tree::new();
    tree.answer(RIGHT);
    let answer = tree.first().join("main.rs");
    for folder in [tree.first(), tree.root.join("lessons/6.1-alpha")] {
        for arguments in [&["--start-over", "frist"][..], &["--hint", "frist"], &["frist"]] {
            let ran = Ran::from(
                tree.exercise(arguments).current_dir(&folder).output().expect("it starts"),
            );
            assert_eq!(ran.status, Some(2), "{ran:?}");
            assert_eq!(fs::read_to_string(&answer).expect("an answer"), RIGHT);
        }
    }
}

#[test]
fn nobody_has_to_read_what_is_printed() {
    let tree = Tree::new();
    tree.answer(RIGHT);
    let mut shell = Command::new("sh");
    let line = "{ \"$0\" first; echo $? > status; } 2>&1 | sh -c 'exec 0<&-'";
    shell.args(["-c", line]).arg(harness::own("exercise")).current_dir(&tree.root);
    shell.env("CARGO_MANIFEST_DIR", &tree.root).env("CARGO", tree.root.join("cargo"));
    assert!(shell.status().is_ok_and(|status| status.success()));
    assert_eq!(fs::read_to_string(tree.root.join("status")).expect("its status"), "0\n");
}
