//! Exercise: tell everybody. One right answer.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, lesson, listen, wait_out};

/// Everyone who is connected, by the client's address.
static CLIENTS: LazyLock<Mutex<HashMap<SocketAddr, TcpStream>>> = LazyLock::new(Mutex::default);

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
    let (client, peer) = listener.accept()?;
    let second_handle = client.try_clone()?;
    let mut clients = everyone();
    clients.insert(peer, second_handle);
    tell_everybody(&clients);
    drop(clients);
    thread::Builder::new().spawn(move || {
        stay(client);
        let mut clients = everyone();
        clients.remove(&peer);
        tell_everybody(&clients);
    })?;
    Ok(())
}

/// Returns when the client leaves, in whatever way.
fn stay(mut client: TcpStream) {
    let _ = io::copy(&mut client, &mut io::sink());
}

/// The lock is held meanwhile, so everybody gets the same numbers in the same order.
fn tell_everybody(clients: &HashMap<SocketAddr, TcpStream>) {
    let line = format!("online: {}\n", clients.len());
    for mut client in clients.values() {
        // An error means that this one has left, as its own thread is about to find out.
        let _ = client.write_all(line.as_bytes());
    }
}

fn everyone() -> MutexGuard<'static, HashMap<SocketAddr, TcpStream>> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}
