//! Exercise: tell everybody. The task is in `task.md`.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, lesson, listen, wait_out};

/// Everyone who is connected.
/// To do: tell them all when somebody comes or leaves.
static CLIENTS: Mutex<Vec<TcpStream>> = Mutex::new(Vec::new());

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, _) = listen(&address)?;

    loop {
        if let Err(error) = welcome(&listener) {
            wait_out(&error);
        }
    }
}

fn welcome(listener: &TcpListener) -> io::Result<()> {
    let (client, _) = listener.accept()?;
    let mut clients = everyone();
    clients.push(client.try_clone()?); // a second handle to the same socket
    drop(clients);
    thread::Builder::new().spawn(move || stay(client))?;
    Ok(())
}

fn stay(mut client: TcpStream) -> io::Result<()> {
    client.write_all(format!("online: {}\n", everyone().len()).as_bytes())?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}

fn everyone() -> MutexGuard<'static, Vec<TcpStream>> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}
