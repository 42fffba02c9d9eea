// ANCHOR: header
//! The log of the whole room: a stream, whose messages nats-server numbers and stores.
//!
//! Everything about JetStream is in this file. An edge publishes what its people say, and waits
//! until the stream has stored it. Everybody hears what comes back from the stream, in the stream's
//! order.

use std::error::Error;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Once};
use std::time::Duration;

use async_nats::Event;
use async_nats::connection::State;
use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::{ContextBuilder, CreateStreamErrorKind, RequestError};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RawMessageErrorKind, StorageType};
use async_nats::jetstream::{self, Context, ErrorCode};
use bytes::Bytes;
use futures_util::StreamExt;
use lesson_cluster_server::{MOST_LINES, forget_what_was_said, options, say_once};
use shared::{complain, note};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
// ANCHOR_END: header

// ANCHOR: config
/// The most bytes of lines in one message.
pub const LARGEST: usize = MOST_LINES;

/// The largest message: the lines, and the headers.
const LARGEST_MESSAGE: i32 = LARGEST as i32 + 1024;

/// The name of the stream.
const NAME: &str = "ORDERED";

/// The subjects that the stream stores. The edge `east` publishes on `ordered.east`.
const SUBJECTS: &str = "ordered.*";
const PREFIX: &str = "ordered.";

/// What to do while no server can be reached.
const ADVICE: &str = "Until that is possible nobody hears anybody. Start `nats-server -js` there, \
                      without TLS and password, or say with --nats where one is.";

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before the next attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a stream that was deleted is left alone. Until nats-server 2.9 has deleted its files,
/// it deletes those of a new one too, and nobody hears anybody.
const DELETION: Duration = Duration::from_secs(1);

/// How many messages may be on their way to us: 8 MiB in all.
const AHEAD: usize = 64;

/// Returns the settings with which we create the stream. `num_replicas` is the number of copies in
/// a cluster.
fn config(num_replicas: usize) -> Config {
    Config {
        name: NAME.to_string(),
        subjects: vec![SUBJECTS.to_string()],
        storage: StorageType::File,
        max_bytes: 64 * 1024 * 1024,
        discard: DiscardPolicy::Old, // so that the stream always has room
        max_message_size: LARGEST_MESSAGE,
        duplicate_window: Duration::from_secs(120),
        num_replicas,
        ..Config::default()
    }
}

/// Returns what makes an existing stream useless for us, if anything. How much it holds, how long,
/// and in how many copies is its owner's choice.
fn defect(config: &Config) -> Option<String> {
    [
        (config.subjects != [SUBJECTS], format!("its subjects are {:?}", config.subjects)),
        (config.storage != StorageType::File, "it is kept in memory".to_string()),
        (
            config.discard != DiscardPolicy::Old,
            "it refuses new messages when it is full".to_string(),
        ),
        (
            config.retention != jetstream::stream::RetentionPolicy::Limits,
            "it forgets what was read".to_string(),
        ),
        (
            config.max_message_size != LARGEST_MESSAGE,
            format!("its `max_msg_size` is {}", config.max_message_size),
        ),
        (
            config.duplicate_window < PATIENCE * 2,
            format!("its `duplicate_window` is {:?}", config.duplicate_window),
        ),
        (config.no_ack || config.sealed, "it does not acknowledge messages".to_string()),
    ]
    .into_iter()
    .find_map(|(is_wrong, words)| is_wrong.then_some(words))
}
// ANCHOR_END: config

// ANCHOR: open
/// The stream, and a connection to it that is restored by itself. A clone is the same stream.
#[derive(Clone)]
pub struct Stream {
    jetstream: Context,
    servers: Vec<String>,
    edge: String,
    /// A number that changes when the connection is lost, and when it is there again.
    connections: watch::Receiver<u64>,
    /// Whether the stream has been there before. If it is gone now, somebody has deleted it.
    was_there: Arc<AtomicBool>,
}

impl Stream {
    /// Begins to connect to one of `servers`, for the edge named `edge`.
    pub async fn open(servers: &[String], edge: &str) -> anyhow::Result<Stream> {
        let (made, connections) = watch::channel(0);
        let options = options(ADVICE).event_callback(move |event| {
            made.send_if_modified(|made| {
                *made += 1;
                matches!(event, Event::Connected | Event::Disconnected)
            });
            async {}
        });
        let client = options.connect(servers).await?;
        let jetstream = ContextBuilder::new().timeout(PATIENCE).build(client);
        let (servers, edge) = (servers.to_vec(), edge.to_string());
        let was_there = Default::default();
        Ok(Stream { jetstream, servers, edge, connections, was_there })
    }

