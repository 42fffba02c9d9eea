// ANCHOR: header
//! What the other edges say: which of it is new, and what is missing.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::message::count;
// ANCHOR_END: header

// ANCHOR: inbox
/// How many edges are known at most. For one more, who has been silent the longest is forgotten, and
/// counts as new when it comes back.
pub const MOST_EDGES: usize = 1000;

/// How far the other edges have been heard.
#[derive(Default)]
pub struct Inbox {
    edges: BTreeMap<String, Edge>,
}

struct Edge {
    run: u64,
    /// The number of the line that comes next.
    next: u64,
    heard_at: Instant,
}

impl Inbox {
    /// What is known of an edge. Whoever is new begins with the line `next`.
    fn edge(&mut self, name: &str, run: u64, next: u64) -> &mut Edge {
        if !self.edges.contains_key(name) && self.edges.len() == MOST_EDGES {
            self.forget();
        }
        let heard_at = Instant::now();
        let new = Edge { run, next, heard_at };
        let edge = self.edges.entry(name.to_string()).or_insert(new);
        if edge.run != run {
            *edge = Edge { run, next, heard_at };
        }
        edge.heard_at = heard_at;
        edge
    }

    fn forget(&mut self) {
        let silent = self.edges.iter().min_by_key(|(_, edge)| edge.heard_at);
        if let Some(name) = silent.map(|(name, _)| name.clone()) {
            self.edges.remove(&name);
        }
    }

    /// Whether it is the turn of these lines. It is not if they were heard already, and not if lines
    /// before them are missing: those have to come first, and then these come again.
    pub fn hear_lines(&mut self, from: &str, run: u64, first: u64, lines: &[u8]) -> bool {
        let edge = self.edge(from, run, first);
        let is_next = edge.next == first;
        if is_next {
            edge.next = first.saturating_add(count(lines));
        }
        is_next
    }

    /// An edge says that it still has its lines from `oldest` on, and that `next` is the one that it
    /// says next. Returns how many lines are lost for good, and which is the first that is missing
    /// and can be asked for.
    pub fn hear_alive(
        &mut self,
        from: &str,
        run: u64,
        oldest: u64,
        next: u64,
    ) -> (u64, Option<u64>) {
        let edge = self.edge(from, run, next);
        let lost = oldest.saturating_sub(edge.next);
        edge.next += lost;
        (lost, (edge.next < next).then_some(edge.next))
    }
}
// ANCHOR_END: inbox
