//! Exercise: a limit on clients, with a polite refusal. The task is in `task.md`.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use shared::{Failure, announce, cannot_listen, lesson, wait_out};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let listener = TcpListener::bind(&address).map_err(|error| cannot_listen(&address, error))?;
    announce(&listener)?;

    loop {
        if let Err(error) = listener.accept().and_then(|(client, _)| connection(client)) {
            wait_out(&error);
        }
    }
}

/// To do: three clients at a time, and a polite word for the others.
fn connection(client: TcpStream) -> io::Result<()> {
    thread::Builder::new().spawn(move || stay_until_it_leaves(client))?;
    Ok(())
}

fn stay_until_it_leaves(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"welcome\n")?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}
