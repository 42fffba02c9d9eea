//! 6.2.2 The socket and its eight events, each one really caused.
//!
//!     cargo run -p lesson-socket-events

#[path = "../../src/peer.rs"]
mod peer;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use shared::{Failure, lesson, print_line, timed_out, uninterrupted};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("localhost:0");
    let peer = peer::start(&address)?; // the other end of the socket
    walk_through(peer).context("cannot show all eight events")?;
    Ok(())
}

/// An event is a call returning: first the call, then the line that says so.
fn walk_through(peer: peer::Peer) -> anyhow::Result<()> {
    let found: Vec<SocketAddr> = peer.name.to_socket_addrs().context("lookup")?.collect();
    print_line!("lookup: {} stands for {} address(es): {found:?}", peer.name, found.len());

    let mut socket = TcpStream::connect(&found[..]).context("connect")?;
    let (ours, theirs) = (socket.local_addr()?, socket.peer_addr()?);
    print_line!("connect: from port {} to port {}", ours.port(), theirs.port());

    let mut buffer = [0; 1024];
    let received = uninterrupted(|| socket.read(&mut buffer)).context("data")?;
    print_line!("data: read returned {received} bytes");

    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let start = Instant::now();
    match uninterrupted(|| socket.read(&mut buffer)) {
        Err(error) if timed_out(&error) => {}
        other => bail!("the peer was to be silent, but read returned {other:?}"),
    }
    print_line!("timeout: read gave up after {} ms of silence", start.elapsed().as_millis());
    socket.set_read_timeout(None)?;

    socket.set_nonblocking(true)?; // a write that would have to wait is an error now
    let chunk = [b'.'; 64 * 1024];
    let mut written = 0;
    loop {
        match uninterrupted(|| socket.write(&chunk)) {
            Ok(accepted) => written += accepted,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error).context("drain"),
        }
    }
    socket.set_nonblocking(false)?;
    let start = Instant::now();
    peer.read_to_the_end(); // until here it has not read a byte
    socket.write_all(&vec![b'.'; written]).context("drain")?; // waits until it has read enough
    let waited = start.elapsed().as_micros();
    print_line!(
        "drain: {written} bytes filled the buffers, writing as many again took {waited} µs"
    );

    let received = uninterrupted(|| socket.read(&mut buffer)).context("end")?;
    ensure!(received == 0, "the peer was to end, but read returned {received} bytes");
    print_line!("end: read returned {received} bytes, the peer has sent its FIN");

    // The peer stopped listening when it had accepted one connection.
    match TcpStream::connect(theirs) {
        Err(error) => print_line!("error: a second connect to port {}: {error}", theirs.port()),
        Ok(_) => bail!("a second connect to {theirs} was to be refused"),
    }

    drop(socket);
    let arrived = peer.wait_for_our_end()?;
    ensure!(arrived == 2 * written, "only {arrived} bytes arrived");
    print_line!(
        "close: the socket is dropped, and all {arrived} bytes have arrived before our FIN"
    );
    Ok(())
}
