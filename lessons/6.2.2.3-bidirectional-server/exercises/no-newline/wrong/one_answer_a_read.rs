//! Rejected with: in 2 segments 0.05 s apart
//!
//! Whatever a read returns is taken for a message. On loopback, with a client that sends a message
//! in one piece, that even works.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use shared::{Failure, lesson, listen, say, wait_out};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    say!("server listening at port {}", bound.port());

    loop {
        if let Err(error) = welcome(&listener) {
            wait_out(&error);
        }
    }
}

fn welcome(listener: &TcpListener) -> io::Result<()> {
    let (client, _) = listener.accept()?;
    // An error means that the client has left, which is the end of the conversation too.
    thread::Builder::new().spawn(move || converse(client).unwrap_or_default())?;
    Ok(())
}

fn converse(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while client.read(&mut buffer)? > 0 {
        let answer = "我吃的小豆包\n"; // I had bean-paste buns
        client.write_all(answer.as_bytes())?;
    }
    Ok(())
}
