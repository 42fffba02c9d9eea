//! Decodes UTF-8 that arrives in pieces, trims text, and makes it safe to print.

use std::borrow::Cow;

/// Decodes UTF-8 that arrives in pieces, cut anywhere.
///
/// `你` is three bytes, and a `read` may return only the first of them. The decoder keeps such a
/// beginning (at most three bytes) until the rest arrives, so a character is never shown in halves.
/// It also keeps a carriage return until it is known whether a newline follows. Bytes that cannot
/// be UTF-8, whatever follows them, become U+FFFD, as in [`String::from_utf8_lossy`].
#[derive(Default)]
pub struct Utf8Decoder {
    /// The beginning of a character whose rest has not arrived.
    unfinished: Vec<u8>,
}

impl Utf8Decoder {
    /// Returns all characters that are complete with this piece.
    pub fn decode(&mut self, piece: &[u8]) -> String {
        self.unfinished.extend_from_slice(piece);
        let keep = unfinished_at_the_end(&self.unfinished);
        let rest = self.unfinished.split_off(self.unfinished.len() - keep);
        let complete = std::mem::replace(&mut self.unfinished, rest);
        decode_lossy(&complete).into_owned()
    }

    /// Returns what is left once no more can arrive: nothing, or U+FFFD for a character whose rest
    /// never arrived. A lone CR at the end is dropped.
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.unfinished);
        String::from_utf8_lossy(rest.strip_suffix(b"\r").unwrap_or(&rest)).into_owned()
    }
}

/// Decodes UTF-8 like [`String::from_utf8_lossy`], but several times as fast for valid text,
/// because that one always looks for something to replace.
pub fn decode_lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Returns how many bytes at the end begin something that more bytes could still complete, a
/// character or CRLF: 3 at most.
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

/// Removes white space at both ends, as JavaScript's `trim` does.
///
/// [`str::trim`] removes nearly the same, but it keeps a byte-order mark, with which some editors
/// begin a file, and removes U+0085, a control character.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_white_space)
}

fn is_white_space(character: char) -> bool {
    character == '\u{feff}' || character.is_whitespace() && character != '\u{85}'
}

/// Removes white space at the beginning of bytes that may not be UTF-8.
pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    let begins_with =
        |bytes: &[u8], length| bytes.get(..length).is_some_and(is_white_space_in_utf8);
    while let Some(length) = (1..=3).find(|length| begins_with(bytes, *length)) {
        bytes = &bytes[length..];
    }
    bytes
}

/// Removes white space at the end of bytes that may not be UTF-8.
pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    let ends_with = |bytes: &[u8], length| {
        let start = bytes.len().checked_sub(length);
        start.is_some_and(|start| is_white_space_in_utf8(&bytes[start..]))
    };
    while let Some(length) = (1..=3).find(|length| ends_with(bytes, *length)) {
        bytes = &bytes[..bytes.len() - length];
    }
    bytes
}

/// Returns whether these bytes are a white-space character, of which none has more than three
/// bytes.
fn is_white_space_in_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_white_space))
}

/// The maximum number of marks in a row. A syllable of Burmese may have five, but with dozens of
/// accents on one letter, somebody could write across the lines above.
const MOST_MARKS: usize = 6;

