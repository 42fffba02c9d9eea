//! Exercise: a limit on clients, with a polite refusal. One right answer.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use shared::{Failure, announce, cannot_listen, lesson, wait_out};

const LIMIT: usize = 3;

static INSIDE: AtomicUsize = AtomicUsize::new(0);

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

fn connection(mut client: TcpStream) -> io::Result<()> {
    // Only this thread counts up, so nobody can slip in between the question and the count.
    if INSIDE.load(Ordering::SeqCst) >= LIMIT {
        let _ = client.write_all(b"full\n"); // an error means that it has left already
        return Ok(());
    }
    let seat = Seat::take();
    thread::Builder::new().spawn(move || {
        let _ = stay_until_it_leaves(client); // an error ends the stay as well
        drop(seat);
    })?;
    Ok(())
}

/// A client's seat. However the stay ends, the seat is dropped, and free again.
struct Seat;

impl Seat {
    fn take() -> Seat {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        Seat
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

fn stay_until_it_leaves(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"welcome\n")?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}
