//! Rejected with: a byte that is not UTF-8
//!
//! Bytes that are no text end the conversation.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use shared::{Failure, lesson, listen, say, wait_out};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    say!("server listening at port {}", bound.port());

    loop {
        if let Err(error) = welcome(&listener) {
            wait_out(&error);
        }
    }
}

fn welcome(listener: &TcpListener) -> io::Result<()> {
    let (client, _) = listener.accept()?;
    // An error means that the client has left, which is the end of the conversation too.
    thread::Builder::new().spawn(move || converse(client).unwrap_or_default())?;
    Ok(())
}

fn converse(mut client: TcpStream) -> io::Result<()> {
    let mut waiting = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let received = client.read(&mut buffer)?;
        if received == 0 {
            return Ok(()); // `end`
        }
        waiting.extend_from_slice(&buffer[..received]);
        let complete = match std::str::from_utf8(&waiting) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
        };
        let rest = waiting.split_off(complete);
        let text = String::from_utf8_lossy(&waiting).to_uppercase();
        client.write_all(text.as_bytes())?;
        waiting = rest;
    }
}
