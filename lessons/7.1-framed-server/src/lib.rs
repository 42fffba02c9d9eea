// ANCHOR: header
//! Frames: a length in four bytes, big-endian, and then that many bytes, whatever they are.

use std::fmt;
// ANCHOR_END: header

// ANCHOR: bounds
/// The longest message that a client may send, in bytes.
pub const LONGEST: usize = 65_536;

/// How much longer a message becomes when the server puts `<port>:` before it.
pub const LABEL: usize = "65535:".len();
// ANCHOR_END: bounds

// ANCHOR: frame
/// Puts a message into its frame.
///
/// # Panics
/// If the message is longer than four bytes can announce. That is a mistake in the program, because
/// nobody may send more than [`LONGEST`]. `as u32` would announce only a part of the message, and the
/// receiver would take the rest for the next frames.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message of less than 4 GiB");
    [&length.to_be_bytes(), message].concat()
}
// ANCHOR_END: frame

// ANCHOR: decoder
/// Takes frames out of bytes that arrive in pieces, cut anywhere.
pub struct Frames {
    longest: usize,
    /// The bytes that have arrived. The first `done` of them have become messages already.
    arrived: Vec<u8>,
    done: usize,
}

/// A message is longer than allowed: its length in bytes.
#[derive(Debug, PartialEq)]
pub struct TooLong(pub usize);

impl fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a message of {} bytes is announced, which is too long", self.0)
    }
}

impl Frames {
    /// Creates a decoder that accepts messages of up to `longest` bytes.
    pub fn new(longest: usize) -> Frames {
        Frames { longest, arrived: Vec::new(), done: 0 }
    }

    /// Adds the bytes that a read has returned. Take out all messages before you add more, so that
    /// the decoder never keeps more than the longest frame and one piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.arrived.drain(..self.done);
        self.done = 0;
        self.arrived.extend_from_slice(piece);
    }

    /// Returns the next message if all of it has arrived. A length that somebody announces takes no
    /// memory, because only bytes that have arrived do.
    ///
    /// # Errors
    /// If the next message is too long. There is no way to go on after that.
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

    /// Returns how many bytes have arrived that have not become a message yet.
    pub fn kept(&self) -> usize {
        self.arrived.len() - self.done
    }
}
// ANCHOR_END: decoder
