// ANCHOR: header
//! What an edge has to tell the others, and has told them lately: so that it can tell it again.

use std::collections::VecDeque;

use bytes::Bytes;
use shared::LONGEST_LINE;

use crate::message::count;
// ANCHOR_END: header

// ANCHOR: outbox
/// How much is kept, in bytes: what can be told later, or again.
pub const CAPACITY: usize = 8 * 1024 * 1024;

/// How many bytes of lines go into one message: the longest line, at least, with its label.
const LINES: usize = 2 * LONGEST_LINE;

/// The largest message, in bytes. NATS takes up to 1 MiB, if it is not told otherwise.
pub const LARGEST: usize = LINES + 64;

/// What a message costs besides its lines, in bytes: its place in the queue, and what the allocator
/// adds.
const OVERHEAD: usize = 64;

/// The lines of this edge's own people, in messages that are ready to be sent. Lines are counted
/// from the edge's start on, those included that are no longer kept.
pub struct Outbox {
    /// Tells this run of the edge from another one of the same name.
    run: u64,
    messages: VecDeque<Message>,
    /// Bytes of all messages.
    size: usize,
    /// How many lines there have ever been.
    lines: u64,
    /// Which of the messages is sent next.
    next: usize,
}

struct Message {
    /// The number of its first line.
    first: u64,
    /// `<run> <first>`, a newline, and the lines.
    payload: Bytes,
}

impl Outbox {
    /// It is empty.
    pub fn new(run: u64) -> Outbox {
        Outbox { run, messages: VecDeque::new(), size: 0, lines: 0, next: 0 }
    }

    /// Adds whole lines. Returns how many of the oldest lines are dropped for that and were never
    /// sent.
    pub fn add(&mut self, mut lines: &[u8]) -> u64 {
        while !lines.is_empty() {
            let most = &lines[..lines.len().min(LINES)];
            let end = most.iter().rposition(|byte| *byte == b'\n').map_or(most.len(), |at| at + 1);
            let (now, later) = lines.split_at(end);
            let payload = [format!("{} {}\n", self.run, self.lines).as_bytes(), now].concat();
            self.size += payload.len() + OVERHEAD;
            self.messages.push_back(Message { first: self.lines, payload: payload.into() });
            self.lines += count(now);
            lines = later;
        }
        let sent = self.sent();
        while self.size > CAPACITY {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.size -= oldest.payload.len() + OVERHEAD;
            self.next = self.next.saturating_sub(1);
        }
        self.oldest().saturating_sub(sent)
    }

    /// The message to be sent next, if there is one.
    pub fn next(&self) -> Option<Bytes> {
        self.messages.get(self.next).map(|message| message.payload.clone())
    }

    /// That message has been sent.
    pub fn advance(&mut self) {
        self.next += 1;
    }

    /// Goes back to the message with this line, or to the oldest there is.
    pub fn go_back(&mut self, line: u64) {
        let from = self.messages.partition_point(|message| message.first < line);
        self.next = self.next.min(from);
    }

    /// The number of the oldest line that can still be sent.
    pub fn oldest(&self) -> u64 {
        self.messages.front().map_or(self.lines, |message| message.first)
    }

    /// The number of the line after the last one that was sent.
    pub fn sent(&self) -> u64 {
        self.messages.get(self.next).map_or(self.lines, |message| message.first)
    }
}
// ANCHOR_END: outbox
