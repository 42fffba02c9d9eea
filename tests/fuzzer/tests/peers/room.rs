//! The honest clients of a chat. They read all the time, and everything they receive is checked.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use harness::{Connection, DEADLINE, Patience, Peer, Program, Stopped};
use socket2::SockRef;

use crate::order::{Heard, Honest};
use crate::random::Random;
use crate::wire::Wire;

const LISTENERS: usize = 3;
const SPEAKERS: usize = 3;

/// How long a client may receive nothing. It is longer than it takes to report a missing message.
const SILENCE: Duration = DEADLINE.saturating_add(Duration::from_secs(5));
const PATIENCE: Patience = Patience { silence: SILENCE, in_all: SILENCE };

/// All honest clients of a server.
pub struct Room {
    clients: Vec<TcpStream>,
    /// The number of messages that each client has sent.
    said: Vec<usize>,
    /// The number of guests so far.
    guests: usize,
    readers: Vec<JoinHandle<()>>,
    shared: Arc<(Mutex<State>, Condvar)>,
}

struct State {
    heard: Heard,
    /// Whether the clients are leaving, so that the server may end their connections.
    leaving: bool,
    /// The first thing that went wrong.
    wrong: Option<String>,
}

impl Room {
    /// Connects the clients, and waits until all of them are in the room.
    pub fn open(server: &Program, wire: Wire, seed: u64) -> Room {
        let clients: Vec<TcpStream> = (0..LISTENERS + SPEAKERS).map(|_| connect(server)).collect();
        let ports = clients.iter().map(|client| address(client).port()).collect();
        let heard = Heard::nothing(Honest { seed, wire, listeners: LISTENERS, ports });
        let shared =
            Arc::new((Mutex::new(State { heard, leaving: false, wrong: None }), Condvar::new()));
        let read = |(reader, stream): (usize, &TcpStream)| {
            let connection = Connection::over(stream.try_clone().expect("a handle"), PATIENCE);
            let shared = Arc::clone(&shared);
            thread::spawn(move || listen(reader, connection, wire, &shared))
        };
        let readers = clients.iter().enumerate().map(read).collect();
        let said = vec![0; clients.len()];
        let mut room = Room { clients, said, guests: 0, readers, shared };
        // The first to connect is the first to join, so if all hear the last one, all are in the
        // room. A server waits longer for the rest of a line after it has received a whole one from
        // the speaker.
        for speaker in (LISTENERS..room.clients.len()).rev() {
            let bytes = room.next_messages(speaker, 1);
            room.send(speaker, &bytes);
            room.hear_everything();
        }
        room
    }

    /// Returns a client, and some pieces of bytes for it to send: a few messages, cut anywhere.
    pub fn something_to_say(&mut self, random: &mut Random) -> (usize, Vec<Vec<u8>>) {
        let speaker = LISTENERS + random.below(SPEAKERS);
        let count = random.within(1..=4);
        let mut rest = self.next_messages(speaker, count);
        let mut pieces = Vec::new();
        for _ in 0..random.below(3) {
            let after = rest.split_off(random.below(rest.len() + 1));
            pieces.push(rest);
            rest = after;
        }
        pieces.push(rest);
        (speaker, pieces)
    }

    fn next_messages(&mut self, speaker: usize, count: usize) -> Vec<u8> {
        let first = self.said[speaker];
        self.said[speaker] += count;
        let honest = &self.state().heard.honest;
        (first..first + count)
            .flat_map(|number| honest.wire.encode(&honest.message(speaker, number)))
            .collect()
    }

    /// Sends some bytes of a client's messages.
    pub fn send(&self, speaker: usize, bytes: &[u8]) {
        (&self.clients[speaker]).write_all(bytes).unwrap_or_else(|error| {
            let name = self.state().heard.name(speaker);
            panic!("{name} cannot send: {error}. {:?}", self.state().wrong);
        });
    }

    /// Allows messages of the stranger at `port` from now on.
    pub fn let_in(&self, port: u16) {
        self.state().heard.let_in(port);
    }

