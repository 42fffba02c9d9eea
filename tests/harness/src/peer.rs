//! The other end of a lesson's connection, played by the test.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::DEADLINE;
use crate::program::shortened;

/// A client or a server that does just what the test says. When a test fails, everything it has
/// sent and received is shown.
pub struct Peer {
    stream: TcpStream,
    sent: Vec<u8>,
    received: Vec<u8>,
    /// How many of the received bytes the test has asked for.
    seen: usize,
}

impl Peer {
    /// The peer at our end of `stream`.
    pub fn over(stream: TcpStream) -> Peer {
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline for reads");
        stream.set_write_timeout(Some(DEADLINE)).expect("a deadline for writes");
        stream.set_nodelay(true).expect("no delay");
        Peer { stream, sent: Vec::new(), received: Vec::new(), seen: 0 }
    }

    /// The next client of `listener`, for a test that plays the server.
    pub fn accepted_by(listener: &TcpListener) -> Peer {
        let deadline = Instant::now() + DEADLINE;
        listener.set_nonblocking(true).expect("a listener that does not wait");
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).expect("a stream that waits");
                    return Peer::over(stream);
                }
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock && Instant::now() < deadline =>
                {
                    thread::sleep(Duration::from_millis(2));
                }
                Err(error) => panic!("nobody connects to {:?}: {error}", listener.local_addr()),
            }
        }
    }

    /// The address of this end.
    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket has an address")
    }

    /// The port of this end, which the broadcast server puts before what this peer says.
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// The socket itself, for what the other methods do not do.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends `bytes`, all of them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.stream
            .write_all(bytes)
            .unwrap_or_else(|error| panic!("cannot send {} bytes: {error}", bytes.len()));
        self.sent.extend_from_slice(&bytes[..bytes.len().min(4096)]);
    }

    /// Waits until just `expected` has arrived, after whatever was expected before.
    pub fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        while self.unseen().len() < expected.len() {
            let matches_so_far = expected.starts_with(self.unseen());
            assert!(matches_so_far, "expected {}, got {}", shown(expected), shown(self.unseen()));
            let arrived = self.receive();
            assert!(
                arrived > 0,
                "expected {}, got only {} and the end",
                shown(expected),
                shown(self.unseen())
            );
        }
        let got = &self.unseen()[..expected.len()];
        assert!(got == expected, "expected {}, got {}", shown(expected), shown(got));
        self.seen += expected.len();
    }

    /// Forgets what has been sent and expected so far, so that a long test does not fill the memory.
    pub fn forget(&mut self) {
        self.received.drain(..self.seen);
        self.seen = 0;
        self.sent.clear();
    }

    /// Waits for a whole line and returns it without its newline.
    pub fn line(&mut self) -> String {
        loop {
            if let Some(length) = self.unseen().iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&self.unseen()[..length]).into_owned();
                self.seen += length + 1;
                return line;
            }
            assert!(
                self.receive() > 0,
                "expected a line, got {} and the end",
                shown(self.unseen())
            );
        }
    }

    /// Waits until `expected` has arrived, whatever came before it.
    pub fn skip_to(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        loop {
            let found = self.unseen().windows(expected.len()).position(|bytes| bytes == expected);
            if let Some(start) = found {
                self.seen += start + expected.len();
                return;
            }
            let arrived = self.receive();
            assert!(
                arrived > 0,
                "expected {}, got {} and the end",
                shown(expected),
                shown(self.unseen())
            );
            // The beginning of what is expected may have come at the end of what has.
            self.seen =
                self.seen.max((self.received.len() - arrived).saturating_sub(expected.len()));
        }
    }

    /// Waits for the peer's end, and returns what came before it and was not expected yet.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.receive() > 0 {}
        let rest = self.unseen().to_vec();
        self.seen = self.received.len();
        rest
    }

    /// Waits until the connection is over, in whatever way, and throws away what still comes.
    pub fn wait_until_closed(&mut self) {
        let mut buffer = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if timed_out(&error) => panic!("the connection is not closed"),
                Err(_) => return,
            }
        }
    }

    /// Asserts that the connection is open, and that nothing has arrived but what was expected. It
    /// does not wait, so it says nothing about what is still under way.
    pub fn assert_open_and_silent(&mut self) {
        assert!(self.unseen().is_empty(), "not expected: {}", shown(self.unseen()));
        self.stream.set_nonblocking(true).expect("a read that does not wait");
        let outcome = self.stream.read(&mut [0; 64]);
        self.stream.set_nonblocking(false).expect("reads that wait");
        match outcome {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(0) => panic!("the connection was to stay open, but the other side has ended it"),
            other => {
                panic!("the connection was to stay open and silent, but a read returned {other:?}")
            }
        }
    }

    /// Asserts that nothing has arrived but what was expected, whether the connection is still open
    /// or has ended. It does not wait, as [`Peer::assert_open_and_silent`] does not.
    pub fn assert_nothing_more(&mut self) {
        self.stream.set_nonblocking(true).expect("a read that does not wait");
        let mut buffer = [0; 4096];
        while let Ok(arrived @ 1..) = self.stream.read(&mut buffer) {
            self.received.extend_from_slice(&buffer[..arrived]);
        }
        self.stream.set_nonblocking(false).expect("reads that wait");
        assert!(self.unseen().is_empty(), "not expected: {}", shown(self.unseen()));
    }

    /// Says that we have sent all, and goes on reading.
    pub fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("half-close");
    }

    /// Leaves with a reset instead of an orderly end.
    pub fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("a reset on close");
    }

    /// What has arrived and was not expected yet.
    pub fn unseen(&self) -> &[u8] {
        &self.received[self.seen..]
    }

    /// Takes the first `count` of the bytes that were not expected yet.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.unseen()[..count].to_vec();
        self.seen += count;
        taken
    }

    /// Waits for more bytes, for `patience` at most. Returns how many have come: 0 is the end.
    pub fn receive_within(&mut self, patience: Duration) -> io::Result<usize> {
        // macOS refuses to set anything on a connection that is over; the read says so then.
        let _ = self.stream.set_read_timeout(Some(patience.max(Duration::from_millis(1))));
        let mut buffer = [0; 64 * 1024];
        let arrived = self.stream.read(&mut buffer)?;
        self.received.extend_from_slice(&buffer[..arrived]);
        Ok(arrived)
    }

    fn receive(&mut self) -> usize {
        self.receive_within(DEADLINE).unwrap_or_else(|error| {
            panic!("cannot read, or nothing came: {error}; so far: {}", shown(self.unseen()))
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- a peer has sent --- {}", shown(&self.sent));
            eprintln!("--- and received ------ {}", shown(&self.received));
        }
    }
}

/// A read that gives up is `WouldBlock` on Unix and `TimedOut` on Windows.
pub fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn shown(bytes: &[u8]) -> String {
    shortened(&format!("{:?}", String::from_utf8_lossy(bytes)))
}
