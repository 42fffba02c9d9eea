// ANCHOR: header
//! The room of 7.3: what to do for a client whose socket is ready. Nothing in here ever waits.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use shared::{Lines, disconnect, note_disconnected};
use shared_log::{Cursor, Log};

use super::timers::Timers;
// ANCHOR_END: header

// ANCHOR: room
#[derive(Default)]
pub struct Room {
    log: Log,
    /// By the token of their events. No token is used twice, so that an event that comes late is
    /// not taken for another client's.
    clients: BTreeMap<Token, Client>,
    joined: usize,
    /// Those whose next read may return something.
    readable: BTreeSet<Token>,
    /// Whether there may be somebody to send something to.
    has_unsent: bool,
    /// When the line that a client has begun is passed on without its end.
    pub timers: Timers,
}

pub struct Client {
    pub stream: TcpStream,
    peer: SocketAddr,
    lines: Lines,
    cursor: Cursor,
    /// Not from a write that would have had to wait until the event that says so.
    is_writable: bool,
    has_left: bool,
}

impl Room {
    // ANCHOR_END: room

    // ANCHOR: admit
    /// From now on, events say what this client's socket is ready for.
    pub fn admit(
        &mut self,
        mut stream: TcpStream,
        peer: SocketAddr,
        registry: &Registry,
    ) -> io::Result<()> {
        // A small message leaves at once, instead of waiting for company. An error means that the
        // client has left already, as its first read will say.
        let _ = stream.set_nodelay(true);
        let token = Token(self.joined);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.joined += 1;
        let (lines, cursor) = (Lines::trimmed(), self.log.join());
        let client = Client { stream, peer, lines, cursor, is_writable: false, has_left: false };
        self.clients.insert(token, client);
        Ok(())
    }

    /// Notes what an event says. It may come late, for a client that has gone.
    pub fn ready(&mut self, token: Token, readable: bool, writable: bool) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        if readable {
            self.readable.insert(token);
        }
        client.is_writable |= writable;
        self.has_unsent |= writable;
    }

    /// Whether there is something to do without waiting for an event.
    pub fn is_busy(&self) -> bool {
        self.has_unsent || !self.readable.is_empty()
    }
    // ANCHOR_END: admit

    // ANCHOR: read
    /// One read for everybody who may have something to say. Who has more to say, and be it without
    /// end, goes on after the others. An event says `readable` only once, so a client stays on the
    /// list until a read has found nothing.
    pub fn read(&mut self, buffer: &mut [u8]) {
        for token in mem::take(&mut self.readable) {
            let Some(client) = self.clients.get_mut(&token) else { continue };
            let lines = match client.stream.read(buffer) {
                Ok(received @ 1..) => client.lines.add(&buffer[..received]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == ErrorKind::Interrupted => Vec::new(),
                outcome => {
                    client.has_left = true;
                    client.is_writable |= outcome.is_err(); // a write will fail, and not wait
                    client.lines.finish()
                }
            };
            if !client.has_left {
                self.readable.insert(token);
            }
            self.say(token, &lines);
        }
    }

    /// Passes on the lines whose end has not come in time.
    pub fn cut(&mut self) {
        while let Some(token) = self.timers.expired() {
            let Some(client) = self.clients.get_mut(&token) else { continue };
            let lines = client.lines.cut();
            self.say(token, &lines);
        }
    }

    fn say(&mut self, token: Token, lines: &[u8]) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        self.timers.set(token, client.lines.patience());
        self.has_unsent |= client.has_left || !lines.is_empty();
        self.log.say(&mut client.cursor, client.peer.port(), lines);
    }
    // ANCHOR_END: read

    // ANCHOR: send
    /// One write for everybody who is behind and has room. Returns those who have gone.
    pub fn send(&mut self) -> Vec<Client> {
        let mut gone = Vec::new();
        if mem::take(&mut self.has_unsent) {
            for (token, client) in &mut self.clients {
                match client.send(&self.log) {
                    Ok(has_unsent) => self.has_unsent |= has_unsent,
                    Err(error) => {
                        note_disconnected(client.peer, &error);
                        gone.push(*token);
                    }
                }
            }
        }
        gone.iter().filter_map(|token| self.forget(*token)).collect()
    }

    fn forget(&mut self, token: Token) -> Option<Client> {
        self.readable.remove(&token);
        self.timers.set(token, None);
        self.clients.remove(&token)
    }
}

impl Client {
    /// Sends all that there is for this client, as far as its socket takes it. Returns whether
    /// another write might send more.
    ///
    /// # Errors
    /// The client has gone: it has left and has all that was said before, or it has fallen off the
    /// log's tail, or cannot be sent anything.
    fn send(&mut self, log: &Log) -> io::Result<bool> {
        let Some(unread) = log.unread(&self.cursor) else {
            disconnect(&self.stream);
            return Err(io::Error::other("it does not read what it is sent"));
        };
        if !unread.is_empty() && self.is_writable {
            match self.stream.write_vectored(&unread) {
                Ok(sent) => self.cursor.advance(sent), // perhaps a part of it, and the rest later
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let has_all = log.is_read(&self.cursor);
        if has_all && self.has_left {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(!has_all && self.is_writable)
    }
}
// ANCHOR_END: send
