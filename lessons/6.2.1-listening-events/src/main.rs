// ANCHOR: header
//! 6.2.1 The server and its four events: listening, connection, close, error.
//!
//!     cargo run -p lesson-listening-events
//!     telnet 127.0.0.1 3000                   (in a second terminal)

use std::io;
use std::net::{TcpListener, TcpStream};

use shared::{CtrlC, Failure, announce, cannot_listen, lesson, say, spawn, wait_out};
// ANCHOR_END: header

// ANCHOR: listening
fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");

    // `error`: bind returned Err. Start this program twice to see it.
    let listener = TcpListener::bind(&address).map_err(|error| cannot_listen(&address, error))?;
    let ctrl_c = CtrlC::wakes(&listener)?;

    // `listening`: bind returned Ok.
    say!("服务器监听成功了，正在等待客户端连接"); // listening, and waiting for clients
    announce(&listener)?;
    // ANCHOR_END: listening

    // ANCHOR: accepting
    loop {
        let accepted = listener.accept(); // waits for a client, or for Ctrl-C
        if ctrl_c.pressed() {
            break;
        }
        match accepted {
            Ok((client, _)) => connection(client),
            Err(error) => wait_out(&error),
        }
    }
    // ANCHOR_END: accepting

    // ANCHOR: close
    // `close`: the listener is dropped.
    drop(listener);
    say!("服务器关闭了"); // the server is closed
    Ok(())
}
// ANCHOR_END: close

// ANCHOR: connection
/// `connection`: accept returned Ok.
fn connection(client: TcpStream) {
    say!("有客户端连接上来了"); // a client has connected
    spawn(move || stay_until_it_leaves(client));
}
// ANCHOR_END: connection

// ANCHOR: leaving
/// Reads and throws away, because only reading tells when the client leaves. Then the client goes
/// out of scope: dropping is closing.
fn stay_until_it_leaves(mut client: TcpStream) {
    let _ = io::copy(&mut client, &mut io::sink());
}
// ANCHOR_END: leaving
