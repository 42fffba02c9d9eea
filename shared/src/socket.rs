//! The things that the standard library leaves to the platform: the size of a client's send buffer,
//! sending without ever blocking, ending a connection, and telling a time-out from an error.
//!
//! The sockets themselves stay blocking, because their threads block in `read`; only some calls
//! must not block. Unix has a flag for such a call, MSG_DONTWAIT (send(2)). Windows has none, so
//! there we first ask with WSAPoll whether the call would block.

use std::io::{self, ErrorKind};
use std::iter;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::complain;

/// Requests a send buffer of `bytes`: for this socket and, if it is a listener, for each client
/// that it accepts from now on.
///
/// By default, the buffer begins small and grows as the connection proves itself, which is too late
/// for a burst. A requested size applies from the first byte on and never changes. How large it
/// really is differs:
///
/// - Linux doubles the size, to have room for its bookkeeping, after capping it at
///   `net.core.wmem_max`: 212,992 on most systems, 4 MiB on newer ones (socket(7), SO_SNDBUF).
/// - macOS refuses more than `kern.ipc.maxsockbuf`, which is some MiB (setsockopt(2), ENOBUFS). Then
///   this requests half as much, and so on.
/// - Windows gives what is requested, and accepts a whole message while the buffer is not full
///   (Microsoft's documentation of SO_SNDBUF and of `send`).
pub fn set_send_buffer<'a>(socket: impl Into<SockRef<'a>>, bytes: usize) {
    let socket = socket.into();
    ask_for(bytes, |size| socket.set_send_buffer_size(size));
}

/// Requests `size`, and half as much for as long as that is refused.
fn ask_for(size: usize, mut ask: impl FnMut(usize) -> io::Result<()>) {
    let sizes = iter::successors(Some(size), |size| Some(size / 2).filter(|half| *half > 0));
    for size in sizes {
        if ask(size).is_ok() {
            break;
        }
    }
}

/// Hands all of `message` to the kernel's send buffer of `client`, or fails immediately.
///
/// # Errors
///
/// [`ErrorKind::WouldBlock`] if the send buffer has no room for all of it, because the peer reads
/// too slowly or not at all. A part of the message may then be on its way, so [`disconnect`] such a
/// client: whatever followed would be garbled. Any other error means that the connection is over.
pub fn send_now(client: &TcpStream, message: &[u8]) -> io::Result<()> {
    match uninterrupted(|| platform::send(client, message)) {
        Ok(sent) if sent == message.len() => Ok(()),
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Err(io::Error::new(ErrorKind::WouldBlock, "it does not read what it is sent")),
    }
}

/// Ends the connection to `client` immediately. A thread that is blocked in `read` on it returns,
/// and when the socket is then closed, the contents of its send buffer are thrown away.
///
/// Otherwise the kernel would keep a full send buffer for each client that does not read, and offer
/// it again and again for minutes after the server has closed the socket.
///
/// `client` is a [`TcpStream`], or the equivalent of another crate (mio, tokio).
pub fn disconnect<'a>(client: impl Into<SockRef<'a>>) {
    let client = client.into();
    // Both fail only if the connection is already over, which is what we want.
    let _ = client.set_linger(Some(Duration::ZERO));
    let _ = client.shutdown(Shutdown::Both);
    platform::wake_reader(&client);
}

/// Reports on stderr that we have ended the connection to `peer`, and why. Prints nothing if
/// `error` means that the connection was already over, because the peer has left, or has been
/// disconnected and reported before.
///
/// A read of a socket with a time-out may fail with an error that means neither, so ask
/// [`timed_out`] first.
pub fn note_disconnected(peer: SocketAddr, error: &io::Error) {
    if platform::has_vanished(error) {
        complain(format_args!("disconnected {peer}: {VANISHED}"));
    } else if !was_over(error) {
        complain(format_args!("disconnected {peer}: {error}"));
    }
}

/// What to say when the system has given up a connection: see [`listen`](crate::listen).
const VANISHED: &str = "it has vanished, or has taken in nothing for 90 s";

fn was_over(error: &io::Error) -> bool {
    use ErrorKind::*;
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected => true,
        // Only on Windows: `disconnect` has cancelled a read or a write.
        TimedOut => true,
        _ => platform::is_shut_down(error),
    }
}

/// Repeats a call that a signal has interrupted (EINTR in signal(7)), as Ctrl-Z and `fg` can. No
/// data has been read or sent in that case, and nothing is wrong.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// Returns whether a read from `stream` failed only because nothing arrived before its time-out.
///
/// Without a time-out, the same error means that the connection is over, because Windows also
/// reports a vanished peer as `TimedOut`.
pub fn timed_out(stream: &TcpStream, error: &io::Error) -> bool {
    error.kind() == platform::TIME_OUT && stream.read_timeout().is_ok_and(|limit| limit.is_some())
}

