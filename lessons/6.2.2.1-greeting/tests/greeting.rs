//! Tests what the greeting server prints and sends.

use harness::{Program, own};

const LESSON: &str = "lesson-greeting";

#[test]
fn the_screen_is_that_of_the_source_tutorial() {
    let server = Program::server(own(LESSON));
    let _client = server.connect();
    server.wait_for_line("客户端IP地址：127.0.0.1连接到了当前服务器");
    let lines = [
        "服务器监听成功了，正在等待客户端连接",
        "有客户端连接上来了",
        "客户端IP地址：127.0.0.1连接到了当前服务器",
    ];
    assert_eq!(server.lines(), lines);
}

#[test]
fn each_client_gets_hello_and_nothing_after_it() {
    let server = Program::server(own(LESSON));
    let mut clients = [server.connect(), server.connect(), server.connect()];
    for client in &mut clients {
        client.expect("hello");
    }
    for client in &mut clients {
        client.assert_open_and_silent();
        client.send("thank you");
        client.half_close();
        assert_eq!(client.read_to_end(), b"");
    }
}

#[test]
fn an_ipv6_client_is_greeted_by_its_own_address() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // this machine has no IPv6
    }
    let mut command = std::process::Command::new(own(LESSON));
    command.arg("[::1]:0");
    let server = Program::server_from(command);
    server.connect().expect("hello");
    server.wait_for_line("客户端IP地址：::1连接到了当前服务器");
}

#[cfg(unix)] // the harness cannot press Ctrl-C on Windows
#[test]
fn ctrl_c_closes_the_server_with_exit_status_0() {
    let mut server = Program::server(own(LESSON));
    server.wait_for_line("服务器监听成功了，正在等待客户端连接");
    server.press_ctrl_c();
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert_eq!(server.lines(), ["服务器监听成功了，正在等待客户端连接", "服务器关闭了"]);
}
