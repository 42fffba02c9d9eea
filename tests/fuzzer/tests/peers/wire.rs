//! Knows how a server tells one message from the next.

use harness::is_chat_server;

/// How messages are delimited.
#[derive(Clone, Copy, PartialEq)]
pub enum Wire {
    /// A newline after each, as in 6.3.2.
    Lines,
    /// A length of four bytes before each, as in 7.1.
    Frames,
}

/// The length of the longest message that a server sends, in bytes: 64 KiB, and a label before it.
pub const LONGEST: usize = 65_536 + "65535:".len();

impl Wire {
    /// Returns how the server in `package` does it, or `None` if it has no room to talk in.
    pub fn of(package: &str) -> Option<Wire> {
        match package {
            "lesson-framed-server" => Some(Wire::Frames),
            _ => is_chat_server(package).then_some(Wire::Lines),
        }
    }

    /// Returns the bytes that `message` is sent as.
    pub fn encode(self, message: &[u8]) -> Vec<u8> {
        match self {
            Wire::Lines => [message, b"\n"].concat(),
            Wire::Frames => {
                let length = u32::try_from(message.len()).expect("a message is not that long");
                [&length.to_be_bytes(), message].concat()
            }
        }
    }

    /// Removes the whole messages from the front of `arrived`.
    pub fn decode(self, arrived: &mut Vec<u8>) -> Vec<Vec<u8>> {
        let (mut messages, mut done) = (Vec::new(), 0);
        while let Some((message, length)) = self.first(&arrived[done..]) {
            messages.push(message.to_vec());
            done += length;
        }
        arrived.drain(..done);
        messages
    }

    /// Returns the first message, and how many bytes it takes up, if all of it has arrived.
    fn first(self, bytes: &[u8]) -> Option<(&[u8], usize)> {
        if self == Wire::Lines {
            let end = bytes.iter().position(|byte| *byte == b'\n')?;
            return Some((&bytes[..end], end + 1));
        }
        let (length, rest) = bytes.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        // Does not wait for the rest of a frame that is too long to be allowed.
        let message = if length > LONGEST { bytes } else { rest.get(..length)? };
        Some((message, bytes.len().min(4 + length)))
    }
}
