// ANCHOR: nats
//! The connection of an edge to NATS.

use std::io;
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{
    Client, ConnectError, ConnectOptions, Event, ReconnectToServer, Server, ServerAddr,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use shared::{complain, printable};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long a NATS server may take to answer when we connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The most bytes of a server's first line: its name and version, and the addresses of others.
const LONGEST_GREETING: u64 = 64 * 1024;

/// How long NATS may be silent before we ask whether it is still there. After three times as long,
/// the client looks for another server.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// How long to wait before we try a server again that has failed.
const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait before we connect, in case a server closes each connection immediately.
const BREATH: Duration = Duration::from_millis(50);

/// How many of our messages the client may queue for NATS. The rest stays in the log.
const WAITING_FOR_NATS: usize = 1;

/// How many messages may wait for us. The client drops any more, and we notice the gap.
const WAITING_FOR_US: usize = 4096;

/// What to do while no server can be reached.
const ADVICE: &str = "Until that is possible, your people talk among themselves. Start a \
                      nats-server there, or say with --nats where one is.";

/// Returns the options of a client that connects as soon as one of its servers answers, and again
/// whenever the connection is lost. A server tells it which others are in its cluster. While none
/// answers, `advice` is given.
pub fn options(advice: &'static str) -> ConnectOptions {
    ConnectOptions::new()
        .retry_on_initial_connect()
        .reconnect_to_server_callback(move |servers, _| async move {
            // Asked at the same time, because each one that is out of reach costs a time-out.
            let asked = servers.iter().map(|server| wait_for(server, advice));
            let mut answers: FuturesUnordered<_> = asked.collect();
            Some(ReconnectToServer { addr: answers.next().await?, delay: Some(BREATH) })
        })
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
}

/// Creates the client of an edge of 7.5.
///
/// # Errors
/// If one of the addresses is invalid.
pub async fn client(servers: &[String]) -> Result<Client, ConnectError> {
    options(ADVICE)
        .no_echo() // what we publish does not come back to us
        .client_capacity(WAITING_FOR_NATS)
        .subscription_capacity(WAITING_FOR_US)
        .event_callback(async |event| report(event))
        .connect(servers)
        .await
}

/// Returns the number of the current connection, counted from the first one on, or `None` while
/// there is none.
pub fn connection(client: &Client) -> Option<u64> {
    let is_connected = client.connection_state() == State::Connected;
    is_connected.then(|| client.statistics().connects.load(Ordering::Relaxed))
}
// ANCHOR_END: nats

// ANCHOR: wait_for
/// Waits until this server answers as NATS does, and returns its address.
async fn wait_for(server: &Server, advice: &str) -> ServerAddr {
    let mut problem = server.last_error.clone();
    let mut attempts = 0;
    loop {
        if let Some(problem) = problem {
            sleep(PAUSE).await;
            // Not after the first attempt: the server may only be starting again.
            if attempts != 1 {
                say_once(format!(
                    "cannot connect to NATS at {}:{}: {}\n{advice}",
                    server.addr.host(),
                    server.addr.port(),
                    one_line(problem)
                ));
            }
        }
        attempts += 1;
        problem = match timeout(CONNECT_TIMEOUT, greeting(&server.addr)).await {
            Ok(Ok(info)) if info.contains("\"tls_required\":true") => {
                Some("it wants TLS".to_string())
            }
            Ok(Ok(info)) if info.starts_with("INFO {\"server_id\":") => return server.addr.clone(),
            Ok(Ok(info)) => Some(format!("{NO_NATS}, but with '{info}'")),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(NO_NATS.to_string()),
        };
    }
}

const NO_NATS: &str = "it does not answer as a NATS server does";

/// Reads a server's first line. The client of NATS panics at some of what another program may send,
/// and at a server that wants TLS.
async fn greeting(server: &ServerAddr) -> io::Result<String> {
    let stream = TcpStream::connect((server.host(), server.port())).await?;
    let mut greeting = Vec::new();
    BufReader::new(stream.take(LONGEST_GREETING)).read_until(b'\n', &mut greeting).await?;
    Ok(String::from_utf8_lossy(&greeting).into_owned())
}
// ANCHOR_END: wait_for

// ANCHOR: report
/// What [`say_once`] has printed.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Prints what has happened to the connection. Strangers can cause that as often as they like,
/// because the client closes a connection when it receives something that it cannot parse.
fn report(event: Event) {
    match event {
        Event::Connected => {
            forget_what_was_said();
            complain(format_args!("connected to NATS: joined the other edges"));
        }
        Event::Disconnected => complain(format_args!(
            "the connection to NATS is lost: your people talk among themselves, and the others are \
             told later, up to 8 MiB of it"
        )),
        Event::ServerError(error) => say_once(format!("NATS says: {}", one_line(error))),
        _ => {}
    }
}

/// Prints a line, unless it has been printed since [`forget_what_was_said`] was called last.
pub fn say_once(line: String) {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.len() < 100 && !said.contains(&line) {
        complain(format_args!("{}", printable(&line)));
        said.push(line);
    }
}

/// Lets [`say_once`] print everything once more. Returns whether it has printed anything since the
/// last call.
pub fn forget_what_was_said() -> bool {
    let said = mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner));
    !said.is_empty()
}

/// Puts a server's words on one line.
fn one_line(text: impl ToString) -> String {
    text.to_string().replace('\r', "").replace('\n', " ").trim_end().to_string()
}
// ANCHOR_END: report
