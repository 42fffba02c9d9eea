//! A WebSocket (RFC 6455) by hand, so that a test can send what no browser would.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;

use harness::{DEADLINE, Deadline};

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// The bit that the last frame of a message bears.
pub const LAST: u8 = 0x80;

pub struct WebSocket {
    stream: BufReader<TcpStream>,
    /// The number that the others see.
    pub number: String,
    /// The lines that have arrived after the expected ones.
    unseen: String,
}

/// Connects to the door for browsers.
pub fn connect(door: &str) -> TcpStream {
    let stream = TcpStream::connect(door).expect("the door is open");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
    stream
}

/// Sends a request, and returns the head of the answer, in lines.
pub fn request(stream: &mut BufReader<TcpStream>, head: &str) -> Vec<String> {
    stream.get_mut().write_all(head.as_bytes()).expect("the server reads");
    let lines = stream.lines().map(|line| line.expect("an answer"));
    lines.take_while(|line| !line.is_empty()).collect()
}

/// Returns the head of a request for a WebSocket.
pub fn upgrade(host: &str, origin: Option<&str>) -> String {
    let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
    format!(
        "GET /room HTTP/1.1\r\nHost: {host}\r\n{origin}Connection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

impl WebSocket {
    /// Joins the room.
    pub fn join(door: &str) -> WebSocket {
        let mut stream = BufReader::new(connect(door));
        let answer = request(&mut stream, &upgrade(door, None));
        assert!(answer[0].starts_with("HTTP/1.1 101 "), "{answer:?}");
        // The example of RFC 6455, section 1.3.
        let accept = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_string();
        assert!(answer.contains(&accept), "{answer:?}");
        let mut joined = WebSocket { stream, number: String::new(), unseen: String::new() };
        joined.number = joined.text();
        let own = joined.stream().local_addr().expect("an address");
        assert_eq!(joined.number, own.port().to_string());
        joined
    }

    /// Sends a frame. Its first byte is an opcode, and perhaps [`LAST`] and the reserved bits.
    pub fn send_frame(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = head(first, payload.len() as u64);
        frame.extend([0; 4]); // a mask that changes nothing
        frame.extend(payload);
        self.send(&frame)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says something, as the page does.
    pub fn say(&mut self, text: &str) {
        self.send_frame(LAST | TEXT, text.as_bytes()).expect("the server reads");
    }

    /// Returns the next frame, or `None` at the end.
    pub fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut start = [0; 2];
        match self.stream.read_exact(&mut start) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing arrives"),
            Err(_) => return None,
            Ok(()) => {}
        }
        let [first, length] = start;
        assert_eq!(length & 0x80, 0, "a server does not mask");
        let length = match length {
            126 => u64::from(u16::from_be_bytes(self.exactly())),
            127 => u64::from_be_bytes(self.exactly()),
            length => u64::from(length),
        };
        assert!(length <= 2 * 64 * 1024, "a message of {length} bytes");
        let mut payload = vec![0; usize::try_from(length).expect("a sensible length")];
        self.stream.read_exact(&mut payload).ok()?;
        assert_eq!(first & 0xf0, LAST, "one frame is one message");
        Some((first & 0x0f, payload))
    }

    fn exactly<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        self.stream.read_exact(&mut bytes).expect("a whole frame");
        bytes
    }

    /// Returns the next text. Answers pings, and leaves out blank lines, as the page does.
    pub fn text(&mut self) -> String {
        let deadline = Deadline::after(DEADLINE);
        loop {
            assert!(!deadline.is_over(), "nothing arrives but pings");
            match self.frame().expect("the connection is open") {
                (TEXT, text) if text.is_empty() => {}
                (TEXT, text) => return String::from_utf8(text).expect("UTF-8"),
                (PING, payload) => self.send_frame(LAST | PONG, &payload).expect("a pong"),
                (opcode, payload) => panic!("not expected: {opcode} {payload:?}"),
            }
        }
    }

    /// Waits until these lines have arrived. A message may hold the next ones as well.
    pub fn expect(&mut self, expected: &str) {
        while self.unseen.len() < expected.len() {
            let text = self.text();
            self.unseen += &text;
        }
        let rest = self.unseen.split_off(expected.len());
        assert_eq!(self.unseen, expected);
        self.unseen = rest;
    }

    /// Waits until the server has closed the connection, whatever it sends before.
    pub fn wait_until_closed(&mut self) {
        while self.frame().is_some() {}
    }

    pub fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}

/// Returns the beginning of a frame, up to its mask.
pub fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..=125 => head.push(0x80 | length as u8),
        126..=0xffff => {
            head.push(0x80 | 126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head
}
