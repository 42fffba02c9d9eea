// ANCHOR: header
//! A browser in the room of 7.4: what `Client` is there for lines, this is for a WebSocket.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use lesson_async_server::{News, Publish, Room, Seat, State};
use lesson_shared_log_server::ASK_AGAIN;
use shared::{Allowance, LONGEST_LINE, Lines, note_disconnected, print_line};
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep, sleep_until};
use tokio::{select, task};
// ANCHOR_END: header

// ANCHOR: visitor
/// How often a page is asked whether it is still there.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long a page may be silent. A phone that has locked its screen does not say so, and what we send it
/// goes no further than the system's buffer, so only what arrives counts.
const VANISHED_AFTER: Duration = Duration::from_secs(30);

/// How many pings a browser may send without a pause, and then in a second. A page cannot send any.
const PINGS: (f64, f64) = (20.0, 1.0);

/// The most that one message to a page holds, in bytes. The longest line fits.
const MOST: usize = 2 * LONGEST_LINE;

/// One page in the room.
pub struct Visitor {
    room: Arc<Room>,
    peer: SocketAddr,
    news: watch::Receiver<News>,
    seat: Seat,
    lines: Lines,
    pings: Allowance,
    /// What to send before the next lines of the log.
    due: Vec<Message>,
}

impl Visitor {
    /// Creates a visitor that joins now. The first message tells its page the number that the others see.
    pub fn new(room: Arc<Room>, peer: SocketAddr) -> Visitor {
        let (news, seat) = (room.news.subscribe(), room.join());
        let pings = Allowance::new(PINGS.0, PINGS.1);
        let due = vec![Message::text(peer.port().to_string())];
        Visitor { room, peer, news, seat, lines: Lines::trimmed(), pings, due }
    }

    /// Serves the page until it has left, or the server closes.
    pub async fn visit(mut self, socket: WebSocket) {
        if let Err(error) = self.serve(socket).await {
            note_disconnected(self.peer, &error);
        }
        print_line!("有客户端退出了"); // a client has left
    }
}

/// Makes the room forget the visitor, however its task ends.
impl Drop for Visitor {
    fn drop(&mut self) {
        self.room.leave(self.seat);
    }
}
// ANCHOR_END: visitor

// ANCHOR: serve
impl Visitor {
    async fn serve(&mut self, socket: WebSocket) -> io::Result<()> {
        let (mut to_page, mut from_page) = socket.split();
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        let mut alive_at = Instant::now();
        let mut is_sending = false;
        loop {
            // Anything that is said after this line wakes us again, so we miss nothing.
            let goodbye = *self.news.borrow_and_update() == News::Goodbye;
            let lines = self.unread(is_sending)?;
            if !is_sending {
                if let Some(message) = self.due.pop().or(lines) {
                    to_page.feed(message).await.map_err(as_io)?;
                    is_sending = true;
                } else if goodbye {
                    return part(to_page, from_page).await;
                }
            }
            // A page that is too fast for the others is not read from, so TCP tells it to stop.
            let is_held = self.room.holds_up(self.seat);
            if is_held {
                alive_at = Instant::now(); // we do not read its pongs
            }
            select! {
                message = from_page.next(), if !is_held => {
                    let Some(message) = message else { return Ok(()) };
                    alive_at = Instant::now();
                    self.hear(message.map_err(as_io)?)?;
                    // Yield, so that a page that floods us cannot starve the others.
                    task::yield_now().await;
                }
                sent = to_page.flush(), if is_sending => {
                    sent.map_err(as_io)?;
                    is_sending = false;
                }
                () = sleep(ASK_AGAIN), if is_held => {}
                () = sleep_until(alive_at + VANISHED_AFTER) => {
                    return Err(io::Error::other("it has vanished, or does not read"));
                }
                _ = heartbeat.tick() => {
                    if self.due.is_empty() {
                        // The browser answers a ping, but does not tell the page. A blank line does.
                        self.due = vec![Message::text(""), Message::Ping(Bytes::new())];
                    }
                }
                _ = self.news.changed() => {}
            }
        }
    }
}
// ANCHOR_END: serve

// ANCHOR: hear
impl Visitor {
    fn hear(&mut self, message: Message) -> io::Result<()> {
        match message {
            // A message is a line, and if it holds newlines, it is several.
            Message::Text(text) => self.say(&format!("{text}\n")),
            Message::Binary(_) => {
                return Err(io::Error::other("it has sent bytes that are not text"));
            }
            // axum answers it.
            Message::Ping(_) if !self.pings.affords(1.0, Instant::now().into_std()) => {
                return Err(io::Error::other("it pings without end"));
            }
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => {} // axum answers that too, and nothing comes after it
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        let lines = self.lines.add(text.as_bytes());
        if !lines.is_empty() {
            self.room.say(self.seat, self.peer.port(), &lines);
        }
    }
}
// ANCHOR_END: hear

// ANCHOR: unread
impl Visitor {
    /// Takes the next whole lines out of the log, unless there are none or it `is_sending` others.
    fn unread(&mut self, is_sending: bool) -> io::Result<Option<Message>> {
        let State { log, cursors, .. } = &mut *self.room.state();
        let Some(cursor) = cursors.get_mut(&self.seat) else { return Ok(None) };
        if !log.holds(cursor) {
            return Err(io::Error::other("it does not read what it is sent"));
        }
        if is_sending || !self.due.is_empty() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for piece in log.unread(cursor).unwrap_or_default() {
            bytes.extend_from_slice(&piece[..piece.len().min(MOST - bytes.len())]);
        }
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        cursor.advance(end);
        if log.lets_go() {
            self.room.wake_everybody(); // for the speakers that wait
        }
        // Over TCP anybody can say any bytes, but a text message has to be UTF-8.
        let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
        Ok((end > 0).then(|| Message::text(text)))
    }
}
// ANCHOR_END: unread

// ANCHOR: part
/// Closes the connection, and waits until the page has closed it too.
async fn part(
    mut to_page: SplitSink<WebSocket, Message>,
    mut from_page: SplitStream<WebSocket>,
) -> io::Result<()> {
    let goodbye = CloseFrame { code: close_code::AWAY, reason: "".into() };
    to_page.send(Message::Close(Some(goodbye))).await.map_err(as_io)?;
    while let Some(Ok(_)) = from_page.next().await {
        task::yield_now().await;
    }
    Ok(())
}

/// Returns the system's error if there is one inside, because that may mean that the page has just left.
fn as_io(error: axum::Error) -> io::Error {
    let mut inner: Option<&dyn Error> = Some(&error);
    while let Some(cause) = inner {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return cause.kind().into();
        }
        inner = cause.source();
    }
    match error.to_string() {
        // The text is all that axum shows of it.
        text if text.ends_with(GONE) => io::ErrorKind::ConnectionReset.into(),
        _ => io::Error::other(error),
    }
}

/// The error's text for a page that has left without closing its WebSocket, as phones do.
const GONE: &str = "without closing handshake";
// ANCHOR_END: part
