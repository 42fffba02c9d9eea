//! The clients of one process: their sockets, and the loop that reads and writes all of them in one
//! thread, as cheaply as can be, for the server is to be measured and not this.

use std::io::{ErrorKind, Read, Write};
use std::mem::{replace, take};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use mio::net::TcpStream;
use mio::{Events, Poll};

use crate::check::{Cursor, LineCheck, Lines, Log};
use crate::limits::Part;
use crate::protocol::{Protocol, Unwrapper};

pub mod flood;
mod joining;
mod roll;
mod rounds;

/// The first client never speaks, and so hears everything.
const OBSERVER: usize = 0;

/// Bytes that a client sends before others are heard.
const MOST_AT_ONCE: usize = 64 * 1024;

/// The clients of one process.
pub struct Crowd {
    part: Part,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    stuck: Vec<TcpStream>,
    protocol: Protocol,
    lines: Lines,
    log: Log,
    /// Clients that have heard something before the observer did, and how many bytes of it at most.
    ahead: Vec<usize>,
    bytes_ahead: usize,
    /// Clients that have more to send, and no reason to wait with it.
    sending: Vec<usize>,
    /// The call of the roll that everybody is to hear, while the roll is called: its text, and the
    /// port of who says it.
    call: Option<(Vec<u8>, u16)>,
    /// The line that would come back to the first speaker, if the server did that, once it has
    /// called the roll.
    echo: Vec<u8>,
    /// How many clients have not heard the call, or not all of the round.
    waiting: usize,
    /// How many rounds there have been.
    rounds: usize,
    /// The server sends what a client says to that client as well.
    pub echoes: bool,
    /// When the round was due.
    due: Instant,
    /// When something was heard last.
    heard_at: Instant,
    /// How long each delivery took from the moment at which its round was due, in nanoseconds.
    pub waits: Histogram<u64>,
    progress: ProgressBar,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    port: u16,
    /// Its number, if it is one of those who speak.
    speaker: Option<usize>,
    /// What it says, and how much of that has been sent.
    unsent: Vec<u8>,
    sent: usize,
    /// What has been heard while the roll is called.
    roll: Vec<u8>,
    /// It has heard the call, or all of the round.
    done: bool,
    unwrapper: Unwrapper,
    check: Check,
}

impl Client {
    fn new(stream: TcpStream, port: u16, speaker: Option<usize>, check: Check) -> Client {
        let (unsent, roll, unwrapper) = Default::default();
        Client { stream, port, speaker, unsent, sent: 0, roll, done: false, unwrapper, check }
    }
}

/// What is wrong with what a client has heard.
struct Fault {
    client: usize,
    what: String,
}

enum Check {
    Lines(LineCheck),
    Log(Cursor),
}

impl Crowd {
    /// Nobody is connected yet.
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

    /// Waits until something can be read or written, and does so.
    fn wait(&mut self, at_most: Duration) -> anyhow::Result<()> {
        let sending = take(&mut self.sending);
        let at_most = if sending.is_empty() { at_most } else { Duration::ZERO };
        sending.into_iter().try_for_each(|index| self.send(index))?;
        let mut events = replace(&mut self.events, Events::with_capacity(0));
        if let Err(error) = self.poll.poll(&mut events, Some(at_most)) {
            if error.kind() != ErrorKind::Interrupted {
                return Err(error).context("cannot wait for sockets");
            }
        }
        for event in &events {
            let index = event.token().0;
            if event.is_writable() && !self.clients[index].unsent.is_empty() {
                self.send(index)?;
            }
            if event.is_readable() || event.is_error() || event.is_read_closed() {
                self.read(index, event.is_read_closed() || event.is_error())?;
            }
        }
        self.events = events;
        Ok(())
    }

    /// Sends a piece of what a client says. What is left is sent when everybody has been heard, or
    /// once there is room for it: who only speaks does not hear in time.
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

    /// Reads all there is. Only a short read, after which nothing is left on these systems, saves
    /// asking again, unless there is an end to be read as well.
    fn read(&mut self, index: usize, to_the_end: bool) -> anyhow::Result<()> {
        let mut buffer = take(&mut self.buffer);
        loop {
            match self.clients[index].stream.read(&mut buffer) {
                Ok(0) => return Err(self.left(index, "the connection was closed")),
                Ok(count) => {
                    self.hear(index, &buffer[..count])?;
                    if cfg!(unix) && count < buffer.len() && !to_the_end {
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

/// Of times in nanoseconds, up to an hour, to three digits.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).context("cannot make a histogram")
}
