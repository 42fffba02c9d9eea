//! Tests the Node programs on either end of the wire. Without Node 20 or newer these tests are
//! ignored.

use std::process::Command;

use harness::{Peer, Program, against_every_chat_server, lesson, lessons, node, two_in_the_room};
use needs::NODE;

/// The implementation that plays a part.
#[derive(Clone, Copy)]
enum In {
    Node,
    Rust,
}

/// Starts a server, given the folder of its lesson.
fn server(implementation: In, folder: &str) -> Program {
    match implementation {
        In::Rust => Program::server(lesson(package(folder))),
        In::Node => {
            let mut command = node(&format!("{folder}/node/server.js"));
            command.arg("0");
            Program::server_from(command)
        }
    }
}

/// Starts a client of `server`, given the folder of its lesson.
fn client(implementation: In, folder: &str, server: &Program) -> Program {
    client_with(implementation, folder, &[], server)
}

fn client_with(implementation: In, folder: &str, options: &[&str], server: &Program) -> Program {
    let mut command = match implementation {
        In::Rust => Command::new(lesson(package(folder))),
        In::Node => node(&format!("{folder}/node/client.js")),
    };
    command.args(options).arg(server.address().port().to_string());
    Program::start(command)
}

fn package(folder: &str) -> &'static str {
    let in_folder = lessons().iter().find(|lesson| lesson.name == folder);
    &in_folder.expect("a lesson's folder").package
}

/// Replays the transcript of 6.2.2.3 in the source tutorial.
fn talk_both_ways(server_in: In, client_in: In) {
    let server = server(server_in, "6.2.2.3-bidirectional-server");
    let mut client = client(client_in, "6.2.2.3-bidirectional-client", &server);
    server.wait_for_line("你吃了吗");
    client.wait_for_line("我吃的小豆包");
    let port = server.address().port();
    assert_eq!(server.lines(), [&format!("server listening at port {port}"), "你吃了吗"]);
    assert_eq!(client.lines(), ["客户端与服务器连接成功了", "我吃的小豆包"]);
    drop(server);
    client.wait_for_exit();
    assert_eq!(client.lines().len(), 2, "{}", client.stdout());
}

against_every_chat_server! {
    rust_clients_chat
}

against_every_chat_server! {
    needs NODE:
    node_clients_chat
}

fn rust_clients_chat(package: &str) {
    let server = Program::server(lesson(package));
    let (listener, _silent) = two_in_the_room(&server);
    chat(&server, In::Rust, listener);
    server.wait_for_lines(2, "有客户端退出了");
}

fn node_clients_chat(package: &str) {
    let server = Program::server(lesson(package));
    let (listener, _silent) = two_in_the_room(&server);
    chat(&server, In::Node, listener);
    server.wait_for_lines(2, "有客户端退出了");
}

fn on_nodes_server(client_in: In) {
    let server = server(In::Node, CHAT);
    chat(&server, client_in, server.connect());
}

/// Starts a client of a chat server.
fn chat_client(implementation: In, server: &Program) -> Program {
    if !server.encrypts() {
        return client(implementation, "6.3.2-broadcast-client", server);
    }
    let certificate = server.certificate();
    let certificate = certificate.to_str().expect("a path in UTF-8");
    client_with(implementation, "8.2-tls-client", &["--certificate", certificate], server)
}

/// Lets two clients chat while `listener`, who is in the room, listens.
fn chat(server: &Program, client_in: In, mut listener: Peer) {
    // A client whose line has arrived has joined, so it receives what the others send from then on.
    let mut first = chat_client(client_in, server);
    first.type_line("  the first is here  ");
    listener.skip_to(":the first is here");
    let mut second = chat_client(client_in, server);
    second.type_line("第二个来了"); // the second is here
    listener.skip_to(":第二个来了");
    first.wait_for_stdout(predicates::str::contains(":第二个来了\n"));

    first.type_line("\u{3000}你好\u{3000}");
    second.wait_for_stdout(predicates::str::contains(":你好\n"));
    for client in [&first, &second] {
        // The Node client shows the newline of a message, and adds its own.
        let lines: Vec<String> =
            client.lines().into_iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 1, "one message from the other, none of its own: {lines:?}");
        let (port, _) = lines[0].split_once(':').expect("a port before the message");
        assert!(port.parse::<u16>().is_ok(), "{lines:?}");
    }
    for mut client in [first, second] {
        client.kill();
    }
}

