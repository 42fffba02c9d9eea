//! A client's connection, plain or encrypted.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use lesson_tls_server::{provider, read_certificate, trusting};
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection};
use socket2::Socket;

/// A connection that is read and written without waiting.
pub enum Wire {
    Plain(TcpStream),
    Encrypted(Box<Encrypted>),
}

/// A socket, and the keys that both sides have agreed on.
///
/// The `StreamOwned` of rustls is no help here: its `write` and `flush` may read as well, and its
/// `read` may fail because something cannot be written. Either way, a line would wait in `session`
/// for an event of the socket, which has nothing more to report.
pub struct Encrypted {
    session: ClientConnection,
    socket: TcpStream,
}

/// Returns what clients need that trust the certificate in `path`.
pub fn tls(path: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let trusted = trusting(&read_certificate(path)?)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .context("cannot speak TLS 1.3")?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

impl Wire {
    /// Takes a socket that is connected, and shakes hands over it if there is a `tls`. Waits until
    /// the server has let the client in, because its session tickets arrive.
    pub fn over(socket: Socket, tls: Option<&Arc<ClientConfig>>) -> io::Result<Wire> {
        let Some(tls) = tls else {
            socket.set_nonblocking(true)?;
            return Ok(Wire::Plain(TcpStream::from_std(socket.into())));
        };
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let mut session = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        let mut stream = std::net::TcpStream::from(socket);
        session.complete_io(&mut stream)?;
        while session.tls13_tickets_received() == 0 {
            if session.read_tls(&mut stream)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            session.process_new_packets().map_err(io::Error::other)?;
        }
        stream.set_nonblocking(true)?;
        let socket = TcpStream::from_std(stream);
        Ok(Wire::Encrypted(Box::new(Encrypted { session, socket })))
    }

    /// The socket itself.
    pub fn socket(&mut self) -> &mut TcpStream {
        match self {
            Wire::Plain(stream) => stream,
            Wire::Encrypted(stream) => &mut stream.socket,
        }
    }

    /// Returns whether more may be there after a read that has not filled its buffer.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Wire::Encrypted(_))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(buffer),
            Wire::Encrypted(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(bytes),
            Wire::Encrypted(stream) => stream.write(bytes),
        }
    }

    /// Sends what is encrypted and has not left.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Encrypted(stream) => stream.flush(),
        }
    }
}

impl Read for Encrypted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {} // no whole record yet
                outcome => return outcome,
            }
            self.session.read_tls(&mut self.socket)?;
            self.session.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl Write for Encrypted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?; // so that what waits here has a limit
        let taken = self.session.writer().write(bytes)?;
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken), // the rest leaves as soon as the socket is writable again
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => drop(outcome?),
            }
        }
        Ok(())
    }
}
