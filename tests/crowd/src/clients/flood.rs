//! Runs a flood: some clients speak as fast as they can, one person says a line now and then, and
//! everybody else reads. Disconnected clients are counted, and all others continue.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::{replace, take};
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use hdrhistogram::Histogram;
use mio::Events;

use super::{Crowd, MOST_AT_ONCE, histogram};
use crate::protocol::Protocol;
use crate::stream::Stream;

/// The number of the person who says a line now and then, the first of the speakers.
const TALKER: usize = 1;

/// How often that person says a line.
const EVERY: Duration = Duration::from_millis(500);

/// The result of a flood.
pub struct Flooded {
    pub readers: usize,
    /// The number of readers that have not been disconnected.
    pub readers_left: usize,
    pub flooders: usize,
    pub flooders_left: usize,
    /// Whether the person who talks has not been disconnected.
    pub talker_left: bool,
    /// How long the flood lasted, and how long its lines kept arriving after that.
    pub took: Duration,
    pub drained: Duration,
    /// The number of lines that were sent by everybody, and the number that every remaining reader
    /// received.
    pub said: u64,
    pub heard_by_all: u64,
    /// The number of lines that all readers together have received.
    pub deliveries: u64,
    /// The number of lines that the person who talks has sent, and the number of them that every
    /// remaining reader has received.
    pub talked: usize,
    pub talk_heard_by_all: usize,
    /// How long those lines took to each reader from when they were due, in nanoseconds. A line
    /// that a reader has not received counts with the time until the end.
    pub waits: Histogram<u64>,
}

struct Flood<'a> {
    crowd: &'a mut Crowd,
    stream: Stream,
    /// The state of each client.
    states: Vec<State>,
    /// When each line of the person who talks was due.
    due: Vec<Instant>,
    waits: Histogram<u64>,
}

#[derive(Clone)]
struct State {
    is_gone: bool,
    /// Whether the next read may return something, and whether the next write may send something.
    is_readable: bool,
    is_writable: bool,
    /// The number of bytes it has received, and the number of lines of the person who talks among
    /// them.
    bytes: u64,
    lines: u64,
    talk: usize,
    /// The number of lines it has sent.
    said: u32,
}

impl Crowd {
    /// Runs the flood for that long. Then waits until everybody has received everything, or until
    /// the patience is exhausted.
    pub fn flood(&mut self, seconds: f64) -> anyhow::Result<Flooded> {
        let (is_gone, is_readable, is_writable) = (false, true, true);
        let (bytes, lines, talk, said) = (0, 0, 0, 0);
        let state = State { is_gone, is_readable, is_writable, bytes, lines, talk, said };
        let mut flood = Flood {
            stream: Stream::new(self.part.all_speakers, TALKER),
            states: vec![state; self.clients.len()],
            due: Vec::new(),
            waits: histogram()?,
            crowd: self,
        };
        let began = Instant::now();
        while began.elapsed().as_secs_f64() < seconds && flood.readers_left().next().is_some() {
            flood.talk(began);
            flood.fill();
            flood.turn()?;
            flood.crowd.progress.set_position(began.elapsed().as_millis() as u64);
        }
        let took = began.elapsed();
        let patience = flood.crowd.part.patience;
        while flood.is_something_missing() && began.elapsed() - took < patience {
            flood.turn()?;
        }
        flood.outcome(took, began.elapsed() - took)
    }
}

