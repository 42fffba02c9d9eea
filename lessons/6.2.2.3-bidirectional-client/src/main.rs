// ANCHOR: header
//! 6.2.2.3 Two-way talk, the client: it asks, and shows each answer.
//!
//!     cargo run -p lesson-bidirectional-server
//!     cargo run -p lesson-bidirectional-client     (in a second terminal)

use std::io::{Read, Write};
use std::net::TcpStream;

use shared::{
    Failure, Utf8Decoder, cannot_connect, check_connected, lesson, lost_connection, print_or_exit,
    printable, uninterrupted,
};
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("localhost:3000");

    // `lookup` and `connect`: one call looks up the name's addresses and tries each.
    let mut server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-bidirectional-server"))?;
    check_connected(&server, &address, "lesson-bidirectional-server")?;
    print_text("客户端与服务器连接成功了"); // the client is connected to the server

    let question = "你吃了吗"; // have you eaten?
    server.write_all(question.as_bytes()).map_err(|error| lost_connection(&address, error))?;

    let mut decoder = Utf8Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        let received = uninterrupted(|| server.read(&mut buffer))
            .map_err(|error| lost_connection(&address, error))?;
        if received == 0 {
            break; // `end`
        }
        print_text(&decoder.decode(&buffer[..received])); // `data`
    }
    print_text(&decoder.finish());
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: print
/// Prints a piece of data as a line, if there is anything to show: the first byte of a character is
/// not a character yet, and a line end may arrive in two pieces.
fn print_text(text: &str) {
    let text = printable(text);
    let line = text.trim_matches('\n');
    if !line.is_empty() {
        print_or_exit(&format!("{line}\n"));
    }
}
// ANCHOR_END: print
