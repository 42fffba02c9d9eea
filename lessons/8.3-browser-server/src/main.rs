// ANCHOR: header
//! 8.3 A page and a WebSocket: phones join the chat and install nothing.
//!
//!     cargo run -p lesson-browser-server     (and open http://127.0.0.1:8080/ in a browser)
//!     cargo run -p lesson-broadcast-client   (in a second terminal; or telnet)
//!
//! One room with two doors. Lines over TCP arrive at port 3000, where the server of 7.4 serves them. A
//! browser fetches a page at port 8080, and the page opens a WebSocket into the same room.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use lesson_async_server::{Room, serve};
use lesson_shared_log_server::SEND_BUFFER;
use lexopt::prelude::*;
use shared::{
    CtrlC, Failure, cannot_listen, host_and_port, lesson, listen, print_line, set_send_buffer,
};
use tokio::sync::oneshot;
use tokio::{runtime, task};

mod door;
mod invitation;
mod visitor;
// ANCHOR_END: header

// ANCHOR: options
const ADDRESS: &str = "127.0.0.1:3000";

const OPTIONS: [(&str, &str); 1] =
    [("--page PORT", "the port of the page [default: 8080, or a free one if that is taken]")];

struct Options {
    address: String,
    page: Option<u16>,
}

fn arguments() -> Result<Options, lexopt::Error> {
    let (mut address, mut page) = (None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("page") => page = Some(parser.value()?.parse()?),
            Value(text) if address.is_none() => address = Some(host_and_port(text, ADDRESS)?),
            other => return Err(lesson!().help_or_refuse(other, Some(ADDRESS), &OPTIONS)),
        }
    }
    Ok(Options { address: address.unwrap_or(ADDRESS.to_string()), page })
}
// ANCHOR_END: options

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let Options { address, page } = arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let (listener, bound) = listen(&address)?;
    let browsers = listen_for_browsers(bound, page)?;
    let page = browsers.local_addr().context("cannot find out the address of the page")?;
    set_send_buffer(&listener, SEND_BUFFER);
    set_send_buffer(&browsers, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());
    invitation::show(page);

    let (press, pressed) = oneshot::channel::<()>();
    let _last_lines = CtrlC::calls(|| drop(press))?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let room = Arc::new(Room::default());
    let served = runtime.block_on(async {
        let door = task::spawn(door::open(browsers, Arc::clone(&room)));
        let shutdown = async {
            let _ = pressed.await;
            door.abort(); // a page that comes back now would find a room that is closing
        };
        serve(listener, &room, Arc::clone(&room), shutdown).await
    });
    served.context("cannot use the listener with tokio")?;
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: listen
/// Listens for browsers at the address of the other door, but at a port of their own.
fn listen_for_browsers(other: SocketAddr, wanted: Option<u16>) -> anyhow::Result<TcpListener> {
    let at = |port| SocketAddr::new(other.ip(), port);
    let address = at(wanted.unwrap_or(8080));
    match TcpListener::bind(address) {
        // The terminal shows the port, so nobody has to know it in advance.
        Err(_) if wanted.is_none() => TcpListener::bind(at(0)),
        outcome => outcome,
    }
    .map_err(|error| cannot_listen(&address.to_string(), error))
}
// ANCHOR_END: listen
