//! Rejected with: the third client from 127.0.0.1 connected and expected the line `too many from 127.0.0.1`, but the line `welcome, 127.0.0.1` came
//!
//! It counts by IP address and port, and each connection has a port of its own.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, lesson, listen, wait_out};

const LIMIT: usize = 2;

/// How many clients are connected from each address.
static ONLINE: LazyLock<Mutex<HashMap<SocketAddr, usize>>> = LazyLock::new(Mutex::default);

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
    let (mut client, peer) = listener.accept()?;
    let ip = peer.ip().to_canonical(); // 127.0.0.1 also when it came as ::ffff:127.0.0.1
    let Some(visit) = Visit::begin(peer) else {
        let _ = client.write_all(format!("too many from {ip}\n").as_bytes());
        return Ok(()); // dropping is closing
    };
    thread::Builder::new().spawn(move || {
        let _ = stay(client, ip); // an error ends the visit just as an orderly end does
        drop(visit);
    })?;
    Ok(())
}

fn stay(mut client: TcpStream, ip: impl std::fmt::Display) -> io::Result<()> {
    client.write_all(format!("welcome, {ip}\n").as_bytes())?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}

/// One client's stay. However it ends, the value is dropped, and `drop` counts down.
struct Visit {
    ip: SocketAddr,
}

impl Visit {
    fn begin(ip: SocketAddr) -> Option<Visit> {
        let mut online = online();
        let from_there = online.entry(ip).or_default();
        if *from_there >= LIMIT {
            return None;
        }
        *from_there += 1;
        Some(Visit { ip })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut online = online();
        if let Some(from_there) = online.get_mut(&self.ip) {
            *from_there -= 1;
            if *from_there == 0 {
                online.remove(&self.ip); // or the map would grow with every address ever seen
            }
        }
    }
}

fn online() -> MutexGuard<'static, HashMap<SocketAddr, usize>> {
    ONLINE.lock().unwrap_or_else(PoisonError::into_inner)
}
