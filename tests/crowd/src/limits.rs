//! Finds out what the system allows, and splits the clients among processes accordingly.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::arguments::Options;

/// The number of descriptors that a process needs besides its clients.
const SPARE: usize = 40;

/// The maximum number of clients in a process, however many descriptors it may have.
const MOST_CLIENTS: usize = 20_000;

/// The number of clients that connect from one address, if there are several.
const FROM_AN_ADDRESS: usize = 10_000;

/// The part of one process in a run.
#[derive(Clone, Debug)]
pub struct Part {
    /// The address that the server listens on.
    pub address: SocketAddr,
    /// The address at which flooding clients reach the server, if that is another one.
    pub flooders_address: Option<SocketAddr>,
    /// The number of this process among crowd's own.
    pub process: usize,
    /// The number of clients, of which at least one only listens.
    pub clients: usize,
    /// The number of additional clients that never read.
    pub stuck: usize,
    /// The numbers of the speakers in this process, among all speakers in the room.
    pub speakers: Range<usize>,
    /// The number of speakers in the whole room.
    pub all_speakers: usize,
    /// Whether the speakers take turns, so that one speaks in each round.
    pub in_turn: bool,
    /// The number of lines that each speaker sends in a round.
    pub lines: usize,
    /// The length of a line as it is sent, in bytes without its newline.
    pub size: usize,
    /// How long to wait while nothing arrives.
    pub patience: Duration,
    /// Whether the server is nats-server.
    pub nats: bool,
    /// The certificate of a server that encrypts.
    pub tls: Option<PathBuf>,
}

/// The limits of the system.
pub struct Limits {
    /// The maximum number of clients in one process.
    pub clients: usize,
    /// The maximum number of descriptors in one process.
    pub descriptors: u64,
    /// The number of ports for connections from one address, if the system tells.
    pub ports: Option<usize>,
}

impl Limits {
    /// Raises the limit on descriptors as far as this process may, and returns how far that is.
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

impl Part {
    /// Returns the address to connect from, after as many others as `before`, if the system's own
    /// choice will not do: an address does not have enough ports for all, and once the system has
    /// given away half of them, it takes long to find another. On loopback there are enough
    /// addresses, 127.0.0.0/8, except on macOS, which has only the first.
    pub fn source(&self, before: usize) -> Option<Ipv4Addr> {
        let block = self.process * (MOST_CLIENTS / FROM_AN_ADDRESS) + before / FROM_AN_ADDRESS;
        let is_local = !cfg!(target_os = "macos")
            && matches!(self.address.ip(), IpAddr::V4(server) if server.is_loopback());
        let [high, low] = u16::try_from(block).unwrap_or(0).to_be_bytes();
        (is_local && block > 0).then(|| Ipv4Addr::new(127, 0, 1 + high, low))
    }

    /// Returns how many lines are sent in a round, in the whole room.
    pub fn lines_of_a_round(&self) -> usize {
        self.lines * if self.in_turn { 1 } else { self.all_speakers }
    }

    /// Returns which of its lines `speaker` sends in a round: none if it is another one's turn.
    pub fn lines_said(&self, speaker: usize, round: usize) -> Range<usize> {
        let all = self.all_speakers;
        let before = |round| match self.in_turn {
            true => (round + all - speaker) / all * self.lines,
            false => round * self.lines,
        };
        before(round)..before(round + 1)
    }

    /// Returns how many lines a client receives in a round. `speaker` is its number if it speaks.
    pub fn lines_to_hear(&self, speaker: Option<usize>, echoes: bool, round: usize) -> usize {
        let own = speaker.filter(|_| !echoes).map(|speaker| self.lines_said(speaker, round).len());
        self.lines_of_a_round() - own.unwrap_or(0)
    }
}

/// Resolves `address`, and returns its first IP address.
pub fn look_up(address: &str) -> anyhow::Result<SocketAddr> {
    let mut found = address
        .to_socket_addrs()
        .with_context(|| format!("cannot look up {address}; is the name right?"))?;
    found.next().with_context(|| format!("{address} has no IP address"))
}

/// Splits the work, first among the servers and then, if one process may not have that many
/// clients, among processes. A process in which no client would only listen gets one more.
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
            flooders_address: None,
            process: index,
            clients: clients.max(speakers.len() + 1),
            stuck: share(options.stuck, processes, index).len(),
            speakers: speakers.start + 1..speakers.end + 1,
            all_speakers: options.speakers,
            in_turn: options.in_turn,
            lines: options.lines,
            size: options.size,
            patience: options.patience,
            nats: options.nats,
            tls: options.tls.clone(),
        });
    }
    Ok(parts)
}

/// Returns which of `all` the process `index` of `processes` gets, when they are shared out evenly.
fn share(all: usize, processes: usize, index: usize) -> Range<usize> {
    let start = |index: usize| (all * index).div_ceil(processes);
    start(index)..start(index + 1)
}
