//! Exercise: connect again, with back-off. The task is in `task.md`.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use shared::{Failure, Utf8Decoder, cannot_connect, lesson, note, printable, say};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    // To do: try again when there is no server yet, and when it goes.
    let server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-bidirectional-server"))?;
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
