// ANCHOR: header
//! The messages of 8.1: one line of text in one datagram.
//!
//!     chat-discovery/1 who 00c0ffee00c0ffee ........................................
//!     chat-discovery/1 here 00c0ffee00c0ffee 3000 聊天室
//!
//! There is nothing to put together or take apart as in 7.1: a datagram arrives whole or not at all.

use std::net::Ipv6Addr;
// ANCHOR_END: header

// ANCHOR: bounds
/// The length of the longest message, in bytes, and of every question.
///
/// It fits into a packet on every network: IPv6 promises 1,280 bytes, and a datagram that is larger than
/// a packet is cut into several, all of which have to arrive. A question is as long as the longest answer,
/// so that nobody gains from forging one: with short questions and long answers, somebody who writes a
/// victim's address on the questions could have us send the victim many times what they cost.
pub const LONGEST: usize = 128;

/// The length of the longest name of a chat, in bytes.
pub const LONGEST_NAME: usize = 64;

/// The IPv6 multicast group of the servers that announce a chat. IPv6 has no broadcast, so a question goes to
/// the machines that have joined this group. In `ff12`, the 1 says that the address has not been assigned to
/// anybody for good, and the 2 that no router passes the question on (RFC 4291, section 2.7).
pub const GROUP: Ipv6Addr = Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 0xc4a7, 0x3000);
// ANCHOR_END: bounds

// ANCHOR: message
/// A question or an answer. The number in both is random, so only somebody who has seen the question
/// can answer it, and an answer to an earlier question is not taken for one to this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message<'a> {
    /// "Who serves a chat here?"
    Who {
        /// The question's number.
        id: u64,
    },
    /// "I do." At which address, the datagram's sender says.
    Here {
        /// The number of the question that this answers.
        id: u64,
        /// The chat's TCP port.
        port: u16,
        /// What the chat is called, in whatever characters a stranger likes.
        name: &'a str,
    },
}

impl<'a> Message<'a> {
    /// Returns what a datagram says, or `None` if it is not a message of ours.
    pub fn parse(datagram: &'a [u8]) -> Option<Message<'a>> {
        if datagram.len() > LONGEST {
            return None;
        }
        let text = std::str::from_utf8(datagram).ok()?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let (kind, rest) = line.strip_prefix("chat-discovery/1 ")?.split_once(' ')?;
        let (id, rest) = rest.split_once(' ')?;
        let id = u64::from_str_radix(id, 16).ok()?;
        match kind {
            "who" => Some(Message::Who { id }),
            "here" => {
                let (port, name) = rest.split_once(' ')?;
                let port = port.parse().ok().filter(|port| *port != 0)?;
                let is_name = (1..=LONGEST_NAME).contains(&name.len()) && !name.contains('\n');
                is_name.then_some(Message::Here { id, port, name })
            }
            _ => None,
        }
    }

    /// Returns the line that says this. A question is padded.
    pub fn line(&self) -> String {
        match self {
            Message::Who { id } => {
                let question = format!("chat-discovery/1 who {id:016x} ");
                format!("{question:.<padded$}\n", padded = LONGEST - 1)
            }
            Message::Here { id, port, name } => {
                format!("chat-discovery/1 here {id:016x} {port} {name}\n")
            }
        }
    }
}
// ANCHOR_END: message

// ANCHOR: name
/// Checks the name of a chat on the command line.
///
/// # Errors
/// It is empty, too long, or holds control characters: a sentence that quotes it.
pub fn chat_name(name: &str) -> Result<String, String> {
    match name.len() {
        1..=LONGEST_NAME if !name.contains(char::is_control) => Ok(name.to_string()),
        _ => Err(format!(
            "{name:?} is not a name for a chat: it has 1 to {LONGEST_NAME} bytes, and no control characters"
        )),
    }
}
// ANCHOR_END: name

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_is_as_long_as_the_longest_message_and_no_answer_is_longer() {
        for id in [0, 1, u64::MAX] {
            let question = Message::Who { id }.line();
            assert_eq!(question.len(), LONGEST);
            assert!(question.ends_with(".\n"), "{question:?}");
            let name = "x".repeat(LONGEST_NAME);
            let answer = Message::Here { id, port: u16::MAX, name: &name }.line();
            assert!(answer.len() <= LONGEST, "{answer:?}");
            assert_eq!(
                Message::parse(answer.as_bytes()),
                Some(Message::Here { id, port: u16::MAX, name: &name })
            );
        }
    }

