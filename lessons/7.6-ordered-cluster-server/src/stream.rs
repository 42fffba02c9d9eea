// ANCHOR: header
//! The log of the whole room: a stream, which nats-server stores and numbers.
//!
//! All that is JetStream is in this file. An edge publishes what its people say, and waits until the
//! stream has stored it. What everybody hears is what comes back from the stream, in its order.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::{CreateStreamErrorKind, PublishErrorKind, RequestError};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RawMessageErrorKind, StorageType};
use async_nats::jetstream::{self, Context, ErrorCode, context, message::PublishMessage};
use async_nats::{ClientError, ConnectErrorKind, ConnectOptions, Event};
use bytes::Bytes;
use futures_util::StreamExt;
use lesson_cluster_server::MOST_LINES;
use shared::{note, printable};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
// ANCHOR_END: header

// ANCHOR: config
/// The most bytes of lines in one message.
pub const LARGEST: usize = MOST_LINES;

/// The name of the stream in JetStream.
const NAME: &str = "ORDERED";

/// What the stream stores: the lines of the edge `east` are published as `ordered.east`.
const PREFIX: &str = "ordered.";
const SUBJECTS: &str = "ordered.*";

/// How long to wait for an answer, and before the next attempt after an error.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);

/// How long nothing may arrive before we ask whether the stream has something for us.
const SILENCE: Duration = Duration::from_secs(1);

/// How many messages may be on their way to us, 4 MiB in all.
const AHEAD: i64 = 64;

/// The stream as we make it, with so many copies in a cluster.
fn config(num_replicas: usize) -> Config {
    Config {
        name: NAME.to_string(),
        subjects: vec![SUBJECTS.to_string()],
        storage: StorageType::File,
        max_bytes: 64 * 1024 * 1024,
        discard: DiscardPolicy::Old, // so that nobody ever has to wait for room
        max_message_size: LARGEST as i32 + 1024, // the lines, and the headers of the message
        duplicate_window: Duration::from_secs(120),
        num_replicas,
        ..Config::default()
    }
}

/// Says in what a stream that exists differs from ours. Another `max_bytes`, `max_age` or number of
/// copies is the owner's choice.
fn difference(theirs: &Config) -> Option<String> {
    let settings = |c: &Config| {
        [
            format!("its subjects are {:?}", c.subjects),
            format!("its storage is {:?}", c.storage),
            format!("when it is full, it discards {:?} messages", c.discard),
            format!("its retention is {:?}", c.retention),
            format!("its largest message has {} bytes", c.max_message_size),
            format!("its duplicate window is {:?}", c.duplicate_window),
            format!("no_ack is {}, sealed is {}", c.no_ack, c.sealed),
            format!("it copies {:?} {:?}", c.mirror, c.sources),
        ]
    };
    let pairs = settings(theirs).into_iter().zip(settings(&config(1)));
    let (theirs, ours) = pairs.into_iter().find(|(theirs, ours)| theirs != ours)?;
    Some(format!("{theirs} ({ours} when we make it)"))
}
// ANCHOR_END: config

// ANCHOR: open
/// The stream, and the connection to it, which comes back by itself. A clone is the same stream.
#[derive(Clone)]
pub struct Stream {
    jetstream: Context,
    servers: String,
    edge: String,
    link: watch::Receiver<Link>,
    complaints: Arc<Mutex<Vec<(String, Instant)>>>,
}

/// What happened to the connection: how often it was made, and what was wrong last.
#[derive(Default)]
struct Link {
    connects: u64,
    trouble: String,
}

impl Stream {
    /// Connects to NATS. Tries again until that succeeds, and says what is wrong.
    pub async fn open(servers: &[String], edge: &str) -> Stream {
        let (link, links) = watch::channel(Link::default());
        let complaints = Arc::default();
        let client = loop {
            match connect(servers, link.clone()).await {
                Ok(client) => break client,
                Err(problem) => complain(&complaints, problem),
            }
            sleep(PAUSE).await;
        };
        let jetstream = context::ContextBuilder::new().timeout(PATIENCE).build(client);
        let (servers, edge) = (servers.join(", "), edge.to_string());
        Stream { jetstream, servers, edge, link: links, complaints }
    }

    /// Waits until the stream is there, and makes it when nobody has. Says what is wrong.
    async fn ready(&self) -> jetstream::stream::Stream {
        loop {
            match self.find().await {
                Ok(stream) => return stream,
                Err(problem) => complain(&self.complaints, problem),
            }
            sleep(PAUSE).await;
        }
    }

