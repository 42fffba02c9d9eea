// ANCHOR: header
//! 6.2 A first server: it asks each client for a name, and greets it.
//!
//!     cargo run -p lesson-first-server
//!     nc 127.0.0.1 3000                      (in a second terminal)
// ANCHOR_END: header

// ANCHOR: names
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
// ANCHOR_END: names

// ANCHOR: main
fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000")?;
    loop {
        let (mut client, _) = listener.accept()?;
        client.write_all(b"What is your name?\n")?;
        let mut name = String::new();
        BufReader::new(&client).read_line(&mut name)?;
        client.write_all(b"Hello, ")?;
        client.write_all(name.as_bytes())?;
        client.write_all(b"Goodbye.\n")?;
    }
}
// ANCHOR_END: main
