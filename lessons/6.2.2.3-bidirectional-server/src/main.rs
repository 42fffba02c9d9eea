// ANCHOR: header
//! 6.2.2.3 Two-way talk, the server: it answers each piece of data.
//!
//!     cargo run -p lesson-bidirectional-server
//!     cargo run -p lesson-bidirectional-client     (in a second terminal, or telnet)

use std::io::{Read, Write};
use std::net::TcpStream;

use shared::{Failure, Utf8Decoder, lesson, listen, printable, say, spawn, wait_out};
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    say!("server listening at port {}", bound.port());

    loop {
        match listener.accept() {
            Ok((client, _)) => spawn(move || converse(client)),
            Err(error) => wait_out(&error),
        }
    }
}
// ANCHOR_END: main

// ANCHOR: converse
fn converse(mut client: TcpStream) {
    let mut decoder = Utf8Decoder::default();
    let mut buffer = [0; 4096];
    // `data`: read returned more than 0 bytes. 0 is `end`, and an error ends the loop too.
    while let Ok(received @ 1..) = client.read(&mut buffer) {
        show(&decoder.decode(&buffer[..received]));
        let answer = "我吃的小豆包"; // I had bean-paste buns
        if client.write_all(answer.as_bytes()).is_err() {
            break; // the client has left
        }
    }
    show(&decoder.finish());
}
// ANCHOR_END: converse

// ANCHOR: show
/// Prints what has arrived. The first byte of a character is not yet a character, so a piece of
/// data may have nothing to show.
fn show(text: &str) {
    if !text.is_empty() {
        say!("{}", printable(text).trim_end_matches('\n'));
    }
}
// ANCHOR_END: show
