// ANCHOR: header
//! One client of 7.4, and what its task does.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use lesson_shared_log_server::ASK_AGAIN;
use shared::{Lines, disconnect, note_disconnected};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio::{select, task};

use crate::{Connection, News, Publish, Room, Seat, State};
// ANCHOR_END: header

// ANCHOR: client
/// One client, from joining to leaving.
pub struct Client<C, P> {
    stream: C,
    peer: SocketAddr,
    room: Arc<Room>,
    news: watch::Receiver<News>,
    seat: Seat,
    publisher: Arc<P>,
    lines: Lines,
    /// When to pass on a line that has begun, although its end has not arrived.
    cut_at: Option<Instant>,
    /// Whether nothing can be sent to the client any more. Its last words may still be unread.
    is_broken: bool,
    has_left: bool,
}

impl<C: Connection, P: Publish> Client<C, P> {
    /// Creates a client that joins now.
    pub fn new(stream: C, peer: SocketAddr, room: Arc<Room>, publisher: Arc<P>) -> Client<C, P> {
        let (news, seat) = (room.news.subscribe(), room.join());
        Client {
            stream,
            peer,
            room,
            news,
            seat,
            publisher,
            lines: Lines::trimmed(),
            cut_at: None,
            is_broken: false,
            has_left: false,
        }
    }
    // ANCHOR_END: client

    // ANCHOR: serve
    /// Serves the client until it has left, or the server closes.
    ///
    /// # Errors
    /// If the client does not read what it is sent, or resets the connection.
    pub async fn serve(mut self) -> io::Result<()> {
        loop {
            // Anything that is said after this line wakes us again, so we miss nothing.
            let goodbye = *self.news.borrow_and_update() == News::Goodbye;
            let is_behind = self.send()?;
            if !is_behind && (self.has_left || goodbye) {
                return self.part().await;
            }
            // A client that is too fast for the others is not read from, so TCP tells it to stop.
            let is_held = !self.has_left && self.publisher.holds_up(self.seat);
            let cut_at = self.cut_at.unwrap_or_else(Instant::now);
            select! {
                biased; // read what has arrived of a line before you cut it
                _ = self.stream.readable(), if !self.has_left && !is_held => {
                    self.read();
                    // Yield, so that a client that floods us cannot starve the others.
                    task::yield_now().await;
                }
                _ = self.stream.socket().writable(), if is_behind => {}
                () = sleep(ASK_AGAIN), if is_held => {}
                () = sleep_until(cut_at), if self.cut_at.is_some() && !is_held => {
                    let lines = self.lines.cut();
                    self.say(&lines);
                }
                _ = self.news.changed() => {}
            }
        }
    }
    // ANCHOR_END: serve

    // ANCHOR: read
    fn read(&mut self) {
        let mut buffer = [0; 4096];
        let lines = match self.stream.try_read(&mut buffer) {
            Ok(received @ 1..) => self.lines.add(&buffer[..received]),
            Err(error) if is_passing(&error) => return,
            outcome => {
                self.has_left = true;
                if let Err(error) = outcome {
                    self.is_broken = true;
                    note_disconnected(self.peer, &error);
                }
                self.lines.finish()
            }
        };
        self.say(&lines);
    }

    fn say(&mut self, lines: &[u8]) {
        self.cut_at = self.lines.patience().map(|patience| Instant::now() + patience);
        if !lines.is_empty() {
            self.publisher.say(self.seat, self.peer.port(), lines);
        }
    }
    // ANCHOR_END: read

    // ANCHOR: send
    /// Sends what is in the log for this client, as much as its socket takes. Returns whether
    /// something is left.
    fn send(&mut self) -> io::Result<bool> {
        if self.is_broken {
            return Ok(false);
        }
        let State { log, cursors, .. } = &mut *self.room.state();
        let Some(cursor) = cursors.get_mut(&self.seat) else { return Ok(false) };
        let Some(unread) = log.unread(cursor) else {
            disconnect(self.stream.socket());
            return Err(io::Error::other("it does not read what it is sent"));
        };
        if !unread.is_empty() {
            match self.stream.try_write_vectored(&unread) {
                Ok(sent) => cursor.advance(sent),
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    note_disconnected(self.peer, &error);
                    disconnect(self.stream.socket()); // makes it readable, so that its end is read
                    self.is_broken = true;
                }
            }
        }
        let is_behind = !self.is_broken && !log.is_read(cursor);
        if log.lets_go() {
            self.room.wake_everybody(); // for the speakers that wait
        }
        Ok(is_behind)
    }
    // ANCHOR_END: send

    // ANCHOR: part
    /// Half-closes the connection, and waits until the client has closed it too. If we closed it with
    /// unread data in it, that would reset it, and the last line might be lost.
    async fn part(mut self) -> io::Result<()> {
        self.stream.half_close().await?;
        loop {
            self.stream.readable().await?;
            let thrown_away = self.stream.try_read(&mut [0; 4096]);
            match thrown_away {
                Ok(0) => return Ok(()),
                Err(error) if !is_passing(&error) => return Err(error),
                _ => task::yield_now().await,
            }
        }
    }
}

/// Makes the room forget the client, however the client's task ends.
impl<C, P> Drop for Client<C, P> {
    fn drop(&mut self) {
        self.room.leave(self.seat);
    }
}
// ANCHOR_END: part

// ANCHOR: passing
/// Returns whether nothing is wrong: the socket was not ready after all, or a signal has
/// interrupted the call.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
// ANCHOR_END: passing
