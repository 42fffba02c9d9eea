// ANCHOR: header
//! 6.3.2 Broadcast chat, the client: keyboard and socket at the same time.
//!
//!     cargo run -p lesson-broadcast-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third)

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::Context;
use shared::{
    Failure, Lines, cannot_connect, lesson, lost_connection, note, show, spawn, timed_out,
};
// ANCHOR_END: header

// ANCHOR: bounds
/// A longer line is sent in pieces: whatever is typed or pasted, the memory has a bound.
const LONGEST: u64 = 64 * 1024; // bytes
// ANCHOR_END: bounds

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-broadcast-server"))?;
    let to_server = server.try_clone().context("cannot share the connection with a thread")?;

    // There are two things to wait for, so there are two threads. This one ends when the server
    // does, and takes the other along, even while that one still waits for the keyboard.
    spawn(move || {
        if let Err(error) = send_what_is_typed(&to_server) {
            note!("cannot send what is typed: {error}");
        }
        let _ = to_server.shutdown(Shutdown::Write); // half-close: all is said, but we still listen
    });
    show_what_arrives(server).map_err(|error| lost_connection(&address, error))?;
    note!("the server has closed the connection");
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: type
fn send_what_is_typed(mut server: &TcpStream) -> io::Result<()> {
    server.set_nodelay(true)?; // each line leaves at once
    let mut keyboard = io::stdin().lock();
    let mut line = Vec::new();
    while (&mut keyboard).take(LONGEST).read_until(b'\n', &mut line)? > 0 {
        let text = line.trim_ascii();
        if !text.is_empty() {
            server.write_all(&[text, b"\n"].concat())?;
        }
        line.clear();
    }
    Ok(())
}
// ANCHOR_END: type

// ANCHOR: arrive
fn show_what_arrives(mut server: TcpStream) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    loop {
        // The Node server sends no newlines: what has come when time is up is a line too. An error
        // means that the connection is over, as the read will say.
        let _ = server.set_read_timeout(lines.patience());
        match server.read(&mut buffer) {
            Ok(received @ 1..) => show(&lines.add(&buffer[..received])), // `data`
            Err(error) if timed_out(&error) => show(&lines.cut()),       // `timeout`
            outcome => {
                show(&lines.finish());
                return outcome.map(|_| ()); // `end`, or `error`
            }
        }
    }
}
// ANCHOR_END: arrive
