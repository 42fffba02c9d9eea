//! Rejected with: hung up before it answered; then
//!
//! It waits for a server that is not there yet, and gives up when one goes.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use shared::{Failure, Utf8Decoder, lesson, note, printable, say};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let mut pause = Duration::from_millis(100);
    let server = loop {
        match TcpStream::connect(&address) {
            Ok(server) => break server,
            Err(error) => note!("cannot connect to {address}: {error}"),
        }
        thread::sleep(pause);
        pause = Duration::from_secs(1).min(pause * 2);
    };
    if let Err(error) = talk(server) {
        note!("lost the connection: {error}");
    }
    Ok(())
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
