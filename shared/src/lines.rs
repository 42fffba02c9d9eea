//! Splits bytes that arrive in pieces, cut anywhere, into lines.

use std::borrow::Cow;
use std::time::Duration;

use crate::telnet::Telnet;
use crate::text::{trim_end, trim_start, unfinished_at_the_end};

/// The maximum length of a line, in bytes without its newline. A longer line is cut, so that a peer
/// that sends no newline cannot exhaust the memory.
pub const LONGEST_LINE: usize = 64 * 1024;

/// How long to wait for the rest of a line from a peer that ends its lines. If nothing follows a
/// lost segment, Linux retransmits it after 0.2 s, 0.4 s, 0.8 s and so on (RFC 6298 asks for 1 s at
/// first), so this outlasts four losses in a row. If more data follows, the loss is repaired sooner
/// (RFC 5681, section 3.2).
const UNTIL_THE_NEWLINE: Duration = Duration::from_secs(5);

/// How long a peer that has never sent a newline must be silent before what it has sent counts as a
/// line. A person hardly notices it, and it is longer than Linux takes to retransmit a lost segment
/// once.
const A_MOMENT: Duration = Duration::from_millis(300);

/// Splits what reads return into whole lines, wherever TCP has cut them.
///
/// Every line that comes out ends with a newline. It may have arrived with a newline, with CRLF or
/// with CR NUL (telnet sends the last two), or it may have been cut. A cut never splits a UTF-8
/// character.
///
/// Telnet's commands are removed, so the byte 0xFF, which UTF-8 does not have, never comes out.
/// Other bytes pass unchanged, even if they are not UTF-8. Both ends of a connection use this, and
/// so does the keyboard, so a server does not forward a command and a client does not display one.
#[derive(Default)]
pub struct Lines {
    telnet: Telnet,
    /// The beginning of a line whose newline has not arrived, [`LONGEST_LINE`] at most.
    unfinished: Vec<u8>,
    /// Whether a part of that line has already come out.
    continues: bool,
    /// Whether this peer has ever sent a newline.
    ends_its_lines: bool,
    trims: bool,
}

impl Lines {
    /// Creates a splitter that trims the white space at both ends of a line (see
    /// [`trim`](crate::trim)) and drops blank lines. Where a long line is cut, nothing is trimmed.
    pub fn trimmed() -> Lines {
        Lines { trims: true, ..Lines::default() }
    }

