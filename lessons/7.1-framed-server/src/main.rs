// ANCHOR: header
//! 7.1 Messages that may hold anything, the server: it sends a length before each message.
//!
//!     cargo run -p lesson-framed-server
//!     cargo run -p lesson-framed-client     (in a second terminal, and a third)
//!
//! This is the chat of 6.3.2, with its policies for slow readers and fast speakers. The only
//! difference is how a program knows where a message ends.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lesson_framed_server::{Frames, LONGEST, TooLong, frame};
use shared::{
    Failure, Pace, complain, disconnect, lesson, listen, note_disconnected, pause_after,
    print_line, send_now, set_send_buffer, uninterrupted,
};
// ANCHOR_END: header

// ANCHOR: main
/// How many bytes may wait for a client, as in 6.3.2: a file that goes to everybody needs room.
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
// ANCHOR_END: main

// ANCHOR: admit
fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) -> io::Result<()> {
    let _ = stream.set_nodelay(true); // an error means that the client has already left
    let stream = Arc::new(stream);
    room.clients().insert(peer, Arc::clone(&stream));
    let clients_room = Arc::clone(room);
    let started = thread::Builder::new().spawn(move || {
        let outcome = pass_on_what_is_said(&stream, peer, &clients_room);
        clients_room.leave(&stream);
        if let Err(too_long) = outcome {
            refuse(&stream, peer, &too_long);
        }
        print_line!("有客户端退出了"); // a client has left
    });
    if started.is_err() {
        room.clients().remove(&peer);
    }
    started.map(|_| ())
}
// ANCHOR_END: admit

// ANCHOR: read
/// Reads until the client leaves. A message that it has only begun is not passed on, because half a
/// frame is not a message, although half a line may be.
fn pass_on_what_is_said(
    mut stream: &TcpStream,
    peer: SocketAddr,
    room: &Room,
) -> Result<(), TooLong> {
    let mut frames = Frames::new(LONGEST);
    let pace = Pace::default();
    let mut buffer = [0; 4096];
    while let Ok(received @ 1..) = uninterrupted(|| stream.read(&mut buffer)) {
        frames.add(&buffer[..received]);
        // Everything that one read has completed leaves in one go, however short the messages are.
        let mut messages = Vec::new();
        let outcome = label(peer.port(), &mut frames, &mut messages);
        room.broadcast(peer, &messages);
        outcome?;
        pace.spend(messages.len());
        pace.wait(); // a client that is too fast is not read from for a while
    }
    Ok(())
}

/// Adds all complete messages to `messages`, each with `<sender's port>:` and in a frame of its own.
fn label(port: u16, frames: &mut Frames, messages: &mut Vec<u8>) -> Result<(), TooLong> {
    while let Some(message) = frames.next_message()? {
        messages.extend(frame(&[format!("{port}:").as_bytes(), message].concat()));
    }
    Ok(())
}
// ANCHOR_END: read

// ANCHOR: refuse
/// How long a client that was refused has to read why.
const TO_HEAR_IT: Duration = Duration::from_secs(5);

/// Tells the client why, in a last frame, and throws away what it goes on sending. If we closed the
/// connection with unread data in it, that would reset it, and the last frame might be lost.
fn refuse(mut stream: &TcpStream, peer: SocketAddr, too_long: &TooLong) {
    complain(format_args!("refused {peer}: {too_long}"));
    let why = format!("一条消息最多{LONGEST}字节"); // a message has at most 65536 bytes
    if send_now(stream, &frame(why.as_bytes())).is_err() {
        return;
    }
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(TO_HEAR_IT));
    let deadline = Instant::now() + TO_HEAR_IT;
    let mut thrown_away = [0; 4096];
    while Instant::now() < deadline {
        if !matches!(uninterrupted(|| stream.read(&mut thrown_away)), Ok(1..)) {
            return;
        }
    }
}
// ANCHOR_END: refuse

// ANCHOR: room
/// All clients that are connected.
#[derive(Default)]
struct Room {
    clients: Mutex<BTreeMap<SocketAddr, Arc<TcpStream>>>,
}

impl Room {
    fn clients(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Arc<TcpStream>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a client by its socket, because after a reset another client may have its address.
    fn leave(&self, stream: &Arc<TcpStream>) {
        self.clients().retain(|_, other| !Arc::ptr_eq(other, stream));
    }

    /// Sends `messages` to every client except the sender.
    fn broadcast(&self, sender: SocketAddr, messages: &[u8]) {
        if messages.is_empty() {
            return;
        }
        self.clients().retain(|peer, stream| {
            if *peer == sender {
                return true;
            }
            let Err(error) = send_now(stream, messages) else { return true };
            disconnect(&**stream); // its own thread wakes up, and prints that it has left
            note_disconnected(*peer, &error);
            false
        });
    }
}
// ANCHOR_END: room
