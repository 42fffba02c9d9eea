// ANCHOR: stranger
//! A client that speaks no TLS: telnet, or the client of 6.3.2.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The first byte of each handshake: the type of its record (RFC 8446, 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Waits for the first byte, and leaves it where it is. Returns whether a handshake begins with it.
pub async fn speaks_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    loop {
        match stream.peek(&mut first).await {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome.map(|_| first == [HANDSHAKE_RECORD]),
        }
    }
}

/// Tells a client in plain text what to use, and waits until it has closed the connection. If we
/// closed it with unread data in it, that would reset it, and the line might be lost.
pub async fn tell_it_what_to_use(mut stream: TcpStream) -> io::Result<()> {
    let address = stream.local_addr()?;
    let line = format!(
        "聊天室已加密 (this chat is encrypted): cargo run -p lesson-tls-client -- {address}\n"
    );
    stream.write_all(line.as_bytes()).await?;
    stream.shutdown().await?;
    let mut thrown_away = [0; 256];
    while stream.read(&mut thrown_away).await? > 0 {}
    Ok(())
}
// ANCHOR_END: stranger