/// Makes text from the network safe to print on a terminal.
///
/// An escape sequence from a stranger could clear the screen, rename the window or hide what the
/// stranger writes. Newlines and tabs stay, and a carriage return that belongs to a newline is
/// removed. Other control characters become their pictures (ESC becomes `␛`). The rule for
/// everything else: **a character stays if you can see it, or see that it shapes its neighbours.**
/// U+FFFD replaces
/// - control characters that have no picture,
/// - those that change the direction or the order of what stands around them,
/// - those that show nothing (zero-width spaces, fillers, tags, a byte-order mark): a name or a link
///   could hold them, and look like another one,
/// - code points that are not characters,
/// - marks (accents, joiners, variation selectors) beyond the sixth in a row.
///
/// So emoji, Persian and Burmese stay whole, but not the flags of England, Scotland and Wales,
/// because they are spelt in tags.
pub fn printable(text: &str) -> Cow<'_, str> {
    // Checking all bytes is faster than stopping at the first match.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut rest = text;
    let mut marks = 0;
    while let Some(at) = rest.find(|character| !is_common(character)) {
        let (common, uncommon) = rest.split_at(at);
        let mut characters = uncommon.chars();
        let Some(character) = characters.next() else { break };
        rest = characters.as_str();
        shown.push_str(common);
        marks = match is_mark(character) {
            true if common.is_empty() => marks + 1,
            is_first => usize::from(is_first),
        };
        match character {
            '\r' if rest.starts_with('\n') => {}
            _ if marks > MOST_MARKS => shown.push(char::REPLACEMENT_CHARACTER),
            _ => shown.push(harmless(character)),
        }
    }
    shown.push_str(rest);
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// Returns whether a character is one of those that most text is made of. They need no closer look,
/// which would take a hundred times as long.
fn is_common(character: char) -> bool {
    matches!(character,
        ' '..='~' | '\n' | '\t'
        | '\u{4e00}'..='\u{9fff}' // Chinese
        | '\u{3001}'..='\u{3029}' | '\u{ff01}'..='\u{ff5e}' // its punctuation, full-width letters
        | '\u{3041}'..='\u{3096}' | '\u{30a0}'..='\u{30ff}' // Japanese
        | '\u{ac00}'..='\u{d7a3}' // Korean
        | '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{482}' // Latin, Greek, Cyrillic
        | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{2bff}' | '\u{1f300}'..='\u{1faff}' // punctuation, symbols, emoji
    )
}

fn harmless(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        // The block "Control Pictures" holds a picture for each of these, in the same order.
        '\0'..='\x1f' => {
            char::from_u32(0x2400 + character as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\x7f' => '␡',
        '\u{80}'..='\u{9f}' => char::REPLACEMENT_CHARACTER,
        // Line and paragraph separator, which some terminals treat as a new line.
        '\u{2028}' | '\u{2029}' => char::REPLACEMENT_CHARACTER,
        _ if shows_nothing(character) || is_no_character(character) => char::REPLACEMENT_CHARACTER,
        _ => character,
    }
}

/// Returns whether a character shows nothing, not even by the shape of its neighbours.
///
/// These are Unicode's *default ignorable code points*, without the two joiners, which Persian, Hindi
/// and emoji need, and without the variation selectors. All marks of direction are among them.
fn shows_nothing(character: char) -> bool {
    matches!(character,
        '\u{ad}' // soft hyphen
        | '\u{34f}' // combining grapheme joiner, which joins nothing
        | '\u{61c}' // Arabic letter mark
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}' // vowels that Khmer does not write
        | '\u{180e}' // Mongolian vowel separator
        | '\u{200b}' | '\u{200e}' | '\u{200f}' // zero width space, marks of direction
        | '\u{202a}'..='\u{202e}' // embeddings and overrides of direction
        | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, isolates of direction
        | '\u{feff}' // byte-order mark
        | '\u{fff0}'..='\u{fffb}' // the last three begin, divide and end annotations
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' // formats of shorthand and music
        | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}' // tags
    )
}

/// Returns whether this code point will never be a character.
fn is_no_character(character: char) -> bool {
    matches!(character, '\u{fdd0}'..='\u{fdef}') || character as u32 & 0xfffe == 0xfffe
}

