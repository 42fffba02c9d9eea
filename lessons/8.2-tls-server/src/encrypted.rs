// ANCHOR: header
//! An encrypted connection, as the room of 7.4 uses one.
//!
//! rustls does no input and no output. It takes bytes that have arrived and gives back what was
//! in them, and it takes what should be sent and gives back bytes to send.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::time::Duration;

use lesson_async_server::Connection;
use rustls::ServerConnection;
use shared::{disconnect, uninterrupted};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
// ANCHOR_END: header

// ANCHOR: encrypted
/// The maximum of what waits to be encrypted and sent, in bytes: one full record of TLS. Whatever
/// else a reader is behind stays in the log, where the slow-reader policy counts it.
const RECORD: usize = 16 * 1024;

/// How long the last record, which says that nothing more follows, may take to leave.
const FAREWELL: Duration = Duration::from_secs(10);

/// A socket, and the keys that both sides have agreed on.
pub struct Encrypted {
    socket: TcpStream,
    session: ServerConnection,
    /// How many bytes of the log are in records that have not left entirely.
    in_flight: usize,
}

impl Encrypted {
    /// Takes a connection whose handshake is done.
    pub fn new(socket: TcpStream, mut session: ServerConnection) -> Encrypted {
        session.set_buffer_limit(Some(RECORD));
        Encrypted { socket, session, in_flight: 0 }
    }

    /// Sends what has been encrypted, or fails with `WouldBlock`.
    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            self.session.write_tls(&mut Ready(&self.socket))?;
        }
        Ok(())
    }
}
// ANCHOR_END: encrypted

// ANCHOR: connection
impl Connection for Encrypted {
    fn socket(&self) -> &TcpStream {
        &self.socket
    }

    async fn readable(&self) -> io::Result<()> {
        // A record holds up to 16 KiB. We may not have taken all of the last one yet, and then
        // nothing has to arrive.
        match self.session.wants_read() {
            true => self.socket.readable().await,
            false => Ok(()),
        }
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {} // no whole record yet
                // The end of the TCP connection without TLS's own, close_notify. Anybody on the
                // way can cause that, so it is a reset for us.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(ErrorKind::ConnectionReset.into());
                }
                outcome => return outcome,
            }
            self.session.read_tls(&mut Ready(&self.socket))?;
            if let Err(error) = self.session.process_new_packets() {
                let _ = self.flush(); // the alert, which tells the other side
                disconnect(&self.socket); // nothing after this can be decrypted either
                return Err(io::Error::other(format!(
                    "what it sends cannot be decrypted: {error}"
                )));
            }
        }
    }

    fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        // The cursor in the log must not move before everything has left, so the same pieces come
        // again after `WouldBlock`. They must not be encrypted a second time.
        if self.in_flight == 0 {
            self.in_flight = self.session.writer().write_vectored(pieces)?;
        }
        self.flush()?;
        Ok(std::mem::take(&mut self.in_flight))
    }

    async fn half_close(&mut self) -> io::Result<()> {
        self.session.send_close_notify();
        let farewell = async {
            loop {
                match self.flush() {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.socket.writable().await?;
                    }
                    outcome => return outcome,
                }
            }
        };
        timeout(FAREWELL, farewell).await??;
        self.socket.shutdown().await
    }
}
// ANCHOR_END: connection

// ANCHOR: ready
/// A socket that is read and written without waiting.
struct Ready<'a>(&'a TcpStream);

impl Read for Ready<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.try_read(buffer))
    }
}

impl Write for Ready<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.try_write(bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        uninterrupted(|| self.0.try_write_vectored(pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
// ANCHOR_END: ready
