// ANCHOR: header
//! What edges say to each other over NATS.
//!
//! | subject | the edge `east` says | payload |
//! |---|---|---|
//! | `chat.said.east` | these lines were said here | `<run> <number of the first>`, a newline, the lines |
//! | `chat.alive.east` | I am here; once a second | `<run> <oldest line that I have> <next line>` |
//! | `chat.again.west` | to `west`: I miss lines of yours | `<run of west> <number of the first>` |
//!
//! Each edge counts its own lines from 0 on. The run is when it was started: after another start it
//! counts anew.

use crate::outbox::LARGEST;
// ANCHOR_END: header

// ANCHOR: message
/// A message of another edge.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// Lines that were said at the edge `from`, `first` being the number of the first one.
    Said { from: &'a str, run: u64, first: u64, lines: &'a [u8] },
    /// The edge `from` has its lines from `oldest` on, and the one that it says next is `next`.
    Alive { from: &'a str, run: u64, oldest: u64, next: u64 },
    /// Somebody misses the lines of the edge `to` from `first` on.
    Again { to: &'a str, run: u64, first: u64 },
}

impl<'a> Message<'a> {
    /// `None` where it is not from an edge: anybody may say anything on NATS.
    pub fn parse(subject: &'a str, payload: &'a [u8]) -> Option<Message<'a>> {
        if payload.len() > LARGEST {
            return None;
        }
        let end = payload.iter().position(|byte| *byte == b'\n').map_or(payload.len(), |at| at + 1);
        let (head, lines) = payload.split_at(end);
        let head = std::str::from_utf8(head).ok()?.split_whitespace();
        let numbers: Vec<u64> = head.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let (kind, name) = subject.strip_prefix("chat.")?.split_once('.')?;
        if !is_name(name) {
            return None;
        }
        match (kind, &numbers[..]) {
            ("said", &[run, first]) if lines.ends_with(b"\n") => {
                Some(Message::Said { from: name, run, first, lines })
            }
            ("alive", &[run, oldest, next]) => {
                Some(Message::Alive { from: name, run, oldest, next })
            }
            ("again", &[run, first]) => Some(Message::Again { to: name, run, first }),
            _ => None,
        }
    }
}

/// Whether an edge may be called that: NATS, and who reads a label, have to know where it ends.
pub fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    (1..=32).contains(&name.chars().count()) && name.chars().all(fits)
}

/// How many lines these are.
pub fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}
// ANCHOR_END: message
