//! Rejected with: expected silence for
//!
//! One read is not the end: whatever the client sends first is taken for its goodbye.

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
    thread::Builder::new().spawn(move || greet(client))?;
    Ok(())
}

fn greet(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"hello\n")?;
    let _received = client.read(&mut [0; 1024])?;
    client.write_all(b"bye\n")?;
    Ok(())
}
