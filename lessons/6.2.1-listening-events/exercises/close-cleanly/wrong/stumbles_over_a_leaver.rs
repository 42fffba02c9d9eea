//! Rejected with: cannot say goodbye
//!
//! It goes on writing to a client that has left by a reset: that is an error, and the `?` ends the server before the others' turn.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::Context;
use shared::{CtrlC, Failure, announce, cannot_listen, lesson, wait_out};

static CLIENTS: Mutex<Vec<TcpStream>> = Mutex::new(Vec::new());

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let listener = TcpListener::bind(&address).map_err(|error| cannot_listen(&address, error))?;
    let ctrl_c = CtrlC::wakes(&listener)?;
    announce(&listener)?;

    loop {
        let accepted = listener.accept(); // waits for a client, or for Ctrl-C
        if ctrl_c.pressed() {
            break;
        }
        if let Err(error) = accepted.and_then(connection) {
            wait_out(&error);
        }
    }

    drop(listener);
    for client in clients().iter_mut() {
        client.write_all(b"bye\n").context("cannot say goodbye")?;
    }
    Ok(())
}

fn connection((client, _): (TcpStream, SocketAddr)) -> io::Result<()> {
    let second_handle = client.try_clone()?; // the same socket, for whoever says goodbye
    clients().push(second_handle);
    thread::Builder::new().spawn(move || stay_until_it_leaves(client))?;
    Ok(())
}

fn stay_until_it_leaves(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"welcome\n")?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}

fn clients() -> MutexGuard<'static, Vec<TcpStream>> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}
