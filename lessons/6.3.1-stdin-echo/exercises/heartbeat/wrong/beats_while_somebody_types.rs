//! Rejected with: heartbeat(s) between them
//!
//! The thread with the heartbeat knows nothing of the other: it beats while somebody types, and also when the
//! input has ended.

use std::io::{self, BufRead, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use shared::{Failure, lesson};

/// After this long without a line, a heartbeat.
const SILENCE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut server = TcpStream::connect(&address)
        .with_context(|| format!("cannot connect to {address}: is a server running there?"))?;

    let mut beating = server.try_clone().context("cannot share the connection")?;
    let heart = thread::spawn(move || {
        while beating.write_all(b"ping\n").is_ok() {
            thread::sleep(SILENCE);
        }
    });
    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read standard input")?;
        server
            .write_all(format!("{}\n", line.trim()).as_bytes())
            .with_context(|| format!("lost the connection to {address}"))?;
    }
    let _ = heart.join();
    Ok(())
}
