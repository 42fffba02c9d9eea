//! Rejected with: the server reset the connection; then
//!
//! It connects again after an orderly end, but a reset is an error, and an error ends it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use shared::{Failure, Utf8Decoder, lesson, note, printable, say};

/// The pause before another try: it doubles from the first to the longest, so that a server that
/// comes back is not overrun by all the clients that wait for it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut pause = FIRST_PAUSE;
    loop {
        let mut answered = false;
        let ended = TcpStream::connect(&address).and_then(|server| talk(server, &mut answered));
        if answered {
            pause = FIRST_PAUSE; // it works again: to have connected alone says little
        }
        match ended {
            Ok(()) => note!("the server has closed the connection"),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                note!("nobody listens on {address} yet")
            }
            Err(error) => {
                Err(error).with_context(|| format!("lost the connection to {address}"))?
            }
        }
        thread::sleep(pause);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

fn talk(mut server: TcpStream, answered: &mut bool) -> io::Result<()> {
    server.write_all("你吃了吗\n".as_bytes())?; // have you eaten?
    let mut decoder = Utf8Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        let received = server.read(&mut buffer)?;
        if received == 0 {
            return Ok(()); // `end`
        }
        *answered = true;
        let answer = decoder.decode(&buffer[..received]);
        if !answer.is_empty() {
            say!("{}", printable(&answer).trim_end());
        }
    }
}
