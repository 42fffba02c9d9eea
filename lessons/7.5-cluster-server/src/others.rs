// ANCHOR: header
//! The other edges: how far each has been heard, and the lines that wait for their turn in the
//! room.

use std::collections::BTreeMap;
use std::mem;

use bytes::BytesMut;
use lesson_shared_log_server::{Cursor, Log};
use shared::complain;

use crate::message::{Message, count};
// ANCHOR_END: header

// ANCHOR: others
/// The most edges that are remembered. To make room for one more, all those are forgotten that have
/// nothing waiting. They count as new when they speak again.
const MOST_EDGES: usize = 1000;

/// How many bytes may wait while the readers of this edge are too slow for them. No edge may have
/// more waiting than is left free, so an edge that is too fast leaves room for the others. Any more
/// is lost.
const MOST_WAITING: usize = 32 * 1024 * 1024;

/// How many bytes of an edge are added to the log before the others have their turn, unless one
/// line is longer. In the log they take more, because each line gets a label.
const TURN: usize = 8 * 1024;

/// All other edges, by name and run.
#[derive(Default)]
pub struct Others {
    edges: BTreeMap<(String, u64), Edge>,
}

#[derive(Default)]
struct Edge {
    /// The number of the next line.
    next: u64,
    /// How many missing lines have not been reported yet.
    lost: u64,
    /// Lines that wait for their turn.
    waiting: BytesMut,
    /// The position in the log at which the edge's last line ends.
    said: u64,
}
// ANCHOR_END: others

// ANCHOR: hear
impl Others {
    /// Stores a message of another edge. The lines between the last message and this one are lost.
    ///
    /// If this edge has just connected again, a message may come late, over the other edge's old
    /// connection. Its lines were counted as lost, so it is left out. At other times a number that
    /// is too small is somebody's forgery, or the number before it was.
    pub fn hear(&mut self, message: Message, has_reconnected: bool) {
        let Message { from, run, first, lines } = message;
        let key = (from.to_string(), run);
        if self.edges.len() >= MOST_EDGES && !self.edges.contains_key(&key) {
            self.edges.retain(|_, edge| !edge.waiting.is_empty());
            if self.edges.len() >= MOST_EDGES {
                return;
            }
        }
        let free = MOST_WAITING - self.waiting();
        let new = Edge { next: first, ..Edge::default() };
        let edge = self.edges.entry(key).or_insert(new);
        if has_reconnected && first < edge.next {
            return;
        }
        if !lines.is_empty() && edge.waiting.len() + lines.len() > free {
            return; // the next message that fits shows how many lines are missing
        }
        edge.lost = edge.lost.saturating_add(first.saturating_sub(edge.next));
        edge.next = first.saturating_add(count(lines));
        edge.waiting.extend_from_slice(lines);
    }

    /// Returns how many bytes are waiting.
    fn waiting(&self) -> usize {
        self.edges.values().map(|edge| edge.waiting.len()).sum()
    }

    /// Prints how many lines are missing.
    pub fn tell_losses(&mut self) {
        for ((name, _), edge) in &mut self.edges {
            match mem::take(&mut edge.lost) {
                0 => {}
                1 => complain(format_args!("{name}: 1 line was lost")),
                lost => complain(format_args!("{name}: {lost} lines were lost")),
            }
        }
    }
}
// ANCHOR_END: hear

// ANCHOR: say
impl Others {
    /// Adds waiting lines to the log, as `author`: some of each edge. An edge that is too fast for the
    /// readers has to wait, but no other edge waits for it.
    ///
    /// Returns how many lines were added, and whether an edge has to wait.
    pub fn say(&mut self, log: &mut Log, author: &mut Cursor) -> (u64, bool) {
        let (mut said, mut is_held) = (0, false);
        for ((name, _), edge) in &mut self.edges {
            if edge.waiting.is_empty() {
                continue;
            }
            if log.holds_up(edge.said) {
                is_held = true;
                continue;
            }
            let lines = edge.take_turn();
            log.say_for(author, &format!("{name}/"), &lines);
            edge.said = author.said();
            said += count(&lines);
        }
        (said, is_held)
    }
}

