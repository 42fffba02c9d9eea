// ANCHOR: header
//! 8.2 Broadcast chat that nobody can read on the way, the client: it trusts one certificate.
//!
//!     cargo run -p lesson-tls-server
//!     cargo run -p lesson-tls-client     (in a second terminal, and a third)
//!
//! A TLS connection is one state machine for both directions, so two threads cannot share it. Two
//! tasks can.

mod refusal;

use std::io::{self, Read};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use lesson_tls_server::{
    HANDSHAKE, Uninterrupted, beside_the_program, fingerprint, read_certificate,
};
use lexopt::prelude::*;
use shared::{
    Failure, Lines, cannot_connect, check_connected, decode_lossy, host_and_port, lesson,
    lost_connection, note, print_or_exit, printable, uninterrupted,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio::{runtime, task};
use tokio_rustls::TlsConnector;

use refusal::{config, is_the_one, no_handshake, refused, server_name, without_goodbye};
// ANCHOR_END: header

// ANCHOR: options
const ADDRESS: &str = "127.0.0.1:3000";
const SERVER: &str = "lesson-tls-server";

const OPTIONS: [(&str, &str); 1] = [(
    "--certificate FILE",
    "the certificate of the server [default: chat-certificate.pem beside the program]",
)];

/// Returns the address of the server, and the file with its certificate.
fn arguments() -> Result<(String, Option<PathBuf>), lexopt::Error> {
    let (mut address, mut certificate) = (None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("certificate") => certificate = Some(parser.value()?.into()),
            Value(text) if address.is_none() => address = Some(host_and_port(text, ADDRESS)?),
            other => return Err(lesson!().help_or_refuse(other, Some(ADDRESS), &OPTIONS)),
        }
    }
    Ok((address.unwrap_or(ADDRESS.to_string()), certificate))
}

fn main() -> Result<(), Failure> {
    let (address, certificate) = arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let path = certificate.map_or_else(beside_the_program, Ok)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(chat(&address, path))?;
    Ok(())
}
// ANCHOR_END: options

// ANCHOR: chat
/// How long the connection itself may take.
const CONNECT: Duration = Duration::from_secs(10);

async fn chat(address: &str, path: PathBuf) -> anyhow::Result<()> {
    let name = server_name(address)?;
    let connected = timeout(CONNECT, TcpStream::connect(address)).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {CONNECT:?}")))
    });
    let server = connected.map_err(|error| cannot_connect(address, error, SERVER))?;
    check_connected(&server, address, SERVER)?;
    server.set_nodelay(true).context("cannot make each line leave immediately")?;

    let certificate = read_certificate(&path)?;
    let connector = TlsConnector::from(config(&certificate)?);
    let handshake = timeout(HANDSHAKE, connector.connect(name, Uninterrupted(server))).await;
    let server = handshake
        .map_err(|_| no_handshake(address))?
        .map_err(|error| refused(address, &path, &error))?;
    is_the_one(&server, &certificate, address, &path)?;
    note!("the server has proved that its certificate is {}", fingerprint(&certificate));

    let (from_server, to_server) = split(server);
    let speaking = task::spawn(send_what_is_typed(keyboard()?, to_server));
    let shown = show_what_arrives(from_server).await;
    shown.map_err(|error| lost_connection(address, without_goodbye(error)))?;
    match speaking.is_finished() && matches!(speaking.await, Ok(Ok(()))) {
        true => note!("you have left the chat"),
        false => note!("the server has closed the connection"),
    }
    Ok(())
}
// ANCHOR_END: chat

// ANCHOR: type
/// Reads the keyboard in a thread, because no system can wait for a keyboard and a socket in the
/// same way. The channel ends when the input does.
fn keyboard() -> anyhow::Result<mpsc::Receiver<Vec<u8>>> {
    let (say, said) = mpsc::channel(1);
    let keyboard = thread::Builder::new().spawn(move || {
        let (mut lines, mut buffer, mut typed) = (Lines::trimmed(), [0; 4096], 1);
        while typed > 0 {
            typed = uninterrupted(|| io::stdin().read(&mut buffer)).unwrap_or_else(|error| {
                note!("cannot read what is typed: {error}");
                0
            });
            let lines = if typed == 0 { lines.finish() } else { lines.add(&buffer[..typed]) };
            if say.blocking_send(lines).is_err() {
                return; // nobody sends it any more
            }
        }
    });
    keyboard.context("cannot start a thread for the keyboard")?;
    Ok(said)
}

async fn send_what_is_typed(
    mut said: mpsc::Receiver<Vec<u8>>,
    mut server: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    while let Some(lines) = said.recv().await {
        server.write_all(&lines).await?;
        server.flush().await?; // what is encrypted also has to leave
    }
    server.shutdown().await // half-close, for TLS and for TCP: we send no more but still listen
}
// ANCHOR_END: type

// ANCHOR: arrive
async fn show_what_arrives(mut server: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let patience = lines.patience().unwrap_or(Duration::MAX);
        match timeout(patience, server.read(&mut buffer)).await {
            Ok(Ok(received @ 1..)) => show(&lines.add(&buffer[..received])).await,
            Err(_) => show(&lines.cut()).await,
            Ok(outcome) => {
                show(&lines.finish()).await;
                return outcome.map(|_| ());
            }
        }
    }
}

/// Prints in another thread. A screen that has been stopped (Ctrl-S) blocks the one that prints, but
/// what is typed meanwhile still has to leave.
async fn show(lines: &[u8]) {
    let text = printable(&decode_lossy(lines)).into_owned();
    let _ = task::spawn_blocking(move || print_or_exit(&text)).await;
}
// ANCHOR_END: arrive
