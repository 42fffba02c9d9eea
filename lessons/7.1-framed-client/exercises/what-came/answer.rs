//! 7.1 Messages that may hold anything, the client: it sends what you type, or a whole file.
//!
//!     cargo run -p lesson-framed-server
//!     cargo run -p lesson-framed-client     (in a second terminal, and a third)
//!
//! With `-- --file PATH` it sends the file instead of what you type, and then leaves.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use anyhow::{Context, anyhow};
use lesson_framed_server::{Frames, LABEL, LONGEST, TooLong, frame};
use lexopt::prelude::*;
use shared::{
    Failure, Lines, cannot_connect, check_connected, host_and_port, lesson, lost_connection, note,
    print_or_exit, printable, uninterrupted,
};

const ADDRESS: &str = "127.0.0.1:3000";
const OPTIONS: [(&str, &str); 1] = [("--file PATH", "send this file in place of what is typed")];

/// Returns the server's address, and the path of the file if there is one to send.
fn arguments() -> Result<(String, Option<PathBuf>), lexopt::Error> {
    let (mut address, mut file) = (None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("file") => file = Some(parser.value()?.into()),
            Value(text) if address.is_none() => address = Some(host_and_port(text, ADDRESS)?),
            other => return Err(lesson!().help_or_refuse(other, Some(ADDRESS), &OPTIONS)),
        }
    }
    Ok((address.unwrap_or(ADDRESS.to_string()), file))
}

fn main() -> Result<(), Failure> {
    let (address, path) = arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let file = path.as_deref().map(open).transpose()?;
    let server = TcpStream::connect(&address)
        .map_err(|error| cannot_connect(&address, error, "lesson-framed-server"))?;
    check_connected(&server, &address, "lesson-framed-server")?;
    let to_server = server.try_clone().context("cannot share the connection with a thread")?;

    // As in 6.3.2, there are two things to wait for, so there is a thread for each.
    let (end, ended) = mpsc::channel();
    let sender = thread::Builder::new().spawn(move || {
        let outcome = match file {
            Some(file) => send_file(file, &to_server),
            None => send_what_is_typed(&to_server)
                .inspect_err(|error| note!("cannot send what is typed: {error}")),
        };
        let _ = end.send(outcome); // first, because the server may close when we half-close
        let _ = to_server.shutdown(Shutdown::Write); // half-close: all is sent, but we still listen
    });
    sender.context("cannot start a thread that sends")?;
    show_what_arrives(&server, &address)?;
    match path {
        Some(path) => all_is_sent(&path, &ended),
        None => Ok(()), // do not wait for the keyboard any longer
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    let next_step = "Is there such a file, and may you read it?";
    File::open(path)
        .map_err(|error| anyhow!("cannot open {}: {error}\n{next_step}", path.display()))
}

/// Returns an error unless all of the file has been sent. A sender that has not ended by now still
/// waits for the server, or for the file (which may be a pipe), and that is of no use any more.
fn all_is_sent(path: &Path, ended: &Receiver<io::Result<()>>) -> Result<(), Failure> {
    let server_is_first = || Err(io::Error::other("the server has closed the connection"));
    let Err(error) = ended.try_recv().unwrap_or_else(|_| server_is_first()) else { return Ok(()) };
    let next_step = "Is it a file that can be read, and is the server still there?";
    Err(anyhow!("cannot send all of {}: {error}\n{next_step}", path.display()).into())
}

/// Sends each line as a message, without its newline.
fn send_what_is_typed(mut server: &TcpStream) -> io::Result<()> {
    server.set_nodelay(true)?; // each line leaves immediately
    let mut lines = Lines::trimmed();
    let mut buffer = [0; 4096];
    loop {
        let typed = uninterrupted(|| io::stdin().read(&mut buffer))?;
        let said = match typed {
            0 => lines.finish(), // Ctrl-D, or on Windows Ctrl-Z and Enter
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

/// Sends a file as one message, or as several if it is too long for one.
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
    let mut buffer = vec![0; 32 * 1024]; // if we fall behind, a few reads are enough to catch up
    loop {
        let received = uninterrupted(|| server.read(&mut buffer))
            .map_err(|error| lost_connection(address, error))?;
        if received == 0 && frames.kept() > 0 {
            let cut_off = io::Error::other("it has ended in the middle of a message");
            return Err(lost_connection(address, cut_off).into());
        }
        if received == 0 {
            note!("the server has closed the connection");
            return Ok(());
        }
        frames.add(&buffer[..received]);
        show(&mut frames).map_err(|error| {
            anyhow!(
                "{address}: {error}\n\
                 Another kind of server may be there, which knows no lengths. Stop it, and start this one: \
                 cargo run -p lesson-framed-server -- {address}"
            )
        })?;
    }
}

/// Prints all complete messages in one write.
fn show(frames: &mut Frames) -> Result<(), TooLong> {
    let mut lines = String::new();
    let outcome = add_lines(frames, &mut lines);
    print_or_exit(&lines);
    outcome
}

fn add_lines(frames: &mut Frames, lines: &mut String) -> Result<(), TooLong> {
    while let Some(message) = frames.next_message()? {
        *lines += &line(message);
    }
    Ok(())
}

/// Turns a message into one line on the screen, whatever it holds. Otherwise a newline in it could
/// begin a line that looks as if somebody else had sent it.
fn line(message: &[u8]) -> String {
    let shown = match std::str::from_utf8(message) {
        Ok(text) => printable(text).replace('\n', "␊"),
        Err(_) => {
            let label = message.split_inclusive(|byte| *byte == b':').next().unwrap_or_default();
            let text = String::from_utf8_lossy(label);
            format!("{} <{} bytes>", printable(&text), message.len() - label.len())
        }
    };
    shown + "\n"
}
