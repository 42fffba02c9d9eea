// ANCHOR: header
//! 7.2 Broadcast chat with one log for the whole room, and a cursor for each reader.
//!
//!     cargo run -p lesson-shared-log-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! The slow-reader policy: everybody reads the log at a speed of their own, and who has fallen off
//! its tail is disconnected. Nobody waits for anybody.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{
    Failure, Lines, disconnect, lesson, listen, note, pause_after, print_line, timed_out,
    uninterrupted,
};
use shared_log::{Cursor, Log};
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    print_line!("server listening at port {}", bound.port());

    let room = Arc::new(Room::default());
    loop {
        let accepted = listener.accept();
        if let Err(error) = accepted.and_then(|(stream, peer)| admit(stream, peer, &room)) {
            pause_after(&error);
        }
    }
}
// ANCHOR_END: main

// ANCHOR: admit
/// A thread's stack, in bytes of address space; it takes memory only as far as it is used. A client
/// has two threads, and neither calls anything deep.
const STACK: usize = 128 * 1024;

fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) -> io::Result<()> {
    // A small message leaves at once, instead of waiting for company. An error means that the
    // client has left already, as its first read will say.
    let _ = stream.set_nodelay(true);

    // Taken here and not in the client's own thread, so that whoever connects first also joins
    // first, and misses nothing of what the next one says.
    let seat = Seat::take(room, stream, peer);
    thread::Builder::new().stack_size(STACK).spawn(move || match serve(&seat) {
        Ok(()) => print_line!("有客户端退出了"), // a client has left
        Err(error) => pause_after(&error),
    })?;
    Ok(())
}

/// Two threads for a client: this one sends, and the other reads. Both have ended on return.
fn serve(seat: &Seat) -> io::Result<()> {
    let reader = thread::Builder::new().stack_size(STACK);
    thread::scope(|scope| {
        reader.spawn_scoped(scope, || pass_on_what_is_said(seat))?;
        send_what_others_say(seat);
        Ok(())
    })
}
// ANCHOR_END: admit

// ANCHOR: read
/// Reads until the client leaves: by an orderly end, by an error, or because it was disconnected.
fn pass_on_what_is_said(Seat { room, number, client }: &Seat) {
    let mut stream = &client.stream;
    let mut lines = Lines::trimmed();
    let mut buffer = [0; 4096];
    loop {
        // An error means that the connection is over, as the read will say.
        let _ = stream.set_read_timeout(lines.patience());
        match uninterrupted(|| stream.read(&mut buffer)) {
            Ok(received @ 1..) => room.say(*number, &lines.add(&buffer[..received])), // `data`
            Err(error) if timed_out(&error) => room.say(*number, &lines.cut()),       // `timeout`
            _ => break, // `end`, or `error`
        }
    }
    room.say(*number, &lines.finish());
    room.leave(*number);
}
// ANCHOR_END: read

// ANCHOR: send
/// Sends until the client has left and has got what was said before, or until it is no longer
/// there. A write may wait as long as it likes: nobody waits for this thread.
fn send_what_others_say(Seat { room, number, client }: &Seat) {
    while let Some(unread) = room.unread(*number) {
        if (&client.stream).write_all(&unread).is_err() {
            return disconnect(&client.stream); // the reader wakes, if it still waits
        }
    }
}
// ANCHOR_END: send

// ANCHOR: room
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
}

/// A client's place in the log.
struct Place {
    client: Arc<Client>,
    cursor: Cursor,
    has_left: bool,
}

#[derive(Default)]
struct Room {
    state: Mutex<State>,
    /// Each client's sender waits at the bell of its number for something to send. With a single
    /// bell everybody would wake for each one who leaves.
    bells: [Condvar; 32],
}

#[derive(Default)]
struct State {
    log: Log,
    places: BTreeMap<usize, Place>,
    joined: usize,
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bell(&self, number: usize) -> &Condvar {
        &self.bells[number % self.bells.len()]
    }
    // ANCHOR_END: room

    // ANCHOR: say
    /// Adds `lines` to the log and wakes who sends them on. Who has fallen off the log's tail, and so
    /// has missed something, is disconnected.
    fn say(&self, number: usize, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let mut lost = Vec::new();
        let mut state = self.state();
        let State { log, places, .. } = &mut *state;
        let Some(author) = places.get_mut(&number) else { return };
        log.say(&mut author.cursor, author.client.peer.port(), lines);
        places.retain(|_, place| {
            let stays = log.holds(&place.cursor);
            if !stays {
                lost.push(Arc::clone(&place.client));
            }
            stays
        });
        drop(state);

        self.bells.iter().for_each(Condvar::notify_all);
        for client in lost {
            disconnect(&client.stream); // its two threads wake, and end
            note!("disconnected {}: it does not read what it is sent", client.peer);
        }
    }
    // ANCHOR_END: say

    // ANCHOR: unread
    /// Waits until there is something to send to a client, and copies it out of the log, so that
    /// the log is free while it is sent. `None` means that there will be nothing more.
    fn unread(&self, number: usize) -> Option<Vec<u8>> {
        const AT_ONCE: usize = 64 * 1024; // bytes
        let mut state = self.state();
        loop {
            let State { log, places, .. } = &mut *state;
            let place = places.get_mut(&number)?;
            if !log.is_read(&place.cursor) {
                let mut unread = Vec::new();
                for piece in log.unread(&place.cursor)? {
                    let room = AT_ONCE - unread.len();
                    unread.extend_from_slice(&piece[..room.min(piece.len())]);
                }
                place.cursor.advance(unread.len());
                return Some(unread);
            }
            if place.has_left {
                return None;
            }
            state = self.bell(number).wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
    // ANCHOR_END: unread

    // ANCHOR: leave
    fn leave(&self, number: usize) {
        if let Some(place) = self.state().places.get_mut(&number) {
            place.has_left = true;
        }
        self.bell(number).notify_all();
    }
}
// ANCHOR_END: leave

// ANCHOR: seat
/// A client's stay in the room. However it ends, the value is dropped, and the room forgets it.
struct Seat {
    room: Arc<Room>,
    number: usize,
    client: Arc<Client>,
}

impl Seat {
    fn take(room: &Arc<Room>, stream: TcpStream, peer: SocketAddr) -> Seat {
        let client = Arc::new(Client { stream, peer });
        let mut state = room.state();
        let number = state.joined;
        state.joined += 1;
        let cursor = state.log.join();
        state.places.insert(number, Place { client: Arc::clone(&client), cursor, has_left: false });
        drop(state);
        Seat { room: Arc::clone(room), number, client }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.state().places.remove(&self.number);
    }
}
// ANCHOR_END: seat
