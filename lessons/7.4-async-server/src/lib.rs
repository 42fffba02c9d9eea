// ANCHOR: header
//! The server of 7.4: a task for each client, and an orderly end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use shared::{note_disconnected, pause_for, print_line};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio::{select, task};

pub use client::Client;
pub use connection::Connection;
pub use room::{News, Publish, Room, Seat, State};

mod client;
mod connection;
mod room;
#[cfg(test)]
mod tests;
// ANCHOR_END: header

// ANCHOR: run
/// How long all clients may take at the end to receive the last lines.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves clients in a room of their own until `shutdown` is done, and then says goodbye to them.
///
/// # Errors
/// If the listener cannot be used with tokio.
pub async fn run(listener: std::net::TcpListener, shutdown: impl Future) -> io::Result<()> {
    let room = Arc::new(Room::default());
    serve(listener, &room, Arc::clone(&room), shutdown).await
}

/// Works as [`run`] does, but in the given room. What clients say goes to `publisher`.
///
/// # Errors
/// If the listener cannot be used with tokio.
pub async fn serve(
    listener: std::net::TcpListener,
    room: &Arc<Room>,
    publisher: Arc<impl Publish>,
    shutdown: impl Future,
) -> io::Result<()> {
    let admit = |stream, peer| admit(stream, peer, room, &publisher);
    serve_with(listener, room, admit, shutdown).await
}

/// Works as [`serve`] does, but `admit` decides what happens to each connection.
///
/// # Errors
/// If the listener cannot be used with tokio.
pub async fn serve_with(
    listener: std::net::TcpListener,
    room: &Arc<Room>,
    admit: impl Fn(TcpStream, SocketAddr),
    shutdown: impl Future,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut shutdown = pin!(shutdown);
    loop {
        select! {
            _ = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer),
                Err(error) => sleep(pause_for(&error)).await,
            },
        }
    }
    drop(listener); // no new clients
    room.state().log.append("服务器关闭了\n".as_bytes()); // the server has closed
    room.news.send_replace(News::Goodbye);
    // Each client's task receives the news, so when nobody receives it any more, all have left.
    let _ = timeout(FAREWELL, room.news.closed()).await;
    Ok(())
}
// ANCHOR_END: run

// ANCHOR: admit
fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>, publisher: &Arc<impl Publish>) {
    // A small message leaves immediately instead of waiting for company. An error means that the
    // client has already left, and its first read will say so.
    let _ = stream.set_nodelay(true);
    // We create it here and not in the client's own task, so that clients join in the order in which
    // they connect, and no client misses what the next one says.
    let client = Client::new(stream, peer, Arc::clone(room), Arc::clone(publisher));
    task::spawn(stay(client, peer));
}

/// Serves a client until it has left, and announces that.
pub async fn stay(client: Client<impl Connection, impl Publish>, peer: SocketAddr) {
    if let Err(error) = client.serve().await {
        note_disconnected(peer, &error);
    }
    print_line!("有客户端退出了"); // a client has left
}
// ANCHOR_END: admit
