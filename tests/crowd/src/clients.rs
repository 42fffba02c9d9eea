//! The clients of one process: their sockets, and the loop that reads and writes all of them in one
//! thread, as cheaply as possible, because the server should be measured and not this loop.

use std::io::{ErrorKind, Read, Write};
use std::mem::{replace, take};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use mio::{Events, Poll};

use crate::check::{Cursor, LineCheck, Lines, Log};
use crate::limits::Part;
use crate::protocol::{Protocol, Unwrapper};
use crate::wire::Wire;

pub mod flood;
mod joining;
mod roll;
mod rounds;

/// The first client never speaks, so it receives everything.
const OBSERVER: usize = 0;

/// The maximum number of bytes that a client sends before the others get their turn.
const MOST_AT_ONCE: usize = 64 * 1024;

/// The clients of one process.
pub struct Crowd {
    part: Part,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    stuck: Vec<Wire>,
    protocol: Protocol,
    lines: Lines,
    log: Log,
    /// The clients that have received something before the observer, and an upper bound of those
    /// bytes.
    ahead: Vec<usize>,
    bytes_ahead: usize,
    /// The clients that have more to send and no reason to wait.
    sending: Vec<usize>,
    /// The call of the roll that everybody should receive, while the roll is called: its text, and
    /// the port of the client that sends it.
    call: Option<(Vec<u8>, u16)>,
    /// The line that the first speaker would receive after it has called the roll, if the server
    /// sent lines back.
    echo: Vec<u8>,
    /// The number of clients that have not received the call, or not all of the round.
    waiting: usize,
    /// The number of rounds so far.
    rounds: usize,
    /// Whether the server also sends a line back to the client that sent it.
    pub echoes: bool,
    /// When the round was due.
    due: Instant,
    /// When the last bytes arrived.
    heard_at: Instant,
    /// The time of each delivery, measured from the moment at which its round was due, in
    /// nanoseconds.
    pub waits: Histogram<u64>,
    progress: ProgressBar,
    buffer: Vec<u8>,
}

struct Client {
    stream: Wire,
    port: u16,
    /// Its number, if it is a speaker.
    speaker: Option<usize>,
    /// The bytes that it sends, and how many of them have been sent.
    unsent: Vec<u8>,
    sent: usize,
    /// The bytes that have arrived while the roll is called.
    roll: Vec<u8>,
    /// Whether it has received the call, or all of the round.
    done: bool,
    unwrapper: Unwrapper,
    check: Check,
}

impl Client {
    fn new(stream: Wire, port: u16, speaker: Option<usize>, check: Check) -> Client {
        let (unsent, roll, unwrapper) = Default::default();
        Client { stream, port, speaker, unsent, sent: 0, roll, done: false, unwrapper, check }
    }
}

/// A fault in what a client has received.
struct Fault {
    client: usize,
    what: String,
}

enum Check {
    Lines(LineCheck),
    Log(Cursor),
}

impl Crowd {
    /// Creates a crowd in which nobody is connected yet.
    pub fn new(part: Part, progress: ProgressBar) -> anyhow::Result<Crowd> {
        Ok(Crowd {
            poll: Poll::new().context("cannot wait for sockets")?,
            events: Events::with_capacity(1024),
            clients: Vec::with_capacity(part.clients),
            stuck: Vec::with_capacity(part.stuck),
            protocol: if part.nats { Protocol::Nats } else { Protocol::Lines },
            lines: Lines::new(part.size, part.all_speakers),
            log: Log::new(part.speakers.len()),
            ahead: Vec::new(),
            bytes_ahead: 0,
            sending: Vec::new(),
            call: None,
            echo: Vec::new(),
            waiting: 0,
            rounds: 0,
            echoes: false,
            due: Instant::now(),
            heard_at: Instant::now(),
            waits: histogram()?,
            progress,
            buffer: vec![0; 256 * 1024],
            part,
        })
    }

    /// Waits until sockets can be read or written, then reads and writes them.
    fn wait(&mut self, at_most: Duration) -> anyhow::Result<()> {
        let sending = take(&mut self.sending);
        let at_most = if sending.is_empty() { at_most } else { Duration::ZERO };
        sending.into_iter().try_for_each(|index| self.send(index))?;
        let mut events = replace(&mut self.events, Events::with_capacity(0));
        let polled = self.poll.poll(&mut events, Some(at_most));
        if let Err(error) = polled
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error).context("cannot wait for sockets");
        }
        for event in &events {
            let index = event.token().0;
            if event.is_writable() && !self.clients[index].unsent.is_empty() {
                self.send(index)?;
            } else if event.is_writable() {
                let _ = self.clients[index].stream.flush(); // if it is over, the next read says so
            }
            if event.is_readable() || event.is_error() || event.is_read_closed() {
                self.read(index, event.is_read_closed() || event.is_error())?;
            }
        }
        self.events = events;
        Ok(())
    }

    /// Sends a piece of a client's bytes. Sends the rest after the others have had their turn, or
    /// once there is room: a client that only sends would receive too late.
    fn send(&mut self, index: usize) -> anyhow::Result<()> {
        let client = &mut self.clients[index];
        let end = client.unsent.len().min(client.sent + MOST_AT_ONCE);
        match client.stream.write(&client.unsent[client.sent..end]) {
            Ok(count) => client.sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(self.left(index, &error.to_string())),
        }
        if client.sent < client.unsent.len() {
            self.sending.push(index);
        } else {
            client.unsent.clear();
            client.sent = 0;
        }
        Ok(())
    }

    /// Reads all there is. After a short read nothing is left on these systems, so that saves
    /// another call, unless there may be an end to read.
    fn read(&mut self, index: usize, to_the_end: bool) -> anyhow::Result<()> {
        let mut buffer = take(&mut self.buffer);
        loop {
            match self.clients[index].stream.read(&mut buffer) {
                Ok(0) => return Err(self.left(index, "the connection was closed")),
                Ok(count) => {
                    self.hear(index, &buffer[..count])?;
                    let may_be_more = to_the_end || self.clients[index].stream.is_encrypted();
                    if cfg!(unix) && count < buffer.len() && !may_be_more {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.left(index, &error.to_string())),
            }
        }
        self.buffer = buffer;
        Ok(())
    }

    fn hear(&mut self, index: usize, heard: &[u8]) -> anyhow::Result<()> {
        self.heard_at = Instant::now();
        if self.call.is_some() {
            return self.hear_the_call(index, heard);
        }
        let outcome = if self.protocol == Protocol::Lines {
            self.check(index, heard)
        } else {
            let client = &mut self.clients[index];
            let (texts, asked) =
                client.unwrapper.unwrap(heard, self.protocol, client.port, self.part.size);
            if asked {
                client.unsent.extend_from_slice(b"PONG\r\n");
                self.send(index)?;
            }
            self.check(index, &texts)
        };
        outcome.map_err(|fault| {
            anyhow!("the client at port {} {}", self.clients[fault.client].port, fault.what)
        })
    }
}

/// Creates a histogram of times in nanoseconds, up to an hour, to three digits.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).context("cannot make a histogram")
}
