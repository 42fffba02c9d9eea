//! 7.2 Broadcast chat with one log for the whole room, and a cursor for each reader.
//!
//!     cargo run -p lesson-shared-log-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! The slow-reader policy: every client reads the log at its own speed. A reader is disconnected when
//! it has fallen off the log's tail, or (on Linux) has taken in nothing for 90 s while something
//! waits for it. The fast-speaker policy: a speaker that is too fast for the readers is held up, but
//! nobody else is.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use lesson_shared_log_server::SEND_BUFFER;
use shared::{
    Failure, Lines, disconnect, lesson, listen, note_disconnected, pause_after, print_line,
    set_send_buffer, timed_out, uninterrupted,
};

use room::{Room, Seat};

#[path = "../../src/room.rs"]
mod room;

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
    // A small message leaves immediately instead of waiting for company. An error means that the
    // client has already left, and its first read will say so.
    let _ = stream.set_nodelay(true);

    // We take the seat here and not in the client's own threads, so that clients join in the order in
    // which they connect, and no client misses what the next one says.
    let seat = Arc::new(Seat::take(room, stream, peer));
    start(Arc::clone(&seat), pass_on_what_is_said)?;
    // One thread alone cannot serve the client, so if the second one fails, this ends the first.
    let started = start(Arc::clone(&seat), send_what_others_say);
    if started.is_err() {
        disconnect(&seat.client.stream);
    }
    let_go(seat);
    started
}

/// Starts one of a client's two threads.
fn start(seat: Arc<Seat>, work: impl FnOnce(&Seat) + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(move || {
        work(&seat);
        let_go(seat);
    })?;
    Ok(())
}

/// Lets go of a seat. The last thread to do so prints that the client has left.
fn let_go(seat: Arc<Seat>) {
    if let Some(seat) = Arc::into_inner(seat) {
        drop(seat);
        print_line!("有客户端退出了"); // a client has left
    }
}

/// Reads until the client leaves: in an orderly way, by an error, or because it was disconnected.
fn pass_on_what_is_said(seat: &Seat) {
    let mut stream = &seat.client.stream;
    let mut lines = Lines::trimmed();
    let mut buffer = [0; 4096];
    loop {
        // An error means that the connection is over, and the read will say so.
        let _ = stream.set_read_timeout(lines.patience());
        match uninterrupted(|| stream.read(&mut buffer)) {
            Ok(received @ 1..) => seat.say(&lines.add(&buffer[..received])), // `data`
            Err(error) if timed_out(stream, &error) => seat.say(&lines.cut()), // `timeout`
            Err(error) => break note_disconnected(seat.client.peer, &error), // `error`
            Ok(0) => break,                                                  // `end`
        }
    }
    seat.say(&lines.finish());
    seat.leave();
}

/// Sends until the client has left and has received everything, or a write fails. A write may wait
/// as long as it likes, because nobody waits for a reader that does not read.
fn send_what_others_say(seat: &Seat) {
    let mut stream = &seat.client.stream;
    while let Some(unread) = seat.unread() {
        if let Err(error) = stream.write_all(&unread) {
            disconnect(stream); // wakes the thread that reads, if it still waits
            return note_disconnected(seat.client.peer, &error);
        }
    }
}
