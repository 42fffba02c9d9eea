// ANCHOR: nats
//! The connection of an edge to NATS.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::{
    Client, ConnectError, ConnectOptions, Event, ReconnectToServer, Server, ServerAddr,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use shared::{complain, printable};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long a NATS server has to answer when we connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How many bytes a server may say when we connect: its name and version, and addresses of others.
const LONGEST_GREETING: u64 = 64 * 1024;

/// How long NATS may be silent before we ask whether it is still there. When it has not answered
/// the third time, the client looks for another server.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// How long to wait before all servers are tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait before we connect, in case that a server breaks off each connection.
const BREATH: Duration = Duration::from_millis(50);

/// How many of our messages may wait for NATS. The rest stays in the log.
const WAITING_FOR_NATS: usize = 16;

/// How many messages may wait for us. The client drops what is more, and we notice the gap.
const WAITING_FOR_US: usize = 4096;

/// Creates a client, which connects to one of the servers as soon as one of them is there, and
/// whenever it has lost its connection. It learns from a server which others are in its cluster.
///
/// # Errors
/// If an address cannot be one.
pub async fn client(servers: &[String]) -> Result<Client, ConnectError> {
    ConnectOptions::new()
        .no_echo() // what we publish does not come back to us
        .retry_on_initial_connect()
        .reconnect_to_server_callback(|servers, _| async move {
            Some(ReconnectToServer { addr: find(&servers).await, delay: Some(BREATH) })
        })
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .client_capacity(WAITING_FOR_NATS)
        .subscription_capacity(WAITING_FOR_US)
        .event_callback(async |event| report(event))
        .connect(servers)
        .await
}
// ANCHOR_END: nats

// ANCHOR: find
/// Waits for the first server that answers as NATS does. All are asked at the same time, because one
/// that is out of reach costs a time-out.
async fn find(servers: &[Server]) -> ServerAddr {
    loop {
        let mut answers: FuturesUnordered<_> = servers.iter().map(ask).collect();
        let mut problems = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(server) => return server,
                Err(problem) => problems.push(problem),
            }
        }
        problems.sort(); // what is said again looks the same
        say(&format!(
            "cannot connect to NATS at {}\n\
             Until that is possible, your people talk among themselves. Start a nats-server there, \
             or say with --nats where one is.",
            problems.join(", ")
        ));
        sleep(PAUSE).await;
    }
}

/// Asks one server, later if the client has failed to connect to it. Returns its address, or that
/// and a problem.
async fn ask(server: &Server) -> Result<ServerAddr, String> {
    let address = format!("{}:{}", server.addr.host(), server.addr.port());
    if let Some(error) = &server.last_error {
        say(&format!("cannot connect to NATS at {address}: {}", one_line(error)));
    }
    sleep(PAUSE * server.failed_attempts.min(4) as u32).await;
    match timeout(CONNECT_TIMEOUT, greeting(&server.addr)).await {
        Ok(Ok(info)) if info.contains("\"tls_required\":true") => {
            Err(format!("{address}: it wants TLS"))
        }
        Ok(Ok(info)) if info.starts_with("INFO {") => Ok(server.addr.clone()),
        Ok(Err(error)) => Err(format!("{address}: {}", one_line(error))),
        Ok(Ok(info)) => Err(format!("{address}: {NO_NATS}, but with '{}'", one_line(info))),
        Err(_) => Err(format!("{address}: {NO_NATS}")),
    }
}

const NO_NATS: &str = "it does not answer as a NATS server does";

/// Reads what a server says first. The client of NATS panics at some of what another program may
/// say, and at a server that wants TLS.
async fn greeting(server: &ServerAddr) -> io::Result<String> {
    let stream = TcpStream::connect((server.host(), server.port())).await?;
    let mut greeting = Vec::new();
    BufReader::new(stream.take(LONGEST_GREETING)).read_until(b'\n', &mut greeting).await?;
    Ok(String::from_utf8_lossy(&greeting).into_owned())
}
// ANCHOR_END: find

// ANCHOR: report
/// Says what has happened to the connection.
fn report(event: Event) {
    match event {
        Event::Connected => say("connected to NATS: joined the other edges"),
        Event::Disconnected => say(
            "the connection to NATS is lost: your people talk among themselves, and the others are \
             told later, up to 8 MiB of it",
        ),
        Event::ServerError(error) => say(&format!("NATS says: {}", one_line(error))),
        _ => {}
    }
}

/// Prints a line, unless it was the last one that was printed here.
fn say(line: &str) {
    static LAST: Mutex<String> = Mutex::new(String::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != line {
        // Strangers can cause that as often as they like: the client gives up a connection that
        // brings it something that it cannot read.
        complain(format_args!("{line}"));
        *last = line.to_string();
    }
}

/// Makes what a server says safe to print.
fn one_line(text: impl ToString) -> String {
    printable(&text.to_string()).replace(['\r', '\n'], " ").trim_end().to_string()
}
// ANCHOR_END: report
