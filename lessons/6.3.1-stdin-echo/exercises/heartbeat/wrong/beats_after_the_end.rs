//! Rejected with: the input ended, and expected the end of the connection, but
//!
//! The end of the input is taken for another second of silence, and it does not even last a second.

use std::io::{self, BufRead, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use shared::{Failure, lesson};

/// After this long without a line, a heartbeat.
const SILENCE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut server = TcpStream::connect(&address)
        .with_context(|| format!("cannot connect to {address}: is a server running there?"))?;

    // One thread waits for the keyboard, the other for the first, but not longer than a second.
    let (typed, lines) = channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if typed.send(line).is_err() {
                break;
            }
        }
    });
    loop {
        let line = match lines.recv_timeout(SILENCE) {
            Ok(line) => line,
            Err(_) => "ping".to_string(),
        };
        server
            .write_all(format!("{}\n", line.trim()).as_bytes())
            .with_context(|| format!("lost the connection to {address}"))?;
    }
}
