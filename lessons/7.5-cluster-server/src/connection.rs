// ANCHOR: header
//! One connection of a bridge to NATS.
//!
//! async-nats could connect again by itself. But it waits for ever for a server that accepts a
//! connection and says nothing, and it panics at some of what anybody may send over NATS. So we begin
//! anew, with a new client, whenever something is wrong.

use std::panic;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Error, Event, RequestErrorKind, Subscriber};
use bytes::Bytes;
use shared::{host_and_port, note, printable};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio::{select, task};

use crate::outbox::LARGEST;
// ANCHOR_END: header

// ANCHOR: connection
/// How long NATS has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before all servers are tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How many servers are tried, those that NATS tells of included.
const MOST_SERVERS: usize = 32;

/// A client that is connected, what it hears, and what happens to it.
pub struct Connection {
    pub client: Client,
    pub heard: Subscriber,
    pub events: mpsc::Receiver<Event>,
}

impl Connection {
    async fn to(server: String) -> Result<Connection, Error> {
        let (happens, events) = mpsc::channel(16);
        let options = ConnectOptions::new()
            .no_echo() // what we say does not come back to us
            .client_capacity(16) // messages that wait for NATS: the rest stays in the outbox
            .subscription_capacity(1024) // messages that wait for us: what is too much, we ask for
            .ignore_discovered_servers() // see `learn`
            .max_reconnects(1) // fewer it does not do; by then we have dropped it
            .event_callback(move |event| {
                let _ = happens.try_send(event);
                async {}
            });
        let client = options.connect(format!("nats://{server}")).await?;
        if client.server_info().max_payload < LARGEST {
            let problem = format!("its `max_payload` is too small: {LARGEST} bytes are needed");
            return Err(problem.into());
        }
        let heard = client.subscribe("chat.*.*").await?;
        ask(&client).await?; // from here on, what others say reaches us
        Ok(Connection { client, heard, events })
    }

    /// Adds to `servers` the others of this one's cluster, as it tells them.
    pub fn learn(&self, servers: &mut Vec<String>) {
        for other in self.client.server_info().connect_urls {
            let is_address = host_and_port(&other, &other).as_ref() == Ok(&other);
            if is_address && !servers.contains(&other) && servers.len() < MOST_SERVERS {
                servers.push(other);
            }
        }
    }
}

/// Asks NATS something, and waits for the answer, which is that nobody is there to answer it. NATS does
/// what it is told in order, so everything before that is done then.
async fn ask(client: &Client) -> Result<(), Error> {
    match client.request("chat.anybody", Bytes::new()).await {
        Err(error) if error.kind() != RequestErrorKind::NoResponders => Err(error.into()),
        _ => Ok(()),
    }
}

/// Waits until the connection is lost, or NATS does not answer any more, as a machine that has
/// vanished. Passes on what NATS complains of, once.
pub async fn is_over(client: &Client, events: &mut mpsc::Receiver<Event>) {
    let silence = async {
        while matches!(timeout(PATIENCE, ask(client)).await, Ok(Ok(()))) {
            sleep(PATIENCE / 2).await;
        }
    };
    let end = async {
        let mut complaints = 0;
        while let Some(event) = events.recv().await {
            match event {
                Event::Disconnected => return,
                Event::ServerError(error) if complaints == 0 => {
                    complaints += 1;
                    note!("NATS says: {}", one_line(&error));
                }
                _ => {}
            }
        }
    };
    select! {
        () = silence => {}
        () = end => {}
    }
}
// ANCHOR_END: connection

// ANCHOR: connect
/// Connects to one of the servers, as soon as one is there. When that takes longer than `patience`,
/// it says why.
pub async fn connect(servers: &[String], patience: Duration) -> Connection {
    let began = Instant::now();
    let mut has_said = false;
    sleep(PAUSE.min(patience)).await;
    loop {
        let mut problems = Vec::new();
        for server in servers {
            match attempt(server.clone()).await {
                Ok(connection) => {
                    note!("connected to NATS at {server}");
                    return connection;
                }
                Err(error) => problems.push(format!("{server}: {}", one_line(&error))),
            }
        }
        if !has_said && began.elapsed() >= patience {
            has_said = true;
            note!(
                "cannot connect to NATS at {}\n\
                 Until that is possible, your people talk among themselves. Start a nats-server there, or \
                 say with --nats where one is.",
                problems.join(", ")
            );
        }
        sleep(PAUSE).await;
    }
}

async fn attempt(server: String) -> Result<Connection, Error> {
    // A task of its own may panic, and we go on.
    let attempt = task::spawn(timeout(PATIENCE / 2, Connection::to(server)));
    let answer =
        attempt.await.map_err(|_| "async-nats cannot take its answer; does it want TLS?")?;
    answer.map_err(|_| "it does not answer as a NATS server does")?
}

/// What a server says, safe to print.
fn one_line(text: &impl ToString) -> String {
    printable(&text.to_string()).replace('\n', " ").trim_end().to_string()
}

/// At a panic of async-nats, or its TLS, nothing is printed: the connection is lost, and we say that.
pub fn expect_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", |location| location.file());
        if !["async-nats", "rustls"].iter().any(|name| file.contains(name)) {
            usual(panic);
        }
    }));
}
// ANCHOR_END: connect
