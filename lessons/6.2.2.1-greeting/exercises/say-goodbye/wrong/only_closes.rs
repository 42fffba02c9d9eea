//! Rejected with: but the connection ended
//!
//! The client's end is noticed, but both halves are closed before a word is said.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
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
    io::copy(&mut client, &mut io::sink())?;
    client.shutdown(Shutdown::Both)?;
    client.write_all(b"bye\n")?;
    Ok(())
}
