//! Rejected with: four heartbeats within
//!
//! It asks whether a line has been typed, and where none has, beats at once.

use std::io::{self, BufRead, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;

use anyhow::Context;
use shared::{Failure, lesson};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut server = TcpStream::connect(&address)
        .with_context(|| format!("cannot connect to {address}: is a server running there?"))?;

    let (typed, lines) = channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if typed.send(line).is_err() {
                break;
            }
        }
    });
    loop {
        let line = match lines.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Empty) => "ping".to_string(),
            Err(TryRecvError::Disconnected) => break, // the end of the input
        };
        server
            .write_all(format!("{}\n", line.trim()).as_bytes())
            .with_context(|| format!("lost the connection to {address}"))?;
    }
    server.shutdown(Shutdown::Write).context("cannot end the connection")?;
    Ok(())
}
