//! What the broadcast server costs, beside the barest loop that writes the same bytes to the same
//! number of sockets:
//!
//!     cargo bench -p measure --bench broadcast                 (10, 100, 1000 and 5000 clients)
//!     cargo bench -p measure --bench broadcast -- 10 10000     (other numbers)
//!
//! Both run as processes of their own, in a release build. A sender says a line, every other client
//! reads it whole and compares it, then comes the next line; so nothing can be lost unseen. The
//! processor time is what the system has charged to the process; times are compared as a ratio
//! within one run, because they depend on the machine. With few clients the memory is mostly what
//! the first of them cost once. Linux only: it reads /proc.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{processor_time, resident_memory};

const NO_PROC: &str = "this system does not tell what a process costs (no /proc)";

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many lines are delivered in one measurement, to all clients together.
const DELIVERIES: usize = 400_000;

/// A line that has not arrived by then is lost.
const DEADLINE: Duration = Duration::from_secs(30);

const TEXT: &[u8] = b"the quick brown fox jumps over the lazy dog\n";

fn main() -> Outcome<()> {
    let arguments: Vec<String> =
        env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|first| first == "bare-loop") {
        return bare_loop(arguments[1].parse()?);
    }
    let mut client_counts: Vec<usize> =
        arguments.iter().map(|count| count.parse()).collect::<Result<_, _>>()?;
    if client_counts.is_empty() {
        client_counts = vec![10, 100, 1000, 5000];
    }
    let server = escargot::CargoBuild::new().package("lesson-broadcast-server").release().run()?;

    println!("clients  bare loop  server     ratio  memory a client");
    for clients in client_counts {
        let mut bare = Command::new(env::current_exe()?);
        bare.args(["bare-loop", &clients.to_string()]);
        let bare = measure(bare, clients)?;
        let mut command = server.command();
        command.arg("0");
        let served = measure(command, clients)?;
        println!(
            "{clients:7}  {:6.2} µs  {:6.2} µs  {:5.2}  {:5.1} KiB",
            bare.microseconds,
            served.microseconds,
            served.microseconds / bare.microseconds,
            served.kibibytes,
        );
    }
    Ok(())
}

/// Reads a line from the last client, writes it to all others: no threads, no lock, no thought for
/// anybody who is slow.
fn bare_loop(clients: usize) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening at port {}", listener.local_addr()?.port());
    let mut listeners = Vec::new();
    for _ in 1..clients {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        listeners.push(stream);
    }
    let (mut sender, peer) = listener.accept()?;
    let mut message = format!("{}:", peer.port()).into_bytes();
    let start = message.len();
    message.resize(1024, 0);
    loop {
        let received = sender.read(&mut message[start..])?;
        if received == 0 {
            return Ok(());
        }
        for stream in &mut listeners {
            stream.write_all(&message[..start + received])?;
        }
    }
}

struct Cost {
    /// Processor time of a delivery.
    microseconds: f64,
    /// Resident memory that each client has added.
    kibibytes: f64,
}

fn measure(mut command: Command, clients: usize) -> Outcome<Cost> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let outcome = measure_running(&mut child, clients);
    child.kill()?;
    child.wait()?;
    outcome
}

fn measure_running(child: &mut Child, clients: usize) -> Outcome<Cost> {
    let mut first_line = String::new();
    BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut first_line)?;
    let port: u16 = first_line.trim().rsplit(' ').next().ok_or("no port")?.parse()?;

    let process = child.id();
    let memory_before = resident_memory(process).ok_or(NO_PROC)?;
    let mut listeners = Vec::new();
    for _ in 1..clients {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        listeners.push(stream);
    }
    // Clients are taken in the order of their arrival: when the last one is heard, all are there.
    let mut sender = TcpStream::connect(("127.0.0.1", port))?;
    sender.set_nodelay(true)?;
    let mut expected = format!("{}:", sender.local_addr()?.port()).into_bytes();
    expected.extend_from_slice(TEXT);
    let mut buffer = vec![0; expected.len()];
    let mut say_and_hear = |count: usize| -> Outcome<()> {
        for _ in 0..count {
            sender.write_all(TEXT)?;
            for stream in &mut listeners {
                stream.read_exact(&mut buffer)?;
                if buffer != expected {
                    return Err(format!("expected {expected:?}, got {buffer:?}").into());
                }
            }
        }
        Ok(())
    };

    say_and_hear(10)?; // until everything has been touched once
    let lines = DELIVERIES.div_ceil(clients - 1);
    let before = processor_time(process).ok_or(NO_PROC)?;
    say_and_hear(lines)?;
    let used = processor_time(process).ok_or(NO_PROC)? - before;
    let memory = resident_memory(process).ok_or(NO_PROC)?.saturating_sub(memory_before);
    Ok(Cost {
        microseconds: used.as_secs_f64() * 1e6 / (lines * (clients - 1)) as f64,
        kibibytes: memory as f64 / 1024.0 / clients as f64,
    })
}
