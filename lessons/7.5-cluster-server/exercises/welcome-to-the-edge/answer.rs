//! 7.5 Broadcast chat on many machines: each serves its own people, and NATS joins the rooms.
//!
//!     nats-server
//!     cargo run -p lesson-cluster-server -- --name east 3001     (in a second terminal)
//!     cargo run -p lesson-cluster-server -- --name west 3002     (in a third)
//!     cargo run -p lesson-broadcast-client -- 3001               (and so on)
//!
//! Such a server is an *edge*: the room of 7.4, and a bridge. The bridge is one more reader of the
//! room, who tells the other edges what is said here, and says here what they tell.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_room::{Client, News, Room};
use bridge::{Bridge, expect_panics, is_name};
use lexopt::prelude::*;
use shared::{
    CtrlC, Failure, host_and_port, lesson, listen, note, note_disconnected, pause_for, print_line,
    set_send_buffer,
};
use shared_log::SEND_BUFFER;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio::{runtime, select, task};

const ADDRESS: &str = "127.0.0.1:3000";
const NATS: &str = "127.0.0.1:4222";

const OPTIONS: [(&str, &str); 2] = [
    ("--nats HOST:PORT", "a NATS server, or several with commas [default: 127.0.0.1:4222]"),
    ("--name NAME", "what the others call this edge [default: edge-PORT]"),
];

struct Options {
    address: String,
    nats: Vec<String>,
    name: Option<String>,
}

fn arguments() -> Result<Options, lexopt::Error> {
    let (mut address, mut nats, mut name) = (None, vec![NATS.to_string()], None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("nats") => nats = parser.value()?.parse_with(nats_servers)?,
            Long("name") => name = Some(parser.value()?.parse_with(edge_name)?),
            Value(text) if address.is_none() => address = Some(host_and_port(text, ADDRESS)?),
            other => return Err(lesson!().help_or_refuse(other, Some(ADDRESS), &OPTIONS)),
        }
    }
    Ok(Options { address: address.unwrap_or(ADDRESS.to_string()), nats, name })
}

fn nats_servers(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(|server| host_and_port(server, NATS)).collect()
}

fn edge_name(text: &str) -> Result<String, &'static str> {
    match is_name(text) {
        true => Ok(text.to_string()),
        false => Err("1 to 32 letters, digits, `-` and `_` make a name"),
    }
}

fn main() -> Result<(), Failure> {
    let Options { address, nats, name } =
        arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());

    let name = name.unwrap_or(format!("edge-{}", bound.port()));
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
