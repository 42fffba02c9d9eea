// ANCHOR: header
//! 6.2.2.3 Two-way talk, the server: it answers each piece of data.
//!
//!     cargo run -p lesson-bidirectional-server
//!     cargo run -p lesson-bidirectional-client     (in a second terminal, or telnet)

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;

use shared::{
    Failure, Utf8Decoder, lesson, listen, pause_after, print_line, printable, uninterrupted,
};
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    print_line!("server listening at port {}", bound.port());

    loop {
        let accepted = listener.accept();
        if let Err(error) = accepted.and_then(|(client, _)| connection(client)) {
            pause_after(&error);
        }
    }
}

fn connection(client: TcpStream) -> io::Result<()> {
    thread::Builder::new().spawn(|| converse(client))?;
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: converse
fn converse(mut client: TcpStream) {
    let mut decoder = Utf8Decoder::default();
    let mut buffer = [0; 4096];
    // `data`: read returned more than 0 bytes. 0 is `end`, and an error ends the loop too.
    while let Ok(received @ 1..) = uninterrupted(|| client.read(&mut buffer)) {
        print_text(&decoder.decode(&buffer[..received]));
        let answer = "我吃的小豆包"; // I had bean-paste buns
        if client.write_all(answer.as_bytes()).is_err() {
            break; // the client has left
        }
    }
    print_text(&decoder.finish());
}
// ANCHOR_END: converse

// ANCHOR: print
/// Prints a piece of data as a line, if there is anything to show: the first byte of a character is
/// not a character yet, and a line end may arrive in two pieces.
fn print_text(text: &str) {
    let text = printable(text);
    let line = text.trim_matches('\n');
    if !line.is_empty() {
        print_line!("{line}");
    }
}
// ANCHOR_END: print
