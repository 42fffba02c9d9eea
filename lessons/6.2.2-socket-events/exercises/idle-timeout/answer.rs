//! 6.2.1 The server in four events: listening, connection, close, error.
//!
//!     cargo run -p lesson-listening-events
//!     telnet 127.0.0.1 3000                   (in a second terminal)

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use shared::{CtrlC, Failure, announce, cannot_listen, lesson, pause_after, print_line};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");

    // `error`: bind returned Err. Start this program twice to see it.
    let listener = TcpListener::bind(&address).map_err(|error| cannot_listen(&address, error))?;
    let ctrl_c = CtrlC::wakes(&listener)?;

    // `listening`: bind returned Ok.
    print_line!("服务器监听成功了，正在等待客户端连接"); // listening, and waiting for clients
    announce(&listener)?;

    loop {
        let accepted = listener.accept(); // waits for a client, or for Ctrl-C
        if ctrl_c.pressed() {
            break;
        }
        if let Err(error) = accepted.and_then(|(client, _)| connection(client)) {
            pause_after(&error);
        }
    }

    // `close`: the listener is dropped.
    drop(listener);
    print_line!("服务器关闭了"); // the server has closed
    Ok(())
}

/// `connection`: accept returned Ok. Starts a thread, which waits until the client leaves.
fn connection(client: TcpStream) -> io::Result<()> {
    print_line!("有客户端连接上来了"); // a client has connected
    thread::Builder::new().spawn(|| echo(client))?;
    Ok(())
}

/// Sends back what it is sent. An error means that the client has left, as 0 does.
fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let received = client.read(&mut buffer)?;
        if received == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..received])?;
    }
}
