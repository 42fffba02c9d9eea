//! A task and an `await` in their smallest form: a server that sends back whatever it receives.
//!
//!     cargo run -p lesson-async-server --example task_echo
//!     nc 127.0.0.1 3000     (in a second terminal, and a third)

// ANCHOR: echo
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    loop {
        let (client, _) = listener.accept().await?;
        task::spawn(echo(client));
    }
}

async fn echo(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let received = client.read(&mut buffer).await?;
        if received == 0 {
            return Ok(()); // the client has left
        }
        client.write_all(&buffer[..received]).await?;
    }
}
// ANCHOR_END: echo