#[cfg(unix)]
mod platform {
    use super::*;

    /// The error that [`TcpStream::set_read_timeout`] documents. `TimedOut` means something else
    /// here: that the peer has vanished.
    pub const TIME_OUT: ErrorKind = ErrorKind::WouldBlock;

    /// Returns whether the system has ended the connection because the peer was silent for too
    /// long.
    pub fn has_vanished(error: &io::Error) -> bool {
        error.kind() == ErrorKind::TimedOut
    }

    /// Always false, because the error of sending after [`disconnect`] is `BrokenPipe` here.
    pub fn is_shut_down(_error: &io::Error) -> bool {
        false
    }

    pub fn send(client: &TcpStream, message: &[u8]) -> io::Result<usize> {
        SockRef::from(client).send_with_flags(message, libc::MSG_DONTWAIT)
    }

    /// Does nothing, because shutting down has already woken the reader.
    pub fn wake_reader(_client: &SockRef) {}
}

#[cfg(windows)]
mod platform {
    use super::*;
    use std::io::Write;
    use std::os::windows::io::AsRawSocket;

    use windows_sys::Win32::Networking::WinSock::{
        POLLWRNORM, SOCKET, SOCKET_ERROR, WSAESHUTDOWN, WSAETIMEDOUT, WSAPOLLFD, WSAPoll,
    };
    use windows_sys::Win32::System::IO::CancelIoEx;

    /// The error that [`TcpStream::set_read_timeout`] documents.
    pub const TIME_OUT: ErrorKind = ErrorKind::TimedOut;

    /// Returns whether the system has ended the connection because the peer was silent for too
    /// long. A call that [`wake_reader`] has cancelled is `TimedOut` as well, but with another
    /// number.
    pub fn has_vanished(error: &io::Error) -> bool {
        error.raw_os_error() == Some(WSAETIMEDOUT)
    }

    /// Returns whether this is the error of sending after [`disconnect`], for which the standard
    /// library has no [`ErrorKind`].
    pub fn is_shut_down(error: &io::Error) -> bool {
        error.raw_os_error() == Some(WSAESHUTDOWN)
    }

    /// Sends without waiting, although the socket is blocking: if WSAPoll calls it writable, Winsock
    /// accepts the whole message into its buffer.
    #[allow(unsafe_code)]
    pub fn send(mut client: &TcpStream, message: &[u8]) -> io::Result<usize> {
        let fd = client.as_raw_socket() as SOCKET;
        let mut poll = WSAPOLLFD { fd, events: POLLWRNORM, revents: 0 };
        // SAFETY: the pointer is to as many WSAPOLLFD as the count says, one. 0 ms is no wait.
        match unsafe { WSAPoll(&mut poll, 1, 0) } {
            0 => Err(ErrorKind::WouldBlock.into()),
            // We do not know whether the call would block, so it must not be made.
            SOCKET_ERROR => Err(io::Error::last_os_error()),
            _ => client.write(message),
        }
    }

