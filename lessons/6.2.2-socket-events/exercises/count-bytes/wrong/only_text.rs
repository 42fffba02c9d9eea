//! Rejected with: that are no text
//!
//! It reads into a String, which fails where the bytes are no UTF-8.

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
    let mut received = String::new();
    client.read_to_string(&mut received)?;
    client.write_all(format!("{} bytes\n", received.len()).as_bytes())
}
