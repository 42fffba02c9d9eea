// ANCHOR: header
//! 7.5 Broadcast chat on many machines: each serves its own people, and NATS joins the rooms.
//!
//!     nats-server
//!     cargo run -p lesson-cluster-server -- --name east 3001     (in a second terminal)
//!     cargo run -p lesson-cluster-server -- --name west 3002     (in a third)
//!     cargo run -p lesson-broadcast-client -- 3001               (and so on)
//!
//! Such a server is an *edge*: the room of 7.4, and a bridge. The bridge is one more reader of the
//! room, who tells the other edges what is said here, and says here what they tell.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_room::{Client, News, Room};
use bridge::{Bridge, expect_panics, is_name};
use lesson_shared_log_server::SEND_BUFFER;
use shared::{
    CtrlC, Extra, Failure, host_and_port, lesson, listen, note, note_disconnected, pause_for,
    print_line, set_send_buffer,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio::{runtime, select, task};
// ANCHOR_END: header

// ANCHOR: options
const DEFAULT_NATS: &str = "127.0.0.1:4222";

const OPTIONS: [Extra; 2] = [
    Extra {
        name: "nats",
        value: "HOST:PORT",
        help: "a NATS server, or several with commas [default: 127.0.0.1:4222]",
        check: |text| servers(&text.to_string_lossy()).map(drop),
    },
    Extra {
        name: "name",
        value: "NAME",
        help: "what the others call this edge [default: edge-PORT]",
        check: |name| match is_name(&name.to_string_lossy()) {
            true => Ok(()),
            false => Err("1 to 32 letters, digits, `-` and `_` make a name".to_string()),
        },
    },
];

fn servers(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(|server| host_and_port(server, DEFAULT_NATS)).collect()
}
// ANCHOR_END: options

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let (address, [nats, name]) = lesson!().address_and("127.0.0.1:3000", &OPTIONS);
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());

    let text = |option: OsString| option.to_string_lossy().into_owned();
    let nats = servers(&nats.map_or(DEFAULT_NATS.to_string(), text)).map_err(anyhow::Error::msg)?;
    let name = name.map_or(format!("edge-{}", bound.port()), text);
    let (press, pressed) = oneshot::channel();
    let _last_lines = CtrlC::calls(|| drop(press))?;
    expect_panics(); // of the NATS client: they cost a connection, and nothing more
    listener.set_nonblocking(true).context("cannot make the listener non-blocking")?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime
        .block_on(async { run(TcpListener::from_std(listener)?, nats, name, pressed).await })
        .context("cannot run")?;
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: run
/// How long everybody has on Ctrl-C to take in what was said last, and the bridge to pass it on.
const FAREWELL: Duration = Duration::from_secs(2);

async fn run(
    listener: TcpListener,
    nats: Vec<String>,
    name: String,
    mut ctrl_c: oneshot::Receiver<()>,
) -> io::Result<()> {
    let room = Arc::new(Room::default());
    let (leave, leaving) = oneshot::channel();
    let bridge = Bridge::new(name, Arc::clone(&room));
    let bridge = task::spawn(bridge.run(nats, leaving));
    loop {
        select! {
            _ = &mut ctrl_c => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer, &room),
                Err(error) => sleep(pause_for(&error)).await,
            },
        }
    }
    drop(listener); // no new clients
    drop(leave);
    if timeout(FAREWELL / 2, bridge).await.is_err() {
        note!("NATS is too slow: the other edges miss some of what was said here last");
    }
    // Only here has the server closed, not elsewhere.
    room.log().append("服务器关闭了\n".as_bytes()); // the server has closed
    room.news.send_replace(News::Goodbye);
    // Each client's task receives the news, so when nobody receives it any more, all have gone.
    let _ = timeout(FAREWELL / 2, room.news.closed()).await;
    Ok(())
}
// ANCHOR_END: run

// ANCHOR: admit
/// As in 7.4.
fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) {
    let _ = stream.set_nodelay(true);
    let client = Client::new(stream, peer, Arc::clone(room));
    task::spawn(async move {
        if let Err(error) = client.serve().await {
            note_disconnected(peer, &error);
        }
        print_line!("有客户端退出了"); // a client has left
    });
}
// ANCHOR_END: admit
