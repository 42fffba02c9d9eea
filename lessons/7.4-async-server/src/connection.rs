// ANCHOR: connection
//! What the task of a client does with its connection.

use std::future::Future;
use std::io::{self, IoSlice};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// A connection to a client. Here it is TCP's, and in 8.2 it is an encrypted one.
pub trait Connection: Send + Sync + 'static {
    /// Returns the socket, for whatever does not depend on what is sent over it.
    fn socket(&self) -> &TcpStream;

    /// Waits until `try_read` may have something.
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// Reads what has arrived, or fails with `WouldBlock`. 0 is the end.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Sends as much of `pieces` as the socket takes, or fails with `WouldBlock`. Call it with the
    /// same pieces again in that case.
    fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Half-closes the connection.
    fn half_close(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}

impl Connection for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }

    async fn readable(&self) -> io::Result<()> {
        TcpStream::readable(self).await
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        TcpStream::try_read(self, buffer)
    }

    fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        TcpStream::try_write_vectored(self, pieces)
    }

    async fn half_close(&mut self) -> io::Result<()> {
        self.shutdown().await
    }
}
// ANCHOR_END: connection
