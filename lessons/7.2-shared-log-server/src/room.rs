// ANCHOR: header
//! The room of 7.2: the log, and the place of each client in it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use lesson_shared_log_server::{ASK_AGAIN, Cursor, Log};
use shared::{disconnect, note};
// ANCHOR_END: header

// ANCHOR: room
/// Everything that the threads of all clients share.
#[derive(Default)]
pub struct Room {
    state: Mutex<State>,
    /// Each sender waits at the bell of its seat until there is something to send. With a single
    /// bell, all of them would wake up whenever one client leaves.
    bells: [Condvar; 32],
}

#[derive(Default)]
struct State {
    log: Log,
    places: BTreeMap<usize, Place>,
    joined: usize,
}

/// A client, and how far it has read the log.
struct Place {
    client: Arc<Client>,
    cursor: Cursor,
    has_left: bool,
}

pub struct Client {
    pub stream: TcpStream,
    pub peer: SocketAddr,
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        self.bells.iter().for_each(Condvar::notify_all);
    }
}
// ANCHOR_END: room

// ANCHOR: seat
/// A client's stay in the room. However it ends, this is dropped, and the room forgets the client.
pub struct Seat {
    room: Arc<Room>,
    number: usize,
    pub client: Arc<Client>,
}

impl Seat {
    pub fn take(room: &Arc<Room>, stream: TcpStream, peer: SocketAddr) -> Seat {
        let client = Arc::new(Client { stream, peer });
        let mut state = room.state();
        state.joined += 1;
        let number = state.joined;
        let cursor = state.log.join();
        state.places.insert(number, Place { client: Arc::clone(&client), cursor, has_left: false });
        Seat { room: Arc::clone(room), number, client }
    }

    fn bell(&self) -> &Condvar {
        &self.room.bells[self.number % self.room.bells.len()]
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.state().places.remove(&self.number);
    }
}
// ANCHOR_END: seat

impl Seat {
    // ANCHOR: say
    /// Adds what this client says to the log, and wakes everybody. Disconnects the readers that have
    /// fallen off the log's tail because of it, since they have missed something.
    pub fn say(&self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let mut lost = Vec::new();
        {
            let State { log, places, .. } = &mut *self.room.state();
            let Some(author) = places.get_mut(&self.number) else { return };
            log.say(&mut author.cursor, self.client.peer.port(), lines);
            places.retain(|_, place| {
                let stays = log.holds(&place.cursor);
                if !stays {
                    lost.push(Arc::clone(&place.client));
                }
                stays
            });
        }
        self.room.ring();
        for client in lost {
            disconnect(&client.stream); // wakes its two threads, which then end
            note!("disconnected {}: it does not read what it is sent", client.peer);
        }
        self.wait_for_readers();
    }
    // ANCHOR_END: say

    // ANCHOR: wait
    /// Waits while this client is too fast for the readers. Meanwhile nobody reads from its socket,
    /// so TCP makes the client stop sending.
    fn wait_for_readers(&self) {
        let mut state = self.room.state();
        loop {
            let State { log, places, .. } = &mut *state;
            match places.get(&self.number) {
                Some(author) if log.holds_up(author.cursor.said()) => {}
                _ => return,
            }
            let waited = self.bell().wait_timeout(state, ASK_AGAIN);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    // ANCHOR_END: wait

    // ANCHOR: unread
    /// Waits until there is something to send to this client, and returns a copy of it, so that the
    /// log is free while the write takes its time. `None` means that there will be nothing more.
    pub fn unread(&self) -> Option<Vec<u8>> {
        // Not much, because the cursor stands still during the write, as if the client did not read.
        const LARGEST_WRITE: usize = 32 * 1024; // bytes
        let mut state = self.room.state();
        loop {
            let State { log, places, .. } = &mut *state;
            let Place { cursor, has_left, .. } = places.get_mut(&self.number)?;
            let mut unread = Vec::new();
            for piece in log.unread(cursor)? {
                let room = LARGEST_WRITE - unread.len();
                unread.extend_from_slice(&piece[..room.min(piece.len())]);
            }
            if !unread.is_empty() {
                cursor.advance(unread.len());
                let lets_go = log.lets_go();
                drop(state);
                if lets_go {
                    self.room.ring(); // for the speakers that wait
                }
                return Some(unread);
            }
            if *has_left {
                return None;
            }
            state = self.bell().wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
    // ANCHOR_END: unread

    // ANCHOR: leave
    /// Notes that this client will say nothing more. It still receives what was said before.
    pub fn leave(&self) {
        if let Some(place) = self.room.state().places.get_mut(&self.number) {
            place.has_left = true;
        }
        self.bell().notify_all();
    }
    // ANCHOR_END: leave
}
