//! Exercise: count the bytes. The task is in `task.md`.

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

/// To do: count all the bytes until the client's end, and not only those of one read.
fn count(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let received = client.read(&mut buffer)?;
    client.write_all(format!("{received} bytes\n").as_bytes())?;
    Ok(())
}
