//! 6.2.2.2 Online counter: how many clients are connected, up and down.
//!
//!     cargo run -p lesson-online-counter
//!     telnet 127.0.0.1 3000                 (in a second terminal, and a third)

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, lesson, listen, pause_after, print_line};

/// The number of connected clients. Every client's thread changes it, so a lock guards it.
static ONLINE: Mutex<usize> = Mutex::new(0);

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    print_line!("server listening at port {}", bound.port());

    loop {
        let accepted = listener.accept(); // waits for a client
        if let Err(error) = accepted.and_then(|(client, peer)| welcome(client, peer)) {
            pause_after(&error);
        }
    }
}

/// Starts a client's thread. Its closure owns the visit: if no thread starts, both are dropped.
fn welcome(client: TcpStream, peer: SocketAddr) -> io::Result<()> {
    let visit = Visit::begin();
    thread::Builder::new().spawn(move || {
        let _ = tell_address(client, peer); // an error ends the visit, just as an orderly end does
        drop(visit);
    })?;
    Ok(())
}

fn tell_address(mut client: TcpStream, peer: SocketAddr) -> io::Result<()> {
    let (ip, port) = (peer.ip().to_canonical(), peer.port());
    client.write_all(format!("remoteAddress{ip}\nremotePort{port}").as_bytes())?;
    io::copy(&mut client, &mut io::sink())?; // returns when the client leaves
    Ok(())
}

/// One client's stay. However it ends, the value is dropped, and `drop` counts down.
struct Visit;

impl Visit {
    fn begin() -> Visit {
        let mut online = online();
        *online += 1;
        print_line!("welcome,当前在线人数：{online}"); // now online: n
        Visit
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut online = online();
        *online -= 1;
        print_line!("有客户端退出了,当前在线人数：{online}"); // a client has left, now online: n
    }
}

/// Locks the number. Callers print while they hold the lock, so the numbers appear in order.
fn online() -> MutexGuard<'static, usize> {
    ONLINE.lock().unwrap_or_else(PoisonError::into_inner)
}