impl Edge {
    /// Removes and returns the lines of the next turn, which are whole.
    fn take_turn(&mut self) -> BytesMut {
        let is_end = |byte: &u8| *byte == b'\n';
        let most = self.waiting.len().min(TURN);
        let end = self.waiting[..most].iter().rposition(is_end);
        let end = end.or_else(|| self.waiting.iter().position(is_end)); // of one long line
        match end {
            Some(end) if end + 1 < self.waiting.len() => self.waiting.split_to(end + 1),
            _ => mem::take(&mut self.waiting), // all of it, and its memory
        }
    }
}
// ANCHOR_END: say

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u64 = 7;

    fn hear(others: &mut Others, from: &str, first: u64, lines: &str) {
        others.hear(Message { from, run: RUN, first, lines: lines.as_bytes() }, false);
    }

    fn lost(others: &Others, name: &str) -> u64 {
        others.edges[&(name.to_string(), RUN)].lost
    }

    #[test]
    fn lines_that_did_not_arrive_are_counted_and_those_after_them_are_said() {
        let (mut others, mut log) = (Others::default(), Log::default());
        let (mut author, listener) = (log.join(), log.join());
        hear(&mut others, "east", 5, "1:five\n1:six\n"); // the first that this edge hears
        hear(&mut others, "east", 7, "1:seven\n");
        assert_eq!(lost(&others, "east"), 0);
        hear(&mut others, "east", 10, "1:ten\n");
        assert_eq!(lost(&others, "east"), 2);
        hear(&mut others, "east", 14, "");
        assert_eq!(lost(&others, "east"), 5, "a message without lines shows a gap too");
        assert_eq!(others.say(&mut log, &mut author), (4, false));
        let heard = log.unread(&listener).expect("all of it");
        let heard: Vec<u8> = heard.iter().flat_map(|piece| piece.to_vec()).collect();
        let expected = "east/1:five\neast/1:six\neast/1:seven\neast/1:ten\n";
        assert_eq!(String::from_utf8_lossy(&heard), expected);
        assert!(log.is_read(&author), "and they do not go back");
    }

    #[test]
    fn what_comes_late_over_an_old_connection_was_counted_as_lost_and_is_left_out() {
        let mut others = Others::default();
        for (first, lines) in [(0, "1:zero\n"), (3, "1:three\n"), (1, "1:one\n"), (4, "1:four\n")] {
            let (run, lines) = (RUN, lines.as_bytes());
            others.hear(Message { from: "east", run, first, lines }, true);
        }
        assert_eq!(lost(&others, "east"), 2);
        let waiting = &others.edges[&("east".to_string(), RUN)].waiting;
        assert_eq!(String::from_utf8_lossy(waiting), "1:zero\n1:three\n1:four\n");
    }

    #[test]
    fn no_number_of_a_stranger_silences_an_edge() {
        let (mut others, mut log) = (Others::default(), Log::default());
        let mut author = log.join();
        for first in [0, u64::MAX, 1, u64::MAX - 1, 2] {
            hear(&mut others, "east", first, "1:hello\n");
        }
        assert_eq!(others.say(&mut log, &mut author), (5, false));
    }

    #[test]
    fn an_edge_that_is_too_fast_waits_and_leaves_room_for_the_others() {
        let (mut others, mut log) = (Others::default(), Log::default());
        let (mut author, _listener) = (log.join(), log.join());
        let paste = format!("1:{}\n", "x".repeat(997)).repeat(100);
        for number in 0..500 {
            hear(&mut others, "east", number * 100, &paste);
            others.say(&mut log, &mut author);
        }
        let size = others.waiting();
        assert!(size <= MOST_WAITING / 2 + paste.len(), "{size}");
        hear(&mut others, "west", 0, "2:hello\n");
        let (said, is_held) = others.say(&mut log, &mut author);
        assert!(said == 1 && is_held, "west is heard, although east has to wait");
        hear(&mut others, "east", 50_000, "");
        let waiting = count(&others.edges[&("east".to_string(), RUN)].waiting);
        assert!(lost(&others, "east") + waiting <= 50_000);
        assert!(lost(&others, "east") > 20_000, "{}", lost(&others, "east"));
    }

    #[test]
    fn invented_names_make_an_edge_forget_and_not_grow() {
        for lines in ["1:x\n".repeat(10_000), "1:x\n".to_string(), String::new()] {
            let mut others = Others::default();
            for number in 0..5 * MOST_EDGES {
                hear(&mut others, &format!("edge-{number}"), 0, &lines);
            }
            assert!(others.edges.len() <= MOST_EDGES);
            assert!(others.waiting() <= MOST_WAITING);
        }
    }

    #[test]
    fn a_turn_is_whole_lines_and_at_least_one() {
        let mut edge = Edge::default();
        let long = "x".repeat(2 * TURN) + "\n";
        edge.waiting.extend_from_slice(format!("a\nb\n{long}{long}c\nd\n").as_bytes());
        let mut turn = || String::from_utf8_lossy(&edge.take_turn()).into_owned();
        assert_eq!([turn(), turn(), turn()], ["a\nb\n", &long, &long]);
        assert_eq!(turn(), "c\nd\n");
        assert_eq!(edge.waiting.capacity(), 0);
    }
}
