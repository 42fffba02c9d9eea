//! Plays the other end of a lesson's connection in a test.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::DEADLINE;
use crate::connection::{Connection, Patience, Stopped, accept_within};
use crate::program::shortened;

/// A client or a server that does exactly what the test says, and panics when the other side does
/// not. If a test fails, everything it has sent and received is shown.
pub struct Peer {
    connection: Connection,
    sent: Vec<u8>,
}

const PATIENCE: Patience = Patience { silence: DEADLINE, in_all: DEADLINE.saturating_mul(10) };

impl Peer {
    /// Plays the peer at our end of `stream`.
    pub fn over(stream: TcpStream) -> Peer {
        Peer { connection: Connection::over(stream, PATIENCE), sent: Vec::new() }
    }

    /// Connects a client as soon as the server listens, for a server that does not say so.
    pub fn when_it_listens(server: SocketAddr) -> Peer {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match TcpStream::connect(server) {
                Ok(stream) => return Peer::over(stream),
                Err(error) if Instant::now() > deadline => {
                    panic!("{server} is not served: {error}")
                }
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Accepts the next client of `listener`, for a test that plays the server.
    pub fn accepted_by(listener: &TcpListener) -> Peer {
        Peer::over(accept_within(listener, DEADLINE).unwrap_or_else(|error| {
            panic!("nobody connects to {:?}: {error}", listener.local_addr())
        }))
    }

    /// Returns the address of this end.
    pub fn address(&self) -> SocketAddr {
        self.stream().local_addr().expect("a connected socket has an address")
    }

    /// Returns the port of this end, which the broadcast server puts before what this peer says.
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// Returns the socket itself, for what the other methods do not do.
    pub fn stream(&self) -> &TcpStream {
        self.connection.stream()
    }

    /// Sends all of `bytes`.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.stream()
            .write_all(bytes)
            .unwrap_or_else(|error| panic!("cannot send {} bytes: {error}", bytes.len()));
        self.sent.extend_from_slice(&bytes[..bytes.len().min(4096)]);
    }

    /// Waits until exactly `expected` has arrived, after whatever was expected before.
    pub fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let outcome = self.connection.expect(expected);
        self.met(outcome, || shown(expected));
    }

    /// Forgets what has been sent and expected so far, so that a long test does not fill the memory.
    pub fn forget(&mut self) {
        self.connection.forget();
        self.sent.clear();
    }

    /// Waits for a whole line and returns it without its newline.
    pub fn line(&mut self) -> String {
        let outcome = self.connection.line();
        let line = self.met(outcome, || "a line".to_string());
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Waits until `expected` has arrived, whatever arrived before it.
    pub fn skip_to(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let outcome = self.connection.skip_to(expected);
        self.met(outcome, || shown(expected));
    }

    /// Waits for the peer's end. Returns what arrived before it and has not been expected yet.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let outcome = self.connection.read_to_end();
        self.met(outcome, || "the end".to_string())
    }

    /// Waits until the connection is over, in whatever way, and throws away what still arrives.
    pub fn wait_until_closed(&mut self) {
        loop {
            match self.connection.receive_until(|unseen| !unseen.is_empty()) {
                Ok(()) => {
                    self.connection.take(usize::MAX);
                    self.connection.forget();
                }
                Err(Stopped::End | Stopped::Broken(_)) => return,
                Err(_) => panic!("the connection is not closed"),
            }
        }
    }

    /// Asserts that the connection is open, and that nothing has arrived except what was expected.
    /// Does not wait, so it says nothing about what is still in flight.
    pub fn assert_open_and_silent(&mut self) {
        match self.connection.receive_now() {
            Stopped::Silence => self.assert_all_seen(),
            stopped => panic!("the connection should stay open, but it stopped: {stopped:?}"),
        }
    }

    /// Asserts that nothing has arrived except what was expected, whether the connection is still
    /// open or has ended. Does not wait, like [`Peer::assert_open_and_silent`].
    pub fn assert_nothing_more(&mut self) {
        self.connection.receive_now();
        self.assert_all_seen();
    }

    fn assert_all_seen(&self) {
        let unseen = self.connection.unseen();
        assert!(unseen.is_empty(), "not expected: {}", shown(unseen));
    }

    /// Shuts down our direction of the connection, but keeps reading.
    pub fn half_close(&mut self) {
        self.stream().shutdown(Shutdown::Write).expect("half-close");
    }

    /// Leaves with a reset instead of an orderly end.
    pub fn reset(self) {
        SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)).expect("a reset on close");
    }

    fn met<T>(&self, outcome: Result<T, Stopped>, expected: impl Fn() -> String) -> T {
        outcome.unwrap_or_else(|stopped| {
            let (expected, got) = (expected(), shown(self.connection.unseen()));
            match stopped {
                Stopped::Otherwise => panic!("expected {expected}, got {got}"),
                stopped => panic!("expected {expected}, got only {got}, and then: {stopped:?}"),
            }
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- a peer has sent --- {}", shown(&self.sent));
            eprintln!("--- and received ------ {}", shown(self.connection.received()));
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    shortened(&format!("{:?}", String::from_utf8_lossy(bytes)))
}
