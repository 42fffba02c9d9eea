//! 6.2.2.3 Two-way talk, the server: it answers each piece of data.
//!
//!     cargo run -p lesson-bidirectional-server
//!     cargo run -p lesson-bidirectional-client     (in a second terminal, or telnet)

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use shared::{Failure, Utf8Decoder, lesson, listen, printable, say, wait_out};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    say!("server listening at port {}", bound.port());

    loop {
        if let Err(error) = welcome(&listener) {
            wait_out(&error);
        }
    }
}

fn welcome(listener: &TcpListener) -> io::Result<()> {
    let (client, _) = listener.accept()?;
    thread::Builder::new().spawn(move || {
        let mut decoder = Utf8Decoder::default();
        // An error ends the conversation just as an orderly end does.
        let _ = converse(client, &mut decoder);
        show(&decoder.finish());
    })?;
    Ok(())
}

fn converse(mut client: TcpStream, decoder: &mut Utf8Decoder) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let received = client.read(&mut buffer)?;
        if received == 0 {
            return Ok(()); // `end`
        }
        show(&decoder.decode(&buffer[..received])); // `data`
        client.write_all("我吃的小豆包".as_bytes())?; // I had bean-paste buns
    }
}

/// Prints what has arrived as lines. A piece may be empty: the first byte of a character is not
/// yet a character.
fn show(text: &str) {
    if !text.is_empty() {
        say!("{}", printable(text).trim_end_matches('\n'));
    }
}
