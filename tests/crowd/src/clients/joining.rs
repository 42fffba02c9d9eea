//! Lets everybody join the room, and leave it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use mio::{Interest, Token};
use rustls::ClientConfig;
use socket2::{Domain, Socket, Type};

use super::{Check, Client, Crowd, OBSERVER};
use crate::check::{Cursor, LineCheck};
use crate::wire::{self, Wire};

impl Crowd {
    /// Connects everybody: first the observer, then all other listeners, then the speakers, then
    /// the clients that never read.
    pub fn connect(&mut self) -> anyhow::Result<()> {
        let listeners = self.part.clients - self.part.speakers.len();
        self.progress.set_length(self.part.clients as u64);
        self.progress.set_message("clients join");
        if self.part.nats {
            self.lines.without_labels();
        }
        let tls = self.part.tls.as_deref().map(wire::tls).transpose()?;
        let tls = tls.as_ref();
        for index in 0..self.part.clients {
            let floods = self.part.flooders_address.filter(|_| index > listeners);
            let address = floods.unwrap_or(self.part.address);
            let (mut stream, port) = self.connect_one(index, address, tls)?;
            let introduction = self.protocol.introduction();
            stream.write_all(introduction).context("cannot send a client's first bytes")?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(stream.socket(), Token(index), interest)?;
            let own = index.checked_sub(listeners);
            let speaker = own.map(|own| self.part.speakers.start + own);
            if let Some(speaker) = speaker {
                self.lines.set_label(speaker, port);
            }
            let check = if index == OBSERVER || self.part.nats {
                Check::Lines(LineCheck::new(self.part.all_speakers))
            } else {
                Check::Log(Cursor::new(own))
            };
            self.clients.push(Client::new(stream, port, speaker, check));
            self.progress.inc(1);
        }
        for index in 0..self.part.stuck {
            let (stream, _) =
                self.connect_one(self.part.clients + index, self.part.address, tls)?;
            self.stuck.push(stream);
        }
        Ok(())
    }

    fn connect_one(
        &self,
        before: usize,
        address: SocketAddr,
        tls: Option<&Arc<ClientConfig>>,
    ) -> anyhow::Result<(Wire, u16)> {
        let connect = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            if let Some(source) = self.part.source(before) {
                socket.bind(&SocketAddr::from((source, 0)).into())?;
            }
            socket.connect_timeout(&address.into(), self.part.patience)?;
            socket.set_tcp_nodelay(true)?;
            // Leaving by a reset keeps no port in TIME_WAIT, where the next run would miss it.
            socket.set_linger(Some(Duration::ZERO))?;
            socket.set_read_timeout(Some(self.part.patience))?;
            let mut stream = Wire::over(socket, tls)?;
            let port = stream.socket().local_addr()?.port();
            std::io::Result::Ok((stream, port))
        };
        connect().map_err(|error| {
            let what = match before {
                0 => format!("cannot connect to {address}: {error}"),
                _ => format!("cannot connect client {} to {address}: {error}", before + 1),
            };
            anyhow!("{what}; {}", advice(&error, before))
        })
    }

    /// Returns how many of the clients that never read the server has disconnected. Reads what has
    /// been sent to them until it ends, for a second at most.
    pub fn stuck_and_disconnected(&mut self) -> usize {
        let until = Instant::now() + Duration::from_secs(1);
        let all = self.stuck.len();
        while !self.stuck.is_empty() && Instant::now() < until {
            let buffer = &mut self.buffer;
            self.stuck.retain_mut(|stream| !has_ended(stream, buffer, until));
            sleep(Duration::from_millis(10));
        }
        all - self.stuck.len()
    }

    /// Returns whether nobody can connect any more. A process that ends may close its listener
    /// last, so this keeps asking for a moment.
    pub(super) fn server_is_gone(&self) -> bool {
        let refuses = || {
            let timeout = Duration::from_secs(1);
            std::net::TcpStream::connect_timeout(&self.part.address, timeout).is_err()
        };
        (0..10).any(|_| {
            let is_gone = refuses();
            if !is_gone {
                sleep(Duration::from_millis(50));
            }
            is_gone
        })
    }

    /// Returns why a client has lost its connection.
    pub(super) fn left(&self, index: usize, cause: &str) -> anyhow::Error {
        let address = self.part.address;
        if self.server_is_gone() {
            return anyhow!("the server at {address} has gone away in the middle ({cause})");
        }
        let port = self.clients[index].port;
        anyhow!("the server has disconnected the client at port {port} ({cause})")
    }
}

/// Returns whether a connection has ended, after reading everything that came before the end or
/// until the time is up.
fn has_ended(stream: &mut Wire, buffer: &mut [u8], until: Instant) -> bool {
    loop {
        match stream.read(buffer) {
            Ok(1..) if Instant::now() < until => {}
            Ok(1..) => return false,
            Ok(0) => return true,
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Returns advice about a client that cannot connect although that many others could.
fn advice(error: &io::Error, before: usize) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused if before == 0 => {
            "is the server running, and is that its port?"
        }
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => "has the server ended?",
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "the server does not accept it",
        ErrorKind::AddrNotAvailable => "this machine has no port left for it",
        _ if matches!(error.raw_os_error(), Some(23 | 24)) => "see ulimit -n",
        _ => "is the address right?",
    }
}
