//! What the system allows, and how the clients are split among processes for it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::arguments::Options;

/// Descriptors that a process needs besides its clients.
const SPARE: usize = 40;

/// No process has more clients than this, however many descriptors it may have.
const MOST_CLIENTS: usize = 20_000;

/// How many clients connect from one address, where there are several.
const FROM_AN_ADDRESS: usize = 10_000;

/// What one process does in a run.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Where those who flood reach the server, if that is another address.
    pub flooders_address: Option<SocketAddr>,
    /// Which of crowd's own processes it is.
    pub process: usize,
    /// How many clients there are, of which at least one only listens.
    pub clients: usize,
    /// How many more there are that never read.
    pub stuck: usize,
    /// The numbers of those who speak here, of all speakers in the room.
    pub speakers: Range<usize>,
    /// How many speakers there are in the whole room.
    pub all_speakers: usize,
    /// The speakers take turns: one speaks in each round.
    pub in_turn: bool,
    /// How many lines each says in a round.
    pub lines: usize,
    /// Bytes of a line as it is said, without its newline.
    pub size: usize,
    /// How long to wait while nothing comes.
    pub patience: Duration,
    /// The server is nats-server.
    pub nats: bool,
}

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

impl Part {
    /// Where to connect from, after as many others as `before`, if the system's own choice will not
    /// do: an address has not ports enough for all, and once it has given half of them away the
    /// system takes long to find another. On loopback there are addresses enough, 127.0.0.0/8, but
    /// for macOS, which has only the first.
    pub fn source(&self, before: usize) -> Option<Ipv4Addr> {
        let block = self.process * (MOST_CLIENTS / FROM_AN_ADDRESS) + before / FROM_AN_ADDRESS;
        let is_local = !cfg!(target_os = "macos")
            && matches!(self.address.ip(), IpAddr::V4(server) if server.is_loopback());
        let [high, low] = u16::try_from(block).unwrap_or(0).to_be_bytes();
        (is_local && block > 0).then(|| Ipv4Addr::new(127, 0, 1 + high, low))
    }

    /// How many lines are said in a round, in the whole room.
    pub fn lines_of_a_round(&self) -> usize {
        self.lines * if self.in_turn { 1 } else { self.all_speakers }
    }

    /// Which of its lines `speaker` says in a round: none if it is the turn of another.
    pub fn lines_said(&self, speaker: usize, round: usize) -> Range<usize> {
        let all = self.all_speakers;
        let before = |round| match self.in_turn {
            true => (round + all - speaker) / all * self.lines,
            false => round * self.lines,
        };
        before(round)..before(round + 1)
    }

    /// How many lines a client hears in a round, where `speaker` is its number if it speaks.
    pub fn lines_to_hear(&self, speaker: Option<usize>, echoes: bool, round: usize) -> usize {
        let own = speaker.filter(|_| !echoes).map(|speaker| self.lines_said(speaker, round).len());
        self.lines_of_a_round() - own.unwrap_or(0)
    }
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
        });
    }
    Ok(parts)
}

/// Which of `all` the process `index` of `processes` has, when they are shared out evenly.
fn share(all: usize, processes: usize, index: usize) -> Range<usize> {
    let start = |index: usize| (all * index).div_ceil(processes);
    start(index)..start(index + 1)
}
