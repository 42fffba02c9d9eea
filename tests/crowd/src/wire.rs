//! A client's connection, plain or encrypted.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use lesson_tls_server::{provider, read_certificate, trusting};
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::Socket;

/// A connection that is read and written without waiting.
pub enum Wire {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
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
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            session.process_new_packets().map_err(io::Error::other)?;
        }
        stream.set_nonblocking(true)?;
        let stream = StreamOwned::new(session, TcpStream::from_std(stream));
        Ok(Wire::Encrypted(Box::new(stream)))
    }

    /// The socket itself.
    pub fn socket(&mut self) -> &mut TcpStream {
        match self {
            Wire::Plain(stream) => stream,
            Wire::Encrypted(stream) => &mut stream.sock,
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
