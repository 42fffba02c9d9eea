// ANCHOR: header
//! The pace of the room: a speaker that is too fast for the readers waits until they have caught up,
//! but nobody waits for a reader that does not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::CAPACITY;
// ANCHOR_END: header

// ANCHOR: policy
/// How many bytes a reader may be behind before speakers wait for it.
const FAR_BEHIND: u64 = 64 * 1024;

/// How many bytes a reader may be behind before everybody waits for it, even a speaker whose words
/// it has all read.
const TOO_FAR_BEHIND: u64 = CAPACITY as u64 / 2;

/// Speakers wait for a reader that is far behind as long as it reads at least this much in each
/// window. A reader that has only just fallen behind has one window to show that it reads.
const LEAST_PER_WINDOW: u64 = 16 * 1024; // bytes
const WINDOW: Duration = Duration::from_secs(1);

/// How many bytes may wait for a client in the kernel, where no cursor shows them. Left to itself,
/// Linux lets this grow to megabytes, and every new line would wait behind all of that.
pub const SEND_BUFFER: usize = 64 * 1024;

/// Returns how far the readers must have read before an author may go on whose last words end at
/// `said`.
fn mark(said: u64, end: u64) -> u64 {
    said.min(end.saturating_sub(FAR_BEHIND)).max(end.saturating_sub(TOO_FAR_BEHIND))
}
// ANCHOR_END: policy

// ANCHOR: reader
/// How far a reader has read. The cursor shares this with the room, so that the room knows how far
/// all readers have read, and which of them have left.
pub type Position = Arc<AtomicU64>;

struct Reader {
    position: Position,
    /// `None` while the reader is not far behind.
    window: Option<Window>,
}

struct Window {
    start: Instant,
    position: u64,
    /// Whether the reader has read enough in the previous window.
    reads: bool,
}

impl Reader {
    /// Returns whether speakers wait for this reader, because it is far behind but does read.
    fn is_waited_for(&mut self, end: u64, now: Instant) -> bool {
        let position = self.position.load(Relaxed);
        if end - position <= FAR_BEHIND {
            self.window = None;
            return false;
        }
        let window = self.window.get_or_insert(Window { start: now, position, reads: true });
        if position - window.position >= LEAST_PER_WINDOW {
            *window = Window { start: now, position, reads: true };
        } else if now - window.start >= WINDOW {
            *window = Window { start: now, position, reads: false };
        }
        window.reads
    }
}
// ANCHOR_END: reader

// ANCHOR: pace
/// How long an author that has to wait sleeps before it asks again. A reader that reads on wakes it
/// earlier, but nothing wakes it when a reader stops reading.
pub const ASK_AGAIN: Duration = Duration::from_millis(250);

/// After how many bytes we look at all readers again. Between two looks, only the slowest counts.
const BYTES_BETWEEN_LOOKS: u64 = FAR_BEHIND / 2;

/// All readers of a log, and the slowest of those that speakers wait for.
pub struct Pace {
    readers: Vec<Reader>,
    slowest: Option<Position>,
    looked_at: (u64, Instant),
    /// The first position that an author waits for, or the largest number if none does.
    awaited: u64,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            readers: Vec::new(),
            slowest: None,
            looked_at: (0, Instant::now()),
            awaited: u64::MAX,
        }
    }
}

impl Pace {
    /// Adds a reader that begins at `position`.
    pub fn join(&mut self, position: u64) -> Position {
        if self.readers.len() == self.readers.capacity() {
            self.forget_leavers();
        }
        let position = Arc::new(AtomicU64::new(position));
        self.readers.push(Reader { position: Arc::clone(&position), window: None });
        position
    }

    /// Forgets the readers that have left. Nobody but us has the position of such a reader.
    fn forget_leavers(&mut self) {
        self.readers.retain(|reader| Arc::strong_count(&reader.position) > 1);
    }

    /// Returns whether an author has to wait if its last words end at `said`, and the log ends at
    /// `end`.
    pub fn holds_up(&mut self, said: u64, end: u64, now: Instant) -> bool {
        let mark = mark(said, end);
        let is_held = !self.have_read(mark, end, now);
        if is_held {
            self.awaited = self.awaited.min(mark);
        }
        is_held
    }

    /// Returns whether an author that had to wait may go on now that a reader has read on.
    pub fn lets_go(&mut self, end: u64, now: Instant) -> bool {
        let lets_go = self.awaited < u64::MAX && self.have_read(self.awaited, end, now);
        if lets_go {
            self.awaited = u64::MAX;
        }
        lets_go
    }

    /// Returns whether all readers that speakers wait for have read as far as `mark`.
    fn have_read(&mut self, mark: u64, end: u64, now: Instant) -> bool {
        let (looked_end, looked_at) = self.looked_at;
        let is_news = end - looked_end >= BYTES_BETWEEN_LOOKS
            || self.slowest.as_ref().is_some_and(|slowest| {
                slowest.load(Relaxed) >= mark || now - looked_at >= ASK_AGAIN
            });
        if is_news {
            self.look(end, now);
        }
        self.slowest.as_ref().is_none_or(|slowest| slowest.load(Relaxed) >= mark)
    }

    fn look(&mut self, end: u64, now: Instant) {
        self.slowest = None; // or it would keep the position of a reader that has left
        self.forget_leavers();
        // If several are equally far behind, take the last to join, which is usually served last.
        let newest_first = self.readers.iter_mut().rev();
        self.slowest = newest_first
            .filter_map(|reader| reader.is_waited_for(end, now).then_some(&reader.position))
            .min_by_key(|position| position.load(Relaxed))
            .cloned();
        self.looked_at = (end, now);
    }
}
// ANCHOR_END: pace

