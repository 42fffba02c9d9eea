//! Measures how fast our chat client processes a flood, compared with nc:
//!
//!     cargo run --release -p measure --example flood
//!
//! Each of them, in turn, is sent short lines as fast as it reads them, and prints them into a
//! pipe. The client is the debug build, because that is what `cargo run` starts.

use std::error::Error;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

const LINE: &str = "50000:hello hello hello\n";
const LINES_IN_A_BLOCK: usize = 40_000;
const BLOCKS: usize = 200;
const ROUNDS: usize = 7;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let client = escargot::CargoBuild::new().package("lesson-broadcast-client").run()?;
    let (mut of_nc, mut of_client) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_nc.push(time_of(|host, port| {
            let mut nc = Command::new("nc");
            nc.args([host, port]);
            nc
        })?);
        of_client.push(time_of(|host, port| {
            let mut client = client.command();
            client.arg(format!("{host}:{port}"));
            client
        })?);
    }
    let (of_nc, of_client) = (median(of_nc), median(of_client));
    println!("reader      MB/s, the median of {ROUNDS}");
    println!("nc          {:>4.0}", speed(of_nc));
    println!("our client  {:>4.0}, {:.2} times nc", speed(of_client), of_nc / of_client);
    Ok(())
}

/// Returns how long the reader takes until it has printed everything and has ended, in seconds.
fn time_of(reader: impl Fn(&str, &str) -> Command) -> Outcome<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut command = reader(&address.ip().to_string(), &address.port().to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut reader =
        command.spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let mut printed = reader.stdout.take().ok_or("stdout is piped")?;
    let counter = thread::spawn(move || io::copy(&mut printed, &mut io::sink()));

    let (mut to_reader, _) = listener.accept()?;
    let block = LINE.repeat(LINES_IN_A_BLOCK);
    let start = Instant::now();
    for _ in 0..BLOCKS {
        to_reader.write_all(block.as_bytes())?;
    }
    drop(to_reader);
    drop(reader.stdin.take()); // some kinds of nc wait for this end as well
    let printed = counter.join().map_err(|_| "the counting thread has panicked")??;
    let time = start.elapsed();
    reader.wait()?;
    match printed as usize == block.len() * BLOCKS {
        true => Ok(time.as_secs_f64()),
        false => Err(format!("{command:?} has printed {printed} bytes").into()),
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn speed(time: f64) -> f64 {
    (LINE.len() * LINES_IN_A_BLOCK * BLOCKS) as f64 / time / 1e6
}
