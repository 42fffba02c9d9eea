//! Knows what the bytes on the wire look like, and finds the lines in them.

use std::mem::take;

use crate::check::shown;

/// The way in which a server passes on a client's lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Protocol {
    /// `<sender's port>:<text>` and a newline, as the chapters specify.
    Lines,
    /// `<receiver's port>:<text>` and no newline, as the Node original does.
    Node,
    /// The text protocol of nats-server: <https://docs.nats.io/reference/reference-protocols/nats-protocol>.
    Nats,
}

impl Protocol {
    /// Returns the first bytes that a client sends.
    pub fn introduction(self) -> &'static [u8] {
        match self {
            Protocol::Lines | Protocol::Node => b"",
            Protocol::Nats => {
                b"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\nSUB crowd 1\r\n"
            }
        }
    }

    /// Adds the bytes that send `text`.
    pub fn say(self, text: &[u8], bytes: &mut Vec<u8>) {
        if self == Protocol::Nats {
            bytes.extend_from_slice(format!("PUB crowd {}\r\n", text.len()).as_bytes());
            bytes.extend_from_slice(text);
            bytes.extend_from_slice(b"\r\n");
        } else {
            bytes.extend_from_slice(text);
            bytes.push(b'\n');
        }
    }

    /// Returns whether `heard` ends with `text`, sent by the client at port `sender` and received
    /// by the one at port `receiver`.
    pub fn ends_with(self, heard: &[u8], text: &[u8], sender: u16, receiver: u16) -> bool {
        let asked = if self == Protocol::Nats { &b"PING\r\n"[..] } else { b"" };
        let heard = heard.strip_suffix(asked).unwrap_or(heard);
        let (before, after) = match self {
            Protocol::Lines => (format!("{sender}:"), "\n"),
            Protocol::Node => (format!("{receiver}:"), ""),
            Protocol::Nats => ("\r\n".to_string(), "\r\n"),
        };
        heard
            .strip_suffix(after.as_bytes())
            .and_then(|heard| heard.strip_suffix(text))
            .is_some_and(|heard| heard.ends_with(before.as_bytes()))
    }
}

/// Finds the lines in what one client of Node's server or of nats-server receives.
#[derive(Default)]
pub struct Unwrapper {
    begun: Vec<u8>,
}

impl Unwrapper {
    /// Returns the texts that are now complete, each with a newline. Where the protocol is
    /// violated, it inserts the offending bytes instead, for the check to stumble over. `port` is
    /// the client's own, `size` the length of a text in bytes. Also returns whether nats-server
    /// wants to know if the client is still alive.
    pub fn unwrap(
        &mut self,
        wrapped: &[u8],
        protocol: Protocol,
        port: u16,
        size: usize,
    ) -> (Vec<u8>, bool) {
        self.begun.extend_from_slice(wrapped);
        let all = take(&mut self.begun);
        let mut rest = all.as_slice();
        let mut texts = Vec::with_capacity(all.len());
        let mut asked = false;
        while let Some((piece, after)) = match protocol {
            Protocol::Nats => from_nats(rest),
            _ => from_node(rest, format!("{port}:").as_bytes(), size),
        } {
            asked |= piece == Piece::Ping;
            if let Piece::Text(text) = piece {
                texts.extend_from_slice(text);
                texts.push(b'\n');
            }
            rest = after;
        }
        if rest.len() > size + 1000 {
            texts.extend_from_slice(rest);
        } else {
            self.begun.extend_from_slice(rest);
        }
        (texts, asked)
    }
}

#[derive(PartialEq)]
enum Piece<'a> {
    Text(&'a [u8]),
    Ping,
    Nothing,
}

/// Returns the first piece of what Node's server sends, and what comes after it. If several texts
/// arrive together, the server passes them on together, so a newline separates two texts instead of
/// a port.
fn from_node<'a>(bytes: &'a [u8], label: &[u8], size: usize) -> Option<(Piece<'a>, &'a [u8])> {
    if bytes.len() < label.len() + size && !bytes.starts_with(b"\n") {
        return None;
    }
    let text = bytes.strip_prefix(label).or_else(|| bytes.strip_prefix(b"\n")).unwrap_or(bytes);
    let (text, after) = text.split_at_checked(size)?;
    Some((Piece::Text(text), after))
}

/// Returns the first piece of what nats-server sends, and what comes after it.
fn from_nats(bytes: &[u8]) -> Option<(Piece<'_>, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (header, after) = (&bytes[..end], &bytes[end + 2..]);
    if header.starts_with(b"MSG ") {
        let size = header.rsplit(|byte| *byte == b' ').next()?;
        let size: usize = std::str::from_utf8(size).ok()?.parse().ok()?;
        let (text, after) = after.split_at_checked(size)?;
        return Some((Piece::Text(text), after.split_at_checked(2)?.1));
    }
    let piece = match header {
        b"PING" => Piece::Ping,
        _ if header.starts_with(b"-ERR") => Piece::Text(header),
        _ => Piece::Nothing,
    };
    Some((piece, after))
}

/// Describes in words what arrived instead of a call of the roll.
pub fn instead(heard: &[u8], sender: u16) -> String {
    let last = heard.len().saturating_sub(50);
    match heard.is_empty() {
        true => "nothing".to_string(),
        false => format!("{}, and not {sender}:000000...", shown(&heard[last..])),
    }
}

#[test]
fn a_text_of_nats_is_heard_although_the_server_asks_something_after_it() {
    let message = b"MSG crowd 1 5\r\nhello\r\n";
    let with_question = [&message[..], b"PING\r\n"].concat();
    for heard in [&message[..], &with_question] {
        assert!(Protocol::Nats.ends_with(heard, b"hello", 0, 0));
        assert!(!Protocol::Nats.ends_with(heard, b"hell", 0, 0));
    }
}
