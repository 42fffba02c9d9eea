//! The way between an edge and NATS, on which everything can be held for a while.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};

/// A listener that connects each of its clients to NATS, and passes on what either of them sends.
pub struct Link {
    /// The port at which an edge finds it.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

/// A direction.
#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    ToNats,
    FromNats,
}

#[derive(Default)]
struct State {
    held: Vec<Way>,
    /// One for each direction of each connection.
    pipes: Vec<Pipe>,
}

/// One direction of a connection.
struct Pipe {
    way: Way,
    to: TcpStream,
    /// Everything that has been sent.
    sent: Vec<u8>,
    /// How much of it has been passed on.
    passed: usize,
}

impl Link {
    /// Opens a link from a free port to the address of NATS. It stays open until the recorder ends.
    pub fn to(nats: String) -> Result<Link> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen at a free port")?;
        let state = Arc::new(Mutex::new(State::default()));
        let link = Link { port: listener.local_addr()?.port(), state: Arc::clone(&state) };
        thread::spawn(move || {
            for edge in listener.incoming().flatten() {
                // If NATS cannot be reached, the edge's connection is closed, and it tries again.
                if let Ok(nats) = TcpStream::connect(&nats) {
                    let _ = join(&state, &edge, &nats);
                }
            }
        });
        Ok(link)
    }

    /// Holds everything that is sent from now on.
    pub fn hold(&self) {
        state(&self.state).held = vec![Way::ToNats, Way::FromNats];
    }

    /// Passes on what was held in one direction, and everything that is sent there from now on.
    pub fn let_go(&self, way: Way) {
        let mut state = state(&self.state);
        state.held.retain(|held| *held != way);
        state.pipes.iter_mut().filter(|pipe| pipe.way == way).for_each(Pipe::flush);
    }

    /// Returns whether a message with this text has been sent in either direction, held or not.
    pub fn has_seen(&self, text: &str) -> bool {
        self.times_seen(text) > 0
    }

    /// Returns how often this text has been sent in either direction, held or not.
    pub fn times_seen(&self, text: &str) -> usize {
        let times = |pipe: &Pipe| String::from_utf8_lossy(&pipe.sent).matches(text).count();
        state(&self.state).pipes.iter().map(times).sum()
    }
}

impl Pipe {
    fn flush(&mut self) {
        // If this fails, the connection is gone, and the edge makes a new one.
        let _ = self.to.write_all(&self.sent[self.passed..]);
        self.passed = self.sent.len();
    }
}

fn state(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes on what either side sends, in two threads of its own.
fn join(shared: &Arc<Mutex<State>>, edge: &TcpStream, nats: &TcpStream) -> std::io::Result<()> {
    for (way, from, to) in [(Way::ToNats, edge, nats), (Way::FromNats, nats, edge)] {
        to.set_nodelay(true)?;
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let index = {
            let pipes = &mut state(shared).pipes;
            pipes.push(Pipe { way, to, sent: Vec::new(), passed: 0 });
            pipes.len() - 1
        };
        let shared = Arc::clone(shared);
        thread::spawn(move || pass_on(from, &shared, index));
    }
    Ok(())
}

/// Passes on what arrives, until it ends.
fn pass_on(mut from: TcpStream, shared: &Mutex<State>, index: usize) {
    let mut buffer = [0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        let state = &mut *state(shared);
        let pipe = &mut state.pipes[index];
        pipe.sent.extend_from_slice(&buffer[..count]);
        if !state.held.contains(&pipe.way) {
            pipe.flush();
        }
        if count == 0 {
            let _ = pipe.to.shutdown(Shutdown::Write); // fails only if it is closed already
            return;
        }
    }
}
