//! Rejected with: pauses that double
//!
//! It tries again at once, and again, as fast as it can.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use shared::{Failure, Utf8Decoder, lesson, note, printable, say};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    loop {
        let mut answered = false;
        let ended = TcpStream::connect(&address).and_then(|server| talk(server, &mut answered));
        match ended {
            Ok(()) => note!("the server has closed the connection"),
            Err(error) => note!("cannot talk to {address}: {error}"),
        }
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
