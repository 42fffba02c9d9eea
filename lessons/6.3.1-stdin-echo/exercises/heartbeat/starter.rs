//! Exercise: a heartbeat while the keyboard is silent. The task is in `task.md`.

use std::io::{self, BufRead, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::Context;
use shared::{Failure, lesson};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut server = TcpStream::connect(&address)
        .with_context(|| format!("cannot connect to {address}: is a server running there?"))?;

    // To do: send `ping` whenever nothing has been typed for a second.
    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read standard input")?;
        server
            .write_all(format!("{}\n", line.trim()).as_bytes())
            .with_context(|| format!("lost the connection to {address}"))?;
    }
    server.shutdown(Shutdown::Write).context("cannot end the connection")?;
    Ok(())
}
