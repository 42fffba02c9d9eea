// ANCHOR: header
//! The server of 8.2: the room of 7.4, behind a door that encrypts.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lesson_async_server::{Client, Room, serve_with, stay};
use rustls::ServerConfig;
use shared::complain;
use tokio::net::TcpStream;
use tokio::task;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub use certificate::{
    Identity, beside_the_program, fingerprint, names_of, provider, read_certificate, trusting,
};

pub use encrypted::Encrypted;
pub use stranger::{speaks_tls, tell_it_what_to_use};
pub use uninterrupted::Uninterrupted;

mod certificate;
mod encrypted;
mod stranger;
mod uninterrupted;
// ANCHOR_END: header

// ANCHOR: run
/// How long a connection may take before it is an encrypted one.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client that speaks no TLS may take to read what it should do.
const REFUSAL: Duration = Duration::from_secs(2);

/// Serves clients in a room of their own until `shutdown` is done, and then says goodbye to them.
///
/// # Errors
/// If the listener cannot be used with tokio.
pub async fn run(
    listener: std::net::TcpListener,
    tls: Arc<ServerConfig>,
    shutdown: impl Future,
) -> io::Result<()> {
    let room = Arc::new(Room::default());
    let acceptor = TlsAcceptor::from(tls);
    let admit = |stream, peer| {
        // In a task of its own, so that nobody waits for the handshake of somebody else.
        task::spawn(admit(stream, peer, acceptor.clone(), Arc::clone(&room)));
    };
    serve_with(listener, &room, admit, shutdown).await
}
// ANCHOR_END: run

// ANCHOR: admit
/// Lets a client in as soon as its handshake is done. Until then the room does not know it.
async fn admit(mut stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor, room: Arc<Room>) {
    let _ = stream.set_nodelay(true); // as in 7.4
    let handshake = async {
        if !speaks_tls(&stream).await? {
            return Ok(None);
        }
        acceptor.accept(Uninterrupted(&mut stream)).await.map(|tls| Some(tls.into_inner().1))
    };
    match timeout(HANDSHAKE, handshake).await {
        Ok(Ok(Some(session))) => {
            let client =
                Client::new(Encrypted::new(stream, session), peer, Arc::clone(&room), room);
            stay(client, peer).await;
        }
        Ok(Ok(None)) => {
            complain(format_args!("refused {peer}: it does not speak TLS"));
            let _ = timeout(REFUSAL, tell_it_what_to_use(stream)).await;
        }
        Ok(Err(error)) => complain(format_args!("refused {peer}: {error}")),
        Err(_) => {
            let seconds = HANDSHAKE.as_secs();
            complain(format_args!("refused {peer}: no handshake within {seconds} s"));
        }
    }
}
// ANCHOR_END: admit
