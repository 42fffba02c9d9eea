// ANCHOR: header
//! The room of 7.3 does the work for a client whose socket is ready. Nothing in here ever waits.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::SocketAddr;

use lesson_shared_log_server::{ASK_AGAIN, Cursor, Log};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use shared::{Lines, disconnect, note_disconnected};

use super::timers::Timers;
// ANCHOR_END: header

// ANCHOR: room
/// How many bytes one turn of the loop reads, from all clients together. They are sent to the readers
/// before the next turn, so that a crowd of speakers cannot fill the log in between.
const BYTES_PER_TURN: usize = 1024 * 1024;

/// The token of the timer that runs while a speaker is held up. No client has it.
const HELD: Token = Token(usize::MAX - 1);

#[derive(Default)]
pub struct Room {
    log: Log,
    /// All clients, by the token of their events. No token is used twice, so that an event that is
    /// late is not taken for another client's.
    clients: BTreeMap<Token, Client>,
    joined: usize,
    /// Clients whose next read may return something, each once, in the order of their turns.
    readable: VecDeque<Token>,
    /// Clients that are too fast, and wait until the readers have caught up.
    held: VecDeque<Token>,
    /// Whether there may be a client to send something to.
    has_unsent: bool,
    /// When to pass on a line that a client has begun, although its end has not arrived.
    pub timers: Timers,
}

pub struct Client {
    pub stream: TcpStream,
    peer: SocketAddr,
    lines: Lines,
    cursor: Cursor,
    /// Whether the client is in one of the room's queues.
    is_readable: bool,
    /// False from the moment a write would block until the next writable event.
    is_writable: bool,
    /// Whether nothing can be sent to the client any more. Its last words may still be unread.
    is_broken: bool,
    has_left: bool,
}

impl Room {
    // ANCHOR_END: room

    // ANCHOR: admit
    /// Adds a client. From now on, events tell us what its socket is ready for.
    pub fn admit(
        &mut self,
        mut stream: TcpStream,
        peer: SocketAddr,
        registry: &Registry,
    ) -> io::Result<()> {
        // A small message leaves immediately instead of waiting for company. An error means that the
        // client has already left, and its first read will say so.
        let _ = stream.set_nodelay(true);
        let token = Token(self.joined);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.joined += 1;
        let (lines, cursor) = (Lines::trimmed(), self.log.join());
        let client = Client {
            stream,
            peer,
            lines,
            cursor,
            is_readable: false,
            is_writable: false,
            is_broken: false,
            has_left: false,
        };
        self.clients.insert(token, client);
        Ok(())
    }