    /// Waits until the stream is there, and prints once why it is not.
    async fn ready(&self) -> jetstream::stream::Stream {
        let mut connections = self.connections.clone();
        loop {
            connections.mark_unchanged();
            if self.jetstream.client().connection_state() == State::Connected {
                match self.find().await {
                    Ok(stream) => {
                        if forget_what_was_said() {
                            let servers = self.servers.join(", ");
                            complain(format_args!("the stream {NAME} at {servers} is there"));
                        }
                        return stream;
                    }
                    Err(problem) => say_once(problem),
                }
            }
            let _ = timeout(PAUSE, connections.changed()).await;
        }
    }

    /// Returns the stream, and creates it if it does not exist.
    async fn find(&self) -> Result<jetstream::stream::Stream, String> {
        let (client, servers) = (self.jetstream.client(), self.servers.join(", "));
        let largest = client.server_info().max_payload;
        if largest < LARGEST_MESSAGE as usize {
            return Err(format!(
                "NATS at {servers} takes only {largest} bytes in a message. Set its `max_payload` to at \
                 least {LARGEST_MESSAGE}."
            ));
        }
        if self.was_there.load(Relaxed) && self.jetstream.get_stream(NAME).await.is_err() {
            sleep(DELETION).await;
        }
        let mut found = self.jetstream.get_or_create_stream(config(3)).await;
        if let Err(error) = &found
            && let CreateStreamErrorKind::JetStream(error) = error.kind()
            && error.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED
        {
            found = self.jetstream.get_or_create_stream(config(1)).await; // not a cluster
        }
        let stream = found.map_err(|error| match error.kind() {
            CreateStreamErrorKind::JetStreamUnavailable => format!(
                "NATS at {servers} has no JetStream. Start it with `nats-server -js`; if it was, its disk \
                 is full, or most of its cluster is away."
            ),
            _ => format!(
                "cannot open the stream {NAME} at {servers}: {error}\n\
                 Does that nats-server run, is there room on its disk, and are most servers of its cluster \
                 there?"
            ),
        })?;
        self.was_there.store(true, Relaxed);
        match defect(&stream.cached_info().config) {
            None => Ok(stream),
            Some(defect) => Err(format!(
                "the stream {NAME} at {servers} is not as we create it: {defect}. Delete it with \
                 `nats stream rm {NAME}`, and it is created anew."
            )),
        }
    }
}
// ANCHOR_END: open

// ANCHOR: publish
impl Stream {
    /// Publishes `lines`, and waits until the stream has stored them exactly once, however long
    /// that takes. Make one call at a time. If the future is dropped, the lines may or may not be
    /// stored.
    pub async fn publish(&self, lines: Bytes) {
        let subject = format!("{PREFIX}{}", self.edge);
        // Unique, and random so that nobody can guess it and publish something else with it first.
        let id = format!("{}.{}", self.edge, self.jetstream.client().new_inbox());
        let mut connections = self.connections.clone();
        let mut failures = 0;
        loop {
            connections.mark_unchanged();
            let message = PublishMessage::build().message_id(&id).payload(lines.clone());
            let acknowledged =
                async { self.jetstream.send_publish(subject.clone(), message).await?.await };
            let error = select! {
                acknowledged = acknowledged => match acknowledged {
                    Ok(_) => return,
                    Err(error) => Some(error),
                },
                _ = connections.changed() => None, // the acknowledgement is lost with the old one
            };
            // So publish it again, if it is not stored. The stream would drop it as a duplicate,
            // but it remembers ids for two minutes only, so we look ourselves.
            let last = self.ready().await.get_last_raw_message_by_subject(&subject).await;
            if last.is_ok_and(|last| {
                last.headers.get("Nats-Msg-Id").is_some_and(|of| of.as_str() == id)
            }) {
                return;
            }
            if let Some(error) = error {
                failures += 1;
                if failures > 1 {
                    say_once(format!(
                        "the stream {NAME} at {} does not store what is said here: {error}\n\
                         Its people wait. Is there room on the disk of that nats-server?",
                        self.servers.join(", "),
                    ));
                }
                sleep(PAUSE).await;
            }
        }
    }
}
// ANCHOR_END: publish

// ANCHOR: listen
/// A message of the stream.
pub struct Heard {
    pub edge: String,
    pub lines: Bytes,
    /// How many messages before this one we have missed, because the stream no longer had them.
    pub lost: u64,
    /// Whether the message was in the stream when we began to listen.
    pub is_past: bool,
}

/// A reader of the stream.
pub struct Listener {
    stream: Stream,
    /// When the stream was created. If somebody deletes it, the new one's numbers begin at 1.
    created: DateTime,
    /// The number of the next message.
    next: u64,
    /// The number of the first message that was not there yet when we began to listen.
    begin: u64,
    /// How many messages before the next one are gone, which nobody has been told yet.
    lost: u64,
    /// The messages that the stream sends us, and how many of them we have taken.
    messages: Option<(pull::Stream, u64)>,
}

