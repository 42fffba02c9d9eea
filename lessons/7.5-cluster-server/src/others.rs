// ANCHOR: header
//! What the other edges say: how far each has been heard, and what waits for its turn in the room.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use bytes::Bytes;
use lesson_shared_log_server::{Cursor, Log};
use shared::complain;

use crate::message::{Message, count};
// ANCHOR_END: header

// ANCHOR: others
/// How many edges are known at most. For one more, those are forgotten of whom nothing waits. They
/// count as new when they speak again.
const MOST_EDGES: usize = 1000;

/// How many bytes may wait while the readers of this edge are too slow for them. Of what is free, one
/// edge may take half, so an edge that is too fast leaves room for the others. What is more is lost.
const MOST_WAITING: usize = 32 * 1024 * 1024;

/// All other edges, by name and run.
#[derive(Default)]
pub struct Others {
    edges: BTreeMap<(String, u64), Edge>,
    /// How many bytes of all of them wait.
    size: usize,
}

#[derive(Default)]
struct Edge {
    /// The number of the line that comes next.
    next: u64,
    /// How many lines are missing of which nobody has been told yet.
    lost: u64,
    /// Messages whose lines wait for their turn.
    waiting: VecDeque<Bytes>,
    /// How many bytes these are.
    size: usize,
    /// The position in the log at which its last words end.
    said: u64,
}
// ANCHOR_END: others

// ANCHOR: hear
impl Others {
    /// Takes in a message of another edge. Lines between this message and the last one are lost.
    pub fn hear(&mut self, message: Message) {
        let Message { from, run, first, lines } = message;
        if self.edges.len() >= MOST_EDGES {
            self.edges.retain(|_, edge| !edge.waiting.is_empty());
        }
        let new = Edge { next: first, ..Edge::default() };
        let edge = self.edges.entry((from.to_string(), run)).or_insert(new);
        if !lines.is_empty() && edge.size + lines.len() > MOST_WAITING - self.size {
            return; // the next message that is taken in shows how many lines are missing
        }
        edge.lost = edge.lost.saturating_add(first.saturating_sub(edge.next));
        edge.next = first.saturating_add(count(&lines));
        if !lines.is_empty() {
            edge.size += lines.len();
            self.size += lines.len();
            edge.waiting.push_back(lines);
        }
    }

    /// Tells how many lines are missing.
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
    /// Says in the room what waits, as `author`: a message of each edge, then the next of each. An edge
    /// that is too fast for the readers waits, and no other edge waits for it.
    ///
    /// Returns how many lines that were, and whether an edge has to wait.
    pub fn say(&mut self, log: &mut Log, author: &mut Cursor) -> (u64, bool) {
        let mut said = 0;
        loop {
            let (said_before, mut is_held) = (said, false);
            for ((name, _), edge) in &mut self.edges {
                let Some(lines) = edge.waiting.front() else { continue };
                if log.holds_up(edge.said) {
                    is_held = true;
                    continue;
                }
                log.say_for(author, &format!("{name}/"), lines);
                edge.said = author.said();
                said += count(lines);
                edge.size -= lines.len();
                self.size -= lines.len();
                edge.waiting.pop_front();
            }
            if said == said_before {
                return (said, is_held);
            }
        }
    }
}
// ANCHOR_END: say

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u64 = 7;

    fn hear(others: &mut Others, from: &str, first: u64, lines: impl Into<Bytes>) {
        others.hear(Message { from, run: RUN, first, lines: lines.into() });
    }

    fn lost(others: &Others, name: &str) -> u64 {
        others.edges[&(name.to_string(), RUN)].lost
    }

    #[test]
    fn lines_that_did_not_arrive_are_counted_and_those_after_them_are_said() {
        let (mut others, mut log) = (Others::default(), Log::default());
        let (mut author, listener) = (log.join(), log.join());
        hear(&mut others, "east", 5, &b"1:five\n1:six\n"[..]); // the first that this edge hears
        hear(&mut others, "east", 7, &b"1:seven\n"[..]);
        assert_eq!(lost(&others, "east"), 0);
        hear(&mut others, "east", 10, &b"1:ten\n"[..]);
        assert_eq!(lost(&others, "east"), 2);
        hear(&mut others, "east", 14, &b""[..]);
        assert_eq!(lost(&others, "east"), 5, "a message without lines shows a gap too");
        assert_eq!(others.say(&mut log, &mut author), (4, false));
        let heard = log.unread(&listener).expect("all of it");
        let heard: Vec<u8> = heard.iter().flat_map(|piece| piece.to_vec()).collect();
        let expected = "east/1:five\neast/1:six\neast/1:seven\neast/1:ten\n";
        assert_eq!(String::from_utf8_lossy(&heard), expected);
        assert!(log.is_read(&author), "and they do not go back");
    }

    #[test]
    fn no_number_of_a_stranger_silences_an_edge() {
        let (mut others, mut log) = (Others::default(), Log::default());
        let mut author = log.join();
        for first in [0, u64::MAX, 1, u64::MAX - 1, 2] {
            hear(&mut others, "east", first, &b"1:hello\n"[..]);
        }
        assert_eq!(others.say(&mut log, &mut author), (5, false));
    }

    #[test]
    fn an_edge_that_is_too_fast_waits_and_leaves_room_for_the_others() {
        let (mut others, mut log) = (Others::default(), Log::default());
        let (mut author, _listener) = (log.join(), log.join());
        let paste = Bytes::from(format!("1:{}\n", "x".repeat(997)).repeat(100));
        for number in 0..500 {
            hear(&mut others, "east", number * 100, paste.clone());
            others.say(&mut log, &mut author);
        }
        assert!(others.size <= MOST_WAITING / 2 + paste.len(), "{}", others.size);
        hear(&mut others, "west", 0, &b"2:hello\n"[..]);
        let (said, is_held) = others.say(&mut log, &mut author);
        assert!(said == 1 && is_held, "west is heard, although east has to wait");
        hear(&mut others, "east", 50_000, &b""[..]);
        let waiting = others.edges[&("east".to_string(), RUN)].waiting.iter();
        let waiting: u64 = waiting.map(|lines| count(lines)).sum();
        assert!(lost(&others, "east") + waiting <= 50_000);
        assert!(lost(&others, "east") > 20_000, "{}", lost(&others, "east"));
    }

    #[test]
    fn invented_names_make_an_edge_forget_and_not_grow() {
        let (mut others, mut log) = (Others::default(), Log::default());
        let (mut author, _listener) = (log.join(), log.join());
        let lines = Bytes::from("1:x\n".repeat(1000));
        for number in 0..5 * MOST_EDGES {
            hear(&mut others, &format!("edge-{number}"), 0, lines.clone());
            others.say(&mut log, &mut author);
        }
        assert!(others.edges.len() < 2 * MOST_EDGES);
        let sizes = others.edges.values().map(|edge| edge.size);
        assert_eq!(others.size, sizes.sum::<usize>());
        assert!(others.size <= MOST_WAITING);
    }
}
