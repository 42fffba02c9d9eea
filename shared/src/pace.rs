//! Slows down a client that sends too fast.
//!
//! A room without a queue of its own passes a paste on as fast as the speaker's machine can send
//! it, which is too fast for every reader. So it makes the speaker wait, and not the readers: it
//! stops reading from the speaker, the connection fills up, and TCP makes the sender wait. No data
//! is lost. IRC servers do the same (RFC 1459, section 8.10).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

// ANCHOR: pace
/// How many bytes a client may send without a pause: a few pages of text, or one long line.
const BURST: f64 = 64.0 * 1024.0;

/// How many bytes a second that allowance grows by, for each client.
const ALLOWED: f64 = 16.0 * 1024.0;

/// How many bytes a second are shared by all clients that have used up their allowance. Together
/// with [`ALLOWED`], it keeps one speaker below a megabit a second, headers included, so every
/// reader whose connection can carry that much keeps up.
const SHARED: f64 = 96.0 * 1024.0;

/// Limits how fast one client may send: [`BURST`] without a pause, then [`ALLOWED`] plus a share of
/// [`SHARED`]. The more clients are too fast, the smaller each one's share.
pub struct Pace {
    state: Mutex<State>,
}

struct State {
    allowance: Allowance,
    /// When the client may send again.
    resumes: Instant,
}

/// When the clients that are too fast will have used up all that they have asked for of [`SHARED`].
/// `None` before the first of them.
static TAKEN_UNTIL: Mutex<Option<Instant>> = Mutex::new(None);

impl Default for Pace {
    fn default() -> Pace {
        let allowance = Allowance::new(BURST, ALLOWED);
        Pace { state: Mutex::new(State { allowance, resumes: Instant::now() }) }
    }
}

impl Pace {
    /// Records that each reader has been sent `bytes` because of this client.
    pub fn spend(&self, bytes: usize) {
        let mut state = self.state();
        let now = Instant::now();
        let excess = state.allowance.spend(bytes as f64, now);
        if excess > 0.0 {
            let mut taken_until = TAKEN_UNTIL.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = taken_until.map_or(now, |until| until.max(now));
            state.resumes = turn + Duration::from_secs_f64(excess / SHARED);
            *taken_until = Some(state.resumes);
        }
    }

    /// Waits until the client may send again. Meanwhile nobody reads from it, so TCP stops it.
    pub fn wait(&self) {
        let resumes = self.state().resumes;
        thread::sleep(resumes.saturating_duration_since(Instant::now()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// ANCHOR_END: pace
/// A token bucket, with its size and the rate at which it refills.
pub struct Allowance {
    most: f64,
    per_second: f64,
    left: f64,
    grown_until: Instant,
}

impl Allowance {
    /// Creates a full bucket of `most`.
    pub fn new(most: f64, per_second: f64) -> Allowance {
        Allowance { most, per_second, left: most, grown_until: Instant::now() }
    }

    /// Takes `amount` from what is left. Returns how much was missing.
    pub(crate) fn spend(&mut self, amount: f64, now: Instant) -> f64 {
        self.grow(now);
        let spent = amount.min(self.left);
        self.left -= spent;
        amount - spent
    }

    /// Takes all of `amount`, or nothing. Returns whether there was enough.
    pub fn affords(&mut self, amount: f64, now: Instant) -> bool {
        self.grow(now);
        let affords = self.left >= amount;
        if affords {
            self.left -= amount;
        }
        affords
    }

    fn grow(&mut self, now: Instant) {
        let grown = now.saturating_duration_since(self.grown_until).as_secs_f64() * self.per_second;
        self.left = (self.left + grown).min(self.most);
        self.grown_until = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_so_is_what_is_said_slowly() {
        let mut allowance = Allowance::new(BURST, ALLOWED);
        let now = allowance.grown_until;
        assert_eq!(allowance.spend(BURST, now), 0.0);
        assert_eq!(allowance.spend(100.0, now), 100.0, "the wait pays for it, so nothing is owed");
        for second in 1..100 {
            assert_eq!(allowance.spend(ALLOWED, now + Duration::from_secs(second)), 0.0);
        }
        let later = now + Duration::from_secs(1000);
        assert_eq!(allowance.spend(BURST + 1.0, later), 1.0, "it never grows beyond a burst");
    }

    #[test]
    fn what_is_all_or_nothing_is_saved_up_for() {
        let mut allowance = Allowance::new(2.0, 1.0);
        let quarter = |number: u32| allowance.grown_until + Duration::from_millis(250) * number;
        let times: Vec<Instant> = (0..=8).map(quarter).collect();
        let spent = times.into_iter().filter(|time| allowance.affords(1.0, *time)).count();
        assert_eq!(spent, 2 + 2, "two in a burst, and two in two seconds");
    }

    #[test]
    fn all_that_are_too_fast_share_what_there_is() {
        let began = Instant::now();
        let in_excess = 4096;
        thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    let pace = Pace::default();
                    pace.spend(BURST as usize);
                    pace.spend(in_excess);
                    pace.wait();
                });
            }
        });
        let alone = in_excess as f64 / SHARED;
        // What the allowance grows by while the threads start is not in excess.
        assert!(began.elapsed().as_secs_f64() > 4.0 * alone, "{:?}", began.elapsed());
    }
}
