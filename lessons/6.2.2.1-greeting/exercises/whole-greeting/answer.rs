//! 6.2.2.1 Greeting: the server says hello to each client.
//!
//!     cargo run -p lesson-greeting
//!     telnet 127.0.0.1 3000           (in a second terminal)

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use shared::{CtrlC, Failure, lesson, listen, pause_after, print_line};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let (listener, _) = listen(&address)?;
    let ctrl_c = CtrlC::wakes(&listener)?;
    print_line!("服务器监听成功了，正在等待客户端连接"); // listening, and waiting for clients

    loop {
        let accepted = listener.accept();
        if ctrl_c.pressed() {
            break;
        }
        if let Err(error) = accepted.and_then(|(client, peer)| welcome(client, peer)) {
            pause_after(&error);
        }
    }

    drop(listener);
    print_line!("服务器关闭了"); // the server has closed
    Ok(())
}

/// Takes what `accept` returned: a socket, and the address of the peer at its other end.
fn welcome(client: TcpStream, peer: SocketAddr) -> io::Result<()> {
    let ip = peer.ip().to_canonical(); // 127.0.0.1, even if it arrived as ::ffff:127.0.0.1
    print_line!("有客户端连接上来了"); // a client has connected
    print_line!("客户端IP地址：{ip}连接到了当前服务器"); // a client at this address has connected
    thread::Builder::new().spawn(|| greet(client))?;
    Ok(())
}

fn greet(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"hello")?; // an error here means that the client has already left
    io::copy(&mut client, &mut io::sink())?; // keeps the connection open until the client leaves
    Ok(())
}