    /// Wakes a reader: shutting down makes later reads return, but not one that is already blocked.
    #[allow(unsafe_code)]
    pub fn wake_reader(client: &SockRef) {
        // SAFETY: the socket is open, since it is borrowed, and no OVERLAPPED means all its calls.
        unsafe { CancelIoEx(client.as_raw_socket() as _, std::ptr::null()) };
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

    /// Sends until the send buffer is full. Returns how many bytes it took.
    fn fill(server: &TcpStream) -> usize {
        let chunk = [b'x'; 60_000];
        for number in 0..10_000 {
            if let Err(error) = send_now(server, &chunk) {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                assert_eq!(error.to_string(), "it does not read what it is sent");
                return number * chunk.len();
            }
        }
        panic!("600 MB have gone to a peer that does not read, and the send buffer is not full");
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
    fn a_stated_send_buffer_is_that_of_every_client_and_stays_so() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        set_send_buffer(&listener, 100_000);
        let _client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
        let (server, _) = listener.accept().expect("accept");
        let size = SockRef::from(&server).send_buffer_size().expect("SO_SNDBUF");
        assert!((100_000..=200_000).contains(&size), "{size}");
        fill(&server);
        assert_eq!(SockRef::from(&server).send_buffer_size().expect("SO_SNDBUF"), size);
    }

    #[test]
    fn a_refused_size_is_halved_until_it_is_taken() {
        let asked = |most: usize| {
            let mut asked = Vec::new();
            ask_for(512, |size| {
                asked.push(size);
                if size <= most { Ok(()) } else { Err(ErrorKind::OutOfMemory.into()) }
            });
            asked
        };
        assert_eq!(asked(512), [512]);
        assert_eq!(asked(200), [512, 256, 128]);
        assert_eq!(asked(0), [512, 256, 128, 64, 32, 16, 8, 4, 2, 1], "it does not ask forever");
    }

    #[test]
    fn a_full_send_buffer_is_an_error_and_not_a_wait() {
        let (server, mut client_that_reads_late) = connected_pair();
        let taken = fill(&server);
        let error = send_now(&server, b"more").expect_err("it is still full");
        assert_eq!(error.to_string(), "it does not read what it is sent");
        drop(server);
        let arrived = io::copy(&mut client_that_reads_late, &mut io::sink()).expect("read");
        assert!(arrived >= taken as u64, "of {taken} bytes that were taken only {arrived} arrived");
    }

    #[test]
    fn a_connection_that_is_over_is_not_a_full_buffer() {
        let (server, client) = connected_pair();
        server.shutdown(Shutdown::Write).expect("a half-close");
        let error = send_now(&server, b"too late").expect_err("the connection is over");
        assert!(was_over(&error), "{error:?}");
        drop(client);
    }

    #[test]
    fn a_slow_reader_is_announced_once() {
        let (server, _client) = connected_pair();
        fill(&server);
        let error = send_now(&server, b"more").expect_err("it does not read");
        assert!(!was_over(&error), "{error:?}");
        disconnect(&server);
        let error = send_now(&server, b"and more").expect_err("it is disconnected");
        assert!(was_over(&error), "{error:?}");
    }

    #[test]
    fn a_write_that_waits_for_a_slow_reader_ends_without_a_second_announcement() {
        let (server, _client) = connected_pair();
        fill(&server);
        let writer = server.try_clone().expect("clone");
        let waiting = thread::spawn(move || {
            loop {
                if let Err(error) = { &writer }.write_all(&[b'x'; 60_000]) {
                    return error;
                }
            }
        });
        disconnect(&server);
        let error = waiting.join().expect("the writer ends");
        assert!(was_over(&error), "{error:?}");
    }

    /// Covers a peer whose system answers, but whose program does not read.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_peer_that_takes_in_nothing_for_too_long_is_announced() {
        let (server, _client) = connected_pair();
        let second = Duration::from_secs(1); // instead of the 90 of the listener
        SockRef::from(&server).set_tcp_user_timeout(Some(second)).expect("a shorter time");
        fill(&server);
        let error = (&server).write_all(&[b'x'; 1_000_000]).expect_err("the system gives up");
        assert!(platform::has_vanished(&error), "{error:?}");
    }

    #[test]
    fn disconnecting_wakes_the_thread_that_reads() {
        let (server, _client) = connected_pair();
        let reader = server.try_clone().expect("clone");
        let waiting = thread::spawn(move || { &reader }.read(&mut [0; 16]).unwrap_or(0));
        disconnect(&server);
        assert_eq!(waiting.join().expect("the reader ends"), 0);
    }

    #[test]
    fn disconnecting_throws_away_what_was_not_read() {
        let (server, mut client) = connected_pair();
        fill(&server);
        disconnect(&server);
        drop(server);
        let error = client.read_to_end(&mut Vec::new()).expect_err("a reset, not an orderly end");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn an_interrupted_call_is_made_again() {
        let outcomes = [Err(ErrorKind::Interrupted), Err(ErrorKind::Interrupted), Ok(3), Ok(4)];
        let mut outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(io::Error::from));
        assert_eq!(uninterrupted(|| outcomes.next().expect("a call too many")).ok(), Some(3));
        let failure = uninterrupted(|| Err::<(), _>(ErrorKind::ConnectionReset.into()));
        assert_eq!(failure.expect_err("it failed").kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn silence_is_an_error_of_reads_with_a_time_out() {
        let (mut server, _client) = connected_pair();
        server.set_read_timeout(Some(Duration::from_millis(1))).expect("set a time-out");
        let error = server.read(&mut [0]).expect_err("nothing was sent");
        assert!(timed_out(&server, &error));
        // Without a time-out the same error means something else: Windows has given up the
        // connection.
        server.set_read_timeout(None).expect("set no time-out");
        assert!(!timed_out(&server, &error));
    }

    #[test]
    fn a_reset_is_not_silence() {
        let (mut server, client) = connected_pair();
        server.set_read_timeout(Some(Duration::from_secs(10))).expect("set a time-out");
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("set to reset on close");
        drop(client);
        let reset = server.read(&mut [0]).expect_err("a reset");
        assert!(!timed_out(&server, &reset));
    }
}
