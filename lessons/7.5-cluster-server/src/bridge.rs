// ANCHOR: header
//! The bridge of 7.5, between one room and NATS. Three kinds of messages go over NATS:
//!
//! | subject | said by the edge `east` | payload |
//! |---|---|---|
//! | `chat.said.east` | these lines were said here | `<run> <number of the first>`, a newline, the lines |
//! | `chat.alive.east` | once a second: I am here | `<run> <oldest line I still have> <next line>` |
//! | `chat.again.west` | to `west`: I miss lines of yours | `<run of west> <number of the first>` |
//!
//! NATS delivers what it gets to those who are there, once or not at all. So the lines of each edge
//! are counted, and who finds that it misses some asks for them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::{Client, ConnectOptions, Event, Message};
use async_room::{News, Room};
use bytes::Bytes;
use futures_util::StreamExt;
use shared::note;
use shared_log::Cursor;
use tokio::select;
use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::outbox::{LARGEST, Outbox, count};
// ANCHOR_END: header

// ANCHOR: bridge
pub struct Bridge {
    name: String,
    /// When this edge was started, in milliseconds since 1970: with another run, lines are counted
    /// anew.
    run: u64,
    room: Arc<Room>,
    news: watch::Receiver<News>,
    /// How far the bridge has read the room's log. What it has said there itself, it does not read.
    cursor: Cursor,
    outbox: Outbox,
    /// Short messages that go before those of the outbox: subject and payload.
    urgent: VecDeque<(String, String)>,
    edges: BTreeMap<String, Edge>,
    /// Lines that nobody was told, and that are no longer in the outbox.
    dropped: u64,
    /// What has been complained of.
    complaints: BTreeSet<&'static str>,
}

/// Another edge, as far as we have heard it.
struct Edge {
    run: u64,
    /// The number of the line that comes next.
    next: u64,
}

impl Bridge {
    /// Has not heard anything yet.
    pub fn new(name: String, room: Arc<Room>) -> Bridge {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = since_1970.as_millis() as u64;
        let (news, cursor) = (room.news.subscribe(), room.log().join());
        Bridge {
            name,
            run,
            room,
            news,
            cursor,
            outbox: Outbox::new(run),
            urgent: VecDeque::new(),
            edges: BTreeMap::new(),
            dropped: 0,
            complaints: BTreeSet::new(),
        }
    }
    // ANCHOR_END: bridge

    // ANCHOR: run
    /// Joins the rooms until `leaving` is done, or the other end of it is gone.
    pub async fn run(mut self, servers: String, mut leaving: oneshot::Receiver<()>) {
        let client = select! {
            client = connect(&servers) => client,
            _ = &mut leaving => return,
        };
        if let Err(error) = self.talk(&client, leaving).await {
            note!("NATS takes nothing any more, so this edge is by itself: {error}");
        }
    }
    // ANCHOR_END: run

