//! The eight events of the lesson, from the lines that the lesson prints.

use assert_cmd::Command;
use harness::{Program, own};

const LESSON: &str = "lesson-socket-events";

/// Runs the lesson to its end and returns its lines.
fn walk_through(arguments: &[&str]) -> Vec<String> {
    let output =
        Command::new(own(LESSON)).args(arguments).timeout(harness::DEADLINE).assert().code(0);
    String::from_utf8_lossy(&output.get_output().stdout).lines().map(str::to_string).collect()
}

/// Returns the numbers in a line, in order.
fn numbers(line: &str) -> Vec<u64> {
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[test]
fn all_eight_events_come_in_order_each_by_its_node_name() {
    let lines = walk_through(&[]);
    let names: Vec<&str> = lines.iter().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(names, ["lookup", "connect", "data", "timeout", "drain", "end", "error", "close"]);
}

#[test]
fn the_numbers_agree_with_each_other() {
    let lines = walk_through(&["127.0.0.1:0"]);
    let (connect, data, timeout, drain) =
        (numbers(&lines[1]), numbers(&lines[2]), numbers(&lines[3]), numbers(&lines[4]));
    let (end, error, close) = (numbers(&lines[5]), numbers(&lines[6]), numbers(&lines[7]));

    let port = connect[1];
    assert!(lines[0].contains(&format!("127.0.0.1:{port}")), "what was looked up was connected to");
    assert_eq!(data, ["hello".len() as u64]);
    assert!(timeout[0] > 0, "the read has waited: {timeout:?}");
    assert_eq!(end, [0], "the end is a read of no bytes");
    assert_eq!(error[0], port, "the refusal comes from the port that was open before");
    let (filled, arrived) = (drain[0], close[0]);
    assert_eq!(arrived, 2 * filled, "what filled the buffers, and as much again that had to wait");
}

#[test]
fn the_peer_listens_where_it_is_told_to() {
    let somebody_else = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let taken = somebody_else.local_addr().expect("address").to_string();
    let mut lesson = Program::start({
        let mut command = std::process::Command::new(own(LESSON));
        command.arg(&taken);
        command
    });
    assert_eq!(lesson.wait_for_exit().code(), Some(1));
    let error = lesson.stderr();
    assert!(error.contains(&format!("cannot listen on {taken}")), "{error}");
}
