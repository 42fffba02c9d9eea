//! Rejected with: the name 小明, which it has already
//!
//! The names that were given are kept in a list of their own, and who
//! asks for its own is told that it is taken.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use shared::{Failure, disconnect, lesson, listen, say, send_now, wait_out};

/// A longer line is cut into several, so that no client can fill the memory.
const LONGEST: u64 = 4096; // bytes

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
    let name = Mutex::new(peer.port().to_string());
    let client = Arc::new(Client { stream, peer, name });
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
        if let Some(name) = line.strip_prefix("/name ") {
            if !room.rename(client, name.trim()) {
                tell(client, &format!("taken: {}\n", name.trim()));
            }
        } else if !line.is_empty() {
            room.broadcast(client, &format!("{}:{line}\n", client.name()));
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
    name: Mutex<String>,
}

impl Client {
    fn name(&self) -> MutexGuard<'_, String> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everyone who is connected.
#[derive(Default)]
struct Room {
    clients: Mutex<Vec<Arc<Client>>>,
    names: Mutex<Vec<String>>,
}

impl Room {
    fn clients(&self) -> MutexGuard<'_, Vec<Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, client: &Arc<Client>) {
        self.clients().push(Arc::clone(client));
    }

    fn leave(&self, client: &Arc<Client>) {
        self.clients().retain(|other| !Arc::ptr_eq(other, client));
    }

    /// Gives `client` a name, unless it was given before.
    fn rename(&self, client: &Client, name: &str) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = names.iter().any(|given| given == name);
        if !taken {
            names.push(name.to_string());
            *client.name() = name.to_string();
        }
        !taken
    }

    /// Tells everyone but the sender. The lock is held meanwhile, so everyone sees the same
    /// messages in the same order.
    fn broadcast(&self, sender: &Client, message: &str) {
        for client in self.clients().iter().filter(|client| client.peer != sender.peer) {
            tell(client, message);
        }
    }
}
