//! The other end of the socket: sends hello, stays silent, and reads nothing until it is told to.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use shared::cannot_listen;

/// A peer that waits for one connection, in a thread of its own.
pub struct Peer {
    /// The address that it listens on, as `HOST:PORT`, with the port that it is really bound to.
    pub name: String,
    may_read: Sender<()>,
    thread: JoinHandle<io::Result<u64>>,
}

/// Starts a peer that listens on `address`, which is `HOST:PORT`.
pub fn start(address: &str) -> Result<Peer> {
    let listener = TcpListener::bind(address).map_err(|error| cannot_listen(address, error))?;
    let port = listener.local_addr().context("cannot find out the peer's port")?.port();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let (may_read, told_to_read) = mpsc::channel();
    let thread = thread::Builder::new()
        .spawn(move || talk(listener, told_to_read))
        .context("cannot start a thread for the peer")?;
    Ok(Peer { name: format!("{host}:{port}"), may_read, thread })
}

/// Talks to the one client, and returns how many bytes have arrived from it.
fn talk(listener: TcpListener, told_to_read: Receiver<()>) -> io::Result<u64> {
    let (mut stream, _) = listener.accept()?;
    drop(listener); // from here on, connections are refused
    stream.write_all(b"hello")?;
    if told_to_read.recv().is_err() {
        return Ok(0); // the lesson has ended early
    }
    stream.shutdown(Shutdown::Write)?; // sends a FIN, but we go on reading
    io::copy(&mut stream, &mut io::sink())
}

impl Peer {
    /// Lets the peer end its own half of the connection, and read the other until that ends too.
    pub fn read_to_the_end(&self) {
        let _ = self.may_read.send(()); // fails only if the peer has, and its thread reports that
    }

    /// Waits until our half has ended as well, and returns how many bytes have arrived.
    pub fn wait_for_our_end(self) -> Result<usize> {
        let arrived = self.thread.join().map_err(|_| anyhow!("the peer's thread has panicked"))?;
        usize::try_from(arrived.context("the peer cannot talk")?).context("more than memory holds")
    }
}
