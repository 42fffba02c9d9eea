// ANCHOR: header
//! Keeps what the people of this edge have said, until it comes back from the stream.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lesson_async_server::{Publish, Seat};
use tokio::sync::Notify;

use crate::stream::LARGEST;
// ANCHOR_END: header

// ANCHOR: outbox
/// How many bytes of one client may be on their way. From then on, the client has to wait.
const MOST_OF_ONE: usize = 64 * 1024;

/// How many bytes of all clients may be on their way. From then on, everybody has to wait.
const MOST: usize = 8 * 1024 * 1024;

/// The lines that nobody has heard yet.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
    /// Wakes the task that publishes.
    news: Notify,
}

#[derive(Default)]
struct State {
    /// The lines to publish, in order.
    unsent: VecDeque<(Seat, Vec<u8>)>,
    /// The messages that have been published, or are being published, in order.
    under_way: VecDeque<Message>,
    /// How many bytes of each client are in either of the two.
    sizes: BTreeMap<Seat, usize>,
    size: usize,
    /// Since when something has been waiting without anything coming back.
    waiting_since: Option<Instant>,
}

/// A message for the stream, and how many of its bytes each client has said.
struct Message {
    lines: Bytes,
    authors: Vec<(Seat, usize)>,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
// ANCHOR_END: outbox

// ANCHOR: say
impl Publish for Outbox {
    fn say(&self, seat: Seat, port: u16, lines: &[u8]) {
        let label = format!("{port}:");
        let lines = lines.split_inclusive(|byte| *byte == b'\n');
        let labelled = lines.flat_map(|line| [label.as_bytes(), line]).collect::<Vec<_>>().concat();
        let state = &mut *self.state();
        *state.sizes.entry(seat).or_default() += labelled.len();
        state.size += labelled.len();
        state.unsent.push_back((seat, labelled));
        state.waiting_since.get_or_insert_with(Instant::now);
        self.news.notify_one();
    }

    fn holds_up(&self, seat: Seat) -> bool {
        let state = self.state();
        state.size >= MOST || state.sizes.get(&seat).is_some_and(|size| *size >= MOST_OF_ONE)
    }
}
// ANCHOR_END: say

// ANCHOR: next
impl Outbox {
    /// Waits until somebody has said something, and returns the lines of the next message.
    pub async fn next(&self) -> Bytes {
        loop {
            if let Some(lines) = self.state().next() {
                return lines;
            }
            self.news.notified().await;
        }
    }

    /// Returns how many bytes of each client are in the message, in order, or `None` if it is not
    /// one of ours. Forgets that message, and those before it: they have not come back, so they are
    /// lost.
    pub fn came_back(&self, lines: &Bytes) -> Option<Vec<(Seat, usize)>> {
        self.state().came_back(lines)
    }

    /// Forgets the messages that were published and have not come back, so that their authors can
    /// speak again.
    pub fn forget_what_is_lost(&self) {
        let state = &mut *self.state();
        while let Some(message) = state.under_way.pop_front() {
            state.forget(&message.authors);
        }
    }

    /// Returns whether everything has come back.
    pub fn is_empty(&self) -> bool {
        self.state().size == 0
    }

    /// Returns whether something has been waiting for `time` without anything coming back.
    pub fn is_stuck(&self, time: Duration) -> bool {
        self.state().waiting_since.is_some_and(|since| since.elapsed() >= time)
    }
}

impl State {
    fn next(&mut self) -> Option<Bytes> {
        let (mut lines, mut authors) = (Vec::new(), Vec::new());
        while let Some((seat, said)) = self.unsent.front()
            && lines.len() + said.len() <= LARGEST
        {
            lines.extend_from_slice(said);
            authors.push((*seat, said.len()));
            self.unsent.pop_front();
        }
        if lines.is_empty() {
            return None;
        }
        let lines = Bytes::from(lines);
        self.under_way.push_back(Message { lines: lines.clone(), authors });
        Some(lines)
    }

    fn came_back(&mut self, lines: &Bytes) -> Option<Vec<(Seat, usize)>> {
        let index = self.under_way.iter().position(|message| message.lines == *lines)?;
        let mut authors = Vec::new();
        for message in self.under_way.drain(..=index).collect::<Vec<_>>() {
            self.forget(&message.authors);
            authors = message.authors;
        }
        Some(authors)
    }