impl Flood<'_> {
    /// Returns the readers, which come first, before the person who talks and the flooding clients.
    fn readers(&self) -> Range<usize> {
        0..self.crowd.part.clients - self.crowd.part.speakers.len()
    }

    fn talker(&self) -> usize {
        self.readers().end
    }

    fn flooders(&self) -> Range<usize> {
        self.talker() + 1..self.states.len()
    }

    fn readers_left(&self) -> impl Iterator<Item = &State> {
        self.states[self.readers()].iter().filter(|state| !state.is_gone)
    }

    /// Says a line for the person who talks, if one is due.
    fn talk(&mut self, began: Instant) {
        let due = began + EVERY * self.due.len() as u32;
        if Instant::now() >= due {
            self.due.push(due);
            self.say(self.talker());
        }
    }

    /// Gives the flooding clients something to send.
    fn fill(&mut self) {
        for index in self.flooders() {
            if self.crowd.clients[index].unsent.is_empty() {
                while self.crowd.clients[index].unsent.len() < MOST_AT_ONCE {
                    self.say(index);
                }
            }
        }
    }

    fn say(&mut self, index: usize) {
        let Crowd { clients, lines, protocol, .. } = &mut *self.crowd;
        let (client, said) = (&mut clients[index], &mut self.states[index].said);
        let text = lines.text(client.speaker.unwrap_or(TALKER), *said);
        protocol.say(&text, &mut client.unsent);
        *said += 1;
    }

    /// Makes one write and one read for every ready client, and checks which ones are ready for
    /// more.
    fn turn(&mut self) -> anyhow::Result<()> {
        for index in 0..self.states.len() {
            let state = &self.states[index];
            if state.is_writable && !self.crowd.clients[index].unsent.is_empty() {
                let outcome = self.send(index);
                self.note(index, outcome);
            }
            let state = &self.states[index];
            if state.is_readable && !state.is_gone {
                let mut buffer = take(&mut self.crowd.buffer);
                match self.crowd.clients[index].stream.read(&mut buffer) {
                    Ok(0) => self.note(index, Err(ErrorKind::UnexpectedEof.into())),
                    Ok(count) => self.hear(index, &buffer[..count])?,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.states[index].is_readable = false;
                    }
                    Err(error) => self.note(index, Err(error)),
                }
                self.crowd.buffer = buffer;
            }
        }
        let slowest = self.readers_left().map(|state| state.bytes).min();
        slowest.into_iter().for_each(|position| self.stream.forget(position));
        self.wait()
    }

    fn send(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.crowd.clients[index];
        client.sent += client.stream.write(&client.unsent[client.sent..])?;
        if client.sent == client.unsent.len() {
            client.unsent.clear();
            client.sent = 0;
        }
        Ok(())
    }

    /// Records what happened to a client if a call has failed.
    fn note(&mut self, index: usize, outcome: io::Result<()>) {
        let state = &mut self.states[index];
        match outcome {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => state.is_writable = false,
            Err(_) => (state.is_gone, state.is_writable) = (true, false),
        }
    }

    /// Checks what a reader has received. Does not check the speakers, because each of them
    /// receives something different: everything but its own lines.
    fn hear(&mut self, index: usize, heard: &[u8]) -> anyhow::Result<()> {
        if !self.readers().contains(&index) {
            return Ok(());
        }
        let Crowd { clients, lines, protocol, part, .. } = &mut *self.crowd;
        let (client, state) = (&mut clients[index], &mut self.states[index]);
        let unwrapped;
        let heard = match protocol {
            Protocol::Lines => heard,
            _ => {
                unwrapped = client.unwrapper.unwrap(heard, *protocol, client.port, part.size).0;
                &unwrapped
            }
        };
        let checked = self.stream.hear(state.bytes, heard, lines);
        checked.map_err(|what| anyhow!("the client at port {} {what}", client.port))?;
        state.bytes += heard.len() as u64;
        state.lines += heard.iter().filter(|byte| **byte == b'\n').count() as u64;
        for due in &self.due[state.talk..self.stream.lines_within(state.bytes)] {
            self.waits.saturating_record(due.elapsed().as_nanos() as u64);
            state.talk += 1;
        }
        Ok(())
    }

    /// Waits until a client is ready, unless one already is.
    fn wait(&mut self) -> anyhow::Result<()> {
        let is_busy = self.states.iter().zip(&self.crowd.clients).any(|(state, client)| {
            !state.is_gone && (state.is_readable || state.is_writable && !client.unsent.is_empty())
        });
        let at_most = if is_busy { Duration::ZERO } else { Duration::from_millis(10) };
        let mut events = replace(&mut self.crowd.events, Events::with_capacity(0));
        match self.crowd.poll.poll(&mut events, Some(at_most)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(error).context("cannot wait for sockets");
            }
            _ => {}
        }
        for event in &events {
            let state = &mut self.states[event.token().0];
            state.is_readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            state.is_writable |= event.is_writable() && !state.is_gone;
        }
        self.crowd.events = events;
        Ok(())
    }

    fn said(&self) -> u64 {
        self.states.iter().map(|state| u64::from(state.said)).sum()
    }

    /// Returns whether a reader has not received all that was sent.
    fn is_something_missing(&self) -> bool {
        let said = self.said();
        self.readers_left().any(|state| state.lines < said)
    }

    fn outcome(mut self, took: Duration, drained: Duration) -> anyhow::Result<Flooded> {
        let address = self.crowd.part.address;
        let nobody_is_left = self.states.iter().all(|state| state.is_gone);
        ensure!(
            !nobody_is_left || !self.crowd.server_is_gone(),
            "the server at {address} has gone away in the middle"
        );
        self.count_what_is_unheard();
        let left = |clients: Range<usize>| {
            self.states[clients].iter().filter(|state| !state.is_gone).count()
        };
        Ok(Flooded {
            readers: self.readers().len(),
            readers_left: left(self.readers()),
            flooders: self.flooders().len(),
            flooders_left: left(self.flooders()),
            talker_left: !self.states[self.talker()].is_gone,
            took,
            drained,
            said: self.said(),
            heard_by_all: self.readers_left().map(|state| state.lines).min().unwrap_or(0),
            deliveries: self.states.iter().map(|state| state.lines).sum(),
            talked: self.due.len(),
            talk_heard_by_all: self.readers_left().map(|state| state.talk).min().unwrap_or(0),
            waits: self.waits,
        })
    }

    /// Counts the missing lines with the time until now, because they would have taken even longer.
    fn count_what_is_unheard(&mut self) {
        let Flood { states, due, waits, .. } = self;
        let readers = self.crowd.part.clients - self.crowd.part.speakers.len();
        for state in states[..readers].iter().filter(|state| !state.is_gone) {
            for due in &due[state.talk..] {
                waits.saturating_record(due.elapsed().as_nanos() as u64);
            }
        }
    }
}
