//! Rejected with: still running
//!
//! The line is printed, and `main` goes on waiting for the keyboard.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use anyhow::Context;
use shared::{Failure, Lines, cannot_connect, lesson, note, say, show};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-broadcast-server"))?;
    let from_server = server.try_clone().context("cannot share the connection with a thread")?;

    let showing = thread::Builder::new()
        .spawn(move || {
            if let Err(error) = show_what_arrives(from_server) {
                note!("lost the connection: {error}");
            }
            say!("the server has gone");
        })
        .context("cannot start a thread for the connection")?;
    send_what_is_typed(&mut server).context("cannot send what is typed")?;
    let _ = showing.join();
    Ok(())
}

fn send_what_is_typed(server: &mut TcpStream) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        server.write_all(format!("{}\n", line?.trim()).as_bytes())?;
    }
    server.shutdown(Shutdown::Write) // half-close: all is said, but we still listen
}

fn show_what_arrives(mut server: TcpStream) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    loop {
        let received = server.read(&mut buffer)?;
        if received == 0 {
            show(&lines.finish());
            return Ok(()); // `end`
        }
        show(&lines.add(&buffer[..received]));
    }
}
