// ANCHOR: header
//! 7.3 Broadcast chat in one thread: an event loop, and the log of 7.2.
//!
//!     cargo run -p lesson-event-loop-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! No call in here waits, but one: `poll`, which waits for all clients at once. The policy is that
//! of 7.2: who has fallen off the log's tail is disconnected.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use shared::{Failure, Lines, disconnect, lesson, listen, note, pause_for, print_line};
use shared_log::{Cursor, Log};
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    print_line!("server listening at port {}", bound.port());

    listener.set_nonblocking(true).context("cannot make the listener non-blocking")?;
    let server =
        Server::new(TcpListener::from_std(listener)).context("cannot watch the listener")?;
    server.run().context("cannot wait for events")?;
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: server
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    lines: Lines,
    cursor: Cursor,
    /// False from a write that would have had to wait until the event that says `writable`.
    is_writable: bool,
    /// When the line that has begun is passed on without its end.
    cut_at: Option<Instant>,
    has_left: bool,
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    /// When to accept: now, if an event has said so; later, if there was no descriptor left.
    accept_at: Option<Instant>,
    log: Log,
    /// By the token that their events carry. No token is used twice, so that an event that comes
    /// late is never taken for another client's.
    clients: BTreeMap<Token, Client>,
    joined: usize,
    /// Whose next read may return something.
    readable: BTreeSet<Token>,
    /// Whether somebody may have something to be sent, and room for it.
    sendable: bool,
    timers: BTreeSet<(Instant, Token)>,
}

const LISTENER: Token = Token(usize::MAX);
// ANCHOR_END: server

impl Server {
    fn new(mut listener: TcpListener) -> io::Result<Server> {
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Server {
            poll,
            listener,
            accept_at: None,
            log: Log::default(),
            clients: BTreeMap::new(),
            joined: 0,
            readable: BTreeSet::new(),
            sendable: false,
            timers: BTreeSet::new(),
        })
    }

    // ANCHOR: loop
    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.poll.poll(&mut events, self.time_left()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept_at.get_or_insert_with(Instant::now);
                } else if let Some(client) = self.clients.get_mut(&event.token()) {
                    client.is_writable |= event.is_writable();
                    self.sendable |= event.is_writable();
                    if event.is_readable() {
                        self.readable.insert(event.token());
                    }
                } // else the client has been let go of, and this comes late
            }
            self.accept();
            self.read(&mut buffer);
            self.cut();
            self.send();
        }
    }

    /// How long `poll` may wait: not at all while there is work left.
    fn time_left(&self) -> Option<Duration> {
        if self.sendable || !self.readable.is_empty() {
            return Some(Duration::ZERO);
        }
        let first = self.timers.first().map(|(time, _)| *time);
        let next = first.into_iter().chain(self.accept_at).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }
    // ANCHOR_END: loop

    // ANCHOR: accept
    fn accept(&mut self) {
        while self.accept_at.is_some_and(|time| time <= Instant::now()) {
            match self.listener.accept().and_then(|(stream, peer)| self.admit(stream, peer)) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.accept_at = None,
                Err(error) => self.accept_at = Some(Instant::now() + pause_for(&error)),
            }
        }
    }

    fn admit(&mut self, mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        // An error means that the client has left already, as its first read will say.
        let _ = stream.set_nodelay(true);
        let token = Token(self.joined);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, token, interest)?;
        self.joined += 1;
        let client = Client {
            stream,
            peer,
            lines: Lines::trimmed(),
            cursor: self.log.join(),
            is_writable: false,
            cut_at: None,
            has_left: false,
        };
        self.clients.insert(token, client);
        Ok(())
    }
    // ANCHOR_END: accept

    // ANCHOR: read
    /// One read for each client that has something to say, however much that is: the others come
    /// next. Its socket says `readable` once, so it stays on the list until a read finds nothing.
    fn read(&mut self, buffer: &mut [u8]) {
        for token in mem::take(&mut self.readable) {
            let Some(client) = self.clients.get_mut(&token) else { continue };
            let lines = match client.stream.read(buffer) {
                Ok(received @ 1..) => client.lines.add(&buffer[..received]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == ErrorKind::Interrupted => Vec::new(),
                outcome => {
                    client.has_left = true;
                    client.is_writable |= outcome.is_err(); // the next write will say so too
                    client.lines.finish()
                }
            };
            if !client.has_left {
                self.readable.insert(token);
            }
            self.say(token, &lines);
        }
    }

    fn say(&mut self, token: Token, lines: &[u8]) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        if let Some(time) = client.cut_at.take() {
            self.timers.remove(&(time, token));
        }
        client.cut_at = client.lines.patience().map(|patience| Instant::now() + patience);
        self.timers.extend(client.cut_at.map(|time| (time, token)));
        self.sendable |= client.has_left || !lines.is_empty();
        if !lines.is_empty() {
            self.log.say(&mut client.cursor, client.peer.port(), lines);
        }
    }
    // ANCHOR_END: read

    // ANCHOR: cut
    /// The timers that have run out: a line whose end has not come is passed on without it.
    fn cut(&mut self) {
        let now = Instant::now();
        while let Some(&(_, token)) = self.timers.first().filter(|(time, _)| *time <= now) {
            self.timers.pop_first();
            if let Some(client) = self.clients.get_mut(&token) {
                let lines = client.lines.cut();
                self.say(token, &lines);
            }
        }
    }
    // ANCHOR_END: cut

    // ANCHOR: send
    /// One write for each client that is behind and has room: all that it has not been sent.
    fn send(&mut self) {
        if !mem::take(&mut self.sendable) {
            return;
        }
        let mut gone = Vec::new();
        for (token, client) in &mut self.clients {
            let Some(unread) = self.log.unread(&client.cursor) else {
                note!("disconnected {}: it does not read what it is sent", client.peer);
                gone.push(*token);
                continue;
            };
            if unread.is_empty() && client.has_left {
                gone.push(*token);
            } else if !unread.is_empty() && client.is_writable {
                match client.stream.write_vectored(&unread) {
                    Ok(sent) => client.cursor.advance(sent), // which may be a part of it
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        client.is_writable = false
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => gone.push(*token),
                }
                self.sendable |= client.is_writable && !self.log.is_read(&client.cursor);
            }
        }
        for token in gone {
            self.remove(token);
        }
    }

    fn remove(&mut self, token: Token) {
        let Some(mut client) = self.clients.remove(&token) else { return };
        self.readable.remove(&token);
        if let Some(time) = client.cut_at {
            self.timers.remove(&(time, token));
        }
        let _ = self.poll.registry().deregister(&mut client.stream);
        if !self.log.is_read(&client.cursor) {
            disconnect(&client.stream.into()); // what the kernel still holds for it goes too
        }
        print_line!("有客户端退出了"); // a client has left
    }
}
// ANCHOR_END: send
