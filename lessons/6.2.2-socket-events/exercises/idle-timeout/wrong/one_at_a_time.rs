//! Rejected with: for four seconds while another talked and waited 1 s for the line `too quiet`, but the connection stayed open
//!
//! It serves its clients one after the other: the second waits until the first has been silent for too long.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use shared::{Failure, lesson, listen, timed_out, wait_out};

const LONGEST_SILENCE: Duration = Duration::from_secs(2);

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
    let _ = echo(client); // an error means that it has left
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
