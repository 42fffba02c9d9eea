//! Exercise: from the keyboard to a server and back. One right answer.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::Context;
use shared::{Failure, lesson, printable, show};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut server = TcpStream::connect(&address)
        .with_context(|| format!("cannot connect to {address}: is a server running there?"))?;
    let mut answers = BufReader::new(server.try_clone().context("cannot share the connection")?);
    let lost = || format!("lost the connection to {address}");

    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read standard input")?;
        server.write_all(format!("{}\n", line.trim()).as_bytes()).with_context(lost)?;
        show_next(&mut answers).with_context(lost)?;
    }
    server.shutdown(Shutdown::Write).with_context(lost)?; // all is said, but we still listen
    while show_next(&mut answers).with_context(lost)? {}
    Ok(())
}

/// Shows the next line from the server, or returns false when there is none.
fn show_next(answers: &mut impl BufRead) -> io::Result<bool> {
    let mut answer = Vec::new();
    if answers.read_until(b'\n', &mut answer)? == 0 {
        return Ok(false);
    }
    show(&format!("{}\n", printable(&String::from_utf8_lossy(&answer)).trim_end()));
    Ok(true)
}