#[cfg(test)]
mod tests {
    use super::*;

    /// A room in which somebody has said `end` bytes, with a clock that the test moves.
    struct Room {
        pace: Pace,
        end: u64,
        now: Instant,
    }

    impl Room {
        fn new() -> Room {
            Room { pace: Pace::default(), end: 0, now: Instant::now() }
        }

        /// Returns a room and a reader that has read none of the `bytes` in it.
        fn with_a_reader_behind_by(bytes: u64) -> (Room, Position) {
            let mut room = Room::new();
            let reader = room.pace.join(0);
            room.end = bytes;
            (room, reader)
        }

        /// Returns whether the author of the last words has to wait, `later` milliseconds later.
        fn holds_up_the_flooder(&mut self, later: u64) -> bool {
            self.holds_up(self.end, later)
        }

        fn holds_up(&mut self, said: u64, later: u64) -> bool {
            self.now += Duration::from_millis(later);
            self.pace.holds_up(said, self.end, self.now)
        }

        fn lets_go(&mut self) -> bool {
            self.pace.lets_go(self.end, self.now)
        }
    }

    fn read(reader: &Position, bytes: u64) {
        reader.fetch_add(bytes, Relaxed);
    }

    #[test]
    fn a_speaker_waits_until_the_reader_is_no_longer_far_behind() {
        let (mut room, reader) = Room::with_a_reader_behind_by(FAR_BEHIND + BYTES_BETWEEN_LOOKS);
        assert!(room.holds_up_the_flooder(0));
        assert!(!room.lets_go());
        read(&reader, BYTES_BETWEEN_LOOKS - 1);
        assert!(!room.lets_go());
        read(&reader, 1);
        assert!(room.lets_go());
        assert!(!room.lets_go(), "once is enough");
        assert!(!room.holds_up_the_flooder(0));
    }

    #[test]
    fn a_speaker_whose_words_have_been_read_need_not_wait() {
        let (mut room, reader) = Room::with_a_reader_behind_by(10 * FAR_BEHIND);
        assert!(!room.holds_up(0, 0), "nothing was said");
        assert!(room.holds_up(100, 0));
        read(&reader, 100);
        assert!(room.lets_go());
        assert!(!room.holds_up(100, 0));
        assert!(room.holds_up_the_flooder(0));
    }

    #[test]
    fn everybody_waits_for_a_reader_that_is_too_far_behind() {
        let (mut room, reader) = Room::with_a_reader_behind_by(TOO_FAR_BEHIND + 1);
        assert!(room.holds_up(0, 0));
        read(&reader, 1);
        assert!(!room.holds_up(0, 0));
    }

    #[test]
    fn a_reader_that_does_not_read_is_waited_for_for_one_window() {
        let (mut room, _reader) = Room::with_a_reader_behind_by(FAR_BEHIND + BYTES_BETWEEN_LOOKS);
        assert!(room.holds_up_the_flooder(0));
        assert!(room.holds_up_the_flooder(999));
        assert!(!room.holds_up_the_flooder(ASK_AGAIN.as_millis() as u64));
        room.end += 10 * FAR_BEHIND;
        assert!(!room.holds_up_the_flooder(10_000));
    }

    #[test]
    fn nor_is_a_reader_that_trickles_but_a_slow_one_is() {
        for (speed, waits) in
            [(1, false), (LEAST_PER_WINDOW / 8, false), (LEAST_PER_WINDOW / 2, true)]
        {
            let (mut room, reader) = Room::with_a_reader_behind_by(TOO_FAR_BEHIND);
            for _ in 0..20 {
                room.holds_up_the_flooder(500);
                read(&reader, speed);
            }
            assert_eq!(room.holds_up_the_flooder(500), waits, "{speed} bytes in half a second");
        }
    }

    #[test]
    fn a_reader_that_reads_again_is_waited_for_again() {
        let (mut room, reader) = Room::with_a_reader_behind_by(TOO_FAR_BEHIND);
        assert!(room.holds_up_the_flooder(0));
        assert!(!room.holds_up_the_flooder(3000));
        read(&reader, LEAST_PER_WINDOW);
        room.end += BYTES_BETWEEN_LOOKS;
        assert!(room.holds_up_the_flooder(10));
    }

    #[test]
    fn the_slowest_of_those_who_read_decides() {
        let mut room = Room::new();
        let readers: Vec<Position> = (0..100).map(|_| room.pace.join(0)).collect();
        let _never_reads = room.pace.join(0);
        room.end = 10 * FAR_BEHIND;
        assert!(room.holds_up_the_flooder(0));
        for reader in &readers[1..] {
            read(reader, 10 * FAR_BEHIND);
            assert!(!room.lets_go());
        }
        read(&readers[0], LEAST_PER_WINDOW);
        assert!(room.holds_up_the_flooder(1500));
        read(&readers[0], 10 * FAR_BEHIND - LEAST_PER_WINDOW);
        assert!(room.lets_go(), "the one who never reads is not waited for any more");
    }

    #[test]
    fn who_has_left_is_forgotten() {
        let mut room = Room::new();
        let _stays = room.pace.join(0);
        for _ in 0..100_000 {
            drop(room.pace.join(0));
        }
        assert!(room.pace.readers.capacity() < 100, "{}", room.pace.readers.capacity());
        let leaves = room.pace.join(0);
        read(&_stays, 10 * FAR_BEHIND);
        room.end = 10 * FAR_BEHIND;
        assert!(room.holds_up_the_flooder(0));
        drop(leaves);
        assert!(!room.holds_up_the_flooder(ASK_AGAIN.as_millis() as u64));
    }
}