    // ANCHOR: talk
    async fn talk(
        &mut self,
        client: &Client,
        mut leaving: oneshot::Receiver<()>,
    ) -> Result<(), async_nats::Error> {
        let mut heard = client.subscribe("chat.*.*").await?;
        self.cursor = self.room.log().join(); // what was said before was said to those who were here
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // As in 7.4: first note the news as seen, then look into the log.
            self.news.borrow_and_update();
            self.collect();
            let next = self.next();
            select! {
                Some(message) = heard.next() => self.hear(&message),
                sent = send(client, &next), if next.is_some() => {
                    sent?;
                    self.sent();
                }
                _ = seconds.tick() => self.say_alive(),
                _ = self.news.changed() => {}
                _ = &mut leaving => break,
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
            self.cursor = log.join();
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
    fn hear(&mut self, message: &Message) {
        let payload = &message.payload;
        let end = payload.iter().position(|byte| *byte == b'\n');
        let (head, lines) = payload.split_at(end.map_or(payload.len(), |end| end + 1));
        let numbers: Option<Vec<u64>> = std::str::from_utf8(head)
            .ok()
            .and_then(|head| head.split_whitespace().map(|word| word.parse().ok()).collect());
        let words: Vec<&str> = message.subject.split('.').collect();
        match (&words[..], numbers.as_deref()) {
            (["chat", "again", to], Some([run, first])) => {
                if *to == self.name && *run == self.run {
                    self.outbox.go_back(*first);
                }
            }
            (["chat", _, from], Some(_)) if *from == self.name => self.complain(
                "another edge has the name of this one: start one of them with another --name",
            ),
            (["chat", "said", from], Some([run, first]))
                if is_name(from) && lines.ends_with(b"\n") =>
            {
                self.hear_lines(from, *run, *first, lines)
            }
            (["chat", "alive", from], Some([run, oldest, next])) if is_name(from) => {
                self.hear_alive(from, *run, *oldest, *next)
            }
            _ => self.complain("somebody who is no edge says something on NATS: it is left out"),
        }
    }

    /// Says that something is wrong with the others, once.
    fn complain(&mut self, what: &'static str) {
        if self.complaints.insert(what) {
            note!("{what}");
        }
    }

    /// What is known of an edge. Who is new begins with the line `next`.
    fn edge(&mut self, name: &str, run: u64, next: u64) -> &mut Edge {
        let edge = self.edges.entry(name.to_string()).or_insert(Edge { run, next });
        if edge.run != run {
            *edge = Edge { run, next };
        }
        edge
    }

    /// Says lines of another edge in this room, if it is their turn. Those that were heard already
    /// are left out, and so are those after a gap: its next `alive` will show the gap.
    fn hear_lines(&mut self, from: &str, run: u64, first: u64, lines: &[u8]) {
        let edge = self.edge(from, run, first);
        if edge.next == first {
            edge.next = first.saturating_add(count(lines));
            self.room.log().say_for(&mut self.cursor, &format!("{from}/"), lines);
            self.room.news.send_modify(|_| {});
        }
    }

    fn hear_alive(&mut self, from: &str, run: u64, oldest: u64, next: u64) {
        let edge = self.edge(from, run, next);
        if edge.next < oldest {
            note!(
                "{} lines of {from} are lost: it does not have them any more",
                oldest - edge.next
            );
            edge.next = oldest;
        }
        if edge.next < next {
            let ask = (format!("chat.again.{from}"), format!("{run} {}", edge.next));
            if !self.urgent.contains(&ask) {
                self.urgent.push_back(ask);
            }
        }
    }
}
// ANCHOR_END: hear

// ANCHOR: connect
/// Connects to one of the servers, as soon as one is there. From then on the client connects again
/// by itself whenever the connection is lost, to any server of the cluster.
async fn connect(servers: &str) -> Client {
    let addresses: Vec<String> =
        servers.split(',').map(|server| format!("nats://{server}")).collect();
    let mut has_said = false;
    loop {
        let problem = match options().connect(&addresses).await {
            Ok(client) if client.server_info().max_payload >= LARGEST => return client,
            Ok(_) => format!("its `max_payload` is too small: {LARGEST} bytes are needed"),
            Err(error) => error.to_string(),
        };
        if !mem::replace(&mut has_said, true) {
            note!(
                "cannot connect to NATS at {servers}: {problem}\n\
                 Until that is possible, your people talk among themselves. Is a nats-server running?"
            );
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn options() -> ConnectOptions {
    ConnectOptions::new()
        .no_echo() // what we say does not come back to us
        .client_capacity(16) // messages that wait for the connection: the rest stays in the outbox
        .subscription_capacity(1024) // messages that wait for us: what is too much is asked for again
        .ping_interval(Duration::from_secs(5)) // a machine that vanished is noticed
        .reconnect_delay_callback(|tries| Duration::from_millis(100 * tries.min(10) as u64))
        .event_callback(|event| async move { tell(&event) })
}

fn tell(event: &Event) {
    match event {
        Event::Connected => note!("connected to NATS"),
        Event::Disconnected => note!(
            "the connection to NATS is lost: what is said here meanwhile is told the others later, \
             up to 8 MiB of it"
        ),
        Event::ServerError(error) => note!("NATS says: {error}"),
        _ => {}
    }
}

/// Waits until there is room for the message on its way to NATS. One that is dropped meanwhile has
/// sent nothing.
async fn send(client: &Client, next: &Option<(String, Bytes)>) -> Result<(), async_nats::Error> {
    let Some((subject, payload)) = next else { return Ok(()) };
    client.publish(subject.clone(), payload.clone()).await?;
    Ok(())
}

/// Whether an edge may be called that: NATS and the readers of labels have to know where it ends.
pub fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    (1..=32).contains(&name.chars().count()) && name.chars().all(fits)
}
// ANCHOR_END: connect
