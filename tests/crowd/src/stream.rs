//! Checks what everybody receives in a flood, where there are no rounds. It is too much to keep, so
//! this keeps only what lies between the first reader and the last.
//!
//! The lines that the first reader receives are taken apart, and all others should receive the same
//! bytes.

use std::collections::VecDeque;

use crate::check::{LineCheck, Lines, shown};

/// The bytes that some readers have received and others have not.
pub struct Stream {
    bytes: VecDeque<u8>,
    /// The number of bytes before those.
    start: u64,
    check: LineCheck,
    /// The number of bytes in whole lines, all together.
    whole: u64,
    /// The number of the speaker whose lines are sought, and where each of them ends.
    speaker: usize,
    ends: Vec<u64>,
}

impl Stream {
    /// Creates a stream of which nothing has been received. Finds the lines of `speaker` among
    /// those of all `speakers`.
    pub fn new(speakers: usize, speaker: usize) -> Stream {
        let (bytes, check, ends) = (VecDeque::new(), LineCheck::new(speakers), Vec::new());
        Stream { bytes, start: 0, check, whole: 0, speaker, ends }
    }

    /// Checks what a reader receives after the first `position` bytes, which it already has. An
    /// error says what is wrong.
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

    /// Forgets what everybody has received, because all readers are at `position` or beyond it.
    pub fn forget(&mut self, position: u64) {
        self.bytes.drain(..(position - self.start) as usize);
        self.start = position;
    }

    /// Returns how many lines of that speaker end within the first `position` bytes.
    pub fn lines_within(&self, position: u64) -> usize {
        self.ends.partition_point(|end| *end <= position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a line of 20 bytes, including its newline.
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
