//! Measures how large the broadcast server's send buffer has to be on a network that is not
//! loopback, and what it costs (Linux; over a link like that of `cargo run -p link`):
//!
//!     cargo run --release -p measure --example send_buffer
//!
//! Each column is a requested size, and below it what Linux gives: twice as much. Each row is a
//! trial. First, how many of the readers, who read all the time, receive a whole paste. Then, how
//! many lines a client that never reads survives, when all are sent in a burst, and when each is
//! sent as soon as a reading client has received the one before. Last, how much system memory a
//! hundred such clients pin, counting both ends. It takes eight minutes.
//!
//! `-- reno` uses that congestion control algorithm for TCP instead of the system's default.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;
use std::{env, fs, thread};

use link::{Conditions, Link, become_root, machine};
use shared::{Lines, disconnect, send_now, set_send_buffer};
use socket2::SockRef;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The sizes to request, in bytes. `None` leaves it to the system. The second is the maximum on
/// most systems (net.core.wmem_max), whatever is requested.
const SIZES: [Option<usize>; 6] =
    [None, Some(212_992), Some(256 << 10), Some(512 << 10), Some(1 << 20), Some(2 << 20)];

/// The network of a trial, and its name in the tables.
#[derive(Clone)]
struct Network {
    name: &'static str,
    conditions: Conditions,
    server: IpAddr,
}

fn main() -> Outcome<()> {
    become_root()?;
    let conditions = Conditions { delay: Duration::from_millis(1), ..Conditions::default() };
    let good = Network { name: "1 ms", conditions, server: machine(2).into() };
    let conditions = Conditions {
        delay: Duration::from_millis(5),
        rate: Some(50_000_000),
        loss: 0.005,
        ..Conditions::default()
    };
    let bad = Network { name: "5 ms, 50 Mbit/s, 0.5 %", conditions, server: machine(2).into() };
    let loopback = Network { server: Ipv4Addr::LOCALHOST.into(), name: "loopback", ..good.clone() };

    let asked = |size: Option<usize>| Ok(size.map_or("the system's".into(), |n| n.to_string()));
    print_row(&good, ["readers", "paste", "lines of"], asked)?;
    print_row(&good, ["", "", "given"], |size| Ok(given(size)?.to_string()))?;
    for network in [&good, &bad] {
        for (readers, kib) in [(10, 256), (10, 512), (30, 256), (30, 512), (30, 1024)] {
            for line in [10, 50, 200] {
                let first = [&readers.to_string(), &format!("{kib} KiB"), &format!("{line} bytes")];
                print_row(network, first.map(String::as_str), |size| {
                    Ok(format!("{}/{readers}", paste_to(readers, network, size, kib, line)?))
                })?;
            }
        }
    }
    for network in [&good, &loopback] {
        for (pace, waits) in [("at once", false), ("when heard", true)] {
            print_row(network, ["survives", pace, "50 bytes"], |size| {
                Ok(survived_lines(network, size, waits)?.to_string())
            })?;
        }
    }
    print_row(&good, ["100 pin", "", "50 bytes"], |size| {
        Ok(format!("{} MiB", pinned_by_a_hundred(&good, size)? >> 20))
    })
}

/// Prints a row of a table: a trial for each of the sizes, each in a fresh network.
fn print_row(
    network: &Network,
    first: [&str; 3],
    trial: impl Fn(Option<usize>) -> Outcome<String>,
) -> Outcome<()> {
    let [a, b, c] = first;
    print!("{:<22} {a:>8} {b:>10} {c:>9}", network.name);
    for size in SIZES {
        let _link = Link::new(network.conditions.clone())?;
        if let Some(algorithm) = env::args().nth(1) {
            fs::write("/proc/sys/net/ipv4/tcp_congestion_control", algorithm)?;
        }
        print!(" {:>12}", trial(size)?);
        io::stdout().flush()?;
    }
    println!();
    Ok(())
}

/// Returns the send buffer that a client has at first, in bytes.
fn given(size: Option<usize>) -> Outcome<usize> {
    let listener = listen(size)?;
    let _client = TcpStream::connect((machine(2), listener.local_addr()?.port()))?;
    Ok(SockRef::from(&listener.accept()?.0).send_buffer_size()?)
}

fn listen(size: Option<usize>) -> Outcome<TcpListener> {
    let listener = TcpListener::bind("0.0.0.0:0")?;
    if let Some(size) = size {
        set_send_buffer(&listener, size);
    }
    Ok(listener)
}

/// Connects a client. Returns it and the server's end of its connection.
fn client(listener: &TcpListener, network: &Network) -> Outcome<(TcpStream, TcpStream)> {
    let client = TcpStream::connect((network.server, listener.local_addr()?.port()))?;
    let (accepted, _) = listener.accept()?;
    accepted.set_nodelay(true)?;
    Ok((client, accepted))
}

