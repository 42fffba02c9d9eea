//! Tests the command `link` as you would type it.

use std::process::Command;

use harness::{Program, own};
use need::LINK;
use predicates::prelude::*;
use predicates::str::contains;

mod need;

fn link(arguments: &[&str]) -> Command {
    let mut command = Command::new(own("link"));
    command.args(arguments);
    command
}

/// Runs `command`. Returns what it prints to stdout and stderr, and its exit status.
fn run(command: Command) -> (String, String, Option<i32>) {
    let mut program = Program::start(command);
    let status = program.wait_for_exit();
    (program.stdout(), program.stderr(), status.code())
}

needs::test!(help_and_version_are_for_stdout);
fn help_and_version_are_for_stdout() {
    let (help, nothing, status) = run(link(&["--help"]));
    assert!(help.contains("cargo run -p link -- [OPTIONS] [-- COMMAND [ARGUMENTS]]"), "{help}");
    assert_eq!((nothing.as_str(), status), ("", Some(0)));
    let (version, nothing, status) = run(link(&["-V"]));
    assert_eq!(version, concat!("link ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!((nothing.as_str(), status), ("", Some(0)));
}

needs::test!(a_bad_argument_is_quoted_on_one_line);
fn a_bad_argument_is_quoted_on_one_line() {
    for (arguments, quoted) in [
        (&["--delay", "soon"][..], "\"soon\""),
        (&["--loss", "101"], "101"),
        (&["--loss", "-1"], "-1"),
        (&["--rate", "NaN"], "NaN"),
        (&["--mtu", "100"], "100"),
        (&["--mtu"], "--mtu"),
        (&["--colour", "red"], "--colour"),
    ] {
        let (nothing, problem, status) = run(link(arguments));
        assert_eq!((nothing.as_str(), status), ("", Some(2)), "{arguments:?}");
        assert!(problem.contains(quoted), "{arguments:?}: {problem}");
        assert_eq!(problem.lines().count(), 1, "{problem}");
    }
}

needs::test!(LINK: a_command_runs_behind_the_link_and_its_exit_status_is_passed_on);
fn a_command_runs_behind_the_link_and_its_exit_status_is_passed_on() {
    let script = "cat /proc/self/net/dev; exit 7";
    let (devices, _, status) = run(link(&["--delay", "0.5", "--", "sh", "-c", script]));
    let names = devices.lines().filter_map(|line| line.split_once(':'));
    let mut names: Vec<&str> = names.map(|(name, _)| name.trim()).collect();
    names.sort();
    assert_eq!(names, ["link", "lo"]);
    assert_eq!(status, Some(7));
    let (_, _, killed) = run(link(&["--", "sh", "-c", "kill -9 $$"]));
    assert_eq!(killed, Some(128 + 9));
}

needs::test!(LINK: a_shell_says_what_to_type_and_is_behind_the_link);
fn a_shell_says_what_to_type_and_is_behind_the_link() {
    let mut command = link(&[]);
    command.env("SHELL", "/bin/sh");
    let mut shell = Program::start(command);
    shell.wait_for_stderr(contains("-- 0.0.0.0:3000").and(contains("-- 192.0.2.2:3000")));
    shell.wait_for_stderr(contains(format!("nsenter --target {} ", shell.process_id())));
    shell.type_line("cat /proc/self/net/route");
    shell.close_stdin();
    shell.wait_for_exit();
    // The network 192.0.2.0, with its bytes in the order of this machine.
    let network = u32::from_ne_bytes([192, 0, 2, 0]);
    shell.wait_for_stdout(contains(format!("link\t{network:08X}")));
}

needs::test!(LINK: a_program_that_is_not_there_is_named);
fn a_program_that_is_not_there_is_named() {
    let (_, problem, status) = run(link(&["--", "no-such-program"]));
    assert!(problem.contains("cannot run no-such-program: "), "{problem}");
    assert_eq!(status, Some(1));
}

#[cfg(unix)]
needs::test!(LINK: ctrl_c_is_for_the_program_behind_the_link);
#[cfg(unix)]
fn ctrl_c_is_for_the_program_behind_the_link() {
    let script = "trap 'echo heard' INT; echo ready; read line; kill -INT $$; exit 3";
    let mut program = Program::start(link(&["--", "sh", "-c", script]));
    program.wait_for_line("ready");
    program.press_ctrl_c(); // a terminal sends it to both, and this is the link's share
    program.type_line("go on");
    assert_eq!(program.wait_for_exit().code(), Some(3));
    program.wait_for_line("heard"); // the link ignores the signal, but its command does not
}

fn main() -> std::process::ExitCode {
    needs::run()
}
