//! The clients of one process: their sockets, and the loop that reads and writes all of them in one
//! thread, as cheaply as can be, for the server is to be measured and not this.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::io::{ErrorKind, Read, Write};
use std::mem::{replace, take};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use crate::check::{CALLER, Cursor, LineCheck, Lines, Log, shown};
use crate::protocol::{Protocol, Unwrapper, instead};

/// The first client never speaks, and so hears everything.
const OBSERVER: usize = 0;

/// What clients have heard before the observer did is kept in memory up to that many bytes.
const MOST_AHEAD: usize = 1 << 30;

/// No process has more clients than this, however many descriptors it may have.
pub const MOST_CLIENTS: usize = 20_000;

/// How many clients connect from one address, where there are several.
const FROM_AN_ADDRESS: usize = 10_000;

/// What one process does in a run.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Which of the processes that share this server it is.
    pub process: usize,
    /// How many clients there are, of which at least one only listens.
    pub clients: usize,
    /// How many more there are that never read.
    pub stuck: usize,
    /// The numbers of those who speak here, of all speakers in the room.
    pub speakers: Range<usize>,
    /// How many speakers there are in the whole room.
    pub all_speakers: usize,
    /// How many lines each says in a round.
    pub lines: usize,
    /// Bytes of a line as it is said, without its newline.
    pub size: usize,
    /// How long to wait while nothing comes.
    pub patience: Duration,
    /// The server is nats-server.
    pub nats: bool,
}

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
    /// The call of the roll that everybody is to hear, while the roll is called: its text, and the
    /// port of who says it.
    call: Option<(Vec<u8>, u16)>,
    /// How many clients have not heard the call, or not all of the round.
    waiting: usize,
    /// How many lines each speaker has said.
    said: u32,
    /// When the round began.
    began: Instant,
    /// When something was heard last.
    heard_at: Instant,
    /// How long each delivery took from the beginning of its round, in nanoseconds.
    pub waits: Histogram<u64>,
    progress: ProgressBar,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    port: u16,
    speaks: bool,
    /// What could not be sent yet.
    unsent: Vec<u8>,
    /// What has been heard while the roll is called.
    roll: Vec<u8>,
    /// It has heard the call, or all of the round.
    done: bool,
    unwrapper: Unwrapper,
    check: Check,
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

impl Part {
    /// Where to connect from, after as many others as `before`, if the system's own choice will not
    /// do: an address has not ports enough for all, and once it has given half of them away the
    /// system takes long to find another. On loopback there are addresses enough, 127.0.0.0/8.
    fn source(&self, before: usize) -> Option<Ipv4Addr> {
        let block = self.process * (MOST_CLIENTS / FROM_AN_ADDRESS) + before / FROM_AN_ADDRESS;
        let is_local = matches!(self.address.ip(), IpAddr::V4(server) if server.is_loopback());
        let [high, low] = u16::try_from(block).unwrap_or(0).to_be_bytes();
        (is_local && block > 0).then(|| Ipv4Addr::new(127, 0, 1 + high, low))
    }