/// Has somebody paste `paste` KiB in lines of `line` bytes. Returns how many of the `readers`
/// receive all of it.
fn paste_to(
    readers: usize,
    network: &Network,
    size: Option<usize>,
    paste: usize,
    line: usize,
) -> Outcome<usize> {
    let listener = listen(size)?;
    let (mut sender, from_sender) = client(&listener, network)?;
    let port = sender.local_addr()?.port();
    let mut clients = Vec::new();
    let mut reading = Vec::new();
    for _ in 0..readers {
        let (mut reader, accepted) = client(&listener, network)?;
        clients.push(accepted);
        reading.push(thread::spawn(move || {
            let mut heard = Vec::new();
            let _ = reader.read_to_end(&mut heard); // a reset if it is disconnected
            heard.len()
        }));
    }
    let serving = thread::spawn(move || pass_on(from_sender, port, &clients));
    let text = format!("{}\n", "x".repeat(line - 1)).repeat(paste * 1024 / line);
    sender.write_all(text.as_bytes())?;
    sender.shutdown(Shutdown::Write)?;
    let expected = label(port, text.as_bytes()).len();
    let _ = serving.join();
    let heard = reading.into_iter().map(|reader| reader.join().unwrap_or(0));
    Ok(heard.filter(|heard| *heard == expected).count())
}

/// Does what the broadcast server does, for one client that sends and any number that read.
fn pass_on(mut sender: TcpStream, port: u16, clients: &[TcpStream]) {
    let mut lines = Lines::trimmed();
    let mut buffer = [0; 4096];
    let mut gone = vec![false; clients.len()];
    while let Ok(received @ 1..) = sender.read(&mut buffer) {
        let messages = label(port, &lines.add(&buffer[..received]));
        for (client, gone) in clients.iter().zip(&mut gone) {
            if !*gone && send_now(client, &messages).is_err() {
                disconnect(client);
                *gone = true;
            }
        }
    }
    for client in clients {
        let _ = client.shutdown(Shutdown::Write); // fails if it is gone
    }
}

fn label(port: u16, lines: &[u8]) -> Vec<u8> {
    let mut messages = Vec::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        messages.extend_from_slice(format!("{port}:").as_bytes());
        messages.extend_from_slice(line);
    }
    messages
}

/// Returns how many lines a client that never reads survives, when they are sent in a burst, or
/// each after a reading client has received the one before.
fn survived_lines(network: &Network, size: Option<usize>, waits: bool) -> Outcome<usize> {
    let listener = listen(size)?;
    let (mut reader, to_reader) = client(&listener, network)?;
    let (_never_reads, to_it) = client(&listener, network)?;
    let line = label(40000, format!("{}\n", "x".repeat(49)).as_bytes());
    let mut survived = 0;
    while send_now(&to_it, &line).is_ok() {
        survived += 1;
        if waits {
            send_now(&to_reader, &line)?;
            reader.read_exact(&mut line.clone())?;
        }
    }
    disconnect(&to_it);
    Ok(survived)
}

/// Returns how many bytes of system memory a hundred clients that never read pin, with all the data
/// that may wait for them.
fn pinned_by_a_hundred(network: &Network, size: Option<usize>) -> Outcome<u64> {
    let listener = listen(size)?;
    let clients = (0..100).map(|_| client(&listener, network)).collect::<Outcome<Vec<_>>>()?;
    let before = memory_of_all_sockets()?;
    let line = label(40000, format!("{}\n", "x".repeat(49)).as_bytes());
    // There may still be room later, as long as the other end's buffer is not full either.
    loop {
        let fill = |(_, to_it): &(TcpStream, TcpStream)| {
            (0..).find(|_| send_now(to_it, &line).is_err()).unwrap_or(0)
        };
        if clients.iter().map(fill).max() == Some(0) {
            break;
        }
        thread::sleep(Duration::from_secs(1));
    }
    let pinned = memory_of_all_sockets()?.saturating_sub(before);
    clients.iter().for_each(|(_, to_it)| disconnect(to_it));
    Ok(pinned)
}

/// Returns the memory of all TCP sockets in bytes. /proc/net/sockstat counts pages (proc(5)).
fn memory_of_all_sockets() -> Outcome<u64> {
    let sockstat = fs::read_to_string("/proc/thread-self/net/sockstat")?;
    let tcp = sockstat.lines().find(|line| line.starts_with("TCP:")).ok_or("no TCP in sockstat")?;
    let pages: u64 = tcp.rsplit(' ').next().unwrap_or_default().parse()?;
    Ok(pages * 4096)
}
