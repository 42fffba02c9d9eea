//! Rejected with: expected silence for 0.3 s, but `2 bytes\n` came
//!
//! It reports the sum after each read: the client is told before it has finished.

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
    let mut buffer = [0; 1024];
    let mut sum = 0;
    loop {
        let received = client.read(&mut buffer)?;
        sum += received;
        client.write_all(format!("{sum} bytes\n").as_bytes())?;
        if received == 0 {
            return Ok(());
        }
    }
}
