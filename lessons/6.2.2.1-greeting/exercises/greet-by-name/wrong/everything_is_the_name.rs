//! Rejected with: sent `Ann\nand more\n` in one piece
//!
//! What arrived together with the name is taken for a part of it.

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
    client.write_all(b"what is your name?\n")?;
    let mut name = Vec::new();
    let mut buffer = [0; 1024];
    while !name.contains(&b'\n') {
        let received = client.read(&mut buffer)?;
        if received == 0 {
            return Ok(());
        }
        name.extend_from_slice(&buffer[..received]);
    }
    let name = String::from_utf8_lossy(&name);
    client.write_all(format!("hello, {}!\n", name.trim()).as_bytes())?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}
