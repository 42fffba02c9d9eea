//! A client that does what no client should.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use harness::Program;
use socket2::SockRef;

use crate::random::Random;
use crate::wire::Wire;

/// A connection, and the steps that it still has to take.
pub struct Stranger {
    stream: TcpStream,
    steps: VecDeque<Step>,
    end: End,
}

enum Step {
    Send(Vec<u8>),
    /// Reads what has arrived.
    Read,
    /// Does nothing when it is its turn.
    Idle,
    HalfClose,
    /// Shuts down the other direction.
    StopReading,
}

#[derive(Clone, Copy)]
enum End {
    /// Closes after everything has been read, which is an orderly end.
    Leave,
    /// Closes with data unread, if there is any: most systems reset the connection then.
    Close,
    Reset,
}

impl Stranger {
    /// Connects a client, and decides what it will do.
    pub fn connect(server: &Program, wire: Option<Wire>, random: &mut Random) -> Stranger {
        let steps = (0..random.below(7)).flat_map(|_| some_steps(wire, random)).collect();
        let end = random.one_of(&[End::Leave, End::Leave, End::Close, End::Reset]);
        Stranger { stream: open(server), steps, end }
    }

    /// Connects a client that never sends or reads anything.
    pub fn asleep(server: &Program) -> Stranger {
        let stream = open(server);
        // A small buffer, so that data for this client soon has to wait at the server.
        SockRef::from(&stream).set_recv_buffer_size(4096).expect("SO_RCVBUF");
        Stranger { stream, steps: VecDeque::new(), end: End::Close }
    }

    /// Returns the port that the server puts before this client's messages.
    pub fn port(&self) -> u16 {
        self.stream.local_addr().expect("a connected socket has an address").port()
    }

    /// Returns the maximum number of bytes that others may receive because of the next step.
    pub fn will_be_heard(&self, wire: Option<Wire>) -> usize {
        match (self.steps.front(), wire) {
            (Some(Step::Send(bytes)), Some(wire)) => {
                // Each message gets a label, and the rest may become one as well.
                let messages = wire.decode(&mut bytes.clone()).len() + 1;
                bytes.len() + messages * 10
            }
            _ => 0,
        }
    }

    /// Takes the next step. Returns whether there is another one. The server may have ended the
    /// connection by now, so a step may fail.
    pub fn step(&mut self) -> bool {
        match self.steps.pop_front() {
            Some(Step::Send(bytes)) => drop(self.stream.write(&bytes)),
            Some(Step::Read) => self.read(),
            Some(Step::Idle) => {}
            Some(Step::HalfClose) => drop(self.stream.shutdown(Shutdown::Write)),
            Some(Step::StopReading) => drop(self.stream.shutdown(Shutdown::Read)),
            None => return false,
        }
        true
    }

    /// Ends the connection.
    pub fn leave(mut self) {
        match self.end {
            End::Leave => self.read(),
            End::Close => {}
            End::Reset => drop(SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))),
        }
    }

    fn read(&mut self) {
        let mut thrown_away = [0; 64 * 1024];
        // An error means that there is no more data for now, or that the connection is over.
        while matches!(self.stream.read(&mut thrown_away), Ok(1..)) {}
    }
}

fn open(server: &Program) -> TcpStream {
    let stream = server.reach(server.address());
    // Nobody waits for a stranger, so data that finds no room is not sent.
    stream.set_nonblocking(true).expect("reads and writes that do not wait");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream
}

fn some_steps(wire: Option<Wire>, random: &mut Random) -> Vec<Step> {
    match random.below(20) {
        0..=9 => vec![Step::Send(anything(wire, random))],
        10..=12 => {
            let slowly = anything(wire, random).into_iter().take(20);
            slowly.map(|byte| Step::Send(vec![byte])).collect()
        }
        13 => (0..random.below(40)).map(|_| Step::Idle).collect(),
        14 => vec![Step::HalfClose],
        15 => vec![Step::StopReading],
        _ => vec![Step::Read],
    }
}

/// Returns some bytes to send.
fn anything(wire: Option<Wire>, random: &mut Random) -> Vec<u8> {
    match wire {
        Some(Wire::Frames) if !random.once_in(10) => frames(random),
        _ => lines(random),
    }
}

/// Returns some lines that a server may receive, and a few that none should.
fn lines(random: &mut Random) -> Vec<u8> {
    let count = random.within(1..=100);
    match random.below(12) {
        0 => "hello\n".into(),
        1 => "no newline".into(),
        2 => "你好🦀".bytes().take(random.within(1..=9)).collect(),
        3 => random.bytes(count),
        4 => random.one_of(&["\n", "\r\n", " \t\r\n", "\u{3000}\n", "\r\0"]).repeat(count).into(),
        5 => telnet(random),
        6 => "x\n".repeat(count / 4).into(),
        7 => [random.one_of(&["x", "长", " "]).repeat(count * 10).as_bytes(), b"\n"].concat(),
        // As an honest client receives it from another, and cut off.
        8 => format!("50000:{count} line\n{}:{count}", 32_768 + count).into(),
        9 => b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: secret=1\r\n\r\n".into(),
        10 => random.bytes(1),
        _ if random.once_in(100) => flood(random),
        _ => format!("begun {count}\nand not finis").into(),
    }
}

/// Returns what telnet clients send besides text (RFC 854), whole or not.
fn telnet(random: &mut Random) -> Vec<u8> {
    let negotiation = b"\xff\xfd\x03\xff\xfb\x18\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0";
    let [some, all] = [random.within(1..=14), negotiation.len()];
    match random.below(5) {
        0 => negotiation[..all].into(),
        1 => negotiation[..some].into(),
        2 => b"\xff\xf4\xff\xfd\x06".into(), // Ctrl-C: interrupt process, timing mark
        3 => [b"hel", &negotiation[..all], b"lo\r\n"].concat(),
        _ => b"hello\r\0\xff\xff\r\n".into(),
    }
}

/// Returns up to 96 KiB, in lines or without any newline, which is more than a line may hold.
fn flood(random: &mut Random) -> Vec<u8> {
    let line = random.one_of(&["x", "flood\n", "\n", "一行很长的文字\r\n"]);
    line.repeat(random.below(96 * 1024) / line.len()).into()
}

/// Returns some frames that a server may receive, and many that it should not.
fn frames(random: &mut Random) -> Vec<u8> {
    let count = random.within(1..=100);
    let frame = |length: usize, bytes: &[u8]| [&(length as u32).to_be_bytes(), bytes].concat();
    match random.below(10) {
        0 => frame(5, b"hello"),
        1 => frame(count, &random.bytes(count)),
        2 => frame(0, b"").repeat(count),
        3 => frame(count + 10, &random.bytes(count)),
        4 => frame(count, b"")[..random.within(1..=3)].into(),
        5 => {
            let hostile = random.one_of(&[65_537, 1 << 24, 1 << 31, u32::MAX as usize]);
            frame(hostile, &random.bytes(count))
        }
        6 => frame(3, b"one").repeat(count),
        7 => [frame(5, b"a\n\0\xff:"), frame(500, b"and not finis")].concat(),
        8 if random.once_in(100) => frame(65_536, &random.bytes(65_536)),
        _ => frame(0, b"").into_iter().chain(random.bytes(1)).collect(),
    }
}
