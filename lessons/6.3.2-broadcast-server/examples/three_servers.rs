//! Three servers on ports 3001, 3002 and 3003, with clients that talk to them, for the exercise
//! "Three suspects". Each collects what it is sent, and answers nothing.
//!
//!     cargo run -p lesson-broadcast-server --example three_servers
//!
//! One of them is broken. Don't read on before you have found it from the outside, with ss and tcpdump.
//!
//!
//!
//!
//!
//!
//!
//!
//!
//!
//!
//!
//!
//!
//!
//!
//! All three have small buffers, so that a queue fills within a second.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use shared::{Failure, listen, note, pause_after, set_send_buffer};
use socket2::SockRef;

/// The size of each buffer, in bytes. The system may give twice as much.
const BUFFER: usize = 32 * 1024;

/// How many clients send to a server without a pause.
const EAGER: usize = 2;

struct Suspect {
    address: &'static str,
    serve: fn(TcpListener),
    clients: fn(&str),
}

const SUSPECTS: [Suspect; 3] = [
    Suspect { address: "127.0.0.1:3001", serve: sip, clients: send_without_a_pause },
    Suspect { address: "127.0.0.1:3002", serve: gulp, clients: send_now_and_then },
    Suspect { address: "127.0.0.1:3003", serve: nap, clients: send_without_a_pause },
];

fn main() -> Result<(), Failure> {
    let mut listeners = Vec::new();
    for Suspect { address, .. } in SUSPECTS {
        let (listener, _) = listen(address)?;
        // Accepted sockets inherit it. A system that refuses has longer queues, which fill later.
        let _ = SockRef::from(&listener).set_recv_buffer_size(BUFFER);
        listeners.push(listener);
    }
    for (listener, Suspect { address, serve, clients }) in listeners.into_iter().zip(SUSPECTS) {
        thread::Builder::new().spawn(move || serve(listener)).context("cannot start a server")?;
        thread::Builder::new()
            .spawn(move || clients(address))
            .context("cannot start its clients")?;
    }
    note!("clients are talking to all three: look at them with ss and tcpdump");
    loop {
        thread::park();
    }
}

fn sip(listener: TcpListener) {
    serve_each(&listener, |mut client| {
        let mut buffer = [0; 4096];
        while let Ok(1..) = client.read(&mut buffer) {
            thread::sleep(Duration::from_millis(200));
        }
    });
}

fn gulp(listener: TcpListener) {
    serve_each(&listener, |mut client| {
        let _ = io::copy(&mut client, &mut io::sink()); // an error ends it as well
    });
}

fn serve_each(listener: &TcpListener, serve: fn(TcpStream)) {
    loop {
        let accepted = listener.accept();
        let served =
            accepted.and_then(|(client, _)| thread::Builder::new().spawn(move || serve(client)));
        if let Err(error) = served {
            pause_after(&error);
        }
    }
}

fn nap(_listener: TcpListener) {
    loop {
        thread::park();
    }
}

fn send_without_a_pause(address: &str) {
    let clients = (0..EAGER).filter_map(|_| TcpStream::connect(address).ok());
    let send = |mut client: TcpStream| {
        set_send_buffer(&client, BUFFER);
        while client.write_all(&[b'x'; 1024]).is_ok() {}
    };
    thread::scope(|scope| {
        for client in clients {
            scope.spawn(move || send(client));
        }
    });
}

/// Sends five readings immediately, and then one every five seconds, each over a connection of its own.
fn send_now_and_then(address: &str) {
    for count in 1.. {
        if let Ok(mut client) = TcpStream::connect(address) {
            let _ = client.write_all(b"21.5\n"); // the next one may arrive
        }
        if count >= 5 {
            thread::sleep(Duration::from_secs(5));
        }
    }
}
