//! Exercise: a long greeting, and all of it. The task is in `task.md`.

use std::io::{self, Write};
use std::net::TcpStream;

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

/// To do: the whole greeting for everybody, and nobody waits for anybody.
fn welcome(mut client: TcpStream) -> io::Result<()> {
    client.write_all(greeting().as_bytes())?;
    Ok(())
}

/// Eighteen million bytes, far more than the system takes from one `write` and keeps for a client.
fn greeting() -> String {
    "A very good morning to all of you\n".repeat(530_000)
}
