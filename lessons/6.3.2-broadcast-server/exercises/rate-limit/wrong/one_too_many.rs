//! Rejected with: too many at least
//!
//! Eleven are passed on.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use shared::{Failure, disconnect, lesson, listen, say, send_now, wait_out};

/// A longer line is cut into several, so that no client can fill the memory.
const LONGEST: u64 = 4096; // bytes

/// How many messages of one client are passed on in a second.
const LIMIT: u32 = 10;

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
    let mut second = Instant::now();
    let mut said = 0; // in this second
    while let Some(line) = next_line(&mut reader) {
        if line.is_empty() {
            continue;
        }
        if second.elapsed() >= Duration::from_secs(1) {
            second = Instant::now();
            said = 0;
        }
        said += 1;
        if said <= LIMIT + 1 {
            room.broadcast(client, &format!("{}:{line}\n", client.peer.port()));
        } else if said == LIMIT + 2 {
            tell(client, "slow down\n");
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

/// Everyone who is connected.
#[derive(Default)]
struct Room {
    clients: Mutex<Vec<Arc<Client>>>,
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

    /// Tells everyone but the sender. The lock is held meanwhile, so everyone sees the same
    /// messages in the same order.
    fn broadcast(&self, sender: &Client, message: &str) {
        for client in self.clients().iter().filter(|client| client.peer != sender.peer) {
            tell(client, message);
        }
    }
}