    /// How many lines the clients of this part hear in a round, all together.
    pub fn deliveries_of_a_round(&self) -> usize {
        (self.clients * self.all_speakers - self.speakers.len()) * self.lines
    }
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
            call: None,
            waiting: 0,
            said: 0,
            began: Instant::now(),
            heard_at: Instant::now(),
            waits: histogram()?,
            progress,
            buffer: vec![0; 256 * 1024],
            part,
        })
    }

    /// Connects everybody: the observer first, then all other listeners, then those who speak, then
    /// those who never read.
    pub fn connect(&mut self) -> anyhow::Result<()> {
        let listeners = self.part.clients - self.part.speakers.len();
        self.progress.set_length(self.part.clients as u64);
        self.progress.set_message("clients join");
        if self.part.nats {
            self.lines.without_labels();
        }
        for index in 0..self.part.clients {
            let (mut stream, port) = self.connect_one(index)?;
            let introduction = self.protocol.introduction();
            stream.write_all(introduction).context("cannot send a client's first bytes")?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(index), interest)?;
            let own = index.checked_sub(listeners);
            if let Some(own) = own {
                self.lines.set_label(self.part.speakers.start + own, port);
            }
            let check = if index == OBSERVER || self.part.nats {
                Check::Lines(LineCheck::new(self.part.all_speakers))
            } else {
                Check::Log(Cursor::new(own))
            };
            let (unsent, roll, unwrapper) = Default::default();
            let (speaks, done) = (own.is_some(), false);
            self.clients.push(Client {
                stream,
                port,
                speaks,
                unsent,
                roll,
                done,
                unwrapper,
                check,
            });
            self.progress.inc(1);
        }
        for index in 0..self.part.stuck {
            self.stuck.push(self.connect_one(self.part.clients + index)?.0);
        }
        Ok(())
    }

    fn connect_one(&self, before: usize) -> anyhow::Result<(TcpStream, u16)> {
        let address = self.part.address;
        let connect = || {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            if let Some(source) = self.part.source(before) {
                socket.bind(&SocketAddr::from((source, 0)).into())?;
            }
            socket.connect_timeout(&address.into(), self.part.patience)?;
            socket.set_tcp_nodelay(true)?;
            // Leaving by a reset keeps no port in TIME_WAIT, where the next run would miss it.
            socket.set_linger(Some(Duration::ZERO))?;
            socket.set_nonblocking(true)?;
            let stream = TcpStream::from_std(socket.into());
            let port = stream.local_addr()?.port();
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

    /// Calls the roll: the first speaker (`by_speaker`) or the observer says the line `number` of
    /// the calls, if it is one of ours (`here`), and everybody else is to hear it. Returns whether
    /// all have within a second: who joined too late for this call will hear the next. If it is to be
    /// heard `alone`, anything before it is an error.
    pub fn call_the_roll(
        &mut self,
        number: u32,
        here: bool,
        by_speaker: bool,
        port: u16,
        alone: bool,
    ) -> anyhow::Result<bool> {
        let listeners = self.part.clients - self.part.speakers.len();
        let caller = if by_speaker { listeners } else { OBSERVER };
        let text = self.lines.text(CALLER, number);
        self.call = Some((text.clone(), port));
        for client in &mut self.clients {
            client.done = false;
            client.roll.clear();
        }
        self.waiting = self.clients.len();
        if here {
            self.clients[caller].done = true;
            self.waiting -= 1;
            self.protocol.say(&text, &mut self.clients[caller].unsent);
            self.send(caller)?;
        }
        let until = Instant::now() + Duration::from_secs(1);
        while self.waiting > 0 && Instant::now() < until {
            self.wait(Duration::from_millis(100))?;
        }
        if self.waiting > 0 {
            return Ok(false);
        }
        self.call = None;
        for client in &mut self.clients {
            let heard = take(&mut client.roll);
            let lines = heard.iter().filter(|byte| **byte == b'\n').count();
            if alone && self.protocol == Protocol::Lines && lines > 1 {
                let heard = shown(&heard);
                bail!("the client at port {} heard {heard} after the last round", client.port);
            }
        }
        Ok(true)
    }

    /// The port of the client that calls the roll.
    pub fn caller_port(&self, by_speaker: bool) -> u16 {
        let listeners = self.part.clients - self.part.speakers.len();
        self.clients[if by_speaker { listeners } else { OBSERVER }].port
    }

    /// How many clients have not heard the last call of the roll, and what one of them heard.
    pub fn absent(&self) -> (usize, String) {
        let Some(client) = self.clients.iter().find(|client| !client.done) else {
            return (0, "everybody heard it".to_string());
        };
        let port = self.call.as_ref().map_or(0, |(_, port)| *port);
        let heard = instead(&client.roll, port);
        (self.waiting, format!("the one at port {} heard {heard}", client.port))
    }

    /// A round: all speakers say their lines, and everybody hears all of them. Returns a hash of
    /// all that was heard: in the whole room it must be the same.
    pub fn round(&mut self) -> anyhow::Result<u64> {
        self.begin_round();
        let listeners = self.part.clients - self.part.speakers.len();
        for (index, speaker) in (listeners..).zip(self.part.speakers.clone()) {
            for line in 0..self.part.lines as u32 {
                let text = self.lines.text(speaker, self.said + line);
                self.protocol.say(&text, &mut self.clients[index].unsent);
            }
            self.send(index)?;
            if index % 1000 == 999 {
                self.wait(Duration::ZERO)?;
            }
        }
        self.said += self.part.lines as u32;
        while self.waiting > 0 {
            self.wait(Duration::from_millis(100))?;
            if self.heard_at.elapsed() > self.part.patience {
                bail!("{}", self.what_is_missing());
            }
            self.progress.tick();
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(self.log.bytes());
        Ok(hasher.finish())
    }

    fn begin_round(&mut self) {
        self.log.clear();
        self.ahead.clear();
        self.bytes_ahead = 0;
        for client in &mut self.clients {
            client.done = false;
            match &mut client.check {
                Check::Lines(check) => check.heard = 0,
                Check::Log(cursor) => cursor.rewind(),
            }
        }
        self.waiting = self.clients.len();
        self.began = Instant::now();
        self.heard_at = self.began;
    }

    /// How many of those who never read have been disconnected by the server: what has been sent to
    /// them is read now, for a second at most, until it ends.
    pub fn stuck_and_disconnected(&mut self) -> usize {
        let until = Instant::now() + Duration::from_secs(1);
        let mut buffer = take(&mut self.buffer);
        let has_ended = |stream: &mut TcpStream| loop {
            match stream.read(&mut buffer) {
                Ok(1..) if Instant::now() < until => {}
                Ok(1..) => return false,
                Ok(0) => return true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(_) => return true,
            }
        };
        self.stuck.iter_mut().map(has_ended).filter(|ended| *ended).count()
    }

    /// Why a client has no connection any more.
    fn left(&self, index: usize, cause: &str) -> anyhow::Error {
        let address = self.part.address;
        let port = self.clients[index].port;
        match std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            Err(_) => anyhow!("the server at {address} has gone away in the middle ({cause})"),
            Ok(_) => anyhow!("the server has disconnected the client at port {port} ({cause})"),
        }
    }

    fn what_is_missing(&mut self) -> String {
        let patience = self.part.patience;
        let said = self.part.all_speakers * self.part.lines;
        let (waiting, all) = (self.waiting, self.clients.len());
        let Some(client) = self.clients.iter_mut().find(|client| !client.done) else {
            return "nothing is missing".to_string();
        };
        let own = if client.speaks { self.part.lines } else { 0 };
        let (heard, due) = match &mut client.check {
            Check::Lines(check) => (check.heard, check.missing(self.said, &self.lines)),
            Check::Log(cursor) => {
                let (heard, due) = cursor.due(&self.log);
                (heard, (due != "\"\"").then_some(due))
            }
        };
        let due = due.map(|due| format!(", and not {due}")).unwrap_or_default();
        format!(
            "lines are missing after {patience:?} in which nothing came: the client at port {} has \
             heard {heard} of {} of this round{due}; {waiting} of {all} clients wait",
            client.port,
            said - own,
        )
    }

    /// Waits until something can be read or written, and does so.
    fn wait(&mut self, at_most: Duration) -> anyhow::Result<()> {
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

    fn send(&mut self, index: usize) -> anyhow::Result<()> {
        let client = &mut self.clients[index];
        while !client.unsent.is_empty() {
            match client.stream.write(&client.unsent) {
                Ok(count) => drop(client.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.left(index, &error.to_string())),
            }
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

    fn hear_the_call(&mut self, index: usize, heard: &[u8]) -> anyhow::Result<()> {
        let Some((text, sender)) = &self.call else { return Ok(()) };
        let client = &mut self.clients[index];
        client.roll.extend_from_slice(heard);
        client.roll.drain(..client.roll.len().saturating_sub(2 * self.part.size + 1000));
        let heard =
            |protocol: Protocol| protocol.ends_with(&client.roll, text, *sender, client.port);
        if self.protocol == Protocol::Lines && heard(Protocol::Node) {
            self.protocol = Protocol::Node;
            self.lines.without_labels();
        }
        let is_heard = heard(self.protocol);
        if client.roll.windows(5).any(|bytes| bytes == b"PING\r") && self.protocol == Protocol::Nats
        {
            client.unsent.extend_from_slice(b"PONG\r\n");
            self.send(index)?;
        }
        let client = &mut self.clients[index];
        if is_heard && !client.done {
            client.done = true;
            self.waiting -= 1;
        }
        Ok(())
    }

    /// Checks what a client has heard in a round.
    fn check(&mut self, index: usize, heard: &[u8]) -> Result<(), Fault> {
        let fault = |what| Fault { client: index, what };
        let Crowd { part, clients, log, lines, waits, began, heard_at, .. } = self;
        let client = &mut clients[index];
        let wait = heard_at.duration_since(*began).as_nanos() as u64;
        match &mut client.check {
            Check::Lines(check) => {
                let before = check.heard;
                check
                    .check(heard, lines, |speaker, line| {
                        if index == OBSERVER {
                            log.add(speaker.checked_sub(part.speakers.start), line);
                        }
                    })
                    .map_err(fault)?;
                waits.saturating_record_n(wait, (check.heard - before) as u64);
            }
            Check::Log(cursor) => {
                let before = cursor.bytes_ahead();
                let count = cursor.check(log, lines, heard, *heard_at).map_err(fault)?;
                waits.saturating_record_n(wait, count as u64);
                let now = cursor.bytes_ahead();
                if before == 0 && now > 0 {
                    self.ahead.push(index);
                }
                self.bytes_ahead += now - before;
                if self.bytes_ahead > MOST_AHEAD {
                    return Err(fault(
                        "is so far ahead of others that it cannot be checked".into(),
                    ));
                }
            }
        }
        if index == OBSERVER { self.catch_up() } else { self.note_if_done(index) }
    }

    /// The observer has heard more: those who were ahead of it can be checked now, and with the end
    /// of the round everybody may turn out to be done.
    fn catch_up(&mut self) -> Result<(), Fault> {
        self.bytes_ahead = 0;
        for index in take(&mut self.ahead) {
            let Check::Log(cursor) = &mut self.clients[index].check else { continue };
            let (waits, began) = (&mut self.waits, self.began);
            let caught_up = cursor.catch_up(&self.log, &mut self.lines, |at, count| {
                let wait = at.duration_since(began).as_nanos() as u64;
                waits.saturating_record_n(wait, count as u64);
            });
            let still_ahead = cursor.bytes_ahead();
            caught_up.map_err(|what| Fault { client: index, what })?;
            if still_ahead > 0 {
                self.ahead.push(index);
                self.bytes_ahead += still_ahead;
            }
        }
        if self.is_complete() {
            (0..self.clients.len()).try_for_each(|index| self.note_if_done(index))?;
        }
        Ok(())
    }

    /// Whether the observer has heard all of the round.
    fn is_complete(&self) -> bool {
        let all = self.part.all_speakers * self.part.lines;
        matches!(&self.clients[OBSERVER].check, Check::Lines(check) if check.heard == all)
    }

    fn note_if_done(&mut self, index: usize) -> Result<(), Fault> {
        let is_complete = self.is_complete();
        let client = &mut self.clients[index];
        let done = match &mut client.check {
            Check::Lines(check) => {
                let speakers = self.part.all_speakers - usize::from(client.speaks);
                check.heard == speakers * self.part.lines
            }
            Check::Log(cursor) if is_complete => {
                if let Some(what) = cursor.surplus(&self.log, &mut self.lines) {
                    return Err(Fault { client: index, what });
                }
                cursor.is_at_the_end(&self.log)
            }
            Check::Log(_) => false,
        };
        if done && !client.done {
            client.done = true;
            self.waiting -= 1;
        }
        Ok(())
    }
}

/// Of times in nanoseconds, up to an hour, to three digits.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 3).context("cannot make a histogram")
}

/// What to do about a client that cannot connect, where so many others could.
fn advice(error: &std::io::Error, before: usize) -> &'static str {
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
