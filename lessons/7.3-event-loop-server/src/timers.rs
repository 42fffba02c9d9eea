//! Timers for an event loop, which asks how long it may wait, and afterwards whose time is up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mio::Token;

/// The running timers, at most one for each token.
#[derive(Default)]
pub struct Timers {
    /// Sorted by time, so that the next one to expire is the first.
    times: BTreeSet<(Instant, Token)>,
    of: BTreeMap<Token, Instant>,
}

impl Timers {
    /// Starts the timer of `token`, or restarts it. `None` stops it.
    pub fn set(&mut self, token: Token, after: Option<Duration>) {
        if let Some(time) = self.of.remove(&token) {
            self.times.remove(&(time, token));
        }
        if let Some(after) = after {
            let time = Instant::now() + after;
            self.of.insert(token, time);
            self.times.insert((time, token));
        }
    }

    /// Returns when the next timer expires, if any is running.
    pub fn next(&self) -> Option<Instant> {
        self.times.first().map(|(time, _)| *time)
    }

    /// Removes and returns a token whose timer has expired, if any.
    pub fn expired(&mut self) -> Option<Token> {
        let (time, token) = *self.times.first()?;
        if time > Instant::now() {
            return None;
        }
        self.set(token, None);
        Some(token)
    }
}
