//! Errors that say what was attempted, on what, why it failed, and what to try next.

use std::fmt;
use std::io::{self, ErrorKind};

/// What a lesson's `main` returns when it cannot go on.
///
/// Rust prints the error that `main` returns with `Debug`, and ends with exit status 1. `Debug` of
/// an [`anyhow::Error`] may show a backtrace; this one shows only the message and its causes. There
/// is no conversion from a bare [`io::Error`] on purpose: `Connection refused` alone tells a
/// learner nothing, so the compiler asks for a context.
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

/// The failure to listen on `address`, with what to try next.
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

/// The failure to connect to `address`, where `server` is the package that should be listening
/// there.
pub fn cannot_connect(address: &str, error: io::Error, server: &str) -> anyhow::Error {
    let next_step = match error.kind() {
        _ if address.ends_with(":0") => {
            "Nobody listens on port 0: pass the port that the server says it listens on.".into()
        }
        ErrorKind::ConnectionRefused => {
            format!(
                "Start the server first, in another terminal: cargo run -p {server} -- {address}"
            )
        }
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "Is that machine on, on the same network, and does its firewall let the port through?"
                .into()
        }
        _ => "Check the host and the port.".into(),
    };
    anyhow::anyhow!("cannot connect to {address}: {error}\n{next_step}")
}

/// The failure of a connection to `address` that was there already.
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
}
