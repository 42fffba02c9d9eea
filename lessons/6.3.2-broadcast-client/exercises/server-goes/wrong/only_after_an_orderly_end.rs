//! Rejected with: the server reset the connection
//!
//! A reset is an error, and an error ends `main` before it has said so.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use anyhow::Context;
use shared::{Failure, Lines, cannot_connect, lesson, note, say, show};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-broadcast-server"))?;
    let to_server = server.try_clone().context("cannot share the connection with a thread")?;

    // The thread that `main` runs in is the one whose end is the program's end. So it waits for
    // the server, and the other one for the keyboard.
    thread::Builder::new()
        .spawn(move || {
            if let Err(error) = send_what_is_typed(to_server) {
                note!("cannot send what is typed: {error}");
            }
        })
        .context("cannot start a thread for the keyboard")?;
    show_what_arrives(server).context("lost the connection")?;
    say!("the server has gone");
    Ok(())
}

fn send_what_is_typed(mut server: TcpStream) -> io::Result<()> {
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
