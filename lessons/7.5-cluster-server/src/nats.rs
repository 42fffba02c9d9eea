// ANCHOR: nats
//! The connection of an edge to NATS.

use std::mem;
use std::sync::Once;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Error, Event, ServerAddr};
use shared::{complain, note, printable};
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

/// How many of our messages may wait for NATS. The rest stays in the log.
const WAITING_FOR_NATS: usize = 16;

/// How many messages may wait for us. The client drops what is more, and we notice the gap.
const WAITING_FOR_US: usize = 4096;

/// Connects to one of the servers, as soon as one of them is there. Says once why that fails. From
/// then on the client itself looks for a server whenever it has lost its connection.
pub async fn connect(servers: &[String]) -> Client {
    let mut has_complained = false;
    loop {
        let mut problems = Vec::new();
        for server in servers {
            match connect_to(server, servers).await {
                Ok(client) => return client,
                Err(error) => problems.push(format!("{server}: {}", one_line(&error))),
            }
        }
        if !mem::replace(&mut has_complained, true) {
            note!(
                "cannot connect to NATS at {}\n\
                 Until that is possible, your people talk among themselves. Start a nats-server there, \
                 or say with --nats where one is.",
                problems.join(", ")
            );
        }
        sleep(PAUSE).await;
    }
}

async fn connect_to(server: &str, servers: &[String]) -> Result<Client, Error> {
    timeout(CONNECT_TIMEOUT, greeting(server)).await.unwrap_or(Err(NO_NATS.into()))?;
    let client = options().connect(server).await?;
    let all = servers.iter().map(|server| server.parse()).collect::<Result<Vec<ServerAddr>, _>>();
    client.set_server_pool(&all?).await?;
    Ok(client)
}

const NO_NATS: &str = "it does not answer as a NATS server does";

/// Reads what the server says first. The client of NATS panics at some of what another program may
/// say, and at a server that wants TLS.
async fn greeting(server: &str) -> Result<(), Error> {
    let stream = TcpStream::connect(server).await?;
    let mut greeting = String::new();
    BufReader::new(stream.take(LONGEST_GREETING)).read_line(&mut greeting).await?;
    match greeting {
        info if !info.starts_with("INFO {") => Err(format!("{NO_NATS}, but with {info:?}").into()),
        info if info.contains("\"tls_required\":true") => Err("it wants TLS".into()),
        _ => Ok(()),
    }
}

fn options() -> ConnectOptions {
    ConnectOptions::new()
        .no_echo() // what we publish does not come back to us
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|attempts| if attempts > 1 { PAUSE } else { Duration::ZERO })
        .client_capacity(WAITING_FOR_NATS)
        .subscription_capacity(WAITING_FOR_US)
        .event_callback(async |event| report(event))
}

/// Says what has happened to the connection. Strangers can cause that as often as they like: the
/// client gives up a connection that brings it something that it cannot read.
fn report(event: Event) {
    static COMPLAINT: Once = Once::new();
    match event {
        Event::Connected => complain(format_args!("connected to NATS")),
        Event::Disconnected => complain(format_args!(
            "the connection to NATS is lost: your people talk among themselves, and the others are \
             told later, up to 8 MiB of it"
        )),
        Event::ServerError(error) => {
            COMPLAINT.call_once(|| note!("NATS says: {}", one_line(&error)));
        }
        _ => {}
    }
}

/// Makes what a server says safe to print.
fn one_line(text: &impl ToString) -> String {
    printable(&text.to_string()).replace('\n', " ").trim_end().to_string()
}
// ANCHOR_END: nats