/// Returns whether a character has no place of its own, but changes the one before: an accent, a
/// joiner, a variation selector.
///
/// The standard library has a table of these, but reveals it only in `escape_debug`, which escapes
/// such a character at the beginning of a text, where it would change a quotation mark, and nowhere
/// else.
fn is_mark(character: char) -> bool {
    const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}']; // these are escaped everywhere
    let is_escaped = |before| format!("{before}{character}").escape_debug().count() > 2;
    JOINERS.contains(&character) || !is_common(character) && is_escaped("") && !is_escaped("x")
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
        assert_eq!(decoded([&b"end\r"[..]]), "end", "a lone CR");
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
        assert_eq!(printable("one\u{2028}two\u{2029}"), "one\u{fffd}two\u{fffd}");
        for character in
            (0..=0x9f).filter_map(char::from_u32).filter(|c| c.is_control() && !"\n\t".contains(*c))
        {
            assert!(!printable(&format!("a{character}b")).contains(character), "{character:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_shown_as_a_replacement() {
        let directions = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{206a}\u{206f}";
        let invisible = "\u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{2060}\u{2064}\u{2065}\u{3164}\u{feff}\u{ffa0}";
        let formats = "\u{fff0}\u{fff9}\u{fffb}\u{1bca0}\u{1d173}\u{1d17a}\u{e0000}\u{e0041}\u{e007f}\u{e0fff}";
        let none = "\u{fdd0}\u{fdef}\u{fffe}\u{ffff}\u{1fffe}\u{10ffff}";
        for character in [directions, invisible, formats, none].concat().chars() {
            let shown = printable(&format!("a{character}b")).into_owned();
            assert_eq!(shown, "a\u{fffd}b", "U+{:04X}", character as u32);
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in [
            "Crème brûlée, Straße, Ελληνικά, русский", // also with its accents apart:
            "Cre\u{300}me bru\u{302}le\u{301}e, Vie\u{323}\u{302}t",
            "می\u{200c}خواهم שָׁלוֹם ภาษาไทยที่นี้ मैं हिन्दी क्\u{200d}ष မြန်မာဘာသာ တွှိုံ့ བསྒྲུབས ខ្មែរ",
            "你好，世界　全角 한국어 ひらがな か\u{3099} カタカナ 葛\u{e0100}",
            "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥 🏳\u{fe0f}\u{200d}🌈 👍🏽 🇨🇳 1\u{fe0f}\u{20e3} 🫩🫩🫩🫩🫩🫩🫩🫩",
            "a\u{a0}b\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}c — “…” → ∞ ☃",
            "\u{e0b0}\u{e0b1}\u{e0b2}\u{e0b3}\u{e0b0}\u{e0b1}\u{e0b2}\u{e0b3}", // private, in some terminals' fonts
        ] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        for mark in ["\u{301}", "\u{e49}", "\u{200d}", "\u{fe0f}", "\u{e0100}", "\u{20dd}"] {
            let shown = printable(&format!("e{}!{mark}", mark.repeat(30))).into_owned();
            let expected = format!(
                "e{}{}!{mark}",
                mark.repeat(MOST_MARKS),
                "\u{fffd}".repeat(30 - MOST_MARKS)
            );
            assert_eq!(shown, expected, "{mark:?}");
        }
        let letters = "e\u{301}".repeat(50);
        assert_eq!(printable(&letters), letters, "one accent each");
    }

    #[test]
    fn common_characters_are_harmless_and_no_marks() {
        for character in ('\0'..=char::MAX).filter(|character| is_common(*character)) {
            assert_eq!(harmless(character), character);
            let is_escaped = |before| format!("{before}{character}").escape_debug().count() > 2;
            assert!(is_escaped("x") || !is_escaped(""), "U+{:04X}", character as u32);
        }
    }

    #[test]
    fn bytes_are_trimmed_as_text_is() {
        for character in '\0'..=char::MAX {
            let text = format!("{character}x\u{3000}y{character}{character}");
            let bytes = trim_end(trim_start(text.as_bytes()));
            assert_eq!(bytes, trim(&text).as_bytes(), "U+{:04X}", character as u32);
        }
        assert_eq!(trim_end(trim_start("\u{feff} \u{3000}\t".as_bytes())), b"");
        assert_eq!(trim_start(b" \x80\xe3\x80\x80"), b"\x80\xe3\x80\x80");
        assert_eq!(trim_end(b"\xe3\x80\x80\x80 \xe3\x80\x80"), b"\xe3\x80\x80\x80");
        assert_eq!(trim_end(b"x\x80\x80"), b"x\x80\x80", "not a whole character");
        assert_eq!(trim_start(b"\xe3\x80"), b"\xe3\x80");
    }
}
