// ANCHOR: header
//! The bridge of 7.5, between the room of one edge and NATS.
//!
//! NATS delivers what it gets to those who are there, once or not at all. So the lines of each edge
//! are counted, and whoever finds that some are missing asks for them.

use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::{Client, Error};
use async_room::{News, Room};
use bytes::Bytes;
use futures_util::StreamExt;
use lesson_shared_log_server::Cursor;
use shared::note;
use tokio::select;
use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use connection::{Connection, connect, is_over};
use inbox::Inbox;
use message::Message;
use outbox::Outbox;

pub use connection::expect_panics;
pub use message::is_name;

mod connection;
mod inbox;
mod message;
mod outbox;
#[cfg(test)]
mod tests;
// ANCHOR_END: header

// ANCHOR: bridge
/// One more reader of the room, who passes on what it reads, and says there what the others say.
pub struct Bridge {
    name: String,
    /// When this edge was started, in milliseconds since 1970.
    run: u64,
    room: Arc<Room>,
    news: watch::Receiver<News>,
    /// How far the bridge has read the room's log. What it has said there itself, it does not read.
    /// No speaker is held up for the bridge.
    cursor: Cursor,
    outbox: Outbox,
    /// Short messages that go before those of the outbox: subject and payload.
    urgent: VecDeque<(String, String)>,
    inbox: Inbox,
    /// Lines that nobody was told, and that are no longer in the outbox.
    dropped: u64,
    /// What has been complained of.
    complaints: BTreeSet<&'static str>,
}

impl Bridge {
    /// Has not heard anything yet.
    pub fn new(name: String, room: Arc<Room>) -> Bridge {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = since_1970.as_millis() as u64;
        let (news, cursor) = (room.news.subscribe(), room.log().join_unnoticed());
        Bridge {
            name,
            run,
            room,
            news,
            cursor,
            outbox: Outbox::new(run),
            urgent: VecDeque::new(),
            inbox: Inbox::default(),
            dropped: 0,
            complaints: BTreeSet::new(),
        }
    }
    // ANCHOR_END: bridge

    // ANCHOR: run
    /// Joins the rooms until `leaving` is done, or the other end of it is gone.
    pub async fn run(mut self, mut servers: Vec<String>, mut leaving: oneshot::Receiver<()>) {
        let mut connection = select! {
            connection = connect(&servers, Duration::ZERO) => connection,
            _ = &mut leaving => return,
        };
        self.cursor = self.room.log().join_unnoticed(); // what was said before was said to those who were here
        note!("joined the other edges");
        while self.talk(&mut connection, &mut leaving).await.is_err() {
            connection.learn(&mut servers);
            note!(
                "the connection to NATS is lost: what is said here meanwhile is told the others \
                 later, up to 8 MiB of it"
            );
            connection = select! {
                connection = connect(&servers, Duration::from_secs(10)) => connection,
                () = self.keep() => return,
                _ = &mut leaving => break,
            };
        }
        if self.next().is_some() {
            note!("NATS is away: the other edges miss what was said here last");
        }
    }

    /// Keeps what is said in the room, as long as nobody can be told.
    async fn keep(&mut self) {
        while self.news.changed().await.is_ok() {
            self.collect();
        }
    }
    // ANCHOR_END: run

