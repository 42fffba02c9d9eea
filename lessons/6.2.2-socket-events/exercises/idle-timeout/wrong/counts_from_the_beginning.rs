//! Rejected with: the talking client said something every 0.3 s
//!
//! It measures the whole stay, and not the silence since the last word.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use shared::{Failure, lesson, listen, wait_out};

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
    let mut second_handle = client.try_clone()?;
    thread::Builder::new().spawn(move || echo(client))?;
    thread::Builder::new().spawn(move || {
        thread::sleep(LONGEST_SILENCE);
        let _ = second_handle.write_all(b"too quiet\n");
        let _ = second_handle.shutdown(Shutdown::Both);
    })?;
    Ok(())
}

fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            received => client.write_all(&buffer[..received])?,
        }
    }
}
