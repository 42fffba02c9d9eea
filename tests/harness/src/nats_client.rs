//! Talks to a nats-server in the protocol of NATS, which is lines of text over TCP.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Nats;

/// How long the server has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl Nats {
    /// Publishes messages, each with a subject and a payload, as a program that is not an edge.
    /// Returns when the server has received them.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn publish(&self, messages: &[(&str, &[u8])]) -> io::Result<()> {
        let mut commands = Vec::new();
        for (subject, payload) in messages {
            let head = format!("PUB {subject} {}\r\n", payload.len());
            commands.extend([head.as_bytes(), payload, b"\r\n"].concat());
        }
        commands.extend(b"PING\r\n");
        self.talk(&commands, "PONG").map(drop)
    }

    /// Sends JetStream a request, such as `STREAM.INFO.ORDERED`. Returns its answer, which is JSON.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn ask_jetstream(&self, request: &str, payload: &str) -> io::Result<String> {
        let size = payload.len();
        let commands =
            format!("SUB answer 1\r\nPUB $JS.API.{request} answer {size}\r\n{payload}\r\n");
        self.talk(commands.as_bytes(), "MSG ")?.line()
    }

    /// Sends commands, and reads the answers up to the first one that begins with `last`.
    fn talk(&self, commands: &[u8], last: &str) -> io::Result<Answers> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"CONNECT {\"verbose\":false}\r\n")?;
        stream.write_all(commands)?;
        let mut answers = Answers(BufReader::new(stream));
        while !answers.line()?.starts_with(last) {}
        Ok(answers)
    }
}

struct Answers(BufReader<TcpStream>);

impl Answers {
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }
}
