//! A connection as a test reads it: it waits for what is expected, but never forever.

use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::Deadline;

/// Records what has arrived over a connection, and how much of it has been expected. Nothing in
/// here panics: missing data is an error, for the test of a lesson ([`Peer`](crate::Peer)) or the
/// check of an exercise to put into words.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// The number of received bytes that have been expected.
    seen: usize,
    /// How long to wait.
    pub patience: Patience,
}

/// The limits on waiting for what is expected, on a machine that has nothing else to do: see [`Deadline`].
#[derive(Clone, Copy)]
pub struct Patience {
    /// The maximum time in which nothing arrives.
    pub silence: Duration,
    /// The maximum time in which bytes keep arriving without being what is expected.
    pub in_all: Duration,
}

/// The reason why the expected bytes have not arrived.
#[derive(Debug)]
pub enum Stopped {
    /// Other bytes have arrived.
    Otherwise,
    /// Nothing more has arrived.
    Silence,
    /// The other side has ended the connection.
    End,
    /// The connection is broken, usually by a reset.
    Broken(io::Error),
    /// Far more has arrived than expected, or it went on for too long.
    Flood,
}

/// The maximum number of bytes that we wait for, and the maximum for a line, so that a program that
/// writes without end cannot exhaust the memory.
const MOST: usize = 32 << 20;
const MOST_OF_A_LINE: usize = 1 << 20;

impl Connection {
    /// Takes our end of `stream`.
    pub fn over(stream: TcpStream, patience: Patience) -> Connection {
        // These fail only if the connection is already over, and the first read or write says so.
        let _ = stream.set_write_timeout(Some(patience.silence));
        let _ = stream.set_nodelay(true);
        Connection { stream, received: Vec::new(), seen: 0, patience }
    }

    /// Returns the socket itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Returns all bytes that have arrived.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Returns the bytes that have arrived but have not been expected yet.
    pub fn unseen(&self) -> &[u8] {
        &self.received[self.seen..]
    }

