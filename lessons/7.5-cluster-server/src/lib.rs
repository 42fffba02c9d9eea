// ANCHOR: header
//! The edge of 7.5: the server of 7.4, and a bridge to the other edges.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use lesson_async_server::{Room, serve};
use shared::note;
use tokio::sync::oneshot;
use tokio::task;
use tokio::time::timeout;

use bridge::join_rooms;

pub use message::{MOST_LINES, fit};
pub use names::{default_name, edge_name, is_name, nats_servers};
pub use nats::{forget_what_was_said, options, say_once};

mod bridge;
mod message;
mod names;
mod nats;
mod others;
// ANCHOR_END: header

// ANCHOR: run
/// How long the bridge may take at the end to publish what was said last.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves the people of the edge `name`, and joins their room with those of the other edges through
/// one of the NATS servers `nats`, until `shutdown` is done.
///
/// # Errors
/// If the listener cannot be used with tokio.
pub async fn run(
    listener: TcpListener,
    name: String,
    nats: Vec<String>,
    shutdown: impl Future,
) -> io::Result<()> {
    let room = Arc::new(Room::default());
    let (leave, leaving) = oneshot::channel();
    let mut bridge = task::spawn(join_rooms(name, Arc::clone(&room), nats, leaving));
    let farewell = async {
        shutdown.await;
        drop(leave);
        if timeout(FAREWELL, &mut bridge).await.is_err() {
            bridge.abort();
            note!("NATS is away: the other edges miss what was said here last");
        }
    };
    // The bridge leaves before the goodbye, because only this server closes and not the others.
    serve(listener, &room, Arc::clone(&room), farewell).await
}
// ANCHOR_END: run
