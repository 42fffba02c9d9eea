//! An event loop in its smallest form: a server in one thread that sends back whatever it receives.
//!
//!     cargo run -p lesson-event-loop-server --example poll_echo
//!     nc 127.0.0.1 3000     (in a second terminal, and a third)

// ANCHOR: echo
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(0);

fn main() -> io::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)))?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients = HashMap::new();
    let mut tokens = (1..).map(Token);
    let mut events = Events::with_capacity(64);
    loop {
        poll.poll(&mut events, None)?; // the only call that waits
        for token in events.iter().map(|event| event.token()) {
            if token == LISTENER {
                while let Ok((mut client, _)) = listener.accept() {
                    let token = tokens.next().expect("numbers do not run out");
                    poll.registry().register(&mut client, token, Interest::READABLE)?;
                    clients.insert(token, client);
                }
            } else if clients.get_mut(&token).is_some_and(|client| echo(client).is_err()) {
                clients.remove(&token);
            }
        }
    }
}

/// Sends back what has arrived. Fails if the client has left.
fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(received) => client.write_all(&buffer[..received])?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()), // nothing is left
            Err(error) => return Err(error),
        }
    }
}
// ANCHOR_END: echo
