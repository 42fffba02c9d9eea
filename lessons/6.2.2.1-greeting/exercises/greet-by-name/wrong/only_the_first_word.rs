//! Rejected with: but the line `hello, Mary!` came
//!
//! A name ends with the line, and not with a space.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

use shared::{Failure, lesson, listen, wait_out};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, _) = listen(&address)?;

    loop {
        if let Err(error) = listener.accept().and_then(|(client, _)| welcome(client)) {
            wait_out(&error);
        }
    }
}

fn welcome(client: TcpStream) -> io::Result<()> {
    thread::Builder::new().spawn(move || greet(client))?;
    Ok(())
}

/// A longer name is cut here, so that a client that sends no newline cannot fill the memory.
const LONGEST_NAME: u64 = 1000;

fn greet(client: TcpStream) -> io::Result<()> {
    let mut output = &client;
    output.write_all(b"what is your name?\n")?;
    let mut input = BufReader::new(&client);
    let mut name = Vec::new();
    input.by_ref().take(LONGEST_NAME).read_until(b'\n', &mut name)?; // reads as often as need be
    let name = String::from_utf8_lossy(&name);
    let name = name.split_whitespace().next().unwrap_or_default();
    output.write_all(format!("hello, {}!\n", name).as_bytes())?;
    io::copy(&mut input, &mut io::sink())?;
    Ok(())
}
