//! What everybody hears in a flood, where there are no rounds: too much to be kept, so only what lies
//! between the reader who is first and the one who is last is.
//!
//! The reader who is first takes the lines apart, and everybody else is to hear the same bytes.

use std::collections::VecDeque;

use crate::check::{LineCheck, Lines, shown};

/// The bytes that some readers have heard, and others have not yet.
pub struct Stream {
    bytes: VecDeque<u8>,
    /// How many bytes came before those.
    start: u64,
    check: LineCheck,
    /// How many bytes the whole lines have, all together.
    whole: u64,
    /// The number of the speaker whose lines are looked for, and where each of them ends.
    speaker: usize,
    ends: Vec<u64>,
}

impl Stream {
    /// Nothing has been heard. Finds the lines of `speaker` among those of all `speakers`.
    pub fn new(speakers: usize, speaker: usize) -> Stream {
        let (bytes, check, ends) = (VecDeque::new(), LineCheck::new(speakers), Vec::new());
        Stream { bytes, start: 0, check, whole: 0, speaker, ends }
    }

    /// Checks what a reader hears after the first `position` bytes, which it has heard. An error says
    /// what is wrong.
    pub fn hear(&mut self, position: u64, heard: &[u8], lines: &mut Lines) -> Result<(), String> {
        let offset = (position - self.start) as usize;
        let known = (self.bytes.len() - offset).min(heard.len());
        let (again, new) = heard.split_at(known);
        let (older, newer) = self.bytes.as_slices();
        let turn = older.len();
        let before = &older[offset.min(turn)..(offset + known).min(turn)];
        let after = &newer[offset.saturating_sub(turn)..(offset + known).saturating_sub(turn)];
        if again[..before.len()] != *before || again[before.len()..] != *after {
            let others = [before, after].concat();
            let same = again.iter().zip(&others).take_while(|(a, b)| a == b).count();
            let (heard, others) = (shown(&again[same..]), shown(&others[same..]));
            return Err(format!("heard {heard} where another had heard {others}"));
        }
        let Stream { check, whole, speaker, ends, .. } = self;
        check.check(new, lines, |by, line| {
            *whole += line.len() as u64;
            if by == *speaker {
                ends.push(*whole);
            }
        })?;
        self.bytes.extend(new);
        Ok(())
    }

    /// Forgets what everybody has heard: all readers are at `position` or after it.
    pub fn forget(&mut self, position: u64) {
        self.bytes.drain(..(position - self.start) as usize);
        self.start = position;
    }

    /// How many lines of the one speaker end within the first `position` bytes.
    pub fn lines_within(&self, position: u64) -> usize {
        self.ends.partition_point(|end| *end <= position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of 20 bytes, its newline included.
    fn line(speaker: usize, number: u32) -> Vec<u8> {
        let lines = Lines::new(19 - 3, 2);
        [b"7:".as_slice(), &lines.text(speaker, number), b"\n"].concat()
    }

    #[test]
    fn readers_hear_the_same_bytes_in_any_portions_and_a_line_is_found() {
        let mut lines = Lines::new(16, 2);
        let mut stream = Stream::new(2, 2);
        let all = [line(1, 0), line(2, 0), line(1, 1)].concat();
        stream.hear(0, &all[..30], &mut lines).expect("the first is first");
        stream.hear(0, &all[..50], &mut lines).expect("the second overtakes it");
        stream.forget(30);
        stream.hear(30, &all[30..], &mut lines).expect("the first catches up, and overtakes");
        assert_eq!((stream.lines_within(37), stream.lines_within(38)), (0, 1));
    }

    #[test]
    fn another_order_is_noticed() {
        let mut lines = Lines::new(16, 2);
        let mut stream = Stream::new(2, 1);
        stream.hear(0, &[line(1, 0), line(2, 0)].concat(), &mut lines).expect("the first");
        let error = stream.hear(0, &[line(2, 0), line(1, 0)].concat(), &mut lines);
        let error = error.expect_err("the other way round");
        assert!(error.contains("another had heard \"1.00000000"), "{error}");
    }
}
