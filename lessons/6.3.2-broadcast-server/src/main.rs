// ANCHOR: header
//! 6.3.2 Broadcast chat, the server: each message goes to everyone else.
//!
//!     cargo run -p lesson-broadcast-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! The slow-reader policy: the kernel's send buffer is each client's queue, and a client that lets
//! it fill is disconnected. Nobody waits for anybody.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::{
    Failure, disconnect, lesson, listen, note, say, send_now, spawn, timed_out,
    unfinished_at_the_end, wait_out,
};
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    say!("server listening at port {}", bound.port());

    let room = Arc::new(Room::default());
    loop {
        match listener.accept() {
            Ok((stream, peer)) => admit(Client { stream, peer }, &room),
            Err(error) => wait_out(&error),
        }
    }
}
// ANCHOR_END: main

// ANCHOR: admit
fn admit(client: Client, room: &Arc<Room>) {
    // A small message leaves at once, instead of waiting for company. An error means that the
    // client has left already, as its first read will say.
    let _ = client.stream.set_nodelay(true);

    // Taken here and not in the client's own thread, so that whoever connects first also joins
    // first, and misses nothing of what the next one says.
    let seat = Seat::take(room, client);
    spawn(move || {
        pass_on_what_is_said(&seat);
        drop(seat);
        say!("有客户端退出了"); // a client has left
    });
}
// ANCHOR_END: admit

// ANCHOR: read
/// How long to wait for more of a line that has begun. A large paste comes in several reads, and a
/// read may end anywhere in a line.
const PATIENCE: Duration = Duration::from_millis(500);

/// Reads until the client leaves: by an orderly end, by an error, or because it was disconnected.
fn pass_on_what_is_said(Seat { room, client }: &Seat) {
    let mut stream = &client.stream;
    let mut buffer = [0; 4096];
    let mut kept = 0; // how many bytes of an unfinished line the buffer begins with
    let mut ends_its_lines = false;
    loop {
        // An error means that the connection is over, as the read will say.
        let _ = stream.set_read_timeout((kept > 0).then_some(PATIENCE));
        let outcome = stream.read(&mut buffer[kept..]);
        let filled = kept + outcome.as_ref().unwrap_or(&0);

        let newline = buffer[..filled].iter().rposition(|byte| *byte == b'\n');
        ends_its_lines |= newline.is_some();
        let end = match (&outcome, newline) {
            (Ok(1..), Some(newline)) => newline + 1,
            // The Node client sends no newlines: then each read is a message, whole as it is.
            (Ok(1..), None) if ends_its_lines && filled < buffer.len() => 0,
            // A line longer than the buffer is cut, but not within a character.
            (Ok(1..), None) if filled == buffer.len() => filled - unfinished_at_the_end(&buffer),
            _ => filled,
        };
        room.broadcast(client, &messages(client.peer.port(), &buffer[..end]));
        buffer.copy_within(end..filled, 0);
        kept = filled - end;

        match outcome {
            Ok(0) => return,
            Err(error) if !timed_out(&error) => return,
            _ => {}
        }
    }
}
// ANCHOR_END: read

// ANCHOR: messages
/// `<sender's port>:<text>` and a newline for each piece between newlines that is not blank.
fn messages(port: u16, said: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    for text in said.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if !text.is_empty() {
            messages.extend_from_slice(format!("{port}:").as_bytes());
            messages.extend_from_slice(text);
            messages.push(b'\n');
        }
    }
    messages
}
// ANCHOR_END: messages

// ANCHOR: room
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
}

/// Everyone who is connected.
#[derive(Default)]
struct Room {
    clients: Mutex<Vec<Arc<Client>>>,
}

impl Room {
    fn clients(&self) -> MutexGuard<'_, Vec<Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
    // ANCHOR_END: room

    // ANCHOR: broadcast
    /// Sends to everyone but the sender. The lock is held meanwhile, so everyone sees the same
    /// messages in the same order; no send waits, so the lock is never held for long.
    fn broadcast(&self, sender: &Arc<Client>, messages: &[u8]) {
        if messages.is_empty() {
            return;
        }
        let mut failed = Vec::new();
        self.clients().retain(|client| {
            if Arc::ptr_eq(client, sender) {
                return true;
            }
            match send_now(&client.stream, messages) {
                Ok(()) => true,
                Err(error) => {
                    failed.push((Arc::clone(client), error));
                    false
                }
            }
        });
        for (client, error) in failed {
            disconnect(&client.stream);
            // Another error means that the client has left already, as its own thread will say.
            if error.kind() == ErrorKind::WouldBlock {
                note!("disconnected {}: {error}", client.peer);
            }
        }
    }
}
// ANCHOR_END: broadcast

// ANCHOR: seat
/// A client's place in the room. However the client leaves, the value is dropped, and the room
/// forgets it.
struct Seat {
    room: Arc<Room>,
    client: Arc<Client>,
}
impl Seat {
    fn take(room: &Arc<Room>, client: Client) -> Seat {
        let client = Arc::new(client);
        room.clients().push(Arc::clone(&client));
        Seat { room: Arc::clone(room), client }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.clients().retain(|client| !Arc::ptr_eq(client, &self.client));
    }
}
// ANCHOR_END: seat
