//! Finds what people say in the protocol of NATS:
//! <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

use serde_json::Value;

use crate::capture::Segment;

/// A message that carries what somebody has said, or says that it is stored.
#[derive(Debug, PartialEq)]
pub struct Message {
    /// When the last of its segments was sent.
    pub time: f64,
    pub about: About,
    /// The lines in it.
    pub lines: String,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum About {
    /// The edge that has said something, after the operation and the subject.
    Said { head: String, edge: String },
    /// The number under which the stream has stored a message.
    Stored(u64),
}

/// Returns the messages in one direction of a connection, without those in which nobody says
/// anything.
pub fn messages<'a>(segments: impl Iterator<Item = &'a Segment>) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut arrived = Vec::new();
    for segment in segments {
        arrived.extend_from_slice(&segment.data);
        while let Some((head, payload, length)) = first(&arrived) {
            if let Some((about, lines)) = said(&head, payload) {
                messages.push(Message { time: segment.time, about, lines });
            }
            arrived.drain(..length);
        }
    }
    messages
}

/// Returns the first line, the payload that follows it without its headers, and the length of all
/// that, once it has arrived.
fn first(arrived: &[u8]) -> Option<(String, &[u8], usize)> {
    let end = arrived.windows(2).position(|two| two == b"\r\n")?;
    let head = String::from_utf8_lossy(&arrived[..end]).into_owned();
    let mut numbers = head.split(' ').rev().map(|word| word.parse::<usize>().unwrap_or(0));
    let mut number = || numbers.next().unwrap_or(0);
    let (size, headers) = match head.split(' ').next() {
        Some("PUB" | "MSG") => (number(), 0),
        Some("HPUB" | "HMSG") => (number(), number()),
        _ => return Some((head, &[], end + 2)),
    };
    let payload = arrived.get(end + 2 + headers..end + 2 + size)?;
    let length = end + 2 + size + 2;
    (arrived.len() >= length).then_some((head, payload, length))
}

fn said(head: &str, payload: &[u8]) -> Option<(About, String)> {
    let mut words = head.split(' ');
    let (operation, subject) = (words.next()?, words.next()?);
    let text = String::from_utf8_lossy(payload);
    let of_an_edge = |edge: &str| {
        let head = format!("{operation} {subject}");
        About::Said { head, edge: edge.to_string() }
    };
    let (about, lines) = if let Some(edge) = subject.strip_prefix("chat.said.") {
        (of_an_edge(edge), text.split_once('\n')?.1) // after two numbers
    } else if let Some(edge) = subject.strip_prefix("ordered.") {
        (of_an_edge(edge), &*text)
    } else {
        return Some((About::Stored(stored(&text)?), String::new()));
    };
    (!lines.is_empty()).then(|| (about, lines.to_string()))
}

/// Returns the number in an acknowledgement of a stream. Other requests and answers have one or the
/// other of its two parts.
fn stored(text: &str) -> Option<u64> {
    let answer: Value = serde_json::from_str(text).ok()?;
    answer.get("stream")?;
    answer.get("seq")?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(time: f64, data: &str) -> Segment {
        let (flags, data) = ("P.".into(), data.into());
        Segment { time, from: 50001, to: 4223, flags, data, window: 0 }
    }

    fn found(segments: &[&str]) -> Vec<Message> {
        let segments = (1..).zip(segments).map(|(time, data)| segment(f64::from(time), data));
        messages(segments.collect::<Vec<_>>().iter())
    }

    fn message(time: f64, head: &str, lines: &str) -> Message {
        let about = About::Said { head: head.into(), edge: "east".into() };
        Message { time, about, lines: lines.into() }
    }

    #[test]
    fn only_what_carries_words_is_found() {
        let ping_and_tick = "PING\r\nPUB chat.said.east 5\r\n77 1\n\r\n";
        let line = "PUB chat.said.east 15\r\n77 1\n1:hello\r\n\n\r\n";
        let expected = message(1.0, "PUB chat.said.east", "1:hello\r\n\n");
        assert_eq!(found(&[&format!("{ping_and_tick}{line}{ping_and_tick}")]), [expected]);
    }

    #[test]
    fn a_message_is_there_when_its_last_segment_is() {
        let whole =
            "HMSG ordered.east 1 $JS.ACK.7 14 22\r\nNATS/1.0\r\n\r\n\r\n1:hello\n\r\nPING\r\n";
        for cut in 1..whole.len() - 6 {
            let expected = message(2.0, "HMSG ordered.east", "1:hello\n");
            assert_eq!(found(&[&whole[..cut], &whole[cut..]]), [expected], "cut at {cut}");
        }
    }

    #[test]
    fn an_acknowledgement_is_told_from_other_answers() {
        let answer = |json: &str| format!("MSG _INBOX.x7mT 1 {}\r\n{json}\r\n", json.len());
        let acknowledged = answer(r#"{"stream":"ORDERED","seq":2}"#);
        let other = answer(r#"{"seq":1,"next_by_subj":"ordered.*"}"#);
        let stored = Message { time: 1.0, about: About::Stored(2), lines: String::new() };
        assert_eq!(found(&[&(other + &acknowledged)]), [stored]);
    }
}
