//! Rejected with: the fourth client from 127.0.0.1 connected and expected the line `too many
//!
//! The one that is refused has a `Visit` too, which counts down when it is dropped.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, lesson, listen, wait_out};

const LIMIT: usize = 2;

/// How many clients are connected from each address.
static ONLINE: LazyLock<Mutex<HashMap<IpAddr, usize>>> = LazyLock::new(Mutex::default);

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
    let Some(visit) = Visit::begin(ip) else {
        let _ = client.write_all(format!("too many from {ip}\n").as_bytes());
        return Ok(()); // dropping is closing
    };
    thread::Builder::new().spawn(move || {
        let _ = stay(client, ip); // an error ends the visit just as an orderly end does
        drop(visit);
    })?;
    Ok(())
}

fn stay(mut client: TcpStream, ip: IpAddr) -> io::Result<()> {
    client.write_all(format!("welcome, {ip}\n").as_bytes())?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}

/// One client's stay. However it ends, the value is dropped, and `drop` counts down.
struct Visit {
    ip: IpAddr,
}

impl Visit {
    fn begin(ip: IpAddr) -> Option<Visit> {
        let mut online = online();
        let from_there = online.entry(ip).or_default();
        let visit = Visit { ip };
        if *from_there >= LIMIT {
            drop(online); // or `drop` would wait for the lock for ever
            return None;
        }
        *from_there += 1;
        Some(visit)
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

fn online() -> MutexGuard<'static, HashMap<IpAddr, usize>> {
    ONLINE.lock().unwrap_or_else(PoisonError::into_inner)
}
