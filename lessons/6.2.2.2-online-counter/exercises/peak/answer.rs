//! Exercise: the most at once. The task is in `task.md`.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, lesson, listen, wait_out};

/// How many clients are connected.
static ONLINE: Mutex<usize> = Mutex::new(0);

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
    client.write_all(format!("online: {}, at most: ?\n", visit.online).as_bytes())?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}

/// One client's stay, and how many were connected when it began.
/// To do: and how many were connected at most until then.
struct Visit {
    online: usize,
}

impl Visit {
    fn begin() -> Visit {
        let mut online = online();
        *online += 1;
        Visit { online: *online }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        *online() -= 1;
    }
}

fn online() -> MutexGuard<'static, usize> {
    ONLINE.lock().unwrap_or_else(PoisonError::into_inner)
}
