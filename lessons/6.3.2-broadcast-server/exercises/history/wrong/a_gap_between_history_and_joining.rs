//! Rejected with: missed
//!
//! The history is copied under the lock, and sent without it: whatever is said meanwhile, the
//! newcomer never sees.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, disconnect, lesson, listen, say, send_now, wait_out};

/// A longer line is cut into several, so that no client can fill the memory.
const LONGEST: u64 = 4096; // bytes

/// How many messages a newcomer is shown.
const HISTORY: usize = 10;

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    say!("server listening at port {}", bound.port());

    let room = Arc::new(Room::default());
    loop {
        if let Err(error) = admit(&listener, &room) {
            wait_out(&error);
        }
    }
}

fn admit(listener: &TcpListener, room: &Arc<Room>) -> io::Result<()> {
    let (stream, peer) = listener.accept()?;
    // Each message leaves at once. An error means that the client has left: its first read says so.
    let _ = stream.set_nodelay(true);
    let client = Arc::new(Client { stream, peer });
    room.join(&client);
    let served = thread::Builder::new().spawn({
        let (client, room) = (Arc::clone(&client), Arc::clone(room));
        move || {
            serve(&client, &room);
            room.leave(&client);
            say!("有客户端退出了"); // a client has left
        }
    });
    if served.is_err() {
        room.leave(&client);
    }
    served.map(|_| ())
}

fn serve(client: &Client, room: &Room) {
    let mut reader = BufReader::new(&client.stream);
    while let Some(line) = next_line(&mut reader) {
        if !line.is_empty() {
            room.broadcast(client, &format!("{}:{line}\n", client.peer.port()));
        }
    }
}

/// The next line without the white space around it, however many segments it came in. `None` when
/// the client has left.
fn next_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    match reader.take(LONGEST).read_until(b'\n', &mut line) {
        Ok(1..) => Some(String::from_utf8_lossy(&line).trim().to_string()),
        _ => None,
    }
}

/// Sends without waiting. A client that does not read what it is sent is disconnected.
fn tell(client: &Client, message: &str) {
    if send_now(&client.stream, message.as_bytes()).is_err() {
        disconnect(&client.stream);
    }
}

struct Client {
    stream: TcpStream,
    peer: SocketAddr,
}

#[derive(Default)]
struct Room {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    clients: Vec<Arc<Client>>,
    history: VecDeque<String>,
}

impl Room {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, client: &Arc<Client>) {
        let history = self.inside().history.clone();
        for message in &history {
            tell(client, message);
        }
        // Wide enough for the check to meet the gap on every machine, however loaded it is.
        std::thread::sleep(std::time::Duration::from_millis(20));
        self.inside().clients.push(Arc::clone(client));
    }

    fn leave(&self, client: &Arc<Client>) {
        self.inside().clients.retain(|other| !Arc::ptr_eq(other, client));
    }

    /// Tells everyone but the sender. The lock is held meanwhile, so everyone sees the same
    /// messages in the same order.
    fn broadcast(&self, sender: &Client, message: &str) {
        let mut inside = self.inside();
        if inside.history.len() == HISTORY {
            inside.history.pop_front();
        }
        inside.history.push_back(message.to_string());
        for client in inside.clients.iter().filter(|client| client.peer != sender.peer) {
            tell(client, message);
        }
    }
}
