// ANCHOR: header
//! 8.1 Datagrams, the server: it answers a client that asks the whole network for a chat.
//!
//!     cargo run -p lesson-broadcast-server -- 0.0.0.0:3000
//!     cargo run -p lesson-discovery-server -- 0.0.0.0:3000     (beside it, in a second terminal)
//!     cargo run -p lesson-discovery-client                     (on any machine of this network)
//!
//! It runs beside any chat server and listens on the same address and the same port: TCP's port 3000 and
//! UDP's port 3000 have nothing to do with each other. Like the chat, it is open to this machine alone
//! unless it is told otherwise, because a chat that the others cannot reach is not worth announcing.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use lesson_discovery_server::{Fairness, GROUP, Message, chat_name};
use lexopt::prelude::*;
use shared::{
    Failure, become_server, cannot_listen, complain, host_and_port, lesson, networks, note,
    nothing_arrived, print_line, set_send_buffer, uninterrupted,
};
// ANCHOR_END: header

// ANCHOR: options
const ADDRESS: &str = "127.0.0.1:3000";

const OPTIONS: [(&str, &str); 2] = [
    ("--chat PORT", "the TCP port of the chat server on this machine [default: 3000]"),
    ("--name NAME", "what the chat is called [default: 聊天室]"), // chat room
];

/// What this server tells everybody who asks.
struct Chat {
    port: u16,
    name: String,
}

/// Returns the address to listen on, and the chat.
fn arguments() -> Result<(String, Chat), lexopt::Error> {
    let mut address = None;
    let mut chat = Chat { port: 3000, name: "聊天室".to_string() }; // chat room
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("chat") => chat.port = parser.value()?.parse_with(chat_port)?,
            Long("name") => chat.name = parser.value()?.parse_with(chat_name)?,
            Value(text) if address.is_none() => address = Some(host_and_port(text, ADDRESS)?),
            other => return Err(lesson!().help_or_refuse(other, Some(ADDRESS), &OPTIONS)),
        }
    }
    Ok((address.unwrap_or(ADDRESS.to_string()), chat))
}

fn chat_port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| format!("{text:?} is not a port from 1 to 65535"))
}
// ANCHOR_END: options

// ANCHOR: main
/// How much may wait to be sent, in bytes. Before the first answer to a machine leaves, the system asks the
/// network who has its address (ARP), for up to three seconds, and the answer stays in the buffer meanwhile.
/// With forged addresses of machines that do not exist, somebody could fill a small buffer, and then each
/// send would wait.
const SEND_BUFFER: usize = 4 * 1024 * 1024;

fn main() -> Result<(), Failure> {
    let (address, chat) = arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let socket = UdpSocket::bind(&address).map_err(|error| cannot_listen(&address, error))?;
    let bound = socket.local_addr().context("cannot find out the address of the socket")?;
    become_server()?;
    note!("listening on {bound}: {}, stop with Ctrl-C", who_may_ask(bound));
    print_line!("server listening at port {}", bound.port());
    join_the_group(&socket, bound.ip());
    set_send_buffer(&socket, SEND_BUFFER);

    // Nothing is accepted: one socket receives the datagrams of everybody. None is longer than this
    // buffer, so none is cut.
    let mut buffer = vec![0; 65_536];
    let mut fairness = Fairness::new(Instant::now());
    loop {
        match uninterrupted(|| socket.recv_from(&mut buffer)) {
            // Even no bytes at all are a datagram, and not the end: there is nothing that could end.
            Ok((length, asker)) => answer(&socket, &buffer[..length], asker, &chat, &mut fairness),
            Err(error) if nothing_arrived(&error) => {} // an earlier answer has reached nobody
            Err(error) => {
                complain(format_args!("cannot receive for now: {error}"));
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn who_may_ask(bound: SocketAddr) -> String {
    let port = bound.port();
    match bound.ip() {
        ip if ip.is_unspecified() => "everybody on its networks may ask".to_string(),
        ip if ip.is_loopback() => format!("only this machine may ask (0.0.0.0:{port}: everybody)"),
        ip => format!("only clients that are told {ip} may ask (0.0.0.0:{port}: everybody)"),
    }
}
// ANCHOR_END: main

// ANCHOR: answer
/// Answers a question, unless the machine it comes from has had too many answers.
fn answer(
    socket: &UdpSocket,
    datagram: &[u8],
    asker: SocketAddr,
    chat: &Chat,
    fairness: &mut Fairness,
) {
    // Over a socket of IPv6, an address of IPv4 has another form: ::ffff:192.168.1.7.
    let ip = asker.ip().to_canonical();
    let Some(Message::Who { id }) = Message::parse(datagram) else {
        return complain(format_args!("{ip} has sent {} bytes that ask nothing", datagram.len()));
    };
    let answer = Message::Here { id, port: chat.port, name: &chat.name }.line();
    if answer.len() > datagram.len() {
        return complain(format_args!("{ip} has not padded its question, so it gets no answer"));
    }
    if !fairness.allows(ip, Instant::now()) {
        return complain(format_args!("{ip} asks too often, so it gets no answer for now"));
    }
    match uninterrupted(|| socket.send_to(answer.as_bytes(), asker)) {
        Ok(_) => print_line!("{ip} 在找聊天室"), // is looking for a chat
        Err(error) => complain(format_args!("cannot answer {asker}: {error}")),
    }
}
// ANCHOR_END: answer

// ANCHOR: group
/// Joins the group to which questions are sent over IPv6, on each network by itself. A broadcast of IPv4
/// arrives without being asked for.
fn join_the_group(socket: &UdpSocket, bound: IpAddr) {
    if !(bound.is_ipv6() && bound.is_unspecified()) {
        return;
    }
    let mut networks = networks().unwrap_or_else(|error| {
        note!("cannot list the networks of this machine, so IPv6 is not answered: {error}");
        Vec::new()
    });
    networks.retain(|network| network.ip.is_ipv6() && !network.ip.is_loopback());
    networks.sort_by_key(|network| network.index);
    networks.dedup_by_key(|network| network.index); // an interface may have several addresses
    for network in networks {
        if let Err(error) = socket.join_multicast_v6(&GROUP, network.index) {
            note!("cannot join {GROUP} on {}: {error}", network.interface);
        }
    }
}
// ANCHOR_END: group
