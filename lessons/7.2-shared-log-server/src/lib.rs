// ANCHOR: header
//! One log for a whole room, which stores each line once, however many people read it, and a cursor
//! for each reader.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::iter;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

pub use pace::{ASK_AGAIN, SEND_BUFFER};
use pace::{Pace, Position};

mod pace;
// ANCHOR_END: header

// ANCHOR: log
/// How many bytes the log holds. The room needs no more than that for readers that are behind,
/// whether there is one or a thousand: it is enough for a paste of megabytes over a bad link.
pub const CAPACITY: usize = 8 * 1024 * 1024;

/// The most pieces that one write is offered. A piece is two slices if the ring wraps around in it,
/// and Linux and macOS accept at most 1,024 slices in one write (IOV_MAX in writev(2)).
const MOST_PIECES: usize = 512;

/// The last [`CAPACITY`] bytes of what people have said.
///
/// A position counts all bytes since the room was opened, even those that the log no longer holds.
pub struct Log {
    bytes: VecDeque<u8>,
    end: u64,
    /// How many lines have been added.
    lines: u64,
    pace: Pace,
}

/// How far one reader has come.
pub struct Cursor {
    position: Position,
    /// The reader's own lines that lie ahead of it, in order. They are not sent back to it.
    own: VecDeque<Range<u64>>,
    /// The position at which the reader's own last words end.
    said: u64,
}
// ANCHOR_END: log

// ANCHOR: say
impl Default for Log {
    fn default() -> Log {
        // This only reserves addresses. The system provides memory when something is written there.
        let bytes = VecDeque::with_capacity(CAPACITY);
        Log { bytes, end: 0, lines: 0, pace: Pace::default() }
    }
}

impl Log {
    /// Returns a cursor for a client that joins. It does not get to read what was said before.
    pub fn join(&mut self) -> Cursor {
        Cursor { position: self.pace.join(self.end), own: VecDeque::new(), said: 0 }
    }

    /// Adds `lines`, each with `<port>:` before it. `author` is the cursor of their author.
    pub fn say(&mut self, author: &mut Cursor, port: u16, lines: &[u8]) {
        self.say_for(author, &format!("{port}:"), lines);
    }

    /// Works as [`Log::say`] does, but with a label of your choice before each line.
    pub fn say_for(&mut self, author: &mut Cursor, label: &str, lines: &[u8]) {
        let start = self.end;
        self.add(label, lines);
        if start < self.end {
            author.skip(start..self.end);
            author.said = self.end;
        }
    }

    /// Adds lines of an author that does not read here, with a label before each.
    pub fn add(&mut self, label: &str, lines: &[u8]) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.append(label.as_bytes());
            self.append(line);
            self.lines += 1;
        }
    }

    /// Returns how many lines have ever been added, even those that the log no longer holds.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the position at which the last line ends.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Adds `bytes` that have no author, so everybody gets to read them.
    pub fn append(&mut self, bytes: &[u8]) {
        let excess = (self.bytes.len() + bytes.len()).saturating_sub(self.bytes.capacity());
        self.bytes.drain(..excess.min(self.bytes.len()));
        self.bytes.extend(bytes);
        self.end += bytes.len() as u64;
    }
}
// ANCHOR_END: say

// ANCHOR: read
impl Log {
    /// Returns what the reader at `cursor` has not read yet, in order, for one vectored write. A new
    /// piece begins after each of the reader's own ranges. This is everything, unless the reader has
    /// fallen behind and has said a lot since.
    ///
    /// `None` means that the reader has fallen off the log's tail, so what it needs next is gone.
    pub fn unread(&self, cursor: &Cursor) -> Option<Vec<IoSlice<'_>>> {
        let start = self.start();
        let mut from = cursor.position().checked_sub(start)? as usize;
        let mut pieces = Vec::new();
        let own_and_the_end = cursor.own.iter().cloned().chain(iter::once(self.end..self.end));
        for own in own_and_the_end.take(MOST_PIECES) {
            let to = (own.start - start) as usize;
            pieces.extend(self.slices(from..to).into_iter().filter(|piece| !piece.is_empty()));
            from = (own.end - start) as usize;
        }
        Some(pieces)
    }

    /// Returns a range of the log. Because the bytes lie in a ring, it may consist of two slices.
    fn slices(&self, Range { start, end }: Range<usize>) -> [IoSlice<'_>; 2] {
        let (older, newer) = self.bytes.as_slices();
        let turn = older.len();
        [
            IoSlice::new(&older[start.min(turn)..end.min(turn)]),
            IoSlice::new(&newer[start.saturating_sub(turn)..end.saturating_sub(turn)]),
        ]
    }

    /// Returns whether the reader at `cursor` has not fallen off the log's tail.
    pub fn holds(&self, cursor: &Cursor) -> bool {
        cursor.position() >= self.start()
    }

    /// Returns the position of the oldest byte in the log.
    fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// Returns whether the reader at `cursor` has read everything.
    pub fn is_read(&self, cursor: &Cursor) -> bool {
        cursor.position() == self.end
    }
}
// ANCHOR_END: read