    /// Notes what an event says. It may be late, and its client may have left already.
    pub fn ready(&mut self, token: Token, readable: bool, writable: bool) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        if readable && !mem::replace(&mut client.is_readable, true) {
            self.readable.push_back(token);
        }
        client.is_writable |= writable;
        self.has_unsent |= writable;
    }

    /// Returns whether there is something to do without waiting for an event.
    pub fn is_busy(&self) -> bool {
        self.has_unsent || !self.readable.is_empty()
    }
    // ANCHOR_END: admit

    // ANCHOR: read
    /// Makes one read for every client that may have sent something and is not too fast. A client
    /// with more to say, however much, waits its turn. No event tells us about what is left over, so
    /// a client stays in the queue until a read has found nothing.
    pub fn read(&mut self, buffer: &mut [u8]) {
        let mut budget = BYTES_PER_TURN;
        for _ in 0..self.readable.len() {
            let Some(token) = self.readable.pop_front() else { break };
            let Some(client) = self.clients.get_mut(&token) else { continue };
            if self.log.holds_up(client.cursor.said()) {
                self.held.push_back(token);
                continue;
            }
            let lines = match client.stream.read(buffer) {
                Ok(received @ 1..) => {
                    budget = budget.saturating_sub(received);
                    client.lines.add(&buffer[..received])
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    client.is_readable = false;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => Vec::new(),
                outcome => {
                    client.has_left = true;
                    if let Err(error) = outcome {
                        client.is_broken = true;
                        note_disconnected(client.peer, &error);
                    }
                    client.lines.finish()
                }
            };
            if !client.has_left {
                self.readable.push_back(token);
            }
            self.say(token, &lines);
            if budget == 0 {
                break;
            }
        }
        if !self.held.is_empty() {
            self.timers.set(HELD, Some(ASK_AGAIN));
        }
    }

    /// Passes on the lines whose end has not arrived in time.
    pub fn cut(&mut self) {
        while let Some(token) = self.timers.expired() {
            let Some(client) = self.clients.get_mut(&token) else { continue };
            // While something waits to be read, the line's end may be in there.
            let lines = if client.is_readable { Vec::new() } else { client.lines.cut() };
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
    /// Makes one write for every client that is behind and has room. Returns those that are gone.
    pub fn send(&mut self) -> Vec<Client> {
        let mut gone = Vec::new();
        if mem::take(&mut self.has_unsent) {
            for (token, client) in &mut self.clients {
                match client.send(&self.log) {
                    Ok(AfterSend::HasMore) => self.has_unsent = true,
                    Ok(AfterSend::Waits) => {}
                    Ok(AfterSend::HasLeft) => gone.push(*token),
                    Err(error) => {
                        note_disconnected(client.peer, &error);
                        gone.push(*token);
                    }
                }
            }
        }
        if self.log.lets_go() {
            self.readable.append(&mut self.held);
        }
        gone.iter().filter_map(|token| self.forget(*token)).collect()
    }

    fn forget(&mut self, token: Token) -> Option<Client> {
        self.timers.set(token, None);
        self.clients.remove(&token)
    }
}

/// How a client stands after [`Client::send`].
#[derive(Debug, PartialEq)]
enum AfterSend {
    /// Another write might send more.
    HasMore,
    /// Nothing can be sent until somebody speaks, or an event says that the socket has room.
    Waits,
    /// The client has left, and has received everything, or can receive nothing any more.
    HasLeft,
}

impl Client {
    /// Sends what the client has not received yet, as much of it as the socket takes.
    ///
    /// # Errors
    /// If the client has fallen off the log's tail.
    fn send(&mut self, log: &Log) -> io::Result<AfterSend> {
        if self.is_broken {
            return Ok(if self.has_left { AfterSend::HasLeft } else { AfterSend::Waits });
        }
        let Some(unread) = log.unread(&self.cursor) else {
            disconnect(&self.stream);
            return Err(io::Error::other("it does not read what it is sent"));
        };
        if !unread.is_empty() && self.is_writable {
            match self.stream.write_vectored(&unread) {
                Ok(sent) => self.cursor.advance(sent), // if it is a part, the rest follows later
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    note_disconnected(self.peer, &error);
                    disconnect(&self.stream); // makes it readable, so that its end is read
                    self.is_broken = true;
                }
            }
        }
        let has_all = log.is_read(&self.cursor);
        Ok(if has_all && self.has_left {
            AfterSend::HasLeft
        } else if !has_all && self.is_writable {
            AfterSend::HasMore
        } else {
            AfterSend::Waits
        })
    }
}
// ANCHOR_END: send

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use harness::DEADLINE;
    use lesson_shared_log_server::{CAPACITY, SEND_BUFFER};
    use shared::{set_send_buffer, timed_out};

    use super::*;

    /// Returns a client that has joined the room of `log`, and the other end of its connection.
    fn joined(log: &mut Log) -> (Client, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        set_send_buffer(&listener, SEND_BUFFER);
        let peer = TcpStream::connect(listener.local_addr().expect("its address"));
        let peer = peer.expect("connect");
        peer.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        let (stream, address) = listener.accept().expect("accept");
        stream.set_nonblocking(true).expect("a stream that never waits");
        let client = Client {
            stream: mio::net::TcpStream::from_std(stream),
            peer: address,
            lines: Lines::trimmed(),
            cursor: log.join(),
            is_readable: false,
            is_writable: true,
            is_broken: false,
            has_left: false,
        };
        (client, peer)
    }

    fn after_send(client: &mut Client, log: &Log) -> AfterSend {
        client.send(log).expect("it has not fallen off the log's tail")
    }

    #[test]
    fn a_client_that_has_everything_waits_until_it_leaves() {
        let mut log = Log::default();
        let (mut client, mut peer) = joined(&mut log);
        log.append(b"hello\n");
        assert_eq!(after_send(&mut client, &log), AfterSend::Waits);
        let mut received = [0; 6];
        peer.read_exact(&mut received).expect("the line");
        assert_eq!(&received, b"hello\n");
        client.has_left = true;
        assert_eq!(after_send(&mut client, &log), AfterSend::HasLeft);
    }

    /// Such a client may have closed only its half, and still read.
    #[test]
    fn a_client_that_has_left_has_not_gone_before_it_has_everything() {
        let mut log = Log::default();
        let (mut client, mut peer) = joined(&mut log);
        log.append(&vec![b'.'; CAPACITY]);
        client.has_left = true;
        let (mut received, mut buffer) = (0, vec![0; SEND_BUFFER]);
        loop {
            match after_send(&mut client, &log) {
                AfterSend::HasMore => {}
                AfterSend::Waits => {
                    received += peer.read(&mut buffer).expect("what was sent");
                    client.is_writable = true;
                }
                AfterSend::HasLeft => break,
            }
        }
        assert!(received > 0, "all of it has gone out in one piece");
        drop(client);
        received += peer.read_to_end(&mut Vec::new()).expect("the rest");
        assert_eq!(received, CAPACITY);
    }

    #[test]
    fn a_client_that_cannot_be_sent_anything_stays_until_its_last_words_are_read() {
        let mut log = Log::default();
        let (mut client, _peer) = joined(&mut log);
        log.append(b"hello\n");
        client.is_broken = true;
        assert_eq!(after_send(&mut client, &log), AfterSend::Waits);
        client.has_left = true;
        assert_eq!(after_send(&mut client, &log), AfterSend::HasLeft);
    }

    #[test]
    fn falling_off_the_logs_tail_is_an_error() {
        let mut log = Log::default();
        let (mut client, mut peer) = joined(&mut log);
        log.append(&vec![b'.'; CAPACITY]);
        log.append(b"one more\n");
        let error = client.send(&log).expect_err("what it needs next is gone");
        assert_eq!(error.to_string(), "it does not read what it is sent");
        let received = peer.read(&mut [0]);
        assert!(!received.is_err_and(|error| timed_out(&peer, &error)), "it is still connected");
    }
}
