//! Tests the pages of 8.3 on a network that is not loopback: phones on a bad Wi-Fi.

use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use harness::{Peer, Program, lesson};
use link::{Conditions, Link, machine};
use predicates::str::contains;

use need::LINK;
use websocket::WebSocket;

mod as_root;
mod need;
#[allow(dead_code, reason = "the lesson's own tests also send what no browser would")]
#[path = "../../../lessons/8.3-browser-server/tests/websocket/mod.rs"]
mod websocket;

/// The size of the paste, in bytes.
const PASTE: usize = 4 * 1024 * 1024;

needs::test!(LINK: a_paste_reaches_every_page_that_reads);
fn a_paste_reaches_every_page_that_reads() {
    as_root::as_root("a_paste_reaches_every_page_that_reads", a_paste);
}

fn a_paste() {
    let program = lesson("lesson-browser-server"); // built while there is a network
    let delay = Duration::from_millis(5);
    let conditions =
        Conditions { delay, rate: Some(50_000_000), loss: 0.005, ..Conditions::default() };
    let _link = Link::new(conditions).unwrap_or_else(|error| panic!("no link: {error:#}"));
    let mut command = Command::new(program);
    command.args(["0.0.0.0:0", "--page", "0"]);
    let server = Program::server_from(command);
    server.wait_for_stderr(contains("join with a browser: http://"));
    let said = server.stderr();
    let (_, after) = said.split_once("join with a browser: http://").expect("the page's address");
    let port = after.split([':', '/']).nth(1).expect("its port");
    let join = |number: u8| WebSocket::join(&format!("{}:{port}", machine(number)));
    let pages: Vec<WebSocket> = (2..12).map(join).collect();
    let _never_read: Vec<WebSocket> = (20..23).map(join).collect();
    let speaker = TcpStream::connect((machine(254), server.address().port()));
    let mut speaker = Peer::over(speaker.expect("a connection"));

    let line = "a line of ordinary length, as people write it again and again and again\n";
    let lines = PASTE / line.len();
    let expected = format!("{}:{line}", speaker.port()).repeat(lines);
    thread::scope(|scope| {
        for mut page in pages {
            let expected = &expected;
            scope.spawn(move || page.expect(expected));
        }
        speaker.send(line.repeat(lines));
    });
}

fn main() -> std::process::ExitCode {
    needs::run()
}