// ANCHOR: pace
impl Log {
    /// Returns whether an author has to wait before it says more, because readers are far behind. The
    /// author's last words end at `said`.
    pub fn holds_up(&mut self, said: u64) -> bool {
        self.pace.holds_up(said, self.end, Instant::now())
    }

    /// Returns whether an author that had to wait may go on, now that a reader has read on.
    pub fn lets_go(&mut self) -> bool {
        self.pace.lets_go(self.end, Instant::now())
    }
}
// ANCHOR_END: pace

// ANCHOR: join_late
impl Log {
    /// Returns a cursor as [`Log::join`] does, but for a client that also receives the last `lines`
    /// lines. 8 MiB hold the last hundred, however long they are.
    pub fn join_late(&mut self, lines: usize) -> Cursor {
        let from_the_end = self.bytes.iter().rev().enumerate();
        let mut line_ends = from_the_end.filter(|(_, byte)| **byte == b'\n');
        let back = line_ends.nth(lines).map_or(self.bytes.len(), |(after_it, _)| after_it);
        Cursor { position: self.pace.join(self.end - back as u64), own: VecDeque::new(), said: 0 }
    }
}
// ANCHOR_END: join_late

// ANCHOR: catch_up
impl Log {
    /// Moves a cursor that has fallen off the log's tail to the oldest whole line. Returns how many
    /// lines its reader still has to read from there.
    pub fn catch_up(&self, cursor: &mut Cursor) -> u64 {
        let lines = |range: Range<u64>| {
            let held = |position| (position - self.start()) as usize;
            let bytes = self.bytes.range(held(range.start)..held(range.end));
            bytes.filter(|byte| **byte == b'\n').count() as u64
        };
        let rest_of_a_line = self.bytes.iter().take_while(|byte| **byte != b'\n').count();
        let mut oldest = self.end.min(self.start() + rest_of_a_line as u64 + 1);
        cursor.own.retain(|own| own.end > oldest);
        if cursor.own.front().is_some_and(|own| own.start <= oldest) {
            oldest = cursor.own.pop_front().map_or(oldest, |own| own.end);
        }
        cursor.position.store(oldest, Relaxed);
        let own: u64 = cursor.own.iter().cloned().map(lines).sum();
        lines(oldest..self.end) - own
    }
}
// ANCHOR_END: catch_up

// ANCHOR: cursor
impl Cursor {
    /// Returns the position at which the reader's own last words end.
    pub fn said(&self) -> u64 {
        self.said
    }

    fn position(&self) -> u64 {
        self.position.load(Relaxed)
    }

    /// Moves the cursor by `sent` bytes of what [`Log::unread`] has returned.
    pub fn advance(&mut self, sent: usize) {
        let mut sent = sent as u64;
        let mut position = self.position();
        while let Some(own) = self.own.front() {
            let before_own = own.start - position;
            if sent < before_own {
                break;
            }
            sent -= before_own;
            position = own.end;
            self.own.pop_front();
        }
        self.position.store(position + sent, Relaxed);
    }

