//! 6.3.2 Broadcast chat, the server: each message goes to everyone else.
//!
//!     cargo run -p lesson-broadcast-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{
    Failure, Lines, lesson, listen, pause_after, print_line, set_send_buffer, timed_out,
    uninterrupted,
};

/// How much may wait for each client, in bytes. A paste has to fit for a whole class, but a
/// thousand clients that never read must not take all memory. The system has the last word.
const SEND_BUFFER: usize = 512 * 1024;

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());

    let room = Arc::new(Room::default());
    loop {
        let accepted = listener.accept();
        if let Err(error) = accepted.and_then(|(stream, peer)| admit(stream, peer, &room)) {
            pause_after(&error);
        }
    }
}

fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) -> io::Result<()> {
    // A small message leaves immediately, instead of waiting for company. An error means that the
    // client has already left, which its first read will report.
    let _ = stream.set_nodelay(true);

    // We take the seat here, not in the client's own thread, so that clients join in the order in
    // which they connect, and none misses what a later one says.
    let seat = Seat::take(room, Client { stream, peer });
    thread::Builder::new().spawn(move || {
        pass_on_what_is_said(&seat);
        drop(seat);
        print_line!("有客户端退出了"); // a client has left
    })?;
    Ok(())
}

/// Reads until the client leaves: by an orderly end, by an error, or because it was disconnected.
fn pass_on_what_is_said(Seat { room, client }: &Seat) {
    let mut stream = &client.stream;
    let mut lines = Lines::trimmed();
    let mut buffer = [0; 4096];
    loop {
        // An error means that the connection is over, which the read will report.
        let _ = stream.set_read_timeout(lines.patience());
        match uninterrupted(|| stream.read(&mut buffer)) {
            Ok(received @ 1..) => room.broadcast(client, &lines.add(&buffer[..received])), // `data`
            Err(error) if timed_out(stream, &error) => room.broadcast(client, &lines.cut()), // `timeout`
            _ => return room.broadcast(client, &lines.finish()), // `end`, or `error`
        }
    }
}

/// Puts `<sender's port>:` before each line.
fn label(port: u16, lines: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        messages.extend_from_slice(format!("{port}:").as_bytes());
        messages.extend_from_slice(line);
    }
    messages
}

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

    /// Sends to everyone but the sender. The lock is held meanwhile, so everyone sees the same
    /// messages in the same order.
    fn broadcast(&self, sender: &Arc<Client>, lines: &[u8]) {
        let messages = label(sender.peer.port(), lines);
        if messages.is_empty() {
            return;
        }
        for client in self.clients().iter().filter(|client| !Arc::ptr_eq(client, sender)) {
            // An error means that it has left already, as its own thread will say.
            let _ = (&client.stream).write_all(&messages);
        }
    }
}

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
