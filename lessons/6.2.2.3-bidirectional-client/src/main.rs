// ANCHOR: header
//! 6.2.2.3 Two-way talk, the client: it asks, and shows each answer.
//!
//!     cargo run -p lesson-bidirectional-server
//!     cargo run -p lesson-bidirectional-client     (in a second terminal)

use std::io::{Read, Write};
use std::net::TcpStream;

use shared::{Failure, Utf8Decoder, cannot_connect, lesson, lost_connection, printable, say, show};
// ANCHOR_END: header

// ANCHOR: connect
fn main() -> Result<(), Failure> {
    let address = lesson!().address("localhost:3000");

    // `lookup` and `connect`: one call finds the addresses of the name and tries each.
    let mut server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-bidirectional-server"))?;
    say!("客户端与服务器连接成功了"); // the client is connected to the server
    // ANCHOR_END: connect

    // ANCHOR: ask
    server
        .write_all("你吃了吗".as_bytes()) // have you eaten?
        .map_err(|error| lost_connection(&address, error))?;
    // ANCHOR_END: ask

    // ANCHOR: answers
    let mut decoder = Utf8Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        let received =
            server.read(&mut buffer).map_err(|error| lost_connection(&address, error))?;
        let answer = match received {
            0 => decoder.finish(),                    // `end`
            _ => decoder.decode(&buffer[..received]), // `data`
        };
        // Only the first bytes of a character may have arrived: that is no text yet.
        if !answer.is_empty() {
            show(&format!("{}\n", printable(&answer).trim_end_matches('\n')));
        }
        if received == 0 {
            return Ok(());
        }
    }
}
// ANCHOR_END: answers