    fn skip(&mut self, own: Range<u64>) {
        let is_at_the_end = own.start == self.position();
        match self.own.back_mut() {
            _ if is_at_the_end => self.position.store(own.end, Relaxed),
            Some(last) if own.start == last.end => last.end = own.end,
            _ => self.own.push_back(own),
        }
    }
}
// ANCHOR_END: cursor

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads at most `most` bytes, like a socket that has little room.
    fn take(log: &Log, cursor: &mut Cursor, most: usize) -> Option<Vec<u8>> {
        let mut taken: Vec<u8> =
            log.unread(cursor)?.iter().flat_map(|piece| piece.to_vec()).collect();
        taken.truncate(most);
        cursor.advance(taken.len());
        Some(taken)
    }

    #[test]
    fn everybody_reads_what_the_others_say_from_joining_on() {
        let mut log = Log::default();
        let mut first = log.join();
        log.say(&mut first, 1, b"before\n");
        let mut second = log.join();
        log.say(&mut first, 1, b"a\nb\n");
        log.say(&mut second, 2, b"c\n");
        log.append(b"the end\n");
        assert_eq!(take(&log, &mut first, 100).as_deref(), Some(&b"2:c\nthe end\n"[..]));
        assert_eq!(take(&log, &mut second, 100).as_deref(), Some(&b"1:a\n1:b\nthe end\n"[..]));
        assert!(log.is_read(&first) && log.is_read(&second));
    }

    #[test]
    fn somebody_who_is_late_is_told_the_last_lines_and_then_what_is_new() {
        let mut log = Log::default();
        let mut author = log.join();
        let nothing = log.join_late(3);
        assert!(log.is_read(&nothing));
        log.say(&mut author, 1, b"a\nb\nc\n");
        let mut late = [0, 1, 2, 3, 4].map(|lines| log.join_late(lines));
        log.say(&mut author, 1, b"d\n");
        let heard = late.each_mut().map(|cursor| take(&log, cursor, 100).expect("all of it"));
        let heard = heard.map(|heard| String::from_utf8_lossy(&heard).replace("1:", ""));
        assert_eq!(heard, ["d\n", "c\nd\n", "b\nc\nd\n", "a\nb\nc\nd\n", "a\nb\nc\nd\n"]);
    }

    #[test]
    fn who_has_said_all_that_is_new_has_read_all() {
        let mut log = Log::default();
        let mut only = log.join();
        for _ in 0..1000 {
            log.say(&mut only, 1, b"nobody is here\n");
            assert!(log.is_read(&only));
        }
        assert_eq!(only.own.capacity(), 0, "and needs no memory for it");
    }

    #[test]
    fn who_falls_off_the_tail_is_told_and_who_is_just_before_it_reads_on() {
        let mut log = Log::default();
        let mut author = log.join();
        let reader = log.join();
        let line = [[b'x'; 1021].as_slice(), b"\n"].concat(); // with its label 1 KiB
        for _ in 0..CAPACITY / 1024 {
            log.say(&mut author, 1, &line);
        }
        assert!(log.holds(&reader));
        let unread = log.unread(&reader).expect("all of it");
        assert_eq!(unread.iter().map(|piece| piece.len()).sum::<usize>(), CAPACITY);
        log.say(&mut author, 1, b"\n");
        assert!(!log.holds(&reader));
        assert!(log.unread(&reader).is_none());
        assert!(log.holds(&author));
    }

    #[test]
    fn who_is_behind_and_speaks_a_lot_is_offered_what_one_write_takes() {
        let mut log = Log::default();
        let (mut speaks, mut other) = (log.join(), log.join());
        for _ in 0..10_000 {
            log.say(&mut other, 2, b"b\n");
            log.say(&mut speaks, 1, b"a\n");
        }
        let mut heard = Vec::new();
        while !log.is_read(&speaks) {
            assert!(log.unread(&speaks).expect("all of it").len() <= 1024);
            heard.extend(take(&log, &mut speaks, usize::MAX).expect("all of it"));
        }
        assert!(heard == b"2:b\n".repeat(10_000), "something was lost, or heard twice");
    }

    #[test]
    fn who_has_fallen_off_the_tail_catches_up_from_the_oldest_whole_line_on() {
        let mut log = Log { bytes: VecDeque::with_capacity(100), ..Log::default() };
        let (mut speaks, mut reads) = (log.join(), log.join());
        for number in 0..50 {
            log.say(&mut speaks, 1, format!("{number}\n").as_bytes());
            if number % 3 == 0 {
                log.say_for(&mut reads, "west/2:", b"hello\n");
            }
        }
        assert!(!log.holds(&reads));
        let lines = log.catch_up(&mut reads);
        let heard = take(&log, &mut reads, usize::MAX).expect("all that is held");
        let expected: String = (50 - lines..50).map(|number| format!("1:{number}\n")).collect();
        assert_eq!(String::from_utf8_lossy(&heard), expected);
        assert!((5..20).contains(&lines), "{lines} lines");
        assert!(log.is_read(&reads));
    }

    #[test]
    fn the_log_takes_no_more_than_it_holds() {
        let mut log = Log::default();
        let reserved = log.bytes.capacity();
        let mut author = log.join();
        for length in (0..65_536).step_by(97) {
            log.say(&mut author, 65_535, &[vec![b'x'; length], b"\n".to_vec()].concat());
        }
        assert_eq!(log.bytes.capacity(), reserved);
    }

    proptest! {
        /// Three people say lines and read in portions, in any order. Each of them receives all lines
        /// of the others, whole and in order, wherever the ring wraps around, or falls off the tail.
        #[test]
        fn nothing_is_lost_or_heard_twice(
            steps in prop::collection::vec((0..3usize, any::<bool>(), 0..200usize), 1..100),
        ) {
            let mut log = Log { bytes: VecDeque::with_capacity(1000), ..Log::default() };
            let mut cursors = [log.join(), log.join(), log.join()];
            let mut due: [Vec<u8>; 3] = Default::default();
            for (number, (who, says, length)) in steps.into_iter().enumerate() {
                if says {
                    let line = [vec![b'a' + (number % 26) as u8; length], b"\n".to_vec()].concat();
                    log.say(&mut cursors[who], who as u16, &line);
                    let message = [format!("{who}:").as_bytes(), &line].concat();
                    for other in (0..3).filter(|other| *other != who) {
                        due[other].extend(&message);
                    }
                } else if let Some(taken) = take(&log, &mut cursors[who], length * 3) {
                    let rest = due[who].split_off(due[who].len().min(length * 3));
                    prop_assert_eq!(&taken, &due[who]);
                    due[who] = rest;
                } else {
                    prop_assert!(!log.holds(&cursors[who]));
                    cursors[who] = log.join();
                    due[who].clear();
                }
                prop_assert!(log.bytes.len() <= 1000);
            }
        }
    }
}
