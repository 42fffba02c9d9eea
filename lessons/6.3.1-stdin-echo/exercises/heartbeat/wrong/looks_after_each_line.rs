//! Rejected with: nothing was typed
//!
//! Whether it is time for a heartbeat is asked after each line, so not while none comes.

use std::io::{self, BufRead, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context;
use shared::{Failure, lesson};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut server = TcpStream::connect(&address)
        .with_context(|| format!("cannot connect to {address}: is a server running there?"))?;

    let mut last = Instant::now();
    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read standard input")?;
        if last.elapsed() >= Duration::from_secs(1) {
            server.write_all(b"ping\n").context("cannot send a heartbeat")?;
        }
        last = Instant::now();
        server
            .write_all(format!("{}\n", line.trim()).as_bytes())
            .with_context(|| format!("lost the connection to {address}"))?;
    }
    server.shutdown(Shutdown::Write).context("cannot end the connection")?;
    Ok(())
}
