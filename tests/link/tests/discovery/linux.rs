//! Each test makes a network of its own, in which the ports are 3000 as in the book.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{DEADLINE, Program, lesson, resident_memory, timed_out, wait_until};
use lesson_discovery_server::{GROUP, LONGEST, Message};
use needs::NAMESPACE;
use predicates::prelude::*;
use predicates::str::contains;
use socket2::{Domain, Protocol, Socket, Type};

use super::lan::{Machine, Switch};

const SERVER: &str = "lesson-discovery-server";
const CLIENT: &str = "lesson-discovery-client";

/// Machines at 192.0.2.1 and so on, which are connected to one switch.
fn lan<const COUNT: usize>() -> (Switch, [Machine; COUNT]) {
    let switch = Switch::new();
    let machines = std::array::from_fn(|_| Machine::new());
    for (machine, last) in machines.iter().zip(1..) {
        switch.plug(machine, 0, last);
    }
    (switch, machines)
}

fn server(machine: &Machine, arguments: &[&str]) -> Program {
    let mut command = machine.command(lesson(SERVER));
    command.args(arguments);
    Program::server_from(command)
}

/// Starts the client on `machine`.
fn client(machine: &Machine, arguments: &[&str]) -> Program {
    let mut command = machine.command(lesson(CLIENT));
    command.args(arguments);
    Program::start(command)
}

/// Runs the client on `machine`. Returns the lines that it prints, in a fixed order.
fn found(machine: &Machine, arguments: &[&str]) -> Vec<String> {
    let mut client = client(machine, arguments);
    assert_eq!(client.wait_for_exit().code(), Some(0));
    assert_eq!(client.stderr(), "");
    let mut lines = client.lines();
    lines.sort();
    lines
}

fn command(address: &str) -> String {
    format!("cargo run -p lesson-broadcast-client -- {address}")
}

fn chat(name: &str, from: &str) -> String {
    format!("发现聊天室：{name}（来自 {from}）")
}

needs::test!(NAMESPACE: a_chat_on_another_machine_is_found_by_broadcast);
fn a_chat_on_another_machine_is_found_by_broadcast() {
    let (_switch, [serves, asks]) = lan();
    let server = server(&serves, &["0.0.0.0:3000"]);
    let expected = [command("192.0.2.1:3000"), chat("聊天室", "192.0.2.1")];
    assert_eq!(found(&asks, &[]), expected);
    server.wait_for_line("192.0.2.2 在找聊天室");
}

/// The address of `machine` that is valid on its link alone.
fn link_local(machine: &Machine) -> String {
    let addresses = machine.run("ip -6 -oneline address show dev eth0 scope link");
    let (_, rest) = addresses.split_once("inet6 ").expect("an address of IPv6");
    rest.split('/').next().expect("an address").to_string()
}

needs::test!(NAMESPACE: a_chat_on_another_machine_is_found_by_multicast_of_ipv6_and_joined);
fn a_chat_on_another_machine_is_found_by_multicast_of_ipv6_and_joined() {
    let (_switch, [serves, asks]) = lan();
    asks.run("ip -4 address flush dev eth0"); // so that there is no other way
    let mut chat_server = serves.command(lesson("lesson-broadcast-server"));
    chat_server.arg("[::]:3000");
    let chat_server = Program::server_from(chat_server);
    let _server = server(&serves, &["[::]:3000", "--name", "三班"]);
    lesson("lesson-broadcast-client");
    let mut client = client(&asks, &["--join"]);
    let (ip, index) = (link_local(&serves), asks.run("ip -o link show eth0"));
    let index = index.split(':').next().expect("a number").trim();
    client.wait_for_line(command(&format!("\"[{ip}%{index}]:3000\"")));
    assert_eq!(client.first_lines(1), [chat("三班", &ip)]);
    client.close_stdin();
    assert_eq!(client.wait_for_exit().code(), Some(0));
    chat_server.wait_for_line("有客户端退出了");
}
