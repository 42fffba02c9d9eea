//! 7.5 Broadcast chat on many machines: each serves its own people, and NATS joins the rooms.
//!
//!     nats-server
//!     cargo run -p lesson-cluster-server -- --name east 3001     (in a second terminal)
//!     cargo run -p lesson-cluster-server -- --name west 3002     (in a third)
//!     cargo run -p lesson-broadcast-client -- 3001               (and so on)
//!
//! Such a server is an *edge*: the server of 7.4, and a bridge, which tells the other edges what is
//! said here, and says here what they tell. Nobody waits for NATS or for another edge. What does not
//! arrive is counted, and the count is said.

use anyhow::Context;
use lesson_cluster_server::{default_name, edge_name, nats_servers, run};
use lesson_shared_log_server::SEND_BUFFER;
use lexopt::prelude::*;
use shared::{CtrlC, Failure, host_and_port, lesson, listen, print_line, set_send_buffer};
use tokio::runtime;
use tokio::sync::oneshot;

const ADDRESS: &str = "127.0.0.1:3000";

const OPTIONS: [(&str, &str); 2] = [
    ("--nats HOST:PORT", "a NATS server, or several with commas [default: 127.0.0.1:4222]"),
    ("--name NAME", "what the others call this edge [default: its address, such as edge-3000]"),
];

struct Options {
    address: String,
    nats: Vec<String>,
    name: Option<String>,
}

fn arguments() -> Result<Options, lexopt::Error> {
    let (mut address, mut nats, mut name) = (None, nats_servers("4222")?, None);
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

fn main() -> Result<(), Failure> {
    let Options { address, nats, name } =
        arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());

    let name = name.unwrap_or_else(|| default_name(bound, &nats));
    let (press, pressed) = oneshot::channel::<()>();
    let _last_lines = CtrlC::calls(|| drop(press))?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let served = runtime.block_on(run(listener, name, nats, pressed));
    served.context("cannot use the listener with tokio")?;
    Ok(())
}