    async fn find(&self) -> Result<jetstream::stream::Stream, String> {
        let (client, servers) = (self.jetstream.client(), &self.servers);
        if client.connection_state() != State::Connected {
            return Err(format!(
                "the connection to NATS at {servers} is lost ({}): nobody hears anybody until it is \
                 back. Is the nats-server running?",
                self.link.borrow().trouble
            ));
        }
        let largest = client.server_info().max_payload;
        if largest < config(1).max_message_size as usize {
            return Err(format!(
                "NATS at {servers} takes no message of {LARGEST} bytes: give it a larger `max_payload` \
                 than {largest}"
            ));
        }
        let mut found = self.jetstream.get_or_create_stream(config(3)).await;
        if let Err(error) = &found
            && let CreateStreamErrorKind::JetStream(error) = error.kind()
            && error.error_code() == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED
        {
            found = self.jetstream.get_or_create_stream(config(1)).await; // a server by itself
        }
        let stream = found.map_err(|error| match error.kind() {
            CreateStreamErrorKind::JetStreamUnavailable => format!(
                "NATS at {servers} has no JetStream: start it with `nats-server -js`. If it was, its disk \
                 may be full, or most of its cluster away"
            ),
            CreateStreamErrorKind::TimedOut => format!(
                "JetStream at {servers} does not answer. In a cluster, more than half of the servers \
                 have to run"
            ),
            _ => format!("cannot make the stream {NAME} at {servers}: {}", one_line(&error)),
        })?;
        match difference(&stream.cached_info().config) {
            None => Ok(stream),
            Some(difference) => Err(format!(
                "somebody else made the stream {NAME} at {servers}: {}. Delete it with `nats stream rm \
                 {NAME}`, or take another nats-server",
                one_line(&difference)
            )),
        }
    }
}

async fn connect(
    servers: &[String],
    link: watch::Sender<Link>,
) -> Result<async_nats::Client, String> {
    let options = ConnectOptions::new()
        .connection_timeout(PATIENCE)
        .ping_interval(PATIENCE) // three of them, and a server that is suspended counts as lost
        .reconnect_delay_callback(|_| PAUSE)
        .ignore_discovered_servers() // a cluster may tell us addresses that only itself can reach
        .event_callback(move |event| {
            link.send_modify(|link| match event {
                Event::Connected => link.connects += 1,
                Event::ClientError(ClientError::Other(trouble)) => link.trouble = trouble,
                Event::ServerError(trouble) => link.trouble = trouble.to_string(),
                _ => {}
            });
            async {}
        });
    options.connect(servers).await.map_err(|error| {
        let advice = match error.kind() {
            ConnectErrorKind::TimedOut => "Something else may be there, or it is overloaded",
            ConnectErrorKind::Tls => "We speak without TLS",
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                "We have no password: take a nats-server that asks for none"
            }
            _ => "Start `nats-server -js` there, or say with --nats where one is",
        };
        format!("cannot connect to NATS at {}: {}. {advice}", servers.join(", "), one_line(&error))
    })
}

/// Prints a problem, once for as long as it lasts.
fn complain(complaints: &Mutex<Vec<(String, Instant)>>, problem: String) {
    let Ok(mut complaints) = complaints.lock() else { return };
    complaints.retain(|(_, seen)| seen.elapsed() < Duration::from_secs(60));
    if let Some((_, seen)) = complaints.iter_mut().find(|(known, _)| *known == problem) {
        *seen = Instant::now();
    } else if complaints.len() < 16 {
        // what a server says may be different each time
        note!("{problem}");
        complaints.push((problem, Instant::now()));
    }
}

/// What a server says, safe to print.
fn one_line(text: &impl ToString) -> String {
    printable(&text.to_string()).replace(['\r', '\n'], " ").trim_end().to_string()
}
// ANCHOR_END: open

