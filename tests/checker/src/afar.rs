//! Sockets that look far away, because hardly anything fits between them and a program.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// Returns a socket, to connect or to listen with, that has room for about `room` bytes and takes in
/// segments of at most `segment` bytes. On Linux, small segments also keep the send buffer at the other
/// end small, which otherwise has room for megabytes on loopback.
///
/// # Errors
/// If the system refuses any of it.
pub fn socket_from_afar(room: usize, segment: u32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(room)?;
    #[cfg(unix)]
    socket.set_tcp_mss(segment)?;
    #[cfg(not(unix))]
    let _ = segment;
    socket.bind(&SocketAddr::from((unused_address(), 0)).into())?;
    Ok(socket)
}

/// Returns an address of this machine that most likely nobody has used yet.
///
/// Linux remembers how the connections between two addresses went (`ip tcp_metrics` shows it), and the
/// next one begins with that. Where segments have overtaken each other, which happens on loopback too,
/// the other end's send buffer begins with room for hundreds of segments instead of about ten.
#[cfg(target_os = "linux")]
fn unused_address() -> Ipv4Addr {
    use std::hash::{BuildHasher, RandomState};

    let [_, b, c, d] = (RandomState::new().hash_one(()) as u32).to_be_bytes();
    Ipv4Addr::new(127, b.clamp(1, 254), c, d) // all of 127.0.0.0/8 is loopback
}

/// Returns the address of this machine. Other systems than Linux have one alone.
#[cfg(not(target_os = "linux"))]
fn unused_address() -> Ipv4Addr {
    Ipv4Addr::LOCALHOST
}
