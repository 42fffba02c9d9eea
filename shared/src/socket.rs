//! What the standard library leaves to the platform: sending to a client without ever waiting for
//! it, ending its connection, and telling a time-out from an error.
//!
//! The sockets themselves stay blocking, because their threads want to wait in `read`. Only the
//! single call must not wait. Unix has a flag for that, MSG_DONTWAIT (send(2), recv(2)). Windows
//! has no such flag; there one asks first, with WSAPoll, whether the call would go through.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// Hands all of `message` to the kernel's send buffer of `client`, or fails at once.
///
/// # Errors
/// [`ErrorKind::WouldBlock`] where the send buffer has no room for all of it: the peer reads too
/// slowly, or not at all. A part of the message may then be on its way, so [`disconnect`] such a
/// client: whatever followed would be garbled. Any other error means that the connection has ended.
pub fn send_now(client: &TcpStream, message: &[u8]) -> io::Result<()> {
    match platform::send(client, message) {
        Ok(sent) if sent < message.len() => Err(ErrorKind::WouldBlock.into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Ends the connection to `client` at once. A thread that waits in `read` on it returns, and when
/// the socket is then closed, what was still in the send buffer is thrown away.
///
/// Without that, the kernel would keep up to 4 MiB (tcp_wmem, tcp(7)) for each client that does not
/// read, and offer it again and again for minutes after the server has closed the socket.
pub fn disconnect(client: &TcpStream) {
    // Both can fail only because the connection has ended already, which is what is wanted.
    let _ = SockRef::from(client).set_linger(Some(Duration::ZERO));
    let _ = client.shutdown(Shutdown::Both);
}

/// Whether a `read` on `client` would return at once: something has arrived, or the connection has
/// ended.
pub fn more_is_waiting(client: &TcpStream) -> bool {
    platform::read_would_return(client)
}

/// Whether `error` is a read's time-out, which [`TcpStream::set_read_timeout`] documents as
/// `WouldBlock` on Unix and as `TimedOut` on Windows.
pub fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(unix)]
mod platform {
    use super::*;
    use std::mem::MaybeUninit;

    pub fn send(client: &TcpStream, message: &[u8]) -> io::Result<usize> {
        SockRef::from(client).send_with_flags(message, libc::MSG_DONTWAIT)
    }

    pub fn read_would_return(client: &TcpStream) -> bool {
        let look = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        match SockRef::from(client).recv_with_flags(&mut [MaybeUninit::uninit()], look) {
            Err(error) => error.kind() != ErrorKind::WouldBlock,
            Ok(_) => true,
        }
    }
}

#[cfg(windows)]
mod platform {
    use super::*;
    use std::io::Write;
    use std::os::windows::io::AsRawSocket;

    use windows_sys::Win32::Networking::WinSock::{
        POLLRDNORM, POLLWRNORM, SOCKET, WSAPOLLFD, WSAPoll,
    };

    /// A blocking send on a socket that WSAPoll calls writable does not wait: Winsock takes all of
    /// it into its buffer.
    pub fn send(mut client: &TcpStream, message: &[u8]) -> io::Result<usize> {
        if is_ready(client, POLLWRNORM) {
            client.write(message)
        } else {
            Err(ErrorKind::WouldBlock.into())
        }
    }

    pub fn read_would_return(client: &TcpStream) -> bool {
        is_ready(client, POLLRDNORM)
    }

    /// Whether one of `events`, an error or the end of the connection is there now.
    #[allow(unsafe_code)]
    fn is_ready(client: &TcpStream, events: i16) -> bool {
        let mut poll = WSAPOLLFD { fd: client.as_raw_socket() as SOCKET, events, revents: 0 };
        // SAFETY: the pointer is to one WSAPOLLFD, as the count says, and a wait of 0 ms returns at
        // once.
        unsafe { WSAPoll(&mut poll, 1, 0) != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    fn connected_pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        (listener.accept().expect("accept").0, client)
    }

    fn fill(server: &TcpStream) {
        for _ in 0..10_000 {
            if let Err(error) = send_now(server, &[b'x'; 64 * 1024]) {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return;
            }
        }
        panic!("640 MB have gone to a peer that does not read, and the send buffer is not full");
    }

    #[test]
    fn what_was_sent_arrives() {
        let (server, mut client) = connected_pair();
        send_now(&server, "3000:你好\n".as_bytes()).expect("an empty send buffer has room");
        drop(server);
        let mut received = String::new();
        client.read_to_string(&mut received).expect("read");
        assert_eq!(received, "3000:你好\n");
    }

    #[test]
    fn a_full_send_buffer_is_an_error_and_not_a_wait() {
        let (server, _client_that_never_reads) = connected_pair();
        fill(&server);
    }

    #[test]
    fn disconnecting_wakes_the_thread_that_reads_and_throws_the_rest_away() {
        let (server, mut client) = connected_pair();
        fill(&server);
        let reader = server.try_clone().expect("clone");
        let waiting = thread::spawn(move || { &reader }.read(&mut [0; 16]).unwrap_or(0));
        disconnect(&server);
        assert_eq!(waiting.join().expect("the reader ends"), 0);
        drop(server);
        let error = client.read_to_end(&mut Vec::new()).expect_err("a reset, not an orderly end");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_read_that_times_out_is_told_from_one_that_fails() {
        let (mut server, client) = connected_pair();
        server.set_read_timeout(Some(Duration::from_millis(1))).expect("set a time-out");
        assert!(timed_out(&server.read(&mut [0]).expect_err("nothing was sent")));
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("set to reset on close");
        drop(client);
        server.set_read_timeout(None).expect("set no time-out");
        assert!(!timed_out(&server.read(&mut [0]).expect_err("a reset")));
    }

    #[test]
    fn more_is_waiting_says_what_a_read_would_find() {
        let (server, mut client) = connected_pair();
        assert!(!more_is_waiting(&server));
        client.write_all(b"ab").expect("write");
        (&server).read_exact(&mut [0]).expect("read one of two bytes");
        assert!(more_is_waiting(&server), "the second byte");
        (&server).read_exact(&mut [0]).expect("read the other");
        assert!(!more_is_waiting(&server));
        drop(client);
        assert_eq!((&server).read(&mut [0]).expect("the end"), 0);
        assert!(more_is_waiting(&server), "a read at the end returns at once");
    }
}
