//! Exercise: greet by name. The task is in `task.md`.

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

/// To do: a name is a line, and may arrive in pieces.
fn greet(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"what is your name?\n")?;
    let mut buffer = [0; 1024];
    let received = client.read(&mut buffer)?;
    let name = String::from_utf8_lossy(&buffer[..received]);
    client.write_all(format!("hello, {name}!\n").as_bytes())?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}
