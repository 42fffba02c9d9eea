//! The four events of the lesson, each seen from outside.

use assert_cmd::Command;
use harness::{Program, own};
use predicates::str::contains;

const LESSON: &str = "lesson-listening-events";

#[test]
fn listening_is_said_once_the_port_is_open() {
    let server = Program::server(own(LESSON));
    server.wait_for_line("服务器监听成功了，正在等待客户端连接");
    server.connect();
}

#[test]
fn each_connection_is_said_and_stays_open_until_the_client_leaves() {
    let server = Program::server(own(LESSON));
    let mut first = server.connect();
    server.wait_for_lines(1, "有客户端连接上来了");
    let mut second = server.connect();
    server.wait_for_lines(2, "有客户端连接上来了");

    first.send("anything");
    first.assert_open_and_silent();
    first.half_close();
    assert_eq!(first.read_to_end(), b"", "nothing is ever sent");
    second.assert_open_and_silent();
}

#[cfg(unix)] // the harness cannot press Ctrl-C on Windows
#[test]
fn ctrl_c_closes_the_server_with_exit_status_0() {
    let mut server = Program::server(own(LESSON));
    let mut client = server.connect();
    server.wait_for_line("有客户端连接上来了");

    server.press_ctrl_c();

    assert_eq!(server.wait_for_exit().code(), Some(0));
    let lines = ["服务器监听成功了，正在等待客户端连接", "有客户端连接上来了", "服务器关闭了"];
    assert_eq!(server.lines(), lines, "the wake-up of accept is not a client");
    client.wait_until_closed();
}

#[test]
fn a_port_in_use_is_an_error_with_a_next_step() {
    let first = Program::server(own(LESSON));
    let address = first.address().to_string();
    Command::new(own(LESSON))
        .arg(&address)
        .timeout(harness::DEADLINE)
        .assert()
        .code(1)
        .stdout("")
        .stderr(contains(format!("cannot listen on {address}")))
        .stderr(contains("pass another port"));
}