/// Starts both implementations of a server, lets a client come and go, and compares the screens.
fn same_screen(folder: &str, lines: usize) {
    let [in_node, in_rust] = [In::Node, In::Rust].map(|implementation| {
        let server = server(implementation, folder);
        let client = server.connect();
        server.wait_for_stdout(predicates::function::function(|text: &str| {
            text.lines().count() >= lines
        }));
        let port = server.address().port().to_string();
        let screen: Vec<String> =
            server.lines().iter().map(|line| line.replace(&port, "PORT")).collect();
        drop(client);
        screen
    });
    assert_eq!(in_node, in_rust);
}

/// Checks that the client of either implementation of a server receives exactly the expected bytes.
fn same_bytes(folder: &str, expected: impl Fn(u16) -> String) {
    for implementation in [In::Node, In::Rust] {
        let server = server(implementation, folder);
        let mut client = server.connect();
        let expected = expected(client.port());
        client.expect(expected);
        client.half_close();
        assert_eq!(client.read_to_end(), b"");
    }
}

needs::test!(talk_rust_server_rust_client);
fn talk_rust_server_rust_client() {
    talk_both_ways(In::Rust, In::Rust);
}

const CHAT: &str = "6.3.2-broadcast-server";

macro_rules! with_node {
    ($($name:ident: $test:expr;)*) => { $(
        needs::test!(NODE: $name);
        fn $name() {
            $test;
        }
    )* };
}

with_node! {
    talk_rust_server_node_client: talk_both_ways(In::Rust, In::Node);
    talk_node_server_rust_client: talk_both_ways(In::Node, In::Rust);
    talk_node_server_node_client: talk_both_ways(In::Node, In::Node);
    chat_node_server_rust_clients: on_nodes_server(In::Rust);
    chat_node_server_node_clients: on_nodes_server(In::Node);
    listening_events_look_the_same: same_screen("6.2.1-listening-events", 2);
    greeting_looks_the_same: same_screen("6.2.2.1-greeting", 3);
    online_counter_looks_the_same: same_screen("6.2.2.2-online-counter", 2);
    greeting_sends_the_same: same_bytes("6.2.2.1-greeting", |_| "hello".to_string());
    online_counter_sends_the_same: same_bytes("6.2.2.2-online-counter", |port| {
        format!("remoteAddress127.0.0.1\nremotePort{port}")
    });
    keyboard_lines_come_back_the_same: same_echo();
    the_same_white_space_is_trimmed: same_trim();
}

/// Compares with Node's `trim` at both ends of an `x`, for each code point that may occur in a
/// text.
fn same_trim() {
    let script = "for (let c = 0; c <= 0x10ffff; c++) if (c < 0xd800 || c > 0xdfff) {
        const character = String.fromCodePoint(c);
        if ((character + 'x' + character).trim() === 'x') console.log(c);
    }";
    let output = Command::new("node").args(["-e", script]).output().expect("node");
    let output = String::from_utf8(output.stdout).expect("numbers");
    let in_node: Vec<u32> = output.lines().map(|line| line.parse().expect("a number")).collect();
    let in_rust: Vec<u32> = ('\0'..=char::MAX)
        .filter(|character| shared::trim(&format!("{character}x{character}")) == "x")
        .map(u32::from)
        .collect();
    assert!(in_node.contains(&0x3000), "{in_node:x?}");
    assert_eq!(in_node, in_rust);
}

