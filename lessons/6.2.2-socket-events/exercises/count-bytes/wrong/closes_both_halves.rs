//! Rejected with: closed its sending half and expected the line `5 bytes`, but the connection ended
//!
//! It closes the whole connection at the client's end, and cannot answer any more.

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
    thread::Builder::new().spawn(move || count(client))?;
    Ok(())
}

fn count(mut client: TcpStream) -> io::Result<()> {
    let received = io::copy(&mut client, &mut io::sink())?; // reads until the client's FIN
    client.shutdown(Shutdown::Both)?;
    client.write_all(format!("{received} bytes\n").as_bytes())
}
