// ANCHOR: header
//! 6.2.2 The socket in eight events, each one really caused.
//!
//!     cargo run -p lesson-socket-events

mod peer;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use peer::Peer;
use shared::{Failure, lesson, print_line, timed_out, uninterrupted};
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("localhost:0");
    let peer = peer::start(&address)?; // the other end of the socket
    walk_through(peer).context("cannot show all eight events")?;
    Ok(())
}

/// Causes all eight: each function makes the call that is the event, and then prints its line.
fn walk_through(peer: Peer) -> Result<()> {
    let found = lookup(&peer.name)?;
    let mut socket = connect(&found)?;
    data(&mut socket)?;
    timeout(&mut socket)?;
    let sent = drain(&mut socket, &peer)?;
    end(&mut socket)?;
    error(socket.peer_addr()?)?;
    close(socket, peer, sent)
}
// ANCHOR_END: main

// ANCHOR: lookup
fn lookup(name: &str) -> Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = name.to_socket_addrs().context("lookup")?.collect();
    print_line!("lookup: {name} stands for {} address(es): {found:?}", found.len());
    Ok(found)
}
// ANCHOR_END: lookup

// ANCHOR: connect
fn connect(addresses: &[SocketAddr]) -> Result<TcpStream> {
    let socket = TcpStream::connect(addresses).context("connect")?;
    let (ours, theirs) = (socket.local_addr()?.port(), socket.peer_addr()?.port());
    print_line!("connect: from port {ours} to port {theirs}");
    Ok(socket)
}
// ANCHOR_END: connect

// ANCHOR: data
fn data(socket: &mut TcpStream) -> Result<()> {
    let received = uninterrupted(|| socket.read(&mut [0; 1024])).context("data")?;
    print_line!("data: read returned {received} bytes");
    Ok(())
}
// ANCHOR_END: data

// ANCHOR: timeout
fn timeout(socket: &mut TcpStream) -> Result<()> {
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let start = Instant::now();
    match uninterrupted(|| socket.read(&mut [0; 1024])) {
        Err(error) if timed_out(socket, &error) => {}
        other => bail!("the peer should be silent, but read returned {other:?}"),
    }
    print_line!("timeout: read gave up after {} ms of silence", start.elapsed().as_millis());
    socket.set_read_timeout(None)?;
    Ok(())
}
// ANCHOR_END: timeout

// ANCHOR: drain
/// Returns the number of bytes that were written.
fn drain(socket: &mut TcpStream, peer: &Peer) -> Result<usize> {
    socket.set_nonblocking(true)?; // from here on, a write that would block returns an error
    let mut filled = 0;
    loop {
        match uninterrupted(|| socket.write(&[b'.'; 64 * 1024])) {
            Ok(accepted) => filled += accepted,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error).context("drain"),
        }
    }
    socket.set_nonblocking(false)?;

    let start = Instant::now();
    peer.read_to_the_end(); // so far, the peer has not read a byte
    socket.write_all(&vec![b'.'; filled]).context("drain")?; // waits until it has read enough
    let waited = start.elapsed().as_micros();
    print_line!("drain: {filled} bytes filled the buffers, writing as many again took {waited} µs");
    Ok(2 * filled)
}
// ANCHOR_END: drain

// ANCHOR: end
fn end(socket: &mut TcpStream) -> Result<()> {
    let received = uninterrupted(|| socket.read(&mut [0; 1024])).context("end")?;
    ensure!(received == 0, "the peer should have ended, but read returned {received} bytes");
    print_line!("end: read returned {received} bytes, the peer has sent its FIN");
    Ok(())
}
// ANCHOR_END: end

// ANCHOR: error
/// Connects again, although the peer stopped listening once it had accepted a connection.
fn error(peer: SocketAddr) -> Result<()> {
    match TcpStream::connect(peer) {
        Err(error) => print_line!("error: a second connect to port {}: {error}", peer.port()),
        Ok(_) => bail!("a second connect to {peer} should have been refused"),
    }
    Ok(())
}
// ANCHOR_END: error

// ANCHOR: close
fn close(socket: TcpStream, peer: Peer, sent: usize) -> Result<()> {
    drop(socket);
    let arrived = peer.wait_for_our_end()?;
    ensure!(arrived == sent, "only {arrived} bytes arrived");
    print_line!(
        "close: the socket is dropped, and all {arrived} bytes have arrived before our FIN"
    );
    Ok(())
}
// ANCHOR_END: close
