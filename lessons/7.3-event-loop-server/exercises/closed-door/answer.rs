//! 7.3 Broadcast chat in one thread: an event loop, and the log of 7.2.
//!
//!     cargo run -p lesson-event-loop-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! Only one call in here waits: `poll`, which waits for all clients at the same time. The policies
//! are those of 7.2: a reader is disconnected when it has fallen off the log's tail, or (on Linux) has
//! taken in nothing for 90 s while something waits for it. A speaker that is too fast is held up.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use anyhow::Context;
use lesson_shared_log_server::SEND_BUFFER;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Registry, Token};
use shared::{Failure, lesson, listen, pause_for, print_line, set_send_buffer};

use room::Room;

#[path = "../../src/room.rs"]
mod room;
#[path = "../../src/timers.rs"]
mod timers;

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());

    listener.set_nonblocking(true).context("cannot make the listener non-blocking")?;
    run(TcpListener::from_std(listener)).context("cannot wait for events")?;
    Ok(())
}

/// The token of the listener's events. The clients' tokens count from 0.
const LISTENER: Token = Token(usize::MAX);

fn run(mut listener: TcpListener) -> io::Result<()> {
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 8 * 1024];
    let mut room = Room::default();
    let mut accept_at = None;
    loop {
        match poll.poll(&mut events, time_left(&room, accept_at)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
        for event in &events {
            match event.token() {
                LISTENER => accept_at = accept_at.or(Some(Instant::now())),
                token => room.ready(token, event.is_readable(), event.is_writable()),
            }
        }
        if accept_at.is_some_and(|time| time <= Instant::now()) {
            accept_at = accept(&listener, poll.registry(), &mut room);
        }
        room.read(&mut buffer);
        room.cut();
        for mut client in room.send() {
            let _ = poll.registry().deregister(&mut client.stream);
            print_line!("有客户端退出了"); // a client has left
        }
    }
}

/// Returns how long to wait for events: until it is time for something else, or without limit if
/// nothing else is due.
fn time_left(room: &Room, accept_at: Option<Instant>) -> Option<Duration> {
    if room.is_busy() {
        return Some(Duration::ZERO);
    }
    let next = room.timers.next().into_iter().chain(accept_at).min()?;
    Some(next.saturating_duration_since(Instant::now()))
}

/// The most clients that one turn of the loop accepts, so that the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// Accepts waiting clients. Returns when to try again: immediately if there may be more, later if it
/// is not possible now, or `None` to wait for the listener's next event.
fn accept(listener: &TcpListener, registry: &Registry, room: &mut Room) -> Option<Instant> {
    for _ in 0..ACCEPTS_PER_TURN {
        let accepted = listener.accept();
        match accepted.and_then(|(stream, peer)| room.admit(stream, peer, registry)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => return Some(Instant::now() + pause_for(&error)),
        }
    }
    Some(Instant::now())
}
