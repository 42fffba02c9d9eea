//! Rejected with: the server was to end with exit status 0
//!
//! It leaves as one does who is interrupted: with exit status 130.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{CtrlC, Failure, announce, cannot_listen, lesson, wait_out};

/// Who is connected, by the client's address.
static CLIENTS: Mutex<Option<HashMap<SocketAddr, TcpStream>>> = Mutex::new(None);

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
    for client in clients().get_or_insert_default().values_mut() {
        let _ = client.write_all(b"bye\n"); // an error means that this one has left just now
    }
    std::process::exit(130)
}

fn connection((client, peer): (TcpStream, SocketAddr)) -> io::Result<()> {
    let second_handle = client.try_clone()?; // the same socket, for whoever says goodbye
    clients().get_or_insert_default().insert(peer, second_handle);
    thread::Builder::new().spawn(move || {
        let _ = stay_until_it_leaves(client); // an error ends the stay as well
        clients().get_or_insert_default().remove(&peer);
    })?;
    Ok(())
}

fn stay_until_it_leaves(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"welcome\n")?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}

fn clients() -> MutexGuard<'static, Option<HashMap<SocketAddr, TcpStream>>> {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner)
}
