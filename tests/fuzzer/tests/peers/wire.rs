//! How a server tells one message from the next.

use harness::is_chat_server;

/// What ends a message.
#[derive(Clone, Copy, PartialEq)]
pub enum Wire {
    /// A newline, as in 6.3.2.
    Lines,
    /// Its length, four bytes that stand before it, as in 7.1.
    Frames,
}

/// No server sends a longer message, in bytes: 64 KiB, and a label before it.
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

    /// Takes the whole messages off the front of `arrived`.
    pub fn decode(self, arrived: &mut Vec<u8>) -> Vec<Vec<u8>> {
        let (mut messages, mut done) = (Vec::new(), 0);
        while let Some((message, length)) = self.first(&arrived[done..]) {
            messages.push(message.to_vec());
            done += length;
        }
        arrived.drain(..done);
        messages
    }

    /// Returns the first message, and how many bytes it takes up, if it has arrived whole.
    fn first(self, bytes: &[u8]) -> Option<(&[u8], usize)> {
        if self == Wire::Lines {
            let end = bytes.iter().position(|byte| *byte == b'\n')?;
            return Some((&bytes[..end], end + 1));
        }
        let (length, rest) = bytes.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        // The rest of a frame that nobody may send is not waited for. It is too long as it is.
        let message = if length > LONGEST { bytes } else { rest.get(..length)? };
        Some((message, bytes.len().min(4 + length)))
    }
}
