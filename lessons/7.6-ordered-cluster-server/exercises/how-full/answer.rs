//! 7.6 Broadcast chat on many machines with one order for all: the log is a stream of NATS.
//!
//!     nats-server -js
//!     cargo run -p lesson-ordered-cluster-server -- --name east 3001     (in a second terminal)
//!     cargo run -p lesson-ordered-cluster-server -- --name west 3002     (in a third)
//!     cargo run -p lesson-broadcast-client -- 3001                       (and so on)
//!
//! Whatever is said goes to the stream first. Everybody hears what comes back from there: every line
//! once, and in one order for all. While the stream is away, nobody hears anybody, and whoever speaks
//! has to wait. With `--history 10` a newcomer is told the last ten lines.

use anyhow::Context;
use lesson_cluster_server::{default_name, edge_name, nats_servers};
use lesson_ordered_cluster_server::run;
use lesson_shared_log_server::SEND_BUFFER;
use lexopt::prelude::*;
use shared::{CtrlC, Failure, host_and_port, lesson, listen, print_line, set_send_buffer};
use tokio::runtime;
use tokio::sync::oneshot;

const ADDRESS: &str = "127.0.0.1:3000";

const OPTIONS: [(&str, &str); 3] = [
    ("--nats HOST:PORT", "a NATS server, or several with commas [default: 127.0.0.1:4222]"),
    ("--name NAME", "what the others call this edge [default: its address, such as edge-3000]"),
    ("--history NUMBER", "how many of the last lines a newcomer is told, at most 100 [default: 0]"),
];

struct Options {
    address: String,
    nats: Vec<String>,
    name: Option<String>,
    history: usize,
}

fn arguments() -> Result<Options, lexopt::Error> {
    let (mut address, mut nats, mut name, mut history) = (None, nats_servers("4222")?, None, 0);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("nats") => nats = parser.value()?.parse_with(nats_servers)?,
            Long("name") => name = Some(parser.value()?.parse_with(edge_name)?),
            Long("history") => history = parser.value()?.parse_with(number_of_lines)?,
            Value(text) if address.is_none() => address = Some(host_and_port(text, ADDRESS)?),
            other => return Err(lesson!().help_or_refuse(other, Some(ADDRESS), &OPTIONS)),
        }
    }
    Ok(Options { address: address.unwrap_or(ADDRESS.to_string()), nats, name, history })
}

fn number_of_lines(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(number @ ..=100) => Ok(number),
        _ => Err("give a number from 0 to 100"),
    }
}

fn main() -> Result<(), Failure> {
    let Options { address, nats, name, history } =
        arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());

    let name = name.unwrap_or_else(|| default_name(bound, &nats));
    let (press, pressed) = oneshot::channel::<()>();
    let _last_lines = CtrlC::calls(|| drop(press))?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let served = runtime.block_on(run(listener, name, nats, history, pressed));
    served.context("cannot use the listener with tokio")?;
    Ok(())
}
