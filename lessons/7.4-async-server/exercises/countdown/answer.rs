//! 7.4 Broadcast chat with tokio: a task for each client, and an orderly end.
//!
//!     cargo run -p lesson-async-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! It reads like the threads of 6.3.2 and runs like the event loop of 7.3: at each `await` the
//! thread goes on with another task. The log and the policies are those of 7.2: a reader is
//! disconnected when it has fallen off the log's tail, or (on Linux) has taken in nothing for 90 s
//! while something waits for it. A speaker that is too fast is held up.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use lesson_async_server::{Client, News, Room};
use lesson_shared_log_server::SEND_BUFFER;
use shared::{
    CtrlC, Failure, lesson, listen, note_disconnected, pause_for, print_line, set_send_buffer,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio::{runtime, select, task};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());
    let (press, pressed) = oneshot::channel::<()>();
    let _last_lines = CtrlC::calls(|| drop(press))?;

    // One thread runs all tasks, because several would only wait for each other at the log.
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime.block_on(run(listener, pressed)).context("cannot use the listener with tokio")?;
    Ok(())
}

/// How long all clients have at the end to receive the last lines.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves clients until `shutdown` is done, and then says goodbye to them.
async fn run(listener: std::net::TcpListener, shutdown: impl Future) -> io::Result<()> {
    let room = Arc::new(Room::default());
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut shutdown = pin!(shutdown);
    loop {
        select! {
            _ = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer, &room),
                Err(error) => sleep(pause_for(&error)).await,
            },
        }
    }
    drop(listener); // no new clients
    room.state().log.append("服务器关闭了\n".as_bytes()); // the server has closed
    room.news.send_replace(News::Goodbye);
    // Each client's task receives the news, so when nobody receives it any more, all have gone.
    let _ = timeout(FAREWELL, room.news.closed()).await;
    Ok(())
}

fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) {
    // A small message leaves immediately, instead of waiting for company. An error means that the
    // client has left already, as its first read will say.
    let _ = stream.set_nodelay(true);
    // Created here and not in the client's own task, so that clients join in the order in which
    // they connect, and a client misses nothing of what the next one says.
    let client = Client::new(stream, peer, Arc::clone(room), Arc::clone(room));
    task::spawn(async move {
        if let Err(error) = client.serve().await {
            note_disconnected(peer, &error);
        }
        print_line!("有客户端退出了"); // a client has left
    });
}
