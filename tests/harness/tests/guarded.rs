//! Tests that a guarded program takes everything that it has started with it, and ends with its
//! test.
#![cfg(unix)]

use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Program, wait_until};

/// Starts `sleep` in `way`, prints its process id, and stays.
fn with_a_child(way: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{way} sh -c 'echo $$; exec sleep 1000' & sleep 0.2; {STAY}")]);
    shell
}

const STAY: &str = "exec sleep 1000";

fn is_running(process: &str) -> bool {
    let mut shell = Command::new("sh");
    // A process that has ended, but that nobody has waited for yet, is a zombie.
    shell.args(["-c", "ps -o stat= -p $0 | grep -qv Z", process]);
    shell.status().expect("a shell").success()
}

fn ends(process: &str) {
    wait_until("the child has ended", || !is_running(process));
}

#[test]
fn a_child_ends_with_the_program() {
    let program = Program::start_guarded(with_a_child(""));
    let child = program.first_lines(1).remove(0);
    assert!(is_running(&child));
    drop(program);
    ends(&child);
}

#[test]
fn a_child_of_a_program_that_has_ended_ends_too() {
    let mut command = Command::new("sh");
    command.args(["-c", "sh -c 'echo $$; exec sleep 1000' &"]);
    let mut program = Program::start_guarded(command);
    let child = program.first_lines(1).remove(0);
    assert!(program.ends_within(harness::DEADLINE).is_some());
    let begun = Instant::now();
    assert!(!program.output_ends_within(Duration::from_millis(300)), "the child holds it open");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(is_running(&child));
    drop(program);
    ends(&child);
}

#[test]
#[cfg(target_os = "linux")]
fn a_daemon_ends_too() {
    let program = Program::start_guarded(with_a_child("setsid"));
    let child = program.first_lines(1).remove(0);
    assert!(is_running(&child));
    drop(program);
    ends(&child);
}

/// Stands for a test that Ctrl-C or a kill ends: all that the guard notices is its end.
#[test]
fn the_program_ends_with_its_test() {
    if std::env::var_os("STAYS_WITH_A_PROGRAM").is_some() {
        let program = Program::start_guarded(with_a_child(""));
        eprintln!("{} {}", program.first_lines(1)[0], program.process_id());
        std::thread::park();
    }
    let mut this_test = Command::new(std::env::current_exe().expect("this program"));
    this_test.args(["--nocapture", "the_program_ends_with_its_test"]);
    this_test.env("STAYS_WITH_A_PROGRAM", "1");
    let mut test = Program::start(this_test);
    wait_until("both have started", || test.stderr().ends_with('\n'));
    let processes = test.stderr();
    test.kill();
    processes.split_whitespace().for_each(ends);
}

#[test]
fn a_program_that_does_not_read_is_not_waited_for() {
    let mut shell = Command::new("sh");
    shell.args(["-c", STAY]);
    let mut program = Program::start_guarded(shell);
    let typed = program.try_type_within(Duration::from_millis(300), &[b'x'; 1 << 20]);
    assert_eq!(typed.map_err(|error| error.kind()), Err(std::io::ErrorKind::TimedOut));
}