    // ANCHOR: talk
    /// Talks until it is time to leave, or the connection is lost.
    async fn talk(
        &mut self,
        connection: &mut Connection,
        leaving: &mut oneshot::Receiver<()>,
    ) -> Result<(), Error> {
        let Connection { client, heard, events } = connection;
        let mut is_over = pin!(is_over(client, events));
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // As in 7.4: first note the news as seen, then look into the log.
            self.news.borrow_and_update();
            self.collect();
            let next = self.next();
            select! {
                message = heard.next() => {
                    let message = message.ok_or("the client has ended")?;
                    self.hear(&message.subject, &message.payload);
                }
                sent = send(client, &next), if next.is_some() => {
                    sent?;
                    self.sent();
                }
                _ = seconds.tick() => self.say_alive(),
                _ = self.news.changed() => {}
                () = &mut is_over => return Err("the connection is lost".into()),
                _ = &mut *leaving => break,
            }
        }
        self.collect();
        while let next @ Some(_) = self.next() {
            send(client, &next).await?;
            self.sent();
        }
        client.flush().await?;
        Ok(())
    }
    // ANCHOR_END: talk

    // ANCHOR: tell
    /// Moves to the outbox what has been said in the room.
    fn collect(&mut self) {
        let log = self.room.log();
        let Some(unread) = log.unread(&self.cursor) else {
            note!("more was said at once than the log holds, and the other edges miss it");
            self.cursor = log.join_unnoticed();
            return;
        };
        let mut lines = Vec::new();
        unread.iter().for_each(|piece| lines.extend_from_slice(piece));
        self.cursor.advance(lines.len());
        drop(unread);
        drop(log);
        let dropped = self.outbox.add(&lines);
        if dropped > 0 && self.dropped == 0 {
            note!("NATS is away for too long: from now on the oldest lines are dropped");
        }
        self.dropped += dropped;
    }

    /// What is to be sent next, and its subject.
    fn next(&self) -> Option<(String, Bytes)> {
        match self.urgent.front() {
            Some((subject, payload)) => Some((subject.clone(), payload.clone().into())),
            None => Some((format!("chat.said.{}", self.name), self.outbox.next()?)),
        }
    }

    /// What was next has been sent.
    fn sent(&mut self) {
        if self.urgent.pop_front().is_none() {
            self.outbox.advance();
        }
        let dropped = mem::take(&mut self.dropped);
        if dropped > 0 {
            note!("{dropped} lines that were said here are dropped, and the other edges miss them");
        }
    }

    fn say_alive(&mut self) {
        if self.urgent.is_empty() {
            let (run, oldest, sent) = (self.run, self.outbox.oldest(), self.outbox.sent());
            let subject = format!("chat.alive.{}", self.name);
            self.urgent.push_back((subject, format!("{run} {oldest} {sent}")));
        }
    }
    // ANCHOR_END: tell

    // ANCHOR: hear
    fn hear(&mut self, subject: &str, payload: &[u8]) {
        match Message::parse(subject, payload) {
            Some(Message::Again { to, run, first }) => {
                if to == self.name && run == self.run {
                    self.outbox.go_back(first);
                }
            }
            Some(Message::Said { from, .. } | Message::Alive { from, .. }) if from == self.name => {
                self.complain(
                    "another edge has the name of this one: one of them needs another --name",
                );
            }
            Some(Message::Said { from, run, first, lines }) => {
                if self.inbox.hear_lines(from, run, first, lines) {
                    self.room.log().say_for(&mut self.cursor, &format!("{from}/"), lines);
                    self.room.news.send_modify(|_| {});
                }
            }
            Some(Message::Alive { from, run, oldest, next }) => {
                let (lost, missing) = self.inbox.hear_alive(from, run, oldest, next);
                if lost > 0 {
                    note!("{lost} lines of {from} are lost: it does not have them any more");
                }
                if let Some(first) = missing {
                    self.ask_again(from, run, first);
                }
            }
            None => self.complain("somebody who is no edge says something on NATS: it is left out"),
        }
    }

    fn ask_again(&mut self, from: &str, run: u64, first: u64) {
        let ask = (format!("chat.again.{from}"), format!("{run} {first}"));
        if !self.urgent.contains(&ask) {
            self.urgent.push_back(ask);
        }
    }

    /// Says that something is wrong with the others, once.
    fn complain(&mut self, what: &'static str) {
        if self.complaints.insert(what) {
            note!("{what}");
        }
    }
}

/// Waits until there is room for the message on its way to NATS. One that is dropped meanwhile has
/// sent nothing.
async fn send(client: &Client, next: &Option<(String, Bytes)>) -> Result<(), Error> {
    let Some((subject, payload)) = next else { return Ok(()) };
    client.publish(subject.clone(), payload.clone()).await?;
    Ok(())
}
// ANCHOR_END: hear
