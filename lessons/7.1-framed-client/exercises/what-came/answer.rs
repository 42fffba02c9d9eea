//! 7.1 Messages that may hold anything, the client: it sends lines, or a whole file.
//!
//!     cargo run -p lesson-framed-server
//!     cargo run -p lesson-framed-client     (in a second terminal, and a third)
//!
//! With `-- --file PATH` it sends the file in place of what is typed, and leaves.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};
use frames::{Frames, LABEL, LONGEST, frame};
use shared::{
    Extra, Failure, Lines, cannot_connect, lesson, lost_connection, note, print_or_exit, printable,
    uninterrupted,
};

const FILE: Extra = Extra {
    name: "file",
    value: "PATH",
    help: "send this file in place of what is typed",
    check: |_| Ok(()), // whether there is such a file is seen when it is opened
};

fn main() -> Result<(), Failure> {
    let (address, [path]) = lesson!().address_and("127.0.0.1:3000", &[FILE]);
    let path = path.map(PathBuf::from);
    let file = path.as_deref().map(open).transpose()?;
    let server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-framed-server"))?;
    let to_server = server.try_clone().context("cannot share the connection with a thread")?;

    // As in 6.3.2: one thread for each of the two things to wait for.
    let sender = thread::Builder::new().spawn(move || {
        let outcome = match file {
            Some(file) => send_file(file, &to_server),
            None => send_what_is_typed(&to_server)
                .inspect_err(|error| note!("cannot send what is typed: {error}")),
        };
        let _ = to_server.shutdown(Shutdown::Write); // half-close: all is said, but we still listen
        outcome
    });
    let sender = sender.context("cannot start a thread that sends")?;
    show_what_arrives(&server, &address)?;
    match path {
        Some(path) => all_is_sent(&path, sender),
        None => Ok(()), // nobody waits for the keyboard any more
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    let next_step = "Is there such a file, and may you read it?";
    File::open(path)
        .map_err(|error| anyhow!("cannot open {}: {error}\n{next_step}", path.display()))
}

/// Whoever sends a file wants to know whether all of it has gone out.
fn all_is_sent(path: &Path, sender: JoinHandle<io::Result<()>>) -> Result<(), Failure> {
    let Ok(Err(error)) = sender.join() else { return Ok(()) };
    let next_step = "Is it a file that can be read, and is the server still there?";
    Err(anyhow!("cannot send all of {}: {error}\n{next_step}", path.display()).into())
}

/// A line is a message, without its newline.
fn send_what_is_typed(mut server: &TcpStream) -> io::Result<()> {
    server.set_nodelay(true)?; // each line leaves at once
    let mut lines = Lines::trimmed();
    let mut buffer = [0; 4096];
    loop {
        let typed = uninterrupted(|| io::stdin().read(&mut buffer))?;
        let said = match typed {
            0 => lines.finish(), // Ctrl-D, on Windows Ctrl-Z and Enter
            _ => lines.add(&buffer[..typed]),
        };
        for line in said.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            server.write_all(&frame(line))?;
        }
        if typed == 0 {
            return Ok(());
        }
    }
}

/// A file is one message, or as many as it takes.
fn send_file(mut file: File, mut server: &TcpStream) -> io::Result<()> {
    let mut part = Vec::new();
    while (&mut file).take(LONGEST as u64).read_to_end(&mut part)? > 0 {
        server.write_all(&frame(&part))?;
        part.clear();
    }
    Ok(())
}

fn show_what_arrives(mut server: &TcpStream, address: &str) -> Result<(), Failure> {
    let mut frames = Frames::new(LABEL + LONGEST);
    let mut buffer = [0; 4096];
    loop {
        let received = uninterrupted(|| server.read(&mut buffer))
            .map_err(|error| lost_connection(address, error))?;
        if received == 0 {
            note!("the server has closed the connection");
            return Ok(());
        }
        frames.add(&buffer[..received]);
        while let Some(message) =
            frames.next_message().map_err(|error| anyhow!("{address}: {error}"))?
        {
            show(message);
        }
    }
}

/// A message is one line on the screen, whatever it holds: otherwise a newline in it could make up
/// what somebody else has never said.
fn show(message: &[u8]) {
    let shown = match std::str::from_utf8(message) {
        Ok(text) => printable(text).replace('\n', "␊"),
        Err(_) => {
            let label = message.split_inclusive(|byte| *byte == b':').next().unwrap_or_default();
            let text = String::from_utf8_lossy(label);
            format!("{} <{} bytes>", printable(&text), message.len() - label.len())
        }
    };
    print_or_exit(&format!("{shown}\n"));
}
