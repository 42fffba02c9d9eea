//! Exercise: say goodbye. The task is in `task.md`.

use std::io::{self, Write};
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
    // To do: wait until the client has said all it wants to say, and then say `bye`.
    thread::park(); // for ever
    Ok(())
}
