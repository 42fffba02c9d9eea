//! Exercise: a server that closes cleanly on Ctrl-C. The task is in `task.md`.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use shared::{CtrlC, Failure, announce, cannot_listen, lesson, wait_out};

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let listener = TcpListener::bind(&address).map_err(|error| cannot_listen(&address, error))?;
    let ctrl_c = CtrlC::wakes(&listener)?;
    announce(&listener)?;

    loop {
        let accepted = listener.accept(); // waits for a client, or for Ctrl-C
        if ctrl_c.pressed() {
            break;
        }
        if let Err(error) = accepted.and_then(connection) {
            wait_out(&error);
        }
    }

    // To do: say goodbye to those who are still connected.
    Ok(())
}

fn connection((client, _): (TcpStream, SocketAddr)) -> io::Result<()> {
    thread::Builder::new().spawn(move || stay_until_it_leaves(client))?;
    Ok(())
}

fn stay_until_it_leaves(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"welcome\n")?;
    io::copy(&mut client, &mut io::sink())?;
    Ok(())
}
