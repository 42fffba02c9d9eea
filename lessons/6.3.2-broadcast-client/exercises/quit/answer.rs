//! 6.3.2 Broadcast chat, the client: keyboard and socket at the same time.
//!
//!     cargo run -p lesson-broadcast-server
//!     cargo run -p lesson-broadcast-client     (in a second terminal, and a third)

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;
use shared::{
    Failure, Lines, cannot_connect, check_connected, decode_lossy, lesson, lost_connection, note,
    print_or_exit, printable, timed_out, uninterrupted,
};

/// Whether the input has ended. If so, we are the ones who leave, and the server only follows.
static LEAVING: AtomicBool = AtomicBool::new(false);

fn main() -> Result<(), Failure> {
    let address = lesson!().address("127.0.0.1:3000");
    let server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-broadcast-server"))?;
    check_connected(&server, &address, "lesson-broadcast-server")?;
    let to_server = server.try_clone().context("cannot share the connection with a thread")?;

    // There are two things to wait for, so there are two threads. This one ends when the server
    // does, and the process with it, even if the other one is still waiting for the keyboard.
    let keyboard = thread::Builder::new().spawn(move || {
        match send_what_is_typed(&to_server) {
            Ok(()) => LEAVING.store(true, Ordering::Relaxed),
            Err(error) => note!("cannot send what is typed: {error}"),
        }
        let _ = to_server.shutdown(Shutdown::Write); // half-close: we send no more but still listen
    });
    keyboard.context("cannot start a thread for the keyboard")?;

    show_what_arrives(server).map_err(|error| lost_connection(&address, error))?;
    match LEAVING.load(Ordering::Relaxed) {
        true => note!("you have left the chat"),
        false => note!("the server has closed the connection"),
    }
    Ok(())
}

fn send_what_is_typed(mut server: &TcpStream) -> io::Result<()> {
    server.set_nodelay(true)?; // each line leaves immediately
    let mut keyboard = io::stdin();
    let mut lines = Lines::trimmed();
    let mut buffer = [0; 4096];
    loop {
        let typed = uninterrupted(|| keyboard.read(&mut buffer))?; // waits until Enter is pressed
        let said = match typed {
            0 => lines.finish(), // Ctrl-D, on Windows Ctrl-Z and Enter
            _ => lines.add(&buffer[..typed]),
        };
        server.write_all(&said)?;
        if typed == 0 {
            return Ok(());
        }
    }
}

fn show_what_arrives(mut server: TcpStream) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 32 * 1024]; // a reader that falls behind catches up in few reads
    loop {
        // The Node server sends no newlines, so what has arrived when time is up is a line too. An
        // error means that the connection is over, which the read will report.
        let _ = server.set_read_timeout(lines.patience());
        match uninterrupted(|| server.read(&mut buffer)) {
            Ok(received @ 1..) => show(&lines.add(&buffer[..received])), // `data`
            Err(error) if timed_out(&server, &error) => show(&lines.cut()), // `timeout`
            outcome => {
                show(&lines.finish());
                return outcome.map(|_| ()); // `end`, or `error`
            }
        }
    }
}

fn show(lines: &[u8]) {
    print_or_exit(&printable(&decode_lossy(lines)));
}
