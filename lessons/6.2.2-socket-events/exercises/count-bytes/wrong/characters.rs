//! Rejected with: 8 bytes with two Chinese characters among them
//!
//! It counts characters: a Chinese one is three bytes of UTF-8.

use std::io::{self, Read, Write};
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
    thread::Builder::new().spawn(move || count(client))?;
    Ok(())
}

fn count(mut client: TcpStream) -> io::Result<()> {
    let mut received = Vec::new();
    client.read_to_end(&mut received)?;
    let count = String::from_utf8_lossy(&received).chars().count();
    client.write_all(format!("{count} bytes\n").as_bytes())
}
