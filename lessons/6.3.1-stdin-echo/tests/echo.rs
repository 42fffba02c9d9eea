//! Tests what comes back from the keyboard.

use assert_cmd::Command;
use harness::{Program, own, wait_until};
use predicates::str::contains;

const LESSON: &str = "lesson-stdin-echo";

fn echo(input: impl Into<Vec<u8>>) -> String {
    let outcome =
        Command::new(own(LESSON)).write_stdin(input).timeout(harness::DEADLINE).assert().code(0);
    String::from_utf8_lossy(&outcome.get_output().stdout).into_owned()
}

#[test]
fn each_line_comes_back_trimmed() {
    assert_eq!(
        echo("  hello  \r\n你好\n\n\t\u{3000}last without a newline"),
        "hello\n你好\n\nlast without a newline\n"
    );
    assert_eq!(echo(""), "");
    assert_eq!(echo("half a line end\r"), "half a line end\n");
    // It trims as JavaScript does: a byte-order mark goes, but a control character stays.
    assert_eq!(echo("\u{feff}\u{3000}你\u{3000}好\u{3000}\n\u{85}"), "你\u{3000}好\n\u{85}\n");
}

#[test]
fn a_line_within_the_bound_comes_back_whole() {
    let line = "你好 ".repeat(9000);
    assert!(echo(format!("{line}\n")) == format!("{}\n", line.trim()));
}

#[test]
fn a_line_comes_back_before_the_next_one_is_typed() {
    let mut lesson = Program::start(std::process::Command::new(own(LESSON)));
    for line in ["one", "two", "三"] {
        lesson.type_line(line);
        lesson.wait_for_line(line);
    }
    lesson.close_stdin();
    assert_eq!(lesson.wait_for_exit().code(), Some(0));
    assert_eq!(lesson.lines(), ["one", "two", "三"]);
}

#[test]
fn a_line_without_an_end_comes_back_in_pieces_and_no_character_is_cut() {
    let endless = "你好".repeat(100_000);
    assert_eq!(echo(endless.clone()).replace('\n', ""), endless);
}

#[test]
fn what_is_not_utf8_is_shown_as_such() {
    assert_eq!(echo(b"a\xffb\n\xe4\xbd"), "a\u{fffd}b\n\u{fffd}\n");
}

#[test]
fn it_takes_no_argument() {
    Command::new(own(LESSON))
        .arg("3000")
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("\"3000\" was not expected"));
}

#[test]
fn it_ends_quietly_when_nobody_reads_its_output() {
    let mut lesson = Program::with_closed_stdout(std::process::Command::new(own(LESSON)));
    // One line may not be enough: another test that is just starting a program holds a copy of the
    // pipe for a moment, between fork and exec.
    wait_until("the program has ended, so typing fails", || {
        lesson.try_type(b"is anybody there?\n").is_err()
    });
    assert_eq!(lesson.wait_for_exit().code(), Some(0));
    assert_eq!(lesson.stderr(), "");
}
