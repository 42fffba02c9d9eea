//! Encrypts for the clients of a TLS server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use socket2::{Domain, Socket, Type};

use crate::{Program, lesson};

/// The package `tunnel`, as a process: see its source. It is one of its own so that only the tests of
/// a TLS server compile what encrypts.
pub struct Tunnel {
    program: Program,
    address: SocketAddr,
}

impl Tunnel {
    /// Starts one that trusts the certificate in this file.
    pub fn trusting(certificate: &Path) -> Tunnel {
        let mut command = Command::new(lesson("tunnel"));
        command.arg(certificate);
        let program = Program::start(command);
        let line = program.first_lines(1).remove(0);
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        Tunnel { program, address: address.expect("the address of the tunnel") }
    }

    /// Connects to a server through the tunnel. The server sees the port of this socket.
    pub fn connect(&self, server: SocketAddr) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
        // Not earlier: then it might be a port that an old connection still has in TIME_WAIT.
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        socket.connect(&self.address.into()).unwrap_or_else(|error| {
            panic!("cannot connect to the tunnel: {error}\n{}", self.program.stderr())
        });
        let mut stream = TcpStream::from(socket);
        writeln!(stream, "{server}").expect("the tunnel reads");
        // Until the tunnel has this socket's port too, nobody else may get it, so we stay.
        stream.read_exact(&mut [0]).unwrap_or_else(|error| {
            panic!("the tunnel cannot connect: {error}\n{}", self.program.stderr())
        });
        stream
    }
}