    /// Returns all lines that are complete with `piece`, the bytes that a read has returned.
    pub fn add(&mut self, piece: &[u8]) -> Vec<u8> {
        let piece = self.telnet.text(piece);
        let mut lines = Vec::with_capacity(self.unfinished.len() + piece.len() + 1);
        let has_no_cr = matches!(piece, Cow::Borrowed(_));
        let stay_as_they_are = has_no_cr && !self.trims && piece.len() <= LONGEST_LINE;
        let mut rest = &*piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.keep(&rest[..end], &mut lines);
            self.take(self.unfinished.len(), true, &mut lines);
            self.ends_its_lines = true;
            rest = &rest[end + 1..];
            if stay_as_they_are {
                // Fast for a flood, because only the first of these lines can have begun earlier.
                let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                lines.extend_from_slice(&rest[..whole]);
                rest = &rest[whole..];
            }
        }
        self.keep(rest, &mut lines);
        lines
    }

    /// Stores the beginning of a line, or more of it. Moves whatever is too long to `lines`.
    fn keep(&mut self, part: &[u8], lines: &mut Vec<u8>) {
        self.unfinished.extend_from_slice(part);
        while self.unfinished.len() > LONGEST_LINE {
            let held_back = unfinished_at_the_end(&self.unfinished[..LONGEST_LINE]);
            self.take(LONGEST_LINE - held_back, false, lines);
        }
    }

    /// Returns how long to wait for more of the current line before [`Lines::cut`]. Returns `None`
    /// if there is nothing to cut, because no line has begun or only part of a character has
    /// arrived.
    pub fn patience(&self) -> Option<Duration> {
        match self.unfinished.len() - unfinished_at_the_end(&self.unfinished) {
            0 => None,
            _ if self.ends_its_lines => Some(UNTIL_THE_NEWLINE),
            _ => Some(A_MOMENT),
        }
    }

    /// Returns what has arrived of the current line as if its newline had arrived. Only an
    /// incomplete character stays behind.
    pub fn cut(&mut self) -> Vec<u8> {
        let mut lines = Vec::new();
        let complete = self.unfinished.len() - unfinished_at_the_end(&self.unfinished);
        if complete > 0 {
            self.take(complete, true, &mut lines);
            self.continues = !self.unfinished.is_empty();
        }
        lines
    }

    /// Returns what is left once no more can arrive.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut lines = Vec::new();
        if !self.unfinished.is_empty() {
            self.take(self.unfinished.len(), true, &mut lines);
        }
        lines
    }

    /// Moves `length` bytes to `lines`. `ends` says whether the line really ends there.
    fn take(&mut self, length: usize, ends: bool, lines: &mut Vec<u8>) {
        let mut line = &self.unfinished[..length];
        if ends {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        if self.trims && ends {
            line = trim_end(line);
        }
        if self.trims && !self.continues {
            line = trim_start(line);
        }
        // If a part has already come out, an empty rest is not another line.
        if !(line.is_empty() && (self.trims || self.continues)) {
            lines.extend_from_slice(line);
            lines.push(b'\n');
        }
        self.unfinished.drain(..length);
        self.continues = !ends;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what comes out when `bytes` arrive in these pieces, followed by the end.
    fn lines_of<'a>(mut lines: Lines, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut all: Vec<u8> = Vec::new();
        for piece in pieces {
            let out = lines.add(piece);
            assert!(out.is_empty() || out.ends_with(b"\n"), "only whole lines come out");
            assert!(lines.unfinished.len() <= LONGEST_LINE);
            all.extend(out);
        }
        all.extend(lines.finish());
        all
    }

    #[test]
    fn lines_are_whole_however_they_are_split() {
        let sent: &[u8] = b"\xe4\xbd\xa0\n\r\n second line \r\n\x1b[2J\xfe\xe4 \n last ";
        let exact: &[u8] = b"\xe4\xbd\xa0\n\n second line \n\x1b[2J\xfe\xe4 \n last \n";
        let trimmed: &[u8] = b"\xe4\xbd\xa0\nsecond line\n\x1b[2J\xfe\xe4\nlast\n";
        for (trims, expected) in [(false, exact), (true, trimmed)] {
            for split in 0..=sent.len() {
                let lines = Lines { trims, ..Lines::default() };
                let out = lines_of(lines, [&sent[..split], &sent[split..]]);
                assert_eq!(out, expected, "split at {split}");
            }
            let lines = Lines { trims, ..Lines::default() };
            assert_eq!(lines_of(lines, sent.chunks(1)), expected, "one byte at a time");
        }
    }

    #[test]
    fn telnet_s_commands_and_line_ends_are_taken_out_wherever_they_are_cut() {
        let sent: &[u8] = b"\xff\xfb\x1fo\xff\xf4\xff\xfd\x06ne\r\0\xff\xfa\x18\0x\n\xff\xf0two \xfe\r\nthr\xff\xffee";
        for split in 0..=sent.len() {
            let out = lines_of(Lines::trimmed(), [&sent[..split], &sent[split..]]);
            assert_eq!(out, b"one\ntwo \xfe\nthree\n", "split at {split}");
            let out = lines_of(Lines::default(), [&sent[..split], &sent[split..]]);
            assert_eq!(out, b"one\ntwo \xfe\nthree\n", "split at {split}");
        }
    }

    #[test]
    fn commands_alone_are_not_the_beginning_of_a_line() {
        let mut lines = Lines::trimmed();
        assert_eq!(lines.add(b"\xff\xfb\x1f\xff"), b"");
        assert_eq!(lines.patience(), None);
        assert_eq!(lines.add(b"\xfd\x03one\r"), b"");
        assert_eq!(lines.cut(), b"one\n");
        assert_eq!(lines.add(b"\0two\xff"), b"");
        assert_eq!(lines.finish(), b"two\n");
    }

    #[test]
    fn white_space_is_that_of_javascript() {
        let lines = "\u{feff}\u{3000}你\u{3000}好\u{3000}\n\u{3000}\u{a0}\x0b\n\u{85}\n\u{3000}";
        for size in 1..=lines.len() {
            let out = lines_of(Lines::trimmed(), lines.as_bytes().chunks(size));
            assert_eq!(out, "你\u{3000}好\n\u{85}\n".as_bytes(), "in pieces of {size}");
        }
    }

    #[test]
    fn a_flood_is_the_same_in_pieces_of_any_size() {
        let line = |number: usize| "x".repeat(number * 7919 % 1000) + "\n";
        let sent: String = (0..500).map(line).collect();
        for size in [1, 1000, LONGEST_LINE, LONGEST_LINE + 1, sent.len()] {
            let out = lines_of(Lines::default(), sent.as_bytes().chunks(size));
            assert!(out == sent.as_bytes(), "in pieces of {size}");
        }
        let long = format!("one\n{}\ntwo\n", "x".repeat(LONGEST_LINE + 1));
        let out = lines_of(Lines::default(), [long.as_bytes()]);
        assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() <= LONGEST_LINE));
    }

    #[test]
    fn a_line_of_the_longest_length_stays_whole_and_so_does_the_next() {
        for length in [LONGEST_LINE - 6, LONGEST_LINE - 1, LONGEST_LINE] {
            let line = "x".repeat(length);
            for ending in ["\n", "\r\n"] {
                let bytes = format!("{line}{ending}hello world{ending}");
                for size in [1, 7, 4096, LONGEST_LINE, bytes.len()] {
                    let out = lines_of(Lines::trimmed(), bytes.as_bytes().chunks(size));
                    assert!(out == format!("{line}\nhello world\n").as_bytes(), "in {size}s");
                }
            }
        }
        let line = format!("{} \n", "x".repeat(LONGEST_LINE - 1));
        let out = lines_of(Lines::trimmed(), line.as_bytes().chunks(4096));
        assert!(
            out == format!("{}\n", line.trim_end()).as_bytes(),
            "it is trimmed, because it is whole"
        );
    }

    #[test]
    fn a_longer_line_is_cut_and_nothing_of_it_is_lost() {
        for text in ["你好", "a b ", "x", "é 😀\r"] {
            let line = format!("!{}!", text.repeat(3 * LONGEST_LINE / text.len()));
            for size in [1000, 4096, line.len() + 1] {
                let bytes = format!("  {line}  \nnext\n");
                let out = lines_of(Lines::trimmed(), bytes.as_bytes().chunks(size));
                let out = String::from_utf8(out).expect("a cut never splits a character");
                let mut pieces: Vec<&str> = out.lines().collect();
                assert_eq!(pieces.pop(), Some("next"));
                assert!(pieces.len() == 4 && pieces.iter().all(|p| p.len() <= LONGEST_LINE));
                assert!(pieces.concat().replace('\r', "") == line.replace('\r', ""));
            }
        }
    }

    #[test]
    fn white_space_behind_a_cut_makes_no_line_of_its_own() {
        let bytes = format!("{}    \r\nnext\n", "x".repeat(LONGEST_LINE));
        let out = lines_of(Lines::trimmed(), bytes.as_bytes().chunks(4096));
        assert!(out == format!("{}\nnext\n", "x".repeat(LONGEST_LINE)).as_bytes());
    }

    #[test]
    fn a_line_that_does_not_end_can_be_cut_but_not_within_a_character() {
        let mut lines = Lines::default();
        assert_eq!(lines.patience(), None, "nothing has arrived");
        assert_eq!(lines.add(b"3000:\xe4\xbd"), b"");
        assert!(lines.patience().is_some());
        assert_eq!(lines.cut(), b"3000:\n");
        assert_eq!(lines.patience(), None, "the wait for the rest of it has no limit");
        assert_eq!(lines.cut(), b"");
        assert_eq!(lines.add(b"\xa0\n"), "你\n".as_bytes());
        assert_eq!(lines.add(b"\xe4"), b"");
        assert_eq!(lines.cut(), b"", "nothing is not a line");
        assert_eq!(lines.finish(), b"\xe4\n");
        assert_eq!(lines.finish(), b"");
    }

    #[test]
    fn a_newline_that_comes_after_the_cut_makes_no_line_of_its_own() {
        let mut lines = Lines::default();
        assert_eq!(lines.add(b"half\r"), b"");
        assert_eq!(lines.cut(), b"half\n");
        assert_eq!(lines.patience(), None);
        assert_eq!(lines.add(b"\nnext\n"), b"next\n");
    }

    #[test]
    fn a_peer_that_ends_its_lines_gets_more_time_to_end_the_next() {
        let mut lines = Lines::default();
        lines.add(b"from Node");
        let before = lines.patience();
        lines.add(b"\n");
        assert_eq!(lines.patience(), None);
        lines.add(b"more");
        assert!(lines.patience() > before && before.is_some());
    }
}
