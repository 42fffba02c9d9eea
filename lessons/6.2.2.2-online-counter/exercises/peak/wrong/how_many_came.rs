//! Rejected with: came after two of three had left and expected the line `online:
//!
//! It counts how many have ever come.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, lesson, listen, wait_out};

/// How many clients are connected, and how many were at most. One lock guards both, so that they
/// always belong together.
struct Count {
    online: usize,
    at_most: usize,
}

static COUNT: Mutex<Count> = Mutex::new(Count { online: 0, at_most: 0 });

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
    let visit = Visit::begin();
    thread::Builder::new().spawn(move || {
        let _ = stay(client, &visit); // an error ends the visit just as an orderly end does
        drop(visit);
    })?;
    Ok(())
}

fn stay(mut client: TcpStream, visit: &Visit) -> io::Result<()> {
    let Visit { online, at_most } = visit;
    client.write_all(format!("online: {online}, at most: {at_most}\n").as_bytes())?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}

/// One client's stay, and what the numbers were when it began.
struct Visit {
    online: usize,
    at_most: usize,
}

impl Visit {
    fn begin() -> Visit {
        let mut count = count();
        count.online += 1;
        count.at_most += 1;
        Visit { online: count.online, at_most: count.at_most }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        count().online -= 1;
    }
}

fn count() -> MutexGuard<'static, Count> {
    COUNT.lock().unwrap_or_else(PoisonError::into_inner)
}
