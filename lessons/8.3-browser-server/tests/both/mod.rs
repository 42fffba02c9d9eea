//! The server with both of its doors.

use std::process::Command;

use harness::{Program, own};
use predicates::str::contains;

pub const LESSON: &str = "lesson-browser-server";

/// Starts the server at a chat's port and a page's port. Port 0 means a free one.
pub fn server(port: u16, page: u16) -> Program {
    server_at(&format!("127.0.0.1:{port}"), page)
}

/// Does the same at any address.
#[allow(dead_code, reason = "not every test target needs it")]
pub fn server_at(address: &str, page: u16) -> Program {
    let mut command = Command::new(own(LESSON));
    command.arg(address).args(["--page", &page.to_string()]);
    let server = Program::server_from(command);
    server.wait_for_stderr(contains("join with a browser: "));
    server
}

/// Returns the page's host and port.
pub fn page_of(server: &Program) -> String {
    let said = server.stderr();
    let after = said.split("join with a browser: http://").nth(1).expect("the page's address");
    after.split('/').next().expect("an end").to_string()
}
