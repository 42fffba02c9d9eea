//! The two barest loops that do what a chat server does, in one thread, without a lock and without
//! regard for slow readers. They are the baseline for what a server costs.
//!
//! [`write_each`] writes once for each delivery, which is the limit when one person speaks.
//! [`write_batches`] first collects what everybody has sent and then writes once to each reader,
//! which is the limit when all speak at the same time.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::mem::replace;
use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, bail, ensure};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

struct Client {
    stream: TcpStream,
    label: String,
    /// The range of its own lines in the batch, which are not sent back to it.
    own: Range<usize>,
}

/// Runs until it is killed or a client leaves. Writes once for each line and reader.
pub fn write_each() -> anyhow::Result<()> {
    run(|clients, senders, buffer| {
        for sender in senders {
            while let Some(count) = read(&mut clients[*sender], buffer)? {
                for line in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
                    let message = [clients[*sender].label.as_bytes(), line].concat();
                    for (index, client) in clients.iter_mut().enumerate() {
                        if index != *sender {
                            let written = client.stream.write_all(&message);
                            written.context("cannot write without waiting")?;
                        }
                    }
                }
            }
        }
        Ok(())
    })
}

/// Runs until it is killed or a client leaves. Writes once for each reader.
pub fn write_batches() -> anyhow::Result<()> {
    let mut batch = Vec::new();
    run(|clients, senders, buffer| {
        batch.clear();
        for sender in senders {
            let client = &mut clients[*sender];
            let start = batch.len();
            while let Some(count) = read(client, buffer)? {
                for line in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
                    batch.extend_from_slice(client.label.as_bytes());
                    batch.extend_from_slice(line);
                }
            }
            client.own = start..batch.len();
        }
        clients.iter_mut().try_for_each(|client| write_but_own(client, &batch))
    })
}

/// Sends the batch without the client's own lines.
fn write_but_own(client: &mut Client, batch: &[u8]) -> anyhow::Result<()> {
    let own = replace(&mut client.own, 0..0);
    let pieces = [&batch[..own.start], &batch[own.end..]];
    let length = batch.len() - own.len();
    if length > 0 {
        let written = client.stream.write_vectored(&pieces.map(IoSlice::new));
        ensure!(written.context("cannot write")? == length, "cannot write without waiting");
    }
    Ok(())
}

/// Accepts clients, and calls `pass_on` with those that have sent something, and a buffer.
fn run(
    mut pass_on: impl FnMut(&mut [Client], &[usize], &mut [u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    println!("server listening at port {}", listener.local_addr()?.port());
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut clients: Vec<Client> = Vec::new();
    let mut senders = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        poll.poll(&mut events, None)?;
        senders.clear();
        for event in &events {
            if event.token() != LISTENER {
                senders.push(event.token().0);
                continue;
            }
            while let Ok((mut stream, peer)) = listener.accept() {
                stream.set_nodelay(true)?;
                let token = Token(clients.len());
                poll.registry().register(&mut stream, token, Interest::READABLE)?;
                let label = format!("{}:", peer.port());
                clients.push(Client { stream, label, own: 0..0 });
            }
        }
        pass_on(&mut clients, &senders, &mut buffer)?;
    }
}

/// Reads what has arrived from a client: whole lines, or nothing.
fn read(client: &mut Client, buffer: &mut [u8]) -> anyhow::Result<Option<usize>> {
    match client.stream.read(buffer) {
        Ok(0) => bail!("somebody has left"),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error).context("cannot read"),
    }
}