    /// Takes the first `count` bytes that have not been expected yet, or all of them if there are
    /// fewer.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.unseen()[..count.min(self.unseen().len())].to_vec();
        self.seen += taken.len();
        taken
    }

    /// Forgets what has been expected, so that a long test does not fill the memory.
    pub fn forget(&mut self) {
        self.received.drain(..self.seen);
        self.seen = 0;
    }

    /// Waits until exactly `expected` has arrived.
    ///
    /// # Errors
    ///
    /// If it has not arrived. [`Connection::unseen`] has what arrived instead.
    pub fn expect(&mut self, expected: &[u8]) -> Result<(), Stopped> {
        self.receive_until(|unseen| {
            unseen.len() >= expected.len() || !expected.starts_with(unseen)
        })?;
        if !self.unseen().starts_with(expected) {
            return Err(Stopped::Otherwise);
        }
        self.seen += expected.len();
        Ok(())
    }

    /// Waits until `expected` has arrived, whatever arrives before it.
    ///
    /// # Errors
    ///
    /// If it has not arrived.
    pub fn skip_to(&mut self, expected: &[u8]) -> Result<(), Stopped> {
        loop {
            let found = self.unseen().windows(expected.len()).position(|bytes| bytes == expected);
            if let Some(start) = found {
                self.seen += start + expected.len();
                return Ok(());
            }
            // The end of what has arrived may be the beginning of what is expected.
            self.seen += (self.unseen().len() + 1).saturating_sub(expected.len());
            let already = self.unseen().len();
            self.receive_until(|unseen| unseen.len() > already)?;
        }
    }

    /// Waits for a line, and returns it without its newline.
    ///
    /// # Errors
    ///
    /// If no line has arrived.
    pub fn line(&mut self) -> Result<Vec<u8>, Stopped> {
        self.receive_until(|unseen| unseen.contains(&b'\n') || unseen.len() > MOST_OF_A_LINE)?;
        let length = self.unseen().iter().position(|byte| *byte == b'\n');
        let mut line = self.take(length.ok_or(Stopped::Otherwise)? + 1);
        line.pop();
        Ok(line)
    }

    /// Waits for the end of the connection, and returns what arrived before it.
    ///
    /// # Errors
    ///
    /// If the connection has not ended.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>, Stopped> {
        match self.receive_until(|_| false) {
            Ok(()) | Err(Stopped::End) => Ok(self.take(usize::MAX)),
            Err(stopped) => Err(stopped),
        }
    }

    /// Receives until `enough` is satisfied with what has arrived.
    ///
    /// # Errors
    ///
    /// If it is not satisfied in time.
    pub fn receive_until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Result<(), Stopped> {
        self.receive_within(self.patience, enough)
    }

    /// Does the same as [`Connection::receive_until`], with a patience of the caller's choice.
    ///
    /// # Errors
    ///
    /// If `enough` is not satisfied in time.
    pub fn receive_within(
        &mut self,
        patience: Patience,
        enough: impl Fn(&[u8]) -> bool,
    ) -> Result<(), Stopped> {
        let over = Deadline::after(patience.in_all);
        let mut silent = Deadline::after(patience.silence);
        while !enough(self.unseen()) {
            if silent.is_over() {
                return Err(Stopped::Silence);
            }
            if over.is_over() {
                return Err(Stopped::Flood);
            }
            if self.receive_more(silent.left().min(over.left()))? {
                silent = Deadline::after(patience.silence);
            }
        }
        Ok(())
    }

    /// Receives for `time` by the clock, however busy the machine is, or until that is `enough`.
    ///
    /// # Errors
    ///
    /// Why it is not enough: [`Stopped::Silence`] when the time is up.
    pub fn receive_for(
        &mut self,
        time: Duration,
        enough: impl Fn(&[u8]) -> bool,
    ) -> Result<(), Stopped> {
        let over_at = Instant::now() + time;
        while !enough(self.unseen()) {
            let left = over_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Stopped::Silence);
            }
            self.receive_more(left)?;
        }
        Ok(())
    }

    /// Waits for more bytes, for `time` at most. Returns whether some have arrived.
    fn receive_more(&mut self, time: Duration) -> Result<bool, Stopped> {
        if self.unseen().len() > MOST {
            return Err(Stopped::Flood);
        }
        match self.receive(time) {
            Ok(0) => Err(Stopped::End),
            Ok(_) => Ok(true),
            // The caller decides what a time-out means. An interruption by a signal, such as the one
            // that resumes a suspended process, means nothing.
            Err(error) if timed_out(&error) || error.kind() == ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(Stopped::Broken(error)),
        }
    }

    /// Waits for more bytes, for `patience` at most. Returns how many have arrived: 0 is the end.
    fn receive(&mut self, patience: Duration) -> io::Result<usize> {
        // macOS refuses to set options on a connection that is over, but then the read says so.
        let _ = self.stream.set_read_timeout(Some(patience.max(Duration::from_millis(1))));
        let mut buffer = [0; 64 * 1024];
        let arrived = self.stream.read(&mut buffer)?;
        self.received.extend_from_slice(&buffer[..arrived]);
        Ok(arrived)
    }

    /// Receives what has arrived without waiting for more. Returns [`Stopped::Silence`] while the
    /// connection is open, and otherwise how it has ended.
    pub fn receive_now(&mut self) -> Stopped {
        if let Err(error) = self.stream.set_nonblocking(true) {
            return Stopped::Broken(error);
        }
        let mut buffer = [0; 64 * 1024];
        let stopped = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break Stopped::End,
                Ok(arrived) => self.received.extend_from_slice(&buffer[..arrived]),
                Err(error) if timed_out(&error) => break Stopped::Silence,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Stopped::Broken(error),
            }
        };
        match self.stream.set_nonblocking(false) {
            Ok(()) => stopped,
            Err(error) => Stopped::Broken(error),
        }
    }
}

/// Accepts the next client of `listener`.
///
/// # Errors
///
/// [`ErrorKind::TimedOut`] if no client connects within `patience`, or what `accept` returns.
pub fn accept_within(listener: &TcpListener, patience: Duration) -> io::Result<TcpStream> {
    let deadline = Deadline::after(patience);
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if !deadline.is_over() => thread::sleep(Duration::from_millis(2)),
            Err(_) => return Err(io::Error::new(ErrorKind::TimedOut, "no client connected")),
        }
    }
}

/// Returns whether a read or a write has timed out: `WouldBlock` on Unix, `TimedOut` on Windows.
pub fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
