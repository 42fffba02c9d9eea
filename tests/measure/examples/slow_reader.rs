//! Shows what a client that never reads does to a server that sends to everybody, with three policies:
//!
//!     cargo run --release -p measure --example slow_reader
//!
//! Each policy runs in a process of its own, so that no policy's memory counts as another's.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use std::{env, thread};

use harness::resident_memory;
use shared::{disconnect, send_now, timed_out};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The traffic: 32 MiB for each client.
const MESSAGE: [u8; 1024] = [b'x'; 1024];
const MESSAGES: usize = 32 * 1024;

/// The experiment is over when the honest client has waited this long for a message.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> Outcome<()> {
    match env::args().nth(1).as_deref() {
        None => {
            println!(
                "policy  memory grown  longest wait  said       what the slow one finds at last"
            );
            for policy in ["grow", "block", "drop"] {
                Command::new(env::current_exe()?).arg(policy).status()?;
            }
            Ok(())
        }
        Some("grow") => experiment("grow", grow),
        Some("block") => experiment("block", block),
        Some("drop") => experiment("drop", drop_the_slow),
        Some(other) => Err(format!("{other:?} is not a policy: grow, block or drop").into()),
    }
}

// ANCHOR: policies
/// Grow: gives each client a queue without a bound, and a thread that writes from it.
fn grow(clients: Vec<TcpStream>, said: Receiver<Vec<u8>>) -> io::Result<()> {
    let queues: Vec<Sender<Vec<u8>>> = clients.into_iter().map(writer_with_a_queue).collect();
    for message in said {
        for queue in &queues {
            let _ = queue.send(message.clone()); // never waits
        }
    }
    Ok(())
}

fn writer_with_a_queue(mut client: TcpStream) -> Sender<Vec<u8>> {
    let (queue, queued) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || queued.iter().try_for_each(|message| client.write_all(&message)));
    queue
}

/// Block: makes a plain write to one client after the other.
fn block(mut clients: Vec<TcpStream>, said: Receiver<Vec<u8>>) -> io::Result<()> {
    for message in said {
        for client in &mut clients {
            client.write_all(&message)?; // waits for as long as the client likes
        }
    }
    Ok(())
}

/// Drop: uses the kernel's send buffer as the queue, and disconnects a client that lets it fill up.
fn drop_the_slow(mut clients: Vec<TcpStream>, said: Receiver<Vec<u8>>) -> io::Result<()> {
    for message in said {
        clients.retain(|client| {
            let sent = send_now(client, &message);
            if sent.is_err() {
                disconnect(client);
            }
            sent.is_ok()
        });
    }
    Ok(())
}
// ANCHOR_END: policies

type Policy = fn(Vec<TcpStream>, Receiver<Vec<u8>>) -> io::Result<()>;

// ANCHOR: experiment
fn experiment(name: &str, policy: Policy) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut slow = TcpStream::connect(listener.local_addr()?)?;
    let mut honest = TcpStream::connect(listener.local_addr()?)?;
    slow.set_read_timeout(Some(PATIENCE))?;
    honest.set_read_timeout(Some(PATIENCE))?;
    let clients = vec![listener.accept()?.0, listener.accept()?.0]; // the slow one comes first
    let (say, said) = mpsc::channel();
    thread::spawn(move || policy(clients, said));

    let memory_before = resident_mebibytes();
    let mut longest_wait = Duration::ZERO;
    let mut messages = 0;
    while messages < MESSAGES {
        let start = Instant::now();
        say.send(MESSAGE.to_vec())?;
        messages += 1;
        // Send the next message when the honest client has read this one, or has lost patience.
        let heard = honest.read_exact(&mut MESSAGE.clone());
        longest_wait = longest_wait.max(start.elapsed());
        match heard {
            Err(error) if timed_out(&honest, &error) => break,
            other => other?,
        }
    }
    let grown = match (memory_before, resident_mebibytes()) {
        (Some(before), Some(after)) => format!("{:.1} MiB", after - before),
        _ => "not measured".into(), // only Linux has /proc
    };
    println!(
        "{name:6}  {grown:>12}  {:>9.1} ms  {:>4.1} MiB  {}",
        longest_wait.as_secs_f64() * 1000.0,
        mebibytes(messages * MESSAGE.len()),
        read_at_last(&mut slow)?,
    );
    Ok(())
}
// ANCHOR_END: experiment

/// Lets the slow client read in the end, until nothing has arrived for a while.
fn read_at_last(slow: &mut TcpStream) -> Outcome<String> {
    let mut buffer = vec![0; 64 * 1024];
    let mut found = 0;
    let end = loop {
        match slow.read(&mut buffer) {
            Ok(0) => break "then the end".to_string(),
            Ok(received) => found += received,
            Err(error) if timed_out(slow, &error) => break "still connected".to_string(),
            Err(error) => break format!("then {error}"),
        }
    };
    Ok(format!("{:.1} MiB, {end}", mebibytes(found)))
}

fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// Returns how much memory this process uses, if the system tells us.
fn resident_mebibytes() -> Option<f64> {
    resident_memory(std::process::id()).map(|bytes| bytes as f64 / (1024.0 * 1024.0))
}
