// ANCHOR: header
//! The messages that the edges send each other over NATS.
//!
//! | Subject | Meaning | Payload |
//! |---|---|---|
//! | `chat.said.east` | what was said at `east` | `<run> <number of the first line>`, a newline, the lines |
//!
//! An edge counts the lines of its own people from 0 on. A message without lines only tells the
//! others how far the edge has counted. The run is a random number that an edge chooses when it
//! starts, because it counts from 0 again then.

use shared::LONGEST_LINE;

use crate::names::is_name;
// ANCHOR_END: header

// ANCHOR: message
/// The most bytes of lines in one message: enough for the longest line with its label.
pub const MOST_LINES: usize = 2 * LONGEST_LINE;

/// The most bytes of a message's lines once each has the name of its edge before it. Many short
/// lines grow most.
const MOST_LABELLED: usize = 2 * 1024 * 1024;

/// The most bytes of the first line: two numbers of twenty digits.
const LONGEST_HEAD: usize = 42;

/// A message of another edge.
#[derive(Debug, PartialEq)]
pub struct Message<'a> {
    pub from: &'a str,
    pub run: u64,
    /// The number of the first of the lines.
    pub first: u64,
    pub lines: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses a message. Returns `None` if it is not from an edge, because anybody can publish
    /// anything.
    pub fn parse(subject: &'a str, payload: &'a [u8]) -> Option<Message<'a>> {
        let from = subject.strip_prefix("chat.said.").filter(|name| is_name(name))?;
        let end = payload.iter().take(LONGEST_HEAD).position(|byte| *byte == b'\n')?;
        let (head, lines) = (&payload[..end], &payload[end + 1..]);
        let (run, first) = std::str::from_utf8(head).ok()?.split_once(' ')?;
        if !lines.is_empty() && !fit(from, lines) {
            return None;
        }
        Some(Message { from, run: run.parse().ok()?, first: first.parse().ok()?, lines })
    }
}

/// Returns whether these are whole lines, and no more than an edge puts into one message.
pub fn fit(name: &str, lines: &[u8]) -> bool {
    let labelled = || lines.len() + count(lines) as usize * (name.len() + 1);
    lines.len() <= MOST_LINES && lines.ends_with(b"\n") && labelled() <= MOST_LABELLED
}

/// Returns how many lines these are.
pub fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}
// ANCHOR_END: message

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_from_an_edge_is_no_message() {
        let too_long = [b"1 2\n".to_vec(), vec![b'\n'; MOST_LINES + 1]].concat();
        let strange: [(&str, &[u8]); 12] = [
            ("chat.said.x", b""),
            ("chat.said.x", b"hello"),
            ("chat.said.x", b"1 2"),
            ("chat.said.x", b"1 2 3\nhello\n"),
            ("chat.said.x", b"1 2\nno newline at the end"),
            ("chat.said.x", b"-1 99999999999999999999999\nhello\n"),
            ("chat.said.x", b"\xff\xfe\n\n\n"),
            ("chat.said.x/y:z", b"1 2\nhello\n"),
            ("chat.said.", b"1 2\nhello\n"),
            ("chat.sings.x", b"1 2\nhello\n"),
            ("chat.said.x", &[b'1'; 2 * MOST_LINES]),
            ("chat.said.x", &too_long),
        ];
        for (subject, payload) in strange {
            assert_eq!(Message::parse(subject, payload), None, "{subject}");
        }
        let lines = &b"1 18446744073709551615\n"[..];
        assert!(Message::parse("chat.said.x", lines).is_some());
    }

    proptest! {
        #[test]
        fn no_payload_does_harm(payload in prop::collection::vec(any::<u8>(), 0..100)) {
            Message::parse("chat.said.x", &payload);
        }
    }
}
