//! Rejected with: expected the whole greeting of 18020000 bytes, but
//!
//! The socket does not block, so a full send buffer is an error, and the rest is not sent.

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
    client.set_nonblocking(true)?;
    let _ = client.write_all(greeting().as_bytes()); // never waits, whatever the client does
    client.set_nonblocking(false)?;
    client.shutdown(Shutdown::Write)?; // our FIN: the client sees the end of the greeting
    // A socket that is closed while something unread lies in it is reset, and a reset throws away
    // what is still on its way. So read what the client has said, until it has finished too.
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}

/// Eighteen million bytes, far more than the system takes from one `write` and keeps for a client.
fn greeting() -> String {
    "A very good morning to all of you\n".repeat(530_000)
}