impl Stream {
    /// Creates a reader of the last `history` messages of the stream, and of everything after them.
    pub async fn listen(&self, history: u64) -> Listener {
        let stream = self.ready().await;
        let info = stream.cached_info();
        let begin = info.state.last_sequence + 1;
        let next = begin.saturating_sub(history).max(info.state.first_sequence).max(1);
        Listener {
            stream: self.clone(),
            created: info.created,
            next,
            begin,
            lost: 0,
            messages: None,
        }
    }
}

impl Listener {
    /// Returns whether the next message was there when we began to listen.
    pub fn is_in_past(&self) -> bool {
        self.next < self.begin
    }

    /// Waits for the next message of the stream. Returns each of them once, whatever happens to the
    /// connection. If the future is dropped, nothing is lost.
    pub async fn next(&mut self) -> Heard {
        let mut is_behind = false;
        loop {
            let Some((messages, taken)) = &mut self.messages else {
                match self.follow().await {
                    Ok(Some(heard)) => return heard,
                    Ok(None) => {}
                    Err(error) => {
                        say_once(format!("cannot read the stream {NAME}: {error}"));
                        sleep(PAUSE).await;
                    }
                }
                continue;
            };
            let message = select! {
                message = timeout(Duration::from_secs(1), messages.next()) => message,
                _ = self.stream.connections.changed() => Ok(None), // lost with the old one
            };
            match message {
                Ok(Some(Ok(message))) => {
                    let sequences =
                        message.info().map(|info| (info.consumer_sequence, info.stream_sequence));
                    match sequences {
                        Ok((consumer, sequence)) if consumer == *taken + 1 => {
                            *taken = consumer;
                            if let Some(heard) =
                                self.hear(sequence, &message.subject, &message.payload)
                            {
                                return heard;
                            }
                        }
                        _ => self.messages = None, // a message was lost on its way
                    }
                }
                Ok(_) => self.messages = None,
                // Either nobody speaks, or our consumer is gone, or the stream is.
                Err(_) => match self.stream.find().await {
                    Ok(stream)
                        if stream.cached_info().created == self.created
                            && stream.cached_info().state.last_sequence + 1 == self.next =>
                    {
                        is_behind = false
                    }
                    _ if is_behind => self.messages = None,
                    _ => is_behind = true,
                },
            }
        }
    }

    /// Asks for everything from the next message on, and returns the first one if it is there.
    ///
    /// Fetches that one by itself. If it were one that the client cannot parse (anybody may publish
    /// any header), it would cost us this connection and every new one. So such a message is
    /// skipped here.
    async fn follow(&mut self) -> Result<Option<Heard>, async_nats::Error> {
        static UNREADABLE: Once = Once::new();
        let stream = self.stream.ready().await;
        self.stream.connections.mark_unchanged();
        let info = stream.cached_info();
        if info.created != self.created {
            note!("somebody deleted the stream {NAME}, and what nobody had heard yet is lost");
            (self.created, self.next, self.begin) = (info.created, 1, 1);
        } else if self.next > info.state.last_sequence + 1 {
            note!("the stream {NAME} has lost its end, as after a power failure");
            self.next = info.state.last_sequence + 1;
            self.begin = self.next;
        }
        self.lost += info.state.first_sequence.saturating_sub(self.next);
        self.next = self.next.max(info.state.first_sequence);
        let first = loop {
            match stream.get_first_raw_message_by_subject(SUBJECTS, self.next).await {
                Ok(first) => break Some(first),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => break None,
                Err(error) if error.source().is_some_and(|source| !source.is::<RequestError>()) => {
                    UNREADABLE.call_once(|| {
                        note!("somebody who is no edge publishes what nobody can read: {error}");
                    });
                    self.next += 1;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let start_sequence =
            first.as_ref().map_or(self.next, |first| self.next.max(first.sequence + 1));
        let consumer = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            memory_storage: true,
            inactive_threshold: Duration::from_secs(30), // then the server forgets it
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(consumer).await?;
        let messages = consumer.stream().max_messages_per_batch(AHEAD).messages().await?;
        self.messages = Some((messages, 0));
        Ok(first.and_then(|first| self.hear(first.sequence, &first.subject, &first.payload)))
    }

    /// Counts a message as heard, unless it already was, or is not from the stream: anybody may
    /// publish to our inbox.
    fn hear(&mut self, sequence: u64, subject: &str, lines: &Bytes) -> Option<Heard> {
        let edge = subject.strip_prefix(PREFIX)?.to_string();
        let lost = sequence.checked_sub(self.next)? + mem::take(&mut self.lost);
        self.next = sequence.saturating_add(1);
        Some(Heard { edge, lines: lines.clone(), lost, is_past: sequence < self.begin })
    }
}
// ANCHOR_END: listen
