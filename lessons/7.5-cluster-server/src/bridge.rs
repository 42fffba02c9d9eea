// ANCHOR: header
//! The bridge of 7.5, between the room of one edge and NATS.
//!
//! NATS delivers a message to those who are there, at most once. So the lines of each edge are
//! numbered, and an edge that misses some says how many.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Once};
use std::time::Duration;

use async_nats::{Client, Error};
use bytes::Bytes;
use futures_util::StreamExt;
use lesson_async_server::Room;
use lesson_shared_log_server::{ASK_AGAIN, Cursor};
use shared::{complain, note};
use tokio::select;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::message::{MOST_LINES, Message, count};
use crate::nats::{client, connection};
use crate::others::Others;
// ANCHOR_END: header

// ANCHOR: bridge
/// One more reader of the room, which publishes what it reads, and says there what other edges
/// publish.
pub struct Bridge {
    name: String,
    /// Tells this run of the edge from another one, and from another edge of the same name.
    run: u64,
    room: Arc<Room>,
    /// How far the bridge has read the room's log. What it has said there itself, it does not read.
    cursor: Cursor,
    /// How many lines of other edges the bridge has said in the room.
    told: u64,
    /// The number of the next line of this edge's own people.
    next: u64,
    /// What is to be published next.
    unsent: Option<Bytes>,
    /// The connections to NATS at the last two ticks.
    connections: [Option<u64>; 2],
    others: Others,
}

// ANCHOR_END: bridge

// ANCHOR: run
/// Joins the room of the edge `name` with those of the others, until `leaving` is done or its other
/// end is gone.
pub async fn join_rooms(
    name: String,
    room: Arc<Room>,
    servers: Vec<String>,
    mut leaving: oneshot::Receiver<()>,
) {
    let talk = async {
        let mut bridge = Bridge::new(name, &room);
        let client = client(&servers).await?;
        bridge.talk(&client, &mut leaving).await?;
        bridge.leave(&client).await
    };
    if let Err(error) = talk.await {
        note!("the other edges hear nothing more from here: {error}");
    }
}

impl Bridge {
    /// Creates a bridge that joins now.
    fn new(name: String, room: &Arc<Room>) -> Bridge {
        let log = &mut room.state().log;
        Bridge {
            name,
            run: RandomState::new().hash_one("a number that nobody can guess"),
            cursor: log.join(),
            told: 0,
            next: log.lines(),
            room: Arc::clone(room),
            unsent: None,
            connections: [None; 2],
            others: Others::default(),
        }
    }

    /// Talks until it is time to leave.
    async fn talk(
        &mut self,
        client: &Client,
        leaving: &mut oneshot::Receiver<()>,
    ) -> Result<(), Error> {
        let mut heard = client.subscribe("chat.said.*").await?;
        let mut news = self.room.news.subscribe();
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // As in 7.4: first note the news as seen, then look into the log.
            news.borrow_and_update();
            self.collect();
            let is_held = self.say();
            select! {
                message = heard.next() => {
                    let message = message.ok_or("the client of NATS has ended")?;
                    self.hear(&message.subject, &message.payload);
                }
                sent = self.publish(client), if self.may_publish(client) => self.sent(sent),
                _ = seconds.tick() => self.tick(client),
                () = sleep(ASK_AGAIN), if is_held => {}
                _ = news.changed() => {}
                _ = &mut *leaving => return Ok(()),
            }
        }
    }

    /// Publishes what was said last.
    async fn leave(&mut self, client: &Client) -> Result<(), Error> {
        self.collect();
        while self.unsent.is_some() {
            let sent = self.publish(client).await;
            self.sent(sent);
            self.collect();
        }
        Ok(client.flush().await?)
    }
    // ANCHOR_END: run

    // ANCHOR: publish
    /// Takes the next lines of the room to publish them, unless some are still waiting for that.
    fn collect(&mut self) {
        if self.unsent.is_some() {
            return;
        }
        let log = &mut self.room.state().log;
        if !log.holds(&self.cursor) {
            let kept = log.catch_up(&mut self.cursor);
            let first = log.lines() - self.told - kept;
            let lost = first - self.next;
            complain(format_args!("{lost} lines that were said here are lost to the others"));
            self.next = first;
        }
        let mut lines = Vec::new();
        for piece in log.unread(&self.cursor).unwrap_or_default() {
            let free = MOST_LINES - lines.len();
            lines.extend_from_slice(&piece[..free.min(piece.len())]);
        }
        let whole = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole > 0 {
            self.cursor.advance(whole);
            self.unsent = Some(self.message(&lines[..whole]));
            self.next += count(&lines[..whole]);
            if log.lets_go() {
                self.room.wake_everybody(); // for the speakers that wait
            }
        }
    }

    /// Returns whether something is unsent, and the connection is not so new that other edges may not
    /// have found NATS yet: what was said while it was away would be lost to them.
    fn may_publish(&self, client: &Client) -> bool {
        let connection = connection(client);
        self.unsent.is_some() && connection.is_some() && self.connections == [connection; 2]
    }

    /// Puts the numbers before the lines.
    fn message(&self, lines: &[u8]) -> Bytes {
        [format!("{} {}\n", self.run, self.next).as_bytes(), lines].concat().into()
    }

    /// Waits until there is room for the message on its way to NATS. A call that is dropped before
    /// that has sent nothing.
    async fn publish(&self, client: &Client) -> Result<(), Error> {
        let Some(message) = &self.unsent else { return Ok(()) };
        client.publish(format!("chat.said.{}", self.name), message.clone()).await?;
        Ok(())
    }

    /// Notes that what was unsent has been sent, or that NATS does not take it.
    fn sent(&mut self, sent: Result<(), Error>) {
        self.unsent = None;
        if let Err(error) = sent {
            complain(format_args!("NATS does not take what is said here: {error}"));
        }
    }

    /// Once a second, says how far this edge has counted and how many lines of the others are lost.
    fn tick(&mut self, client: &Client) {
        self.connections = [self.connections[1], connection(client)];
        self.unsent.get_or_insert(self.message(b""));
        self.others.tell_losses();
    }
    // ANCHOR_END: publish

    // ANCHOR: hear
    fn hear(&mut self, subject: &str, payload: &[u8]) {
        static STRANGER: Once = Once::new();
        static NAMESAKE: Once = Once::new();
        let Some(message) = Message::parse(subject, payload) else {
            STRANGER
                .call_once(|| note!("somebody who is no edge publishes on NATS: it is left out"));
            return;
        };
        if message.from == self.name && message.run != self.run {
            NAMESAKE.call_once(|| {
                note!("another edge has the name of this one: give one of them another --name");
            });
        }
        self.others.hear(message);
    }

    /// Says what the others have said, as far as the readers here can keep up. Returns whether some
    /// of it has to wait.
    fn say(&mut self) -> bool {
        let (said, is_held) = self.others.say(&mut self.room.state().log, &mut self.cursor);
        self.told += said;
        if said > 0 {
            self.room.wake_everybody();
        }
        is_held
    }
}
// ANCHOR_END: hear
