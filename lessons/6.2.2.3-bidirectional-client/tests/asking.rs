//! Tests what the two-way client prints and sends.

use harness::{Program, own};

const LESSON: &str = "lesson-bidirectional-client";

#[test]
fn it_asks_shows_the_answer_and_ends_when_the_server_does() {
    let (mut client, mut server) = Program::client(own(LESSON));
    client.wait_for_line("客户端与服务器连接成功了");
    server.expect("你吃了吗");
    server.assert_open_and_silent();
    server.send("我吃的小豆包");
    client.wait_for_line("我吃的小豆包");
    server.send("还有吗");
    client.wait_for_line("还有吗");
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert_eq!(client.lines(), ["客户端与服务器连接成功了", "我吃的小豆包", "还有吗"]);
}

#[test]
fn the_keyboard_is_not_its_business() {
    let (mut client, mut server) = Program::client(own(LESSON));
    server.expect("你吃了吗");
    client.close_stdin();
    server.send("still there?");
    client.wait_for_line("still there?");
}

#[test]
fn a_reset_is_told_with_exit_status_1() {
    let (mut client, mut server) = Program::client(own(LESSON));
    server.expect("你吃了吗");
    server.reset();
    assert_eq!(client.wait_for_exit().code(), Some(1));
    let error = client.stderr();
    assert!(error.starts_with("Error: lost the connection to 127.0.0.1:"), "{error}");
}

#[test]
fn a_line_end_cut_in_two_is_still_one() {
    let (mut client, mut server) = Program::client(own(LESSON));
    server.expect("你吃了吗");
    server.send("first\r");
    client.wait_for_line("first");
    server.send("\n");
    server.send("second\r\n");
    drop(server);
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert_eq!(
        client.lines().iter().filter(|line| line.is_empty()).count(),
        0,
        "{:?}",
        client.lines()
    );
    assert!(!client.stdout().contains('␍'), "{:?}", client.lines());
}