    /// Lets a guest join, send a message, and leave. The message arrives, however the guest leaves.
    pub fn a_guest_speaks(&mut self, server: &Program, random: &mut Random) {
        let guest = connect(server);
        let mut state = self.state();
        let honest = &state.heard.honest;
        let message = honest.message(honest.ports.len(), self.guests);
        let mut bytes = honest.wire.encode(&message);
        if honest.wire == Wire::Lines && random.once_in(2) {
            bytes.pop(); // the newline
        }
        state.heard.expect_guest(address(&guest).port(), message);
        drop(state);
        self.guests += 1;
        (&guest).write_all(&bytes).expect("a guest is let in");
        // Only on Linux does a server reliably receive what was sent before a reset.
        match random.below(3) {
            1 if cfg!(target_os = "linux") => {} // a reset if the others have said something
            2 if cfg!(target_os = "linux") => {
                SockRef::from(&guest).set_linger(Some(Duration::ZERO)).expect("a reset on close");
            }
            _ => {
                let mut guest = Peer::over(guest);
                guest.half_close();
                guest.read_to_end();
            }
        }
    }

    /// Waits until every client has received everything that the others have sent.
    pub fn hear_everything(&self) {
        let waits =
            |state: &mut State| state.wrong.is_none() && state.heard.is_all(&self.said).is_err();
        let (mut state, _) = self
            .shared
            .1
            .wait_timeout_while(self.state(), DEADLINE, waits)
            .unwrap_or_else(PoisonError::into_inner);
        let missing = state.heard.is_all(&self.said);
        let wrong = state.wrong.clone().or(missing.err());
        state.heard.forget_guests();
        drop(state);
        assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    }

    /// Lets the clients send in turn, each after everybody has received the message before. So if a
    /// client is not woken for a message, no later message hides that.
    pub fn speak_in_turn(&mut self) {
        for number in 0..200 {
            let speaker = LISTENERS + number % SPEAKERS;
            let bytes = self.next_messages(speaker, 1);
            self.send(speaker, &bytes);
            self.hear_everything();
        }
    }

    /// Lets all clients leave, and returns how many messages they have received.
    pub fn close(mut self) -> usize {
        self.state().leaving = true;
        for client in &self.clients {
            client.shutdown(Shutdown::Write).expect("half-close");
        }
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader does not panic");
        }
        self.hear_everything();
        self.said.iter().sum::<usize>() + self.guests
    }

    /// Returns the addresses of the clients, none of which has done anything wrong.
    pub fn addresses(&self) -> Vec<String> {
        self.clients.iter().map(|client| address(client).to_string()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects a client that sends small messages immediately.
fn connect(server: &Program) -> TcpStream {
    let stream = server.reach(server.address());
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.set_write_timeout(Some(DEADLINE)).expect("a time-out");
    stream
}

fn address(client: &TcpStream) -> std::net::SocketAddr {
    client.local_addr().expect("a connected socket has an address")
}

/// Reads until the connection ends, and checks everything that arrives.
fn listen(reader: usize, mut connection: Connection, wire: Wire, shared: &(Mutex<State>, Condvar)) {
    let mut arrived = Vec::new();
    loop {
        let stopped = connection.receive_until(|unseen| !unseen.is_empty()).err();
        arrived.extend(connection.take(usize::MAX));
        connection.forget();
        let messages = wire.decode(&mut arrived);

        let mut state = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = messages.iter().try_for_each(|message| state.heard.hear(reader, message));
        if let (Some(stopped), Ok(())) = (&stopped, &outcome) {
            let ends_as_it_should = state.leaving && matches!(stopped, Stopped::End);
            if !ends_as_it_should {
                let name = state.heard.name(reader);
                outcome = Err(format!("the connection of {name} stops: {stopped:?}"));
            }
        }
        if let Err(what) = &outcome {
            state.wrong.get_or_insert_with(|| what.clone());
        }
        shared.1.notify_all();
        if stopped.is_some() || outcome.is_err() {
            return;
        }
    }
}
