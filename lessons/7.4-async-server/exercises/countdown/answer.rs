//! 7.4 Broadcast chat with tokio: a task for each client, and an orderly end.
//!
//!     cargo run -p lesson-async-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third; or telnet)
//!
//! It reads like the threads of 6.3.2 and runs like the event loop of 7.3: at each `await` the
//! thread goes on with another task. The log and the policies are those of 7.2: a reader is
//! disconnected when it has fallen off the log's tail, or (on Linux) has taken in nothing for 90 s
//! while something waits for it. A speaker that is too fast is held up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_room::{Client, News, Room};
use shared::{
    CtrlC, Failure, lesson, listen, note_disconnected, pause_for, print_line, set_send_buffer,
};
use shared_log::SEND_BUFFER;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio::{runtime, select, task};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, bound) = listen(&address)?;
    set_send_buffer(&listener, SEND_BUFFER);
    print_line!("server listening at port {}", bound.port());
    let (press, pressed) = oneshot::channel();
    let _last_lines = CtrlC::calls(|| drop(press))?;

    listener.set_nonblocking(true).context("cannot make the listener non-blocking")?;
    // One thread for all tasks: several would only wait for each other at the log.
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime
        .block_on(async { run(TcpListener::from_std(listener)?, pressed).await })
        .context("cannot run")?;
    Ok(())
}

/// How long everybody has on Ctrl-C to take in what was said last.
const FAREWELL: Duration = Duration::from_secs(2);

async fn run(listener: TcpListener, mut ctrl_c: oneshot::Receiver<()>) -> io::Result<()> {
    let room = Arc::new(Room::default());
    loop {
        select! {
            _ = &mut ctrl_c => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer, &room),
                Err(error) => sleep(pause_for(&error)).await,
            },
        }
    }
    drop(listener); // no new clients
    room.log().append("服务器关闭了\n".as_bytes()); // the server has closed
    room.news.send_replace(News::Goodbye);
    // Each client's task receives the news, so when nobody receives it any more, all have gone.
    let _ = timeout(FAREWELL, room.news.closed()).await;
    Ok(())
}

fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) {
    // A small message leaves at once, instead of waiting for company. An error means that the
    // client has left already, as its first read will say.
    let _ = stream.set_nodelay(true);
    // Made here and not in the client's own task, so that whoever connects first also joins first,
    // and misses nothing of what the next one says.
    let client = Client::new(stream, peer, Arc::clone(room));
    task::spawn(async move {
        if let Err(error) = client.serve().await {
            note_disconnected(peer, &error);
        }
        print_line!("有客户端退出了"); // a client has left
    });
}
