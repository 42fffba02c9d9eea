//! What the system allows, and how the clients are split among processes for it.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, ensure};

use crate::arguments::Options;
use crate::clients::{MOST_CLIENTS, Part};

/// Descriptors that a process needs besides its clients.
const SPARE: usize = 40;

/// What the system allows.
pub struct Limits {
    /// How many clients one process may have.
    pub clients: usize,
    /// How many descriptors a process may have.
    pub descriptors: u64,
    /// How many ports there are for connections from one address, where the system tells.
    pub ports: Option<usize>,
}

impl Limits {
    /// Raises the limit on descriptors as far as this process may, and says how far that is.
    pub fn raise() -> anyhow::Result<Limits> {
        let limit = rlimit::increase_nofile_limit(u64::MAX);
        let descriptors = limit.context("cannot tell how many descriptors a process may have")?;
        let most = usize::try_from(descriptors).unwrap_or(usize::MAX).saturating_sub(SPARE);
        ensure!(most >= 10, "the limit of {descriptors} descriptors is too low (see ulimit -n)");
        Ok(Limits { clients: most.min(MOST_CLIENTS), descriptors, ports: ports() })
    }
}

fn ports() -> Option<usize> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map(str::parse::<usize>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some(last.saturating_sub(first) + 1)
}

/// The first IP address of `address`.
pub fn look_up(address: &str) -> anyhow::Result<SocketAddr> {
    let mut found = address
        .to_socket_addrs()
        .with_context(|| format!("cannot look up {address}; is the name right?"))?;
    found.next().with_context(|| format!("{address} has no IP address"))
}

/// Splits the work, first among the servers and then, where one process may not have that many
/// clients, among processes. Where nobody would only listen, a process has one more client.
pub fn split(options: &Options, limits: &Limits) -> anyhow::Result<Vec<Part>> {
    let servers = options.addresses.len();
    let connections = options.clients + options.stuck + servers;
    let processes_each = connections.div_ceil(servers).div_ceil(limits.clients - 1);
    let processes = servers * processes_each;
    ensure!(
        options.clients >= processes,
        "{} clients are too few for {processes} processes of them",
        options.clients
    );
    let mut parts = Vec::new();
    for index in 0..processes {
        let address = look_up(&options.addresses[index % servers])?;
        let speakers = share(options.speakers, processes, index);
        let clients = share(options.clients, processes, index).len();
        parts.push(Part {
            address,
            process: index / servers,
            clients: clients.max(speakers.len() + 1),
            stuck: share(options.stuck, processes, index).len(),
            speakers: speakers.start + 1..speakers.end + 1,
            all_speakers: options.speakers,
            lines: options.lines,
            size: options.size,
            patience: options.patience,
            nats: options.nats,
        });
    }
    Ok(parts)
}

/// Which of `all` the process `index` of `processes` has, when they are shared out evenly.
fn share(all: usize, processes: usize, index: usize) -> std::ops::Range<usize> {
    let start = |index: usize| (all * index).div_ceil(processes);
    start(index)..start(index + 1)
}
