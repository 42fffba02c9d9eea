//! Rejected with: in 6 segments 0.05 s apart
//!
//! The 0.2 s are counted from the beginning of the message, and not from the last that came of it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use shared::{Failure, lesson, listen, say, timed_out, wait_out};

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
    // An error means that the client has left, which is the end of the conversation too.
    thread::Builder::new().spawn(move || converse(client).unwrap_or_default())?;
    Ok(())
}

/// How long the rest of a message may take. After that, what has come is a message: the Node client
/// sends no newlines.
const PATIENCE: Duration = Duration::from_millis(200);

fn converse(mut client: TcpStream) -> io::Result<()> {
    let mut begun: Option<Instant> = None; // a message whose newline has not come
    let mut buffer = [0; 4096];
    loop {
        // A time-out of 0 would be an error.
        let left = begun.map(|begun| PATIENCE.saturating_sub(begun.elapsed()));
        client.set_read_timeout(left.map(|left| left.max(Duration::from_millis(1))))?;
        match client.read(&mut buffer) {
            Ok(0) => return Ok(()), // `end`
            Ok(received) => {
                for _ in buffer[..received].iter().filter(|byte| **byte == b'\n') {
                    answer(&mut client)?;
                }
                begun = match buffer[received - 1] {
                    b'\n' => None,
                    _ => begun.or(Some(Instant::now())),
                };
            }
            Err(error) if timed_out(&error) => {
                answer(&mut client)?;
                begun = None;
            }
            Err(error) => return Err(error),
        }
    }
}

fn answer(client: &mut TcpStream) -> io::Result<()> {
    let answer = "我吃的小豆包\n"; // I had bean-paste buns
    client.write_all(answer.as_bytes())
}
