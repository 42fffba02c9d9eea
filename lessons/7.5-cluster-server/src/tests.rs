//! Two edges whose messages may be lost, come twice, or come late.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const RUN: u64 = 7;

/// The edge `east`, and one that hears it.
struct Pair {
    outbox: Outbox,
    inbox: Inbox,
    said: String,
    heard: String,
}

impl Pair {
    fn new() -> Pair {
        let (said, heard) = Default::default();
        Pair { outbox: Outbox::new(RUN), inbox: Inbox::default(), said, heard }
    }

    fn say(&mut self, lines: usize) {
        let lines: String = (0..lines).map(|_| format!("{}\n", self.said.len())).collect();
        self.said += &lines;
        assert_eq!(self.outbox.add(lines.as_bytes()), 0, "nothing is dropped");
    }

    /// What the outbox sends next.
    fn send(&mut self) -> Option<Bytes> {
        let payload = self.outbox.next()?;
        self.outbox.advance();
        Some(payload)
    }

    fn hear(&mut self, payload: &[u8]) {
        let message = Message::parse("chat.said.east", payload);
        let Some(Message::Said { from, run, first, lines }) = message else {
            panic!("{message:?} is not what an outbox sends");
        };
        if self.inbox.hear_lines(from, run, first, lines) {
            self.heard += std::str::from_utf8(lines).expect("what was said");
        }
    }

    /// The `alive` of the one reaches the other, and so does the answer.
    fn repair(&mut self) {
        let (oldest, next) = (self.outbox.oldest(), self.outbox.sent());
        let (lost, missing) = self.inbox.hear_alive("east", RUN, oldest, next);
        assert_eq!(lost, 0);
        if let Some(first) = missing {
            self.outbox.go_back(first);
        }
    }
}

proptest! {
    /// However messages are lost, doubled or delayed: nothing is heard twice or in another order, and
    /// once messages come through again, everything is heard.
    #[test]
    fn what_was_said_is_heard_once_and_in_order(
        steps in prop::collection::vec((0..6u8, 1..4usize), 1..200),
    ) {
        let mut pair = Pair::new();
        let mut under_way = VecDeque::new();
        pair.repair(); // they have met
        for (step, number) in steps {
            match step {
                0 | 1 => pair.say(number),
                2 => under_way.extend(pair.send()),
                3 => drop(under_way.pop_front()), // lost
                4 => under_way.extend(under_way.front().cloned()), // comes twice, and late
                _ => if number == 1 {
                    pair.repair();
                } else if let Some(payload) = under_way.pop_front() {
                    pair.hear(&payload);
                }
            }
            prop_assert!(pair.said.starts_with(&pair.heard));
        }
        for payload in under_way {
            pair.hear(&payload);
        }
        for _ in 0..2 {
            while let Some(payload) = pair.send() {
                pair.hear(&payload);
            }
            pair.repair();
        }
        prop_assert_eq!(pair.said, pair.heard);
    }

    #[test]
    fn no_message_of_anybody_does_harm(
        messages in prop::collection::vec(
            ("chat\\.(said|alive|again|x)\\.(east|west|[a-z/.]{0,3})", any::<u64>(), any::<u64>(), any::<u64>(), ".{0,3}\n?"),
            1..20,
        ),
    ) {
        let mut inbox = Inbox::default();
        let mut outbox = Outbox::new(RUN);
        outbox.add(b"one\ntwo\n");
        for (subject, a, b, c, rest) in messages {
            for payload in [format!("{a} {b}\n{rest}"), format!("{a} {b} {c}"), rest] {
                match Message::parse(&subject, payload.as_bytes()) {
                    Some(Message::Said { from, run, first, lines }) => {
                        inbox.hear_lines(from, run, first, lines);
                    }
                    Some(Message::Alive { from, run, oldest, next }) => {
                        inbox.hear_alive(from, run, oldest, next);
                    }
                    Some(Message::Again { first, .. }) => outbox.go_back(first),
                    None => {}
                }
            }
        }
    }
}

#[test]
fn long_lines_fit_into_a_message_and_many_short_ones_share_one() {
    let mut outbox = Outbox::new(u64::MAX);
    let longest = [&[b'x'; 6 + shared::LONGEST_LINE][..], b"\n"].concat();
    let short = "12345:hello\n".repeat(20_000);
    assert_eq!(outbox.add(&[&longest, &longest, short.as_bytes()].concat()), 0);
    let (mut lines, mut messages) = (Vec::new(), 0);
    while let Some(payload) = outbox.next() {
        outbox.advance();
        messages += 1;
        assert!(payload.len() <= outbox::LARGEST, "{} bytes", payload.len());
        match Message::parse("chat.said.east", &payload) {
            Some(Message::Said { lines: some, .. }) => lines.extend_from_slice(some),
            other => panic!("{other:?}"),
        }
    }
    assert!(lines == [&longest, &longest, short.as_bytes()].concat());
    assert!(messages <= 6, "{messages} messages");
}

#[test]
fn the_outbox_has_a_bound_and_counts_what_it_drops_unsent() {
    let mut outbox = Outbox::new(RUN);
    let line = "x".repeat(999) + "\n";
    let mut dropped = 0;
    for number in 0..20_000 {
        if number == 2000 {
            (0..1000).for_each(|_| outbox.advance()); // half of them have been sent by then
        }
        dropped += outbox.add(line.as_bytes());
        assert!(outbox.oldest() * 1000 + outbox::CAPACITY as u64 >= number * 1000);
    }
    assert_eq!(dropped + 1000, outbox.oldest(), "those that were sent are not counted");
    assert!(outbox.oldest() > 10_000 && outbox.oldest() < 13_000, "{}", outbox.oldest());
    assert_eq!(outbox.sent(), outbox.oldest());
    for _ in 0..200_000 {
        outbox.add(b"\n");
    }
    assert!(220_000 - outbox.oldest() < 130_000, "short lines cost more than their bytes");
}

#[test]
fn who_invents_names_makes_the_inbox_forget_and_not_grow() {
    let mut inbox = Inbox::default();
    let mut hears = |name: &str, first| inbox.hear_lines(name, RUN, first, b"hello\n");
    assert!(hears("east", 0) && hears("west", 0));
    assert!(!hears("east", 5) && !hears("west", 5), "lines before that are missing");
    for number in 0..inbox::MOST_EDGES {
        assert!(hears(&format!("edge-{number}"), 0));
        assert!(hears("east", number as u64 + 1), "who speaks is not forgotten");
    }
    assert!(hears("west", 5), "forgotten, and new");
}

#[test]
fn names_are_words_of_any_language_and_nothing_else() {
    for name in ["east", "edge-3000", "教室_1", "x", &"x".repeat(32)] {
        assert!(is_name(name), "{name:?}");
    }
    for name in ["", "a b", "a/b", "a.b", "a:b", "*", ">", "a\n", &"x".repeat(33)] {
        assert!(!is_name(name), "{name:?}");
    }
}
