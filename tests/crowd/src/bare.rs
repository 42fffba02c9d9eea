//! The barest loop that does what a chat server does: one thread, one write for each delivery, no
//! lock, no thought for anybody who is slow. What a server costs is compared with it.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use anyhow::Context;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

/// Runs until it is killed, or somebody leaves.
pub fn run() -> anyhow::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("server listening at port {}", listener.local_addr()?.port());
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut clients: Vec<(TcpStream, u16)> = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, peer)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let token = Token(clients.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    clients.push((stream, peer.port()));
                }
            } else {
                pass_on(&mut clients, event.token().0, &mut buffer)?;
            }
        }
    }
}

/// Passes on what one client says, which is whole lines.
fn pass_on(
    clients: &mut [(TcpStream, u16)],
    sender: usize,
    buffer: &mut [u8],
) -> anyhow::Result<()> {
    loop {
        let (stream, port) = &mut clients[sender];
        let count = match stream.read(buffer) {
            Ok(0) => anyhow::bail!("somebody has left"),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("cannot read"),
        };
        let label = format!("{port}:");
        for line in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            let message = [label.as_bytes(), line].concat();
            for (index, (stream, _)) in clients.iter_mut().enumerate() {
                if index != sender {
                    stream.write_all(&message).context("cannot write without waiting")?;
                }
            }
        }
    }
}