// ANCHOR: publish
impl Stream {
    /// Waits until the stream has stored `lines`, exactly once, however long that takes. Must not be
    /// called again before it has returned. When it is dropped before, the lines may be stored or not.
    pub async fn publish(&self, lines: Bytes) {
        // Nobody can guess it, and publish something else first under the same id.
        let id = format!("{}.{}", self.edge, self.jetstream.client().new_inbox());
        let subject = format!("{PREFIX}{}", self.edge);
        let mut links = self.link.clone();
        loop {
            links.mark_unchanged();
            let message = PublishMessage::build().message_id(&id).payload(lines.clone());
            let stored = async {
                self.jetstream.send_publish(subject.clone(), message).await?.await // the acknowledgement
            };
            let problem = select! {
                stored = stored => match stored {
                    Ok(_) => return,
                    Err(error) => Some(error),
                },
                _ = links.changed() => None, // that connection is gone, and the acknowledgement with it
            };
            // Within its duplicate window the stream knows the id. After that, we look.
            let last = self.ready().await.get_last_raw_message_by_subject(&subject).await;
            if last
                .is_ok_and(|last| last.headers.get("Nats-Msg-Id").is_some_and(|i| i.as_str() == id))
            {
                return;
            }
            if let Some(error) = problem {
                if error.kind() != PublishErrorKind::StreamNotFound {
                    // it has just been made anew
                    complain(
                        &self.complaints,
                        format!(
                            "the stream {NAME} at {} does not store what is said here: {}. Is its disk full?",
                            self.servers,
                            one_line(&error)
                        ),
                    );
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
    /// Whose people said it.
    pub edge: String,
    pub lines: Bytes,
    /// How many messages before this one the stream had discarded before we heard them.
    pub lost: u64,
}

/// A reader of the stream.
pub struct Listener {
    stream: Stream,
    /// When the stream was made that we read. Its numbers are those of no other.
    created: DateTime,
    /// The number of the message that we hear next.
    next: u64,
    messages: Option<pull::Ordered>,
}

impl Stream {
    /// Reads the last `history` messages of the stream, and from there on everything.
    pub async fn listen(&self, history: u64) -> Listener {
        let stream = self.ready().await;
        let info = stream.cached_info();
        let next = (info.state.last_sequence + 1).saturating_sub(history);
        let next = next.max(info.state.first_sequence);
        Listener { stream: self.clone(), created: info.created, next, messages: None }
    }
}

impl Listener {
    /// Returns the next message, in the order of the stream, each once, whatever happens to the
    /// connection. Nothing is lost when this is dropped before it returns.
    pub async fn next(&mut self) -> Heard {
        let mut behind = false;
        loop {
            let Some(messages) = &mut self.messages else {
                match self.follow().await {
                    Ok(Some(heard)) => return heard,
                    Ok(None) => continue,
                    Err(problem) => {
                        complain(&self.stream.complaints, problem);
                        sleep(PAUSE).await;
                        continue;
                    }
                }
            };
            let message = select! {
                message = timeout(SILENCE, messages.next()) => message,
                // On a new connection nobody sends us what we asked for on the old one.
                _ = self.stream.link.changed() => {
                    self.messages = None;
                    continue;
                }
            };
            match message {
                Ok(Some(Ok(message))) => match message.info().map(|info| info.stream_sequence) {
                    Ok(sequence) if sequence >= self.next => {
                        if let Some(heard) = self.hear(sequence, &message.subject, &message.payload)
                        {
                            return heard;
                        }
                    }
                    _ => self.messages = None, // the client has begun anew, from the first message
                },
                Ok(_) => self.messages = None,
                // Silence is how a lost consumer looks, and a stream that somebody deleted.
                Err(_) if behind => self.messages = None,
                Err(_) => behind = self.is_behind().await,
            }
        }
    }

    async fn is_behind(&mut self) -> bool {
        match self.stream.find().await {
            Ok(stream) => {
                let info = stream.cached_info();
                info.created != self.created || info.state.last_sequence + 1 != self.next
            }
            Err(_) => true,
        }
    }

    /// Asks the stream for everything from `next` on. Returns the first message if it is there already.
    ///
    /// That one we ask for by itself: a message whose headers or subject the client cannot read costs
    /// the connection, and on the next one it would come again.
    async fn follow(&mut self) -> Result<Option<Heard>, String> {
        let stream = self.stream.ready().await;
        self.stream.link.mark_unchanged();
        let info = stream.cached_info();
        if info.created != self.created {
            note!("somebody deleted the stream {NAME}: what was in it is lost. The new one begins");
            (self.created, self.next) = (info.created, 1);
        } else if info.state.last_sequence + 1 < self.next {
            note!("the stream {NAME} has lost its last messages, which were heard here");
            self.next = info.state.last_sequence + 1;
        }
        let cannot = |error: &dyn ToString| {
            format!("cannot read the stream {NAME}: {}", one_line(&error.to_string()))
        };
        let first = loop {
            match stream.get_first_raw_message_by_subject(SUBJECTS, self.next).await {
                Ok(message) => break Some(message),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => break None,
                Err(error) if error.source().is_some_and(|source| !source.is::<RequestError>()) => {
                    self.next = info.state.first_sequence.max(self.next + 1); // skip it
                }
                Err(error) => return Err(cannot(&error)),
            }
        };
        let start_sequence = first.as_ref().map_or(self.next, |first| first.sequence + 1);
        let consumer = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            max_batch: AHEAD,
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(consumer).await.map_err(|error| cannot(&error))?;
        self.messages = Some(consumer.messages().await.map_err(|error| cannot(&error))?);
        Ok(first.and_then(|first| self.hear(first.sequence, &first.subject, &first.payload)))
    }

    /// Takes a message for heard. A subject that is not ours, as that of a message which somebody
    /// published to our inbox, does not count.
    fn hear(&mut self, sequence: u64, subject: &str, lines: &Bytes) -> Option<Heard> {
        let edge = subject.strip_prefix(PREFIX)?.to_string();
        let lost = sequence - self.next;
        self.next = sequence.saturating_add(1);
        Some(Heard { edge, lines: lines.clone(), lost })
    }
}
// ANCHOR_END: listen
