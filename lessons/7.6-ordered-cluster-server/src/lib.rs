// ANCHOR: header
//! The edge of 7.6: the server of 7.4, but its people hear what comes back from a stream.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Once};
use std::time::Duration;

use lesson_async_server::{Room, State, serve};
use lesson_cluster_server::{fit, is_name};
use lesson_shared_log_server::{ASK_AGAIN, Log};
use shared::{complain, note};
use tokio::time::{sleep, timeout};
use tokio::{select, task};

use outbox::Outbox;
use stream::{Heard, Listener, Stream};

mod outbox;
mod stream;
// ANCHOR_END: header

// ANCHOR: run
/// How long to wait at the end until what was said last has come back.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long to wait before people are told that nobody has heard them yet.
const STUCK: Duration = Duration::from_secs(5);

/// How long to wait for lines to come back when all are stored and nobody says anything. After that
/// they are lost, because somebody has deleted the stream.
const LOST: Duration = Duration::from_secs(30);

/// Serves the people of the edge `name` until `shutdown` is done. They hear what all edges publish
/// to the stream of one of the NATS servers `nats`, and a client that joins is told the last
/// `history` lines, at most a hundred.
///
/// # Errors
/// If the listener cannot be used with tokio.
pub async fn run(
    listener: TcpListener,
    name: String,
    nats: Vec<String>,
    history: usize,
    shutdown: impl Future,
) -> io::Result<()> {
    let room = Arc::new(Room::default());
    room.state().history = history;
    let outbox = Arc::new(Outbox::default());
    let edge = Edge { name, room: Arc::clone(&room), outbox: Arc::clone(&outbox) };
    let edge = task::spawn(edge.join_rooms(nats, history));
    let farewell = async {
        shutdown.await;
        let everything_back = async {
            while !outbox.is_empty() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(FAREWELL, everything_back).await.is_err() {
            note!("what was said here last has not come back from NATS: nobody may have heard it");
        }
        edge.abort();
    };
    // The other servers do not close, so the goodbye is only for the people here.
    serve(listener, &room, Arc::clone(&outbox), farewell).await
}
// ANCHOR_END: run

// ANCHOR: edge
/// What stands between the people of an edge and the stream.
struct Edge {
    name: String,
    room: Arc<Room>,
    outbox: Arc<Outbox>,
}

impl Edge {
    /// Publishes what is said here, and adds to the log what comes back, for as long as the server
    /// runs.
    async fn join_rooms(self, nats: Vec<String>, history: usize) {
        let joined = async {
            let stream = Stream::open(&nats, &self.name).await?;
            let listener = stream.listen(history as u64).await;
            note!("joined the other edges");
            select! {
                () = self.publish(&stream) => {}
                () = self.listen(listener) => {}
            }
            anyhow::Ok(())
        };
        select! {
            ended = joined => if let Err(error) = ended { note!("cannot use NATS: {error}") },
            () = self.tell_when_stuck() => {}
        }
    }

    /// Publishes one message after another. The next one waits until the stream has stored the last
    /// one, so that repeating a message cannot change their order.
    async fn publish(&self, stream: &Stream) {
        loop {
            match timeout(LOST, self.outbox.next()).await {
                Ok(lines) => stream.publish(lines).await,
                Err(_) => self.outbox.forget_what_is_lost(),
            }
        }
    }

    async fn listen(&self, mut listener: Listener) {
        let mut past = Some(Log::default());
        loop {
            let Heard { edge, lines, lost, is_past } = listener.next().await;
            if lost > 0 {
                complain(format_args!(
                    "the stream no longer has {lost} messages, which were not heard here"
                ));
            }
            let is_from_edge = is_name(&edge) && fit(&edge, &lines);
            if let Some(past) = past.as_mut().filter(|_| is_from_edge && is_past) {
                past.add(&format!("{edge}/"), &lines);
            }
            if !listener.is_in_past()
                && let Some(past) = past.take()
            {
                self.tell_the_last_of(past);
            }
            if is_from_edge && !is_past {
                self.wait_for_readers().await;
                self.say(&edge, &lines);
            }
        }
    }

    /// Adds the last lines of the past all at the same time, so that a client that joined before we
    /// had them all is told no more of them than one that joins later.
    fn tell_the_last_of(&self, mut past: Log) {
        let State { log, history, .. } = &mut *self.room.state();
        let last = past.join_late(*history);
        past.unread(&last).into_iter().flatten().for_each(|lines| log.append(&lines));
        self.room.wake_everybody();
    }

    /// Waits until the readers have caught up, as any speaker does. Meanwhile the stream keeps the
    /// lines.
    async fn wait_for_readers(&self) {
        let mut news = self.room.news.subscribe();
        loop {
            let is_held = {
                let log = &mut self.room.state().log;
                let end = log.end();
                log.holds_up(end)
            };
            if !is_held {
                return;
            }
            let _ = timeout(ASK_AGAIN, news.changed()).await;
        }
    }

    /// Adds to the log what has arrived from the stream. A client's own lines are not sent back to
    /// that client.
    fn say(&self, edge: &str, lines: &bytes::Bytes) {
        static NAMESAKE: Once = Once::new();
        let ours = if edge == self.name { self.outbox.came_back(lines) } else { None };
        if edge == self.name && ours.is_none() {
            NAMESAKE.call_once(|| {
                note!("another edge has the name of this one: give one of them another --name")
            });
        }
        let State { log, cursors, .. } = &mut *self.room.state();
        match ours {
            None => log.add(&format!("{edge}/"), lines),
            Some(authors) => {
                let mut rest = &lines[..];
                for (seat, size) in authors {
                    let (said, later) = rest.split_at(size);
                    match cursors.get_mut(&seat) {
                        Some(cursor) => log.say_for(cursor, "", said),
                        None => log.add("", said), // by somebody who has left
                    }
                    rest = later;
                }
            }
        }
        self.room.wake_everybody();
    }

    /// Tells the people when nothing comes back, once each time.
    async fn tell_when_stuck(&self) {
        loop {
            while !self.outbox.is_stuck(STUCK) {
                sleep(ASK_AGAIN).await;
            }
            // nobody has heard this yet; please wait
            self.room.state().log.append("消息还没有发出去，请稍等\n".as_bytes());
            self.room.wake_everybody();
            while self.outbox.is_stuck(STUCK) {
                sleep(ASK_AGAIN).await;
            }
        }
    }
}
// ANCHOR_END: edge