    #[test]
    fn what_is_nearly_a_message_is_none() {
        for text in [
            "",
            "\n",
            "chat-discovery/1",
            "chat-discovery/1 who",
            "chat-discovery/1 who 12",
            "chat-discovery/2 who 12 ",
            "chat-discovery/1 who  12 ",
            "chat-discovery/1 who 1234567890abcdef0 ",
            "chat-discovery/1 who xyz ",
            "chat-discovery/1 what 12 ",
            " chat-discovery/1 who 12 ",
            "chat-discovery/1 here 12 3000",
            "chat-discovery/1 here 12 3000 ",
            "chat-discovery/1 here 12 3000 \n",
            "chat-discovery/1 here 12 0 chat",
            "chat-discovery/1 here 12 65536 chat",
            "chat-discovery/1 here 12 -1 chat",
            "chat-discovery/1 here 12 3000 one\ntwo",
            "chat-discovery/1 here 12 3000 one\n\n",
        ] {
            assert_eq!(Message::parse(text.as_bytes()), None, "{text:?}");
        }
        let name = "x".repeat(LONGEST_NAME + 1);
        let answer = Message::Here { id: 1, port: 1, name: &name }.line();
        assert_eq!(Message::parse(answer.as_bytes()), None);
        let longer = Message::Who { id: 1 }.line() + ".";
        assert_eq!(Message::parse(longer.as_bytes()), None);
        assert_eq!(Message::parse(b"chat-discovery/1 here 12 3000 \xff"), None);
    }

    #[test]
    fn a_question_typed_by_hand_is_one() {
        for text in [
            "chat-discovery/1 who 12 ",
            "chat-discovery/1 who 12 \n",
            "chat-discovery/1 who 12 pad pad",
        ] {
            assert_eq!(
                Message::parse(text.as_bytes()),
                Some(Message::Who { id: 0x12 }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_name_fits_and_is_visible() {
        assert_eq!(chat_name("三班 3"), Ok("三班 3".to_string()));
        assert!(chat_name(&"x".repeat(LONGEST_NAME)).is_ok());
        for name in ["", "a\nb", "\x1b[2J", "\u{9b}", &"x".repeat(LONGEST_NAME + 1)] {
            let problem = chat_name(name).expect_err(name);
            assert!(problem.starts_with(&format!("{name:?} is not a name")), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::parse(&bytes);
        }

        /// Bytes that come further than random ones.
        #[test]
        fn the_beginning_of_a_message_and_any_bytes_do_no_harm(
            kind in "(who|here|) ?", id in "[0-9a-f+]{0,18} ?", port in "[0-9]{0,6} ?",
            rest in prop::collection::vec(any::<u8>(), 0..90),
        ) {
            let bytes = [format!("chat-discovery/1 {kind}{id}{port}").as_bytes(), &rest].concat();
            if let Some(Message::Here { port, name, .. }) = Message::parse(&bytes) {
                prop_assert!(port > 0 && (1..=LONGEST_NAME).contains(&name.len()) && !name.contains('\n'));
            }
        }

        #[test]
        fn what_was_written_is_read(id: u64, port in 1..=u16::MAX, name in "[^\n]{1,16}") {
            let answer = Message::Here { id, port, name: &name };
            for message in [answer, Message::Who { id }] {
                let line = message.line();
                prop_assert_eq!(Message::parse(line.as_bytes()), Some(message));
            }
        }
    }
}
