//! Exercise: two for each address. The task is in `task.md`.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use shared::{Failure, lesson, listen, wait_out};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, _) = listen(&address)?;

    loop {
        if let Err(error) = welcome(&listener) {
            wait_out(&error);
        }
    }
}

/// To do: two clients at a time from each IP address.
fn welcome(listener: &TcpListener) -> io::Result<()> {
    let (client, peer) = listener.accept()?;
    thread::Builder::new().spawn(move || stay(client, peer))?;
    Ok(())
}

fn stay(mut client: TcpStream, peer: SocketAddr) -> io::Result<()> {
    let ip = peer.ip().to_canonical(); // 127.0.0.1 also when it came as ::ffff:127.0.0.1
    client.write_all(format!("welcome, {ip}\n").as_bytes())?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}
