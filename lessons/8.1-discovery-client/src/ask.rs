// ANCHOR: header
//! Asking who serves a chat: where the question has to go, and what counts as an answer.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use lesson_discovery_server::{GROUP, Message};
use shared::{networks, note, nothing_arrived, uninterrupted};
// ANCHOR_END: header

// ANCHOR: targets
/// Returns where to send the question.
///
/// # Errors
/// The host is unknown, or this machine is on no network.
pub fn targets(address: &str) -> anyhow::Result<Vec<SocketAddr>> {
    let resolved = address.to_socket_addrs().map_err(|error| {
        anyhow!("cannot ask {address}: {error}\nCheck the host, or leave it out to ask everybody.")
    })?;
    let targets: Vec<SocketAddr> = resolved.collect();
    match targets.iter().find(|target| target.ip() == Ipv4Addr::BROADCAST) {
        Some(everybody) => everybody_on_each_network(everybody.port()),
        None => Ok(targets),
    }
}

/// A datagram to 255.255.255.255 leaves over one interface, which the system chooses. Each network has a
/// broadcast address of its own, such as 192.168.1.255, and that leads there.
fn everybody_on_each_network(port: u16) -> anyhow::Result<Vec<SocketAddr>> {
    let networks = networks().context("cannot list the networks of this machine")?;
    let mut targets: Vec<SocketAddr> = networks
        .into_iter()
        .filter_map(|network| match (network.ip, network.broadcast) {
            (ip, _) if ip.is_loopback() => Some(SocketAddr::new(ip, port)), // nobody else is there
            (ip, _) if ip.is_ipv6() => {
                Some(SocketAddrV6::new(GROUP, port, 0, network.index).into())
            }
            (_, broadcast) => Some(SocketAddr::new(broadcast?.into(), port)), // a tunnel has none
        })
        .collect();
    targets.sort();
    targets.dedup(); // an interface may have several addresses
    if targets.is_empty() {
        bail!(
            "cannot ask anybody: this machine is on no network\nIs its cable in, or its Wi-Fi on?"
        );
    }
    Ok(targets)
}
// ANCHOR_END: targets

// ANCHOR: ask
/// How often the question is sent, and how long answers are waited for each time.
const ROUNDS: u32 = 3;
const ROUND: Duration = Duration::from_millis(333);

/// A chat that somebody has announced.
#[derive(PartialEq)]
pub struct Chat {
    /// Where to connect.
    pub address: SocketAddr,
    /// What it is called, in whatever characters a stranger likes.
    pub name: String,
}

/// Sends the question to all `targets` in each round, and tells which chats are announced. All targets
/// are of the same IP version.
///
/// # Errors
/// The system has no socket to ask with.
pub fn ask(targets: &[SocketAddr], id: u64, tell: &SyncSender<Chat>) -> anyhow::Result<()> {
    let any_port = if targets[0].is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any_port).context("cannot make a socket to ask with")?;
    socket.set_broadcast(true).context("cannot ask for the right to broadcast")?;
    let question = Message::Who { id }.line();
    let begun = Instant::now();
    let mut strange = 0;
    for round in 1..=ROUNDS {
        for target in targets {
            let sent = uninterrupted(|| socket.send_to(question.as_bytes(), target));
            if let (Err(error), 1) = (sent, round) {
                note!(
                    "cannot ask {target}: {error} (does a firewall or a privacy setting forbid it?)"
                );
            }
        }
        let until = begun + ROUND * round;
        strange += hear(&socket, id, targets[0].port(), until, tell)?;
    }
    if strange > 0 {
        note!("not shown: datagrams that do not answer this question, {strange} in all");
    }
    Ok(())
}

/// Tells of each answer until the time is over. Returns how many datagrams were none.
fn hear(
    socket: &UdpSocket,
    id: u64,
    port: u16,
    until: Instant,
    tell: &SyncSender<Chat>,
) -> anyhow::Result<usize> {
    let mut buffer = vec![0; 65_536]; // no datagram is longer, so none is cut
    let mut strange = 0;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(strange);
        }
        socket.set_read_timeout(Some(left)).context("cannot limit the time to wait")?;
        let (length, from) = match uninterrupted(|| socket.recv_from(&mut buffer)) {
            Ok(received) => received,
            Err(error) if nothing_arrived(&error) => continue,
            Err(error) => return Err(error).context("cannot receive answers"),
        };
        match Message::parse(&buffer[..length]) {
            // From any other port, it is not from the server of that machine.
            Some(Message::Here { id: of, port: chat, name }) if of == id && from.port() == port => {
                let mut address = from; // not what the answer says, which may be anything
                address.set_port(chat);
                let _ = tell.send(Chat { address, name: name.to_string() }); // main waits for us
            }
            _ => strange += 1,
        }
    }
}
// ANCHOR_END: ask
