//! 7.2 Broadcast chat with one log for the whole room, and a cursor for each reader.
//!
//!     cargo run -p lesson-shared-log-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! The slow-reader policy: everybody reads the log at a speed of their own, and who has fallen off
//! its tail is disconnected. Nobody waits for anybody.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;

use shared::{
    Failure, Lines, disconnect, lesson, listen, pause_after, print_line, timed_out, uninterrupted,
};

use room::{Room, Seat};

#[path = "../../src/room.rs"]
mod room;

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

fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) -> io::Result<()> {
    // A small message leaves at once, instead of waiting for company. An error means that the
    // client has left already, as its first read will say.
    let _ = stream.set_nodelay(true);

    // Taken here and not in the client's own thread, so that whoever connects first also joins
    // first, and misses nothing of what the next one says.
    let seat = Seat::take(room, stream, peer);
    thread::Builder::new().spawn(move || {
        let outcome = serve(&seat);
        drop(seat);
        match outcome {
            Ok(()) => print_line!("有客户端退出了"), // a client has left
            Err(error) => pause_after(&error),
        }
    })?;
    Ok(())
}

/// Two threads for a client: this one sends, and the other reads. Both have ended on return, or there
/// was none to be had.
fn serve(seat: &Seat) -> io::Result<()> {
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || pass_on_what_is_said(seat))?;
        send_what_others_say(seat);
        Ok(())
    })
}

/// Reads until the client leaves: by an orderly end, by an error, or because it was disconnected.
fn pass_on_what_is_said(seat: &Seat) {
    let mut stream = &seat.client.stream;
    let mut lines = Lines::trimmed();
    let mut buffer = [0; 4096];
    loop {
        // An error means that the connection is over, as the read will say.
        let _ = stream.set_read_timeout(lines.patience());
        match uninterrupted(|| stream.read(&mut buffer)) {
            Ok(received @ 1..) => seat.say(&lines.add(&buffer[..received])), // `data`
            Err(error) if timed_out(&error) => seat.say(&lines.cut()),       // `timeout`
            _ => break,                                                      // `end`, or `error`
        }
    }
    seat.say(&lines.finish());
    seat.leave();
}

/// Sends until the client has left and has all that was said before, or cannot be sent anything. A
/// write may wait as long as it likes: nobody waits for this thread.
fn send_what_others_say(seat: &Seat) {
    let mut stream = &seat.client.stream;
    while let Some(unread) = seat.unread() {
        if stream.write_all(&unread).is_err() {
            return disconnect(stream); // the reader wakes up, if it still waits
        }
    }
}
