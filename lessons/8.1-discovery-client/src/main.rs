// ANCHOR: header
//! 8.1 Datagrams, the client: it asks everybody on the local network who serves a chat.
//!
//!     cargo run -p lesson-broadcast-server -- 0.0.0.0:3000
//!     cargo run -p lesson-discovery-server -- 0.0.0.0:3000     (beside it, in a second terminal)
//!     cargo run -p lesson-discovery-client                     (on any machine of this network)
//!
//! A question may be lost, and so may an answer: it asks three times in a second. Anybody may answer. So
//! it shows the address that each answer came from, and takes the chat's address from there, but never
//! from the answer's text.

mod ask;

use std::env::{self, consts::EXE_SUFFIX};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::process::{Command, exit};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, anyhow};
use lexopt::prelude::*;
use shared::{Failure, host_and_port, lesson, note, print_or_exit, printable};

use ask::{Chat, ask, targets};
// ANCHOR_END: header

// ANCHOR: options
/// The broadcast address stands for everybody, over IPv6 as well.
const ADDRESS: &str = "255.255.255.255:3000";
const OPTIONS: [(&str, &str); 1] = [("--join", "join the first chat that is found")];

/// Returns whom to ask, and whether to join.
fn arguments() -> Result<(String, bool), lexopt::Error> {
    let (mut address, mut joins) = (None, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("join") => joins = true,
            Value(text) if address.is_none() => address = Some(host_and_port(text, ADDRESS)?),
            other => return Err(lesson!().help_or_refuse(other, Some(ADDRESS), &OPTIONS)),
        }
    }
    Ok((address.unwrap_or(ADDRESS.to_string()), joins))
}
// ANCHOR_END: options

// ANCHOR: main
/// How many chats are shown. Anybody can send any number of answers.
const MOST: usize = 100;

fn main() -> Result<(), Failure> {
    let (address, joins) = arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let targets = targets(&address)?;
    let id = RandomState::new().hash_one(&address); // a new random number each time

    // A socket is of IPv4 or of IPv6, so there are two, and a thread for each.
    let (tell, told) = mpsc::sync_channel(MOST);
    let (v4, v6): (Vec<_>, Vec<_>) = targets.iter().copied().partition(SocketAddr::is_ipv4);
    for targets in [v4, v6].into_iter().filter(|targets| !targets.is_empty()) {
        let tell = tell.clone();
        let asker = thread::Builder::new().spawn(move || {
            ask(&targets, id, &tell).unwrap_or_else(|error| note!("{error:#}"));
        });
        asker.context("cannot start a thread that asks")?;
    }
    drop(tell); // so that the loop ends with the last of the two

    let (mut found, mut left_out) = (Vec::new(), 0);
    for chat in told {
        match found.contains(&chat) {
            true => {} // a datagram may arrive twice, and each question is answered
            false if found.len() == MOST => left_out += 1,
            false => {
                show(&chat);
                found.push(chat);
            }
        }
    }
    if left_out > 0 {
        note!("not shown: answers beyond the first {MOST}, {left_out} in all");
    }
    match found.first() {
        None => Err(nobody(&targets).into()),
        Some(chat) if joins => join(&chat.address),
        Some(_) => Ok(()),
    }
}

fn nobody(targets: &[SocketAddr]) -> anyhow::Error {
    let targets: Vec<String> = targets.iter().map(SocketAddr::to_string).collect();
    anyhow!(
        "nobody has answered within a second; asked: {}\n\
         Start the server beside the chat: cargo run -p lesson-discovery-server -- 0.0.0.0:3000. If it \
         runs, a firewall or the Wi-Fi may hold datagrams to everybody back: ask its address, such as \
         -- 192.168.1.20:3000",
        targets.join(", ")
    )
}
// ANCHOR_END: main

// ANCHOR: show
const CLIENT: &str = "lesson-broadcast-client";

/// Shows a chat, and the command that joins it. A shell would take the brackets of an IPv6 address for a
/// pattern, so they are quoted.
fn show(Chat { address, name }: &Chat) {
    let quote = if address.is_ipv6() { "\"" } else { "" };
    print_or_exit(&format!(
        "发现聊天室：{}（来自 {}）\n", // found a chat room: NAME (from ADDRESS)
        printable(name),
        address.ip(),
    ));
    print_or_exit(&format!("cargo run -p {CLIENT} -- {quote}{address}{quote}\n"));
}

/// Starts the chat's client, which lies beside this program. If it has not been built yet, cargo does
/// that.
fn join(address: &SocketAddr) -> Result<(), Failure> {
    let this = env::current_exe().context("cannot find out where this program lies")?;
    let beside = this.with_file_name(format!("{CLIENT}{EXE_SUFFIX}"));
    let mut client = Command::new(&beside);
    if !beside.exists() {
        client = Command::new("cargo");
        client.args(["run", "--quiet", "--package", CLIENT, "--"]);
    }
    let status = client.arg(address.to_string()).status().map_err(|error| {
        anyhow!(
            "cannot start {CLIENT}: {error}\nTry the command above, in the folder of the lessons."
        )
    })?;
    exit(status.code().unwrap_or(1))
}
// ANCHOR_END: show
