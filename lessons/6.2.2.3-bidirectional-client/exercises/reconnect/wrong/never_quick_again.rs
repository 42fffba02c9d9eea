//! Rejected with: back after 0.1 s
//!
//! The pause only grows.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use shared::{Failure, Utf8Decoder, lesson, note, printable, say};

/// The pause before another try: it doubles from the first to the longest, so that a server that
/// comes back is not overrun by all the clients that wait for it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut pause = FIRST_PAUSE;
    loop {
        match TcpStream::connect(&address).and_then(talk) {
            Ok(()) => note!("the server has closed the connection"),
            Err(error) => note!("cannot talk to {address}: {error}"),
        }
        thread::sleep(pause);
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

fn talk(mut server: TcpStream) -> io::Result<()> {
    server.write_all("你吃了吗\n".as_bytes())?; // have you eaten?
    let mut decoder = Utf8Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        let received = server.read(&mut buffer)?;
        if received == 0 {
            return Ok(()); // `end`
        }
        let answer = decoder.decode(&buffer[..received]);
        if !answer.is_empty() {
            say!("{}", printable(&answer).trim_end());
        }
    }
}