fn same_echo() {
    let echoes = [node("6.3.1-stdin-echo/node/echo.js"), Command::new(lesson("lesson-stdin-echo"))];
    for command in echoes {
        let mut echo = Program::start(command);
        let full_width = ("\u{feff}\u{3000}你 好\u{3000}", "你 好");
        for (typed, shown) in [("  hello ", "hello"), full_width, ("", "")] {
            echo.type_line(typed);
            echo.wait_for_line(shown);
        }
        echo.close_stdin();
        assert_eq!(echo.wait_for_exit().code(), Some(0));
        assert_eq!(echo.lines(), ["hello", "你 好", ""]);
    }
}

#[cfg(unix)] // the harness cannot press Ctrl-C on Windows
needs::test!(NODE: the_node_server_closes_on_ctrl_c_too);
#[cfg(unix)]
fn the_node_server_closes_on_ctrl_c_too() {
    let mut server = server(In::Node, "6.2.1-listening-events");
    server.press_ctrl_c();
    assert_eq!(server.wait_for_exit().code(), Some(0));
    server.wait_for_line("服务器关闭了");
}

// 7.1, with each end in either language.
harness::with_part_7! {
    {
        needs::test!(frames_rust_server_rust_client);
        fn frames_rust_server_rust_client() {
            frames(In::Rust, In::Rust);
        }

        with_node! {
            frames_rust_server_node_client: frames(In::Rust, In::Node);
            frames_node_server_rust_client: frames(In::Node, In::Rust);
            frames_node_server_node_client: frames(In::Node, In::Node);
        }

        with_node! {
            a_chat_is_found_by_node: finds(In::Node);
        }

        needs::test!(a_chat_is_found_by_rust);
        fn a_chat_is_found_by_rust() {
            finds(In::Rust);
        }

        /// Either client of 8.1 prints the same of a server.
        fn finds(client_in: In) {
            let mut command = Command::new(lesson("lesson-discovery-server"));
            command.args(["127.0.0.1:0", "--chat", "3001", "--name", "三班"]);
            let server = Program::server_from(command);
            let expected = vec![
                "发现聊天室：三班（来自 127.0.0.1）".to_string(),
                "cargo run -p lesson-broadcast-client -- 127.0.0.1:3001".to_string(),
            ];
            harness::prints_in_the_end(expected, || {
                client(client_in, "8.1-discovery-client", &server)
            });
        }

        fn framed(bytes: &[u8]) -> Vec<u8> {
            [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
        }

        /// Connects a client that types, one that sends a file with every possible byte, and one,
        /// played by the test, that breaks the rule.
        fn frames(server_in: In, client_in: In) {
            const LONGEST: usize = 65_536;
            let server = server(server_in, "7.1-framed-server");
            let (mut listener, mut speaker) = (server.connect(), server.connect());
            let mut typist = client(client_in, "7.1-framed-client", &server);
            typist.type_line("  你好 ");
            listener.skip_to(":你好");
            speaker.send(framed(b"one\ntwo\0"));
            typist.wait_for_line(format!("{}:one␊two␀", speaker.port()));

            let path = harness::scratch().join(format!("{:?}.bin", std::thread::current().id()));
            let path = path.to_str().expect("a path that is text");
            let bytes: Vec<u8> = (0..LONGEST + 1000).map(|number| (number * 7 % 256) as u8).collect();
            std::fs::write(path, &bytes).expect("write a file");
            let sender = client_with(client_in, "7.1-framed-client", &["--file", path], &server);
            for part in bytes.chunks(LONGEST) {
                listener.skip_to([b":", part].concat());
            }
            typist.wait_for_stdout(predicates::str::contains(": <65536 bytes>\n"));
            typist.wait_for_stdout(predicates::str::contains(": <1000 bytes>\n"));
            drop(sender);

            speaker.send((LONGEST as u32 + 1).to_be_bytes());
            speaker.skip_to(framed("一条消息最多65536字节".as_bytes()));
            speaker.half_close();
            assert_eq!(speaker.read_to_end(), b"");
            server.wait_for_line("有客户端退出了");
        }
    }
    {}
}

fn main() -> std::process::ExitCode {
    needs::run()
}
