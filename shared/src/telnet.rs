//! Removes telnet's commands, which arrive among the words that somebody types.

use std::borrow::Cow;

/// *Interpret as command*: the byte that every command begins with (RFC 854).
const IAC: u8 = 255;
/// The first of the bytes that are commands. SE itself ends a subnegotiation.
const SE: u8 = 240;
/// Begins a subnegotiation.
const SB: u8 = 250;
/// WILL, WONT, DO and DONT: the next byte says which option they are about.
const WILL: u8 = 251;
const DONT: u8 = 254;

/// The maximum length of a subnegotiation, in bytes. A real one has a few dozen. If its end never
/// arrives, the peer's text must not be swallowed forever.
const LONGEST_SUBNEGOTIATION: usize = 1024;

/// Removes telnet's commands from what a peer sends, wherever reads have cut them.
///
/// No byte 0xFF is left, so nobody can send a command to another client's telnet. IAC IAC, telnet's
/// encoding of a data byte 0xFF, and a lone 0xFF go as well, because UTF-8 has no such byte.
///
/// Telnet sends Enter as a carriage return and a NUL when it sends each key by itself, so this NUL
/// becomes a newline.
#[derive(Default)]
pub(crate) struct Telnet {
    state: State,
}

/// The state after the last byte.
#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Text,
    CarriageReturn,
    /// IAC.
    Command,
    /// WILL, WONT, DO or DONT.
    Negotiation,
    /// The number of bytes since SB.
    Subnegotiation(usize),
    /// IAC in a subnegotiation.
    CommandInside(usize),
}

impl Telnet {
    /// Returns the text in `piece`, the bytes that a read has returned. It is the piece itself if
    /// it holds no carriage return and nothing that could be telnet's.
    pub fn text<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        // Checking all bytes is faster than stopping at the first match.
        let is_plain = piece
            .iter()
            .fold(true, |all, byte| all & (*byte != IAC) & (*byte != 0) & (*byte != b'\r'));
        if is_plain && matches!(self.state, State::Text | State::CarriageReturn) {
            if !piece.is_empty() {
                self.state = State::Text;
            }
            return Cow::Borrowed(piece);
        }
        Cow::Owned(piece.iter().filter_map(|byte| self.next(*byte)).collect())
    }

    /// Returns the byte if it is text.
    fn next(&mut self, byte: u8) -> Option<u8> {
        use State::*;
        let (state, text) = match (self.state, byte) {
            (Subnegotiation(length), IAC) => (CommandInside(length), None),
            (Subnegotiation(length), _) if length < LONGEST_SUBNEGOTIATION => {
                (Subnegotiation(length + 1), None)
            }
            (CommandInside(_), SE) => (Text, None),
            (CommandInside(length), _) => (Subnegotiation(length + 2), None),
            (Command, SB) => (Subnegotiation(0), None),
            (Command, WILL..=DONT) => (Negotiation, None),
            (Command, SE..=IAC) | (Negotiation, _) => (Text, None),
            (_, IAC) => (Command, None),
            (CarriageReturn, 0) => (Text, Some(b'\n')),
            (_, b'\r') => (CarriageReturn, Some(byte)),
            _ => (Text, Some(byte)),
        };
        self.state = state;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut telnet = Telnet::default();
        let texts: Vec<_> = pieces.into_iter().map(|piece| telnet.text(piece)).collect();
        texts.concat()
    }

    #[test]
    fn commands_are_taken_out_wherever_they_are_cut() {
        // What PuTTY sends by itself: the window's size, the terminal's speed and type, and so on.
        let putty =
            b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03";
        let cases: [(&[u8], &[u8]); 14] = [
            (putty, b""),
            (b"one\xff\xf4\xff\xfd\x06two", b"onetwo"), // Ctrl-C in telnet: IP, and DO TIMING-MARK
            (b"a\xff\xfa\x1f\x00\x50\x00\x0a\xff\xf0b", b"ab"), // a window of 80 columns and 10 rows
            (b"a\xff\xfa\x18\x00\xff\xffx\xff\xf0b", b"ab"),    // IAC IAC in a subnegotiation
            (b"a\xff\xfb\nb\n", b"ab\n"),                       // option 10, which isn't a newline
            (b"\xe4\xff\xfd\x03\xbd\xa0", "你".as_bytes()),
            (b"a\xff\xffb", b"ab"),
            (b"\xff\xff\xfd\x06", b"\xfd\x06"), // a byte 0xFF of data would make a command of it
            (b"a\xff\nb", b"a\nb"),             // no command, and the newline is kept
            (b"a\xff\xff\xff\xfd\x06b\xff", b"ab"),
            (b"one\r\0two\r\nthree\r\0", b"one\r\ntwo\r\nthree\r\n"),
            (b"\0a\0\r\r\0b\r\xff\xf1\0", b"\0a\0\r\r\nb\r\0"),
            (b"\xfe\xf0\xfa\xc0\x80", b"\xfe\xf0\xfa\xc0\x80"), // neither UTF-8 nor a command
            (b"", b""),
        ];
        for (sent, text) in cases {
            for first in 0..=sent.len() {
                for second in first..=sent.len() {
                    let pieces = [&sent[..first], &sent[first..second], &sent[second..]];
                    assert_eq!(text_of(pieces), text, "{sent:x?} cut at {first} and {second}");
                }
            }
            assert_eq!(text_of(sent.chunks(1)), text, "{sent:x?} in single bytes");
        }
    }

    #[test]
    fn no_command_can_be_made_up_of_what_is_left() {
        let bytes = [IAC, SE, SB, WILL, DONT, 0, b'\r', b'\n', b'x'];
        for number in 0..bytes.len().pow(5) {
            let sent: Vec<u8> =
                (0..5).map(|place| bytes[number / bytes.len().pow(place) % bytes.len()]).collect();
            assert!(!text_of([&sent[..]]).contains(&IAC), "{sent:x?}");
        }
    }

    #[test]
    fn a_subnegotiation_without_an_end_does_not_silence_a_peer_forever() {
        for filler in [&b"x"[..], b"\xff\xff", b"\xffx"] {
            let mut sent = b"\xff\xfa\x18".to_vec();
            sent.extend(filler.repeat(LONGEST_SUBNEGOTIATION));
            sent.extend(b"\nheard\n");
            let text = text_of(sent.chunks(7));
            assert!(text.ends_with(b"\nheard\n"), "{text:x?}");
        }
    }
}