    fn forget(&mut self, authors: &[(Seat, usize)]) {
        for (seat, size) in authors {
            self.size -= size;
            let left = self.sizes.entry(*seat).or_default();
            *left -= size;
            if *left == 0 {
                self.sizes.remove(seat);
            }
        }
        self.waiting_since = (self.size > 0).then(Instant::now);
    }
}
// ANCHOR_END: next

#[cfg(test)]
mod tests {
    use super::*;

    const SOMEBODY_ELSE: Seat = 1000;

    /// Says a line that has 1 KiB with its label.
    fn say_a_kibibyte(outbox: &Outbox, seat: Seat) {
        let line = "x".repeat(1024 - "1001:\n".len()) + "\n";
        outbox.say(seat, 1001, line.as_bytes());
    }

    /// Says a line, and returns the message in which it is published.
    fn publish(outbox: &Outbox, line: &str) -> Bytes {
        outbox.say(1, 1001, line.as_bytes());
        outbox.state().next().expect("a message")
    }

    #[test]
    fn what_comes_back_tells_in_order_who_has_said_how_much() {
        let outbox = Outbox::default();
        outbox.say(1, 1001, b"one\ntwo\n");
        outbox.say(2, 1002, "三\n".as_bytes());
        let first = outbox.state().next().expect("a message");
        assert_eq!(first, "1001:one\n1001:two\n1002:三\n");
        let second = publish(&outbox, "four\n");
        assert_eq!(outbox.state().next(), None);

        assert_eq!(outbox.came_back(&first), Some(vec![(1, 18), (2, 9)]));
        assert!(!outbox.is_empty());
        assert_eq!(outbox.came_back(&second), Some(vec![(1, 10)]));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_client_waits_from_64_kib_on_and_everybody_from_8_mib_on() {
        let outbox = Outbox::default();
        for seat in 1..=128 {
            for _ in 0..64 {
                assert!(!outbox.holds_up(seat) && !outbox.holds_up(SOMEBODY_ELSE));
                say_a_kibibyte(&outbox, seat);
            }
            assert!(outbox.holds_up(seat));
        }
        assert!(outbox.holds_up(SOMEBODY_ELSE));

        let first = outbox.state().next().expect("a message");
        assert_eq!(first.len(), LARGEST);
        assert!(outbox.holds_up(1) && outbox.holds_up(SOMEBODY_ELSE), "it has not come back");
        assert!(outbox.came_back(&first).is_some());
        assert!(!outbox.holds_up(1) && !outbox.holds_up(2) && !outbox.holds_up(SOMEBODY_ELSE));
        assert!(outbox.holds_up(3), "what it has said is not in that message");
    }

    #[test]
    fn a_message_that_does_not_come_back_is_forgotten_when_a_later_one_does() {
        let outbox = Outbox::default();
        let [first, second, third] =
            ["lost\n", "heard\n", "last\n"].map(|line| publish(&outbox, line));
        assert_eq!(outbox.came_back(&second), Some(vec![(1, 11)]));
        assert_eq!(outbox.came_back(&first), None, "too late");
        assert!(!outbox.is_empty());
        assert_eq!(outbox.came_back(&third), Some(vec![(1, 10)]));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_stranger_s_copy_is_not_ours_but_the_same_line_said_twice_is() {
        let outbox = Outbox::default();
        let [first, again] = ["yes\n"; 2].map(|line| publish(&outbox, line));
        assert_eq!(outbox.came_back(&Bytes::from_static(b"1001:no\n")), None);
        assert_eq!(outbox.came_back(&first), Some(vec![(1, 9)]));
        assert_eq!(outbox.came_back(&again), Some(vec![(1, 9)]));
        assert_eq!(outbox.came_back(&first), None);
        assert!(outbox.is_empty());
    }

    #[test]
    fn it_is_stuck_while_something_waits_and_nothing_comes_back() {
        let outbox = Outbox::default();
        assert!(!outbox.is_stuck(Duration::ZERO));
        let message = publish(&outbox, "hello\n");
        assert!(outbox.is_stuck(Duration::ZERO) && !outbox.is_stuck(Duration::MAX));
        outbox.came_back(&message);
        assert!(!outbox.is_stuck(Duration::ZERO));
    }
}
