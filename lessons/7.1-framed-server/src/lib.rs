// ANCHOR: header
//! Frames: four bytes of length, big-endian, and then that many bytes, whatever they are.

use std::fmt;
// ANCHOR_END: header

// ANCHOR: bounds
/// The longest message that anybody may say, in bytes.
pub const LONGEST: usize = 65_536;

/// How much longer it becomes on its way through the server, which puts `<port>:` before it.
pub const LABEL: usize = "65535:".len();
// ANCHOR_END: bounds

// ANCHOR: frame
/// Puts a message into its frame.
///
/// # Panics
/// If the message is longer than a length can say, which is a mistake in the program: nobody may send
/// more than [`LONGEST`]. `as u32` would announce a part of it instead, and the rest would be taken for
/// the frames that follow.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message of less than 4 GiB");
    [&length.to_be_bytes(), message].concat()
}
// ANCHOR_END: frame

// ANCHOR: decoder
/// Takes frames out of bytes that arrive in pieces, cut anywhere.
pub struct Frames {
    longest: usize,
    /// What has arrived; the first `done` bytes of it have become messages.
    arrived: Vec<u8>,
    done: usize,
}

/// The length of a message that is longer than it may be, in bytes.
#[derive(Debug, PartialEq)]
pub struct TooLong(pub usize);

impl fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a message of {} bytes is announced, which is too long", self.0)
    }
}

impl Frames {
    /// Accepts messages of up to `longest` bytes.
    pub fn new(longest: usize) -> Frames {
        Frames { longest, arrived: Vec::new(), done: 0 }
    }

    /// Adds what a read has returned. Take out all messages before you add more: then no more is
    /// kept than the longest frame and one piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.arrived.drain(..self.done);
        self.done = 0;
        self.arrived.extend_from_slice(piece);
    }

    /// The next message, if it has arrived whole. A length that somebody announces takes no memory;
    /// only bytes that have arrived do.
    ///
    /// # Errors
    /// Where the next message is too long. There is no way to go on after that.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let Some((length, rest)) = self.arrived[self.done..].split_first_chunk() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize; // which has 32 bits or more
        if length > self.longest {
            return Err(TooLong(length));
        }
        let message = rest.get(..length);
        if message.is_some() {
            self.done += size_of::<u32>() + length;
        }
        Ok(message)
    }

    /// How many bytes are kept of what has arrived and has not become a message.
    pub fn kept(&self) -> usize {
        self.arrived.len() - self.done
    }
}
// ANCHOR_END: decoder
