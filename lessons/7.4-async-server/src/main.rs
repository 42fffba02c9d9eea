// ANCHOR: header
//! 7.4 Broadcast chat with tokio: a task for each client, and an orderly end.
//!
//!     cargo run -p lesson-async-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! It reads like the threads of 6.3.2, and runs like the event loop of 7.3: `await` is where a task
//! gives way to the others. The log and the policy are those of 7.2. Ctrl-C ends it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use shared::{Failure, Lines, disconnect, lesson, listen, note, pause_for, print_line};
use shared_log::{Cursor, Log};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio::{runtime, select, signal, task};
// ANCHOR_END: header

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    print_line!("server listening at port {}", bound.port());
    listener.set_nonblocking(true).context("cannot make the listener non-blocking")?;

    // One thread runs all tasks. With several, they would wait for each other at the log.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start tokio's runtime")?;
    runtime
        .block_on(async { run(TcpListener::from_std(listener)?).await })
        .context("cannot run")?;
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: run
/// How long the clients have to take in the last line.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves until Ctrl-C.
async fn run(listener: TcpListener) -> io::Result<()> {
    let room = Arc::new(Room::default());
    let mut ctrl_c = std::pin::pin!(signal::ctrl_c());
    loop {
        select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer, &room),
                Err(error) => sleep(pause_for(&error)).await,
            },
            outcome = &mut ctrl_c => {
                outcome?;
                break;
            }
        }
    }
    drop(listener); // no new clients
    room.log().append("服务器关闭了\n".as_bytes()); // the server has closed
    room.news.send_replace(true);
    // Each client's task holds a receiver: when the last has gone, so have all clients.
    let _ = timeout(FAREWELL, room.news.closed()).await;
    Ok(())
}
// ANCHOR_END: run

// ANCHOR: admit
fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) {
    let _ = stream.set_nodelay(true);
    let room = Arc::clone(room);
    let client = Client {
        stream,
        peer,
        news: room.news.subscribe(),
        cursor: room.log().join(),
        lines: Lines::trimmed(),
        cut_at: None,
    };
    task::spawn(async move {
        // Whatever the error is: the client has gone.
        let _ = client.serve(&room).await;
        print_line!("有客户端退出了"); // a client has left
    });
}
// ANCHOR_END: admit

// ANCHOR: room
#[derive(Default)]
struct Room {
    log: Mutex<Log>,
    /// Told whenever something has been said. It becomes true when the server closes.
    news: watch::Sender<bool>,
}

impl Room {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    cursor: Cursor,
    news: watch::Receiver<bool>,
    lines: Lines,
    cut_at: Option<Instant>,
}
// ANCHOR_END: room

impl Client {
    // ANCHOR: serve
    async fn serve(mut self, room: &Room) -> io::Result<()> {
        let mut is_behind = false;
        loop {
            let cut_at = self.cut_at;
            select! {
                readable = self.stream.readable() => {
                    readable?;
                    if !self.read(room)? { break }
                    // The others have their turn first, so that a client that floods does not
                    // starve them.
                    task::yield_now().await;
                }
                writable = self.stream.writable(), if is_behind => writable?,
                changed = self.news.changed() => if changed.is_err() { break },
                () = sleep_until(cut_at.unwrap_or_else(Instant::now)), if cut_at.is_some() => {
                    let lines = self.lines.cut();
                    self.say(room, &lines);
                }
            }
            is_behind = self.send(room)?;
            if *self.news.borrow() && !is_behind {
                break;
            }
        }
        while self.send(room)? {
            self.stream.writable().await?;
        }
        self.stream.shutdown().await?;
        let mut rest = [0; 1024];
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut rest) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    }
    // ANCHOR_END: serve

    // ANCHOR: read
    fn read(&mut self, room: &Room) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let lines = match self.stream.try_read(&mut buffer) {
            Ok(received @ 1..) => self.lines.add(&buffer[..received]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            _ => {
                let lines = self.lines.finish();
                self.say(room, &lines);
                return Ok(false);
            }
        };
        self.say(room, &lines);
        Ok(true)
    }

    fn say(&mut self, room: &Room, lines: &[u8]) {
        self.cut_at = self.lines.patience().map(|patience| Instant::now() + patience);
        if !lines.is_empty() {
            room.log().say(&mut self.cursor, self.peer.port(), lines);
            let closes = *room.news.borrow();
            room.news.send_replace(closes);
        }
    }
    // ANCHOR_END: read

    // ANCHOR: send
    /// Sends what there is room for. Returns whether something is left.
    fn send(&mut self, room: &Room) -> io::Result<bool> {
        let log = room.log();
        let Some(unread) = log.unread(&self.cursor) else {
            note!("disconnected {}: it does not read what it is sent", self.peer);
            return Err(ErrorKind::TimedOut.into());
        };
        if unread.is_empty() {
            return Ok(false);
        }
        match self.stream.try_write_vectored(&unread) {
            Ok(sent) => self.cursor.advance(sent),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(!log.is_read(&self.cursor))
    }
    // ANCHOR_END: send
}
