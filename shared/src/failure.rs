//! Errors that say what was attempted, on what, why it failed, and what to try next.

use std::fmt;
use std::io::{self, ErrorKind};

use socket2::SockRef;

use crate::note;

/// The error that a lesson's `main` returns when it cannot continue.
///
/// Rust prints the error that `main` returns with `Debug`, and exits with status 1. `Debug` of an
/// [`anyhow::Error`] may show a backtrace, but this one shows only the message and its causes.
/// There is deliberately no conversion from a bare [`io::Error`]: `Connection refused` alone tells
/// a learner nothing, so the compiler asks for a context.
pub struct Failure(anyhow::Error);

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", self.0)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure(error)
    }
}

/// Returns the error of a failed attempt to listen on `address`, with what to try next.
pub fn cannot_listen(address: &str, error: io::Error) -> anyhow::Error {
    let next_step = match error.kind() {
        ErrorKind::AddrInUse => {
            "Another lesson may still be running: stop it with Ctrl-C in its terminal, \
             or pass another port, such as 3001."
        }
        ErrorKind::PermissionDenied => {
            "The system reserves some ports, such as those below 1024: pass another port, such as 3001."
        }
        ErrorKind::AddrNotAvailable => {
            "This machine does not have that address: use 127.0.0.1 for this machine only, \
             or 0.0.0.0 for its whole network."
        }
        _ => "Check the address: 127.0.0.1:3000 should always work.",
    };
    anyhow::anyhow!("cannot listen on {address}: {error}\n{next_step}")
}

/// Returns the error of a failed attempt to connect to `address`. `server` is the package that
/// should be listening there.
pub fn cannot_connect(address: &str, error: io::Error, server: &str) -> anyhow::Error {
    let next_step = match error.kind() {
        _ if address.ends_with(":0") => {
            "Nobody listens on port 0: pass the port that the server says it listens on.".into()
        }
        ErrorKind::ConnectionRefused => start_the_server(address, server),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "Is that machine on, on the same network, and does its firewall let the port through?"
                .into()
        }
        _ => "Check the host and the port.".into(),
    };
    anyhow::anyhow!("cannot connect to {address}: {error}\n{next_step}")
}

/// Reports on stderr what `stream` is really connected to, if that is not the address that was
/// typed: a name may have several addresses, and different servers may listen on them.
///
/// # Errors
///
/// If the stream is connected to itself. The system chooses a free port for a client. If that is
/// the very port the client calls, and no server listens there, the client calls and answers at the
/// same time, which TCP allows (RFC 9293, section 3.5, "simultaneous connection").
///
/// `stream` is a [`TcpStream`](std::net::TcpStream), or the equivalent of another crate (tokio).
pub fn check_connected<'a>(
    stream: impl Into<SockRef<'a>>,
    address: &str,
    server: &str,
) -> anyhow::Result<()> {
    let stream = stream.into();
    // The connection may be over already. If so, the first read will say so.
    let Some(peer) = stream.peer_addr().ok().and_then(|peer| peer.as_socket()) else {
        return Ok(());
    };
    if stream.local_addr().is_ok_and(|local| local.as_socket() == Some(peer)) {
        anyhow::bail!(
            "no server listens on {address}: the connection has reached its own beginning\n{}",
            start_the_server(address, server)
        );
    }
    if address.parse() != Ok(peer) {
        note!("connected to {peer}");
    }
    Ok(())
}

fn start_the_server(address: &str, server: &str) -> String {
    format!("Start the server first, in another terminal: cargo run -p {server} -- {address}")
}

/// Returns the error of a connection to `address` that broke after it was established.
pub fn lost_connection(address: &str, error: io::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "lost the connection to {address}: {error}\n\
         The server may have been stopped: start it again, then this."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use socket2::{Domain, Socket, Type};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    #[test]
    fn a_failure_shows_its_causes_on_one_line_and_no_backtrace() {
        let error = Err::<(), _>(io::Error::from(ErrorKind::BrokenPipe)).context("cannot send");
        let failure = Failure::from(error.expect_err("made as an error"));
        assert_eq!(format!("{failure:?}"), "cannot send: broken pipe");
    }

    #[test]
    fn each_failure_names_the_address_the_cause_and_a_next_step() {
        let in_use = cannot_listen("127.0.0.1:3000", ErrorKind::AddrInUse.into()).to_string();
        assert!(
            in_use.starts_with("cannot listen on 127.0.0.1:3000: address in use\n"),
            "{in_use}"
        );
        assert!(in_use.contains("pass another port"), "{in_use}");

        let refused =
            cannot_connect("localhost:3000", ErrorKind::ConnectionRefused.into(), "lesson-x")
                .to_string();
        assert!(
            refused.starts_with("cannot connect to localhost:3000: connection refused\n"),
            "{refused}"
        );
        assert!(refused.ends_with("cargo run -p lesson-x -- localhost:3000"), "{refused}");

        let no_port = cannot_connect("h:0", ErrorKind::ConnectionRefused.into(), "x").to_string();
        assert!(no_port.contains("pass the port that the server says"), "{no_port}");

        let lost = lost_connection("h:1", ErrorKind::ConnectionReset.into()).to_string();
        assert!(lost.starts_with("lost the connection to h:1: connection reset\n"), "{lost}");
    }

    #[test]
    fn each_cause_has_a_next_step_of_its_own() {
        let listening = |kind: ErrorKind| cannot_listen("h:1", kind.into()).to_string();
        let connecting = |kind: ErrorKind| cannot_connect("h:1", kind.into(), "x").to_string();
        for (message, next_step) in [
            (listening(ErrorKind::AddrInUse), "Another lesson may still be running"),
            (listening(ErrorKind::PermissionDenied), "The system reserves some ports"),
            (listening(ErrorKind::AddrNotAvailable), "This machine does not have that address"),
            (listening(ErrorKind::NotFound), "Check the address"),
            (connecting(ErrorKind::ConnectionRefused), "Start the server first"),
            (connecting(ErrorKind::TimedOut), "Is that machine on, on the same network"),
            (connecting(ErrorKind::HostUnreachable), "Is that machine on, on the same network"),
            (connecting(ErrorKind::NetworkUnreachable), "Is that machine on, on the same network"),
            (connecting(ErrorKind::NotFound), "Check the host and the port"),
        ] {
            let (_, shown) = message.split_once('\n').expect("a second line");
            assert!(shown.starts_with(next_step), "{message}");
        }
    }

    #[test]
    fn a_client_that_is_connected_to_itself_is_told_to_start_the_server() {
        // The system chooses such a port by accident. Here, we do it on purpose.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bind");
        let address = socket.local_addr().expect("its address");
        socket.connect(&address).expect("a connection to itself");
        let address = address.as_socket().expect("an address of IPv4").to_string();
        let error =
            check_connected(&TcpStream::from(socket), &address, "lesson-x").expect_err("itself");
        let expected = format!(
            "no server listens on {address}: the connection has reached its own beginning\n\
             Start the server first, in another terminal: cargo run -p lesson-x -- {address}"
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_client_that_is_connected_to_a_server_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("its address");
        let stream = TcpStream::connect(address).expect("connect");
        for typed in [address.to_string(), format!("localhost:{}", address.port())] {
            assert!(check_connected(&stream, &typed, "lesson-x").is_ok(), "{typed}");
        }
    }
}
