//! Rejected with: said nothing for less than two seconds
//!
//! It loses patience after one second.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use shared::{Failure, lesson, listen, timed_out, wait_out};

const LONGEST_SILENCE: Duration = Duration::from_secs(1);

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
    thread::Builder::new().spawn(move || echo(client))?;
    Ok(())
}

fn echo(mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(LONGEST_SILENCE))?;
    let mut buffer = [0; 1024];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(received) => client.write_all(&buffer[..received])?,
            Err(error) if timed_out(&error) => return client.write_all(b"too quiet\n"),
            Err(error) => return Err(error),
        }
    }
}
