//! UTF-8 that arrives in pieces, and making text from the network safe to print.

use std::borrow::Cow;

/// Decodes UTF-8 that arrives in pieces, cut anywhere.
///
/// `你` is three bytes, and a `read` may return only the first of them. The decoder keeps such a
/// beginning (at most three bytes) until the rest has come, so a character is never shown in
/// halves. It keeps a carriage return, too, until it is known whether a newline follows. Bytes that
/// cannot be UTF-8, however they go on, become U+FFFD, as in [`String::from_utf8_lossy`].
#[derive(Default)]
pub struct Utf8Decoder {
    /// The beginning of a character whose rest has not arrived.
    unfinished: Vec<u8>,
}

impl Utf8Decoder {
    /// All characters that are complete with this piece.
    pub fn decode(&mut self, piece: &[u8]) -> String {
        self.unfinished.extend_from_slice(piece);
        let keep = unfinished_at_the_end(&self.unfinished);
        let rest = self.unfinished.split_off(self.unfinished.len() - keep);
        let complete = std::mem::replace(&mut self.unfinished, rest);
        String::from_utf8_lossy(&complete).into_owned()
    }

    /// What is left when no more can come: nothing, or U+FFFD for a character whose rest never
    /// arrived. Half a line end is nothing to show.
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.unfinished);
        String::from_utf8_lossy(rest.strip_suffix(b"\r").unwrap_or(&rest)).into_owned()
    }
}

/// How many bytes at the end begin something that more bytes could still complete, a character or
/// CRLF: 3 at most.
pub(crate) fn unfinished_at_the_end(bytes: &[u8]) -> usize {
    if bytes.ends_with(b"\r") {
        return 1;
    }
    // An unfinished character is at most three bytes long, so an earlier error is not at the end.
    let mut start = bytes.len().saturating_sub(3);
    while let Err(error) = std::str::from_utf8(&bytes[start..]) {
        match error.error_len() {
            None => return bytes.len() - start - error.valid_up_to(),
            Some(invalid) => start += error.valid_up_to() + invalid,
        }
    }
    0
}

/// Makes text from the network safe to print on a terminal.
///
/// An escape sequence from a stranger could clear the screen, rename the window or hide what it
/// says. Control characters become their pictures (ESC becomes `␛`), those without a picture and
/// those that turn the direction of writing become U+FFFD. Newlines and tabs stay; a carriage
/// return that belongs to a newline goes.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").chars().map(harmless).collect())
}

fn is_harmful(character: char) -> bool {
    harmless(character) != character
}

fn harmless(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        // The block "Control Pictures" holds a picture for each of these, in their order.
        '\0'..='\x1f' => {
            char::from_u32(0x2400 + character as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\x7f' => '␡',
        '\u{80}'..='\u{9f}' => char::REPLACEMENT_CHARACTER,
        // Bidirectional embeddings, overrides and isolates.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        // Line and paragraph separator, which some terminals take as a new line.
        '\u{2028}' | '\u{2029}' => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 5] = ["hello", "你吃了吗", "é€😀", "我吃的小豆包\n", "a你b😀c"];

    fn decoded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut decoder = Utf8Decoder::default();
        let mut text: String = pieces.into_iter().map(|piece| decoder.decode(piece)).collect();
        text += &decoder.finish();
        text
    }

    #[test]
    fn every_split_in_two_and_in_three_gives_the_same_text() {
        for text in TEXTS {
            let bytes = text.as_bytes();
            for first in 0..=bytes.len() {
                for second in first..=bytes.len() {
                    let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    assert_eq!(decoded(pieces), text, "split at {first} and {second}");
                }
            }
            assert_eq!(decoded(bytes.chunks(1)), text, "one byte at a time");
        }
    }

    #[test]
    fn no_piece_shows_a_broken_half() {
        for text in TEXTS {
            let mut decoder = Utf8Decoder::default();
            for byte in text.as_bytes() {
                assert!(!decoder.decode(&[*byte]).contains('\u{fffd}'), "{text} in single bytes");
            }
            assert_eq!(decoder.finish(), "");
        }
    }

    #[test]
    fn a_complete_character_is_not_held_back() {
        let mut decoder = Utf8Decoder::default();
        assert_eq!(decoder.decode("你".as_bytes()), "你");
        assert_eq!(decoder.decode(b"\xe5\xa5"), "");
        assert_eq!(decoder.decode(b"\xbd!"), "好!");
    }

    #[test]
    fn what_is_not_utf8_is_replaced_as_the_standard_library_does_however_it_is_split() {
        let all: Vec<u8> = (0..=255).collect();
        let garbage: [&[u8]; 6] = [
            &all,
            b"\xff\xfd\x01",
            b"a\xe4b",
            b"\xf0\x9f\xf0\x9f\x98\x80",
            b"\xed\xa0\x80",
            b"\xe4\xbd",
        ];
        for bytes in garbage {
            let whole = String::from_utf8_lossy(bytes);
            for split in 0..=bytes.len() {
                assert_eq!(
                    decoded([&bytes[..split], &bytes[split..]]),
                    whole,
                    "{bytes:x?} split at {split}"
                );
            }
            assert_eq!(decoded(bytes.chunks(1)), whole, "{bytes:x?} in single bytes");
        }
    }

    #[test]
    fn a_character_that_never_ends_is_told_at_the_end() {
        assert_eq!(decoded([&b"ok\xe4\xbd"[..]]), "ok\u{fffd}");
    }

    #[test]
    fn a_carriage_return_waits_for_its_newline() {
        let mut decoder = Utf8Decoder::default();
        assert_eq!(decoder.decode(b"hello\r"), "hello");
        assert_eq!(decoder.decode(b"\n"), "\r\n");
        assert_eq!(decoder.decode(b"real\r"), "real");
        assert_eq!(decoder.decode(b"fake"), "\rfake");
        assert_eq!(decoded([&b"end\r"[..]]), "end", "half a line end");
    }

    #[test]
    fn text_stays_as_it_is() {
        for text in TEXTS.into_iter().chain(["a\tb\n", ""]) {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("\x1b[2Jgone\x07"), "␛[2Jgone␇");
        assert_eq!(printable("real\rfake"), "real␍fake");
        assert_eq!(printable("a\r\nb\r\n"), "a\nb\n");
        assert_eq!(printable("\0\x7f\u{9b}"), "␀␡\u{fffd}");
        assert_eq!(printable("\u{202e}evil\u{2066}"), "\u{fffd}evil\u{fffd}");
        assert_eq!(printable("one\u{2028}two\u{2029}"), "one\u{fffd}two\u{fffd}");
        for character in
            (0..=0x9f).filter_map(char::from_u32).filter(|c| c.is_control() && !"\n\t".contains(*c))
        {
            assert!(!printable(&format!("a{character}b")).contains(character), "{character:?}");
        }
    }
}
