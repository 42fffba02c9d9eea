// ANCHOR: header
//! The bridge of 7.5, between the room of one edge and NATS.
//!
//! NATS delivers a message at most once, and only to the programs that are connected. So the lines
//! of each edge are numbered, and an edge that misses some says how many.

use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use async_nats::{Client, Error};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{Fuse, FusedFuture, FutureExt};
use lesson_async_server::Room;
use lesson_shared_log_server::{ASK_AGAIN, Cursor};
use shared::{complain, note};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio::{select, task};

use crate::message::{MOST_LINES, Message, count};
use crate::nats::{client, connection};
use crate::others::Others;
// ANCHOR_END: header

// ANCHOR: bridge
/// How many messages are taken in before their lines are added to the log. The client counts what
/// waits for us in messages, whatever their size; we count in bytes.
const MOST_AT_ONCE: usize = 256;

/// How long after a connection is made again something may arrive that was published before.
const LATE: Duration = Duration::from_secs(10);

/// One more reader of the room, which publishes what it reads, and adds to the log what other edges
/// publish.
pub struct Bridge {
    name: String,
    /// A number that differs for each run of the edge, and for another edge of the same name.
    run: u64,
    room: Arc<Room>,
    /// How far the bridge has read the room's log. It does not read what it has added there itself.
    cursor: Cursor,
    /// How many lines of other edges the bridge has added to the log.
    told: u64,
    /// The number of the next line of this edge's own people.
    next: u64,
    /// The message to publish next.
    unsent: Option<Bytes>,
    /// The number of the connection to NATS, if there is one, and since when it is what it is.
    connection: (Option<u64>, Instant),
    others: Others,
}

// ANCHOR_END: bridge

// ANCHOR: run
/// Joins the room of the edge `name` with those of the others, until `leaving` is done or its other
/// end is dropped.
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
            connection: (None, Instant::now()),
            others: Others::default(),
        }
    }

    /// Talks until it is time to leave.
    async fn talk(
        &mut self,
        client: &Client,
        leaving: &mut oneshot::Receiver<()>,
    ) -> Result<(), Error> {
        let heard = client.subscribe("chat.said.*").await?;
        let mut heard = heard.ready_chunks(MOST_AT_ONCE);
        let mut news = self.room.news.subscribe();
        // What the client still has when the connection is lost goes out first on the next one, too
        // early. So the next message waits until the last one is out.
        let mut flushed = pin!(Fuse::terminated());
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // As in 7.4: first note the news as seen, then look into the log.
            news.borrow_and_update();
            self.collect();
            let told = self.told;
            let is_held = self.say();
            let has_more = self.told > told;
            let may_publish = flushed.is_terminated() && self.may_publish(client);
            select! {
                biased; // publish before the others' lines push ours out of the log
                sent = self.publish(client), if may_publish => {
                    self.sent(sent);
                    flushed.set(client.flush().fuse());
                }
                _ = &mut flushed => {}
                _ = &mut *leaving => return Ok(()),
                _ = seconds.tick() => self.tick(client),
                // Yield, so that the readers keep up with an edge that floods us.
                () = task::yield_now(), if has_more => {}
                messages = heard.next(), if !has_more => {
                    for message in messages.ok_or("the client of NATS has ended")? {
                        self.hear(client, &message.subject, &message.payload);
                    }
                }
                () = sleep(ASK_AGAIN), if is_held => {}
                _ = news.changed(), if !has_more => {}
            }
        }
    }

    /// Publishes what has not been published yet.
    async fn leave(&mut self, client: &Client) -> Result<(), Error> {
        self.collect();
        while self.unsent.is_some() {
            let sent = self.publish(client).await;
            self.sent(sent);
            self.collect();
        }
        if connection(client).is_some() {
            client.flush().await?;
        }
        Ok(())
    }
    // ANCHOR_END: run

    // ANCHOR: publish
    /// Makes the next message from the room's next lines, unless one is still waiting to be
    /// published.
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

    /// Returns whether there is a message to publish, and the connection is at least a second old.
    /// On a newer one other edges may not be connected again yet, so they would miss the message.
    fn may_publish(&mut self, client: &Client) -> bool {
        let is_ready = self.age(client).is_some_and(|age| age >= Duration::from_secs(1));
        self.unsent.is_some() && is_ready
    }

    /// Returns the age of the connection, or `None` while there is none.
    fn age(&mut self, client: &Client) -> Option<Duration> {
        let connection = connection(client);
        if self.connection.0 != connection {
            self.connection = (connection, Instant::now());
        }
        connection.map(|_| self.connection.1.elapsed())
    }

    /// Returns a message with these lines: the numbers come before them.
    fn message(&self, lines: &[u8]) -> Bytes {
        [format!("{} {}\n", self.run, self.next).as_bytes(), lines].concat().into()
    }

    /// Waits until the client's queue has room, and publishes the message. If the future is dropped
    /// before that, nothing has been sent.
    async fn publish(&self, client: &Client) -> Result<(), Error> {
        let Some(message) = &self.unsent else { return Ok(()) };
        client.publish(format!("chat.said.{}", self.name), message.clone()).await?;
        Ok(())
    }

    /// Forgets the message, whether it could be published or not, and complains if it could not.
    fn sent(&mut self, sent: Result<(), Error>) {
        self.unsent = None;
        if let Err(error) = sent {
            complain(format_args!("NATS does not take what is said here: {error}"));
        }
    }

    /// Publishes how far this edge has counted, and prints how many lines of the others are lost.
    /// Runs once a second.
    fn tick(&mut self, client: &Client) {
        if connection(client).is_some() {
            self.unsent.get_or_insert(self.message(b""));
        }
        self.others.tell_losses();
    }
    // ANCHOR_END: publish

    // ANCHOR: hear
    fn hear(&mut self, client: &Client, subject: &str, payload: &[u8]) {
        static STRANGER: Once = Once::new();
        static NAMESAKE: Once = Once::new();
        let Some(message) = Message::parse(subject, payload) else {
            STRANGER
                .call_once(|| note!("somebody who is no edge publishes on NATS: it is left out"));
            return;
        };
        if message.from == self.name {
            if message.run == self.run {
                return; // published over our last connection, so to NATS it is no echo
            }
            NAMESAKE.call_once(|| {
                note!("another edge has the name of this one: give one of them another --name");
            });
        }
        let has_reconnected =
            self.age(client).is_some_and(|age| age < LATE) && self.connection.0 > Some(1);
        self.others.hear(message, has_reconnected);
    }

    /// Adds to the log what the others have said, as far as the readers here can keep up. Returns
    /// whether some of it has to wait.
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
