// ANCHOR: fairness
//! Limits how often each machine is answered, in memory that does not grow.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use shared::Allowance;

/// How many answers a machine gets without a pause, and then in a second. A client asks three times.
const ANSWERS: (f64, f64) = (12.0, 3.0);

/// How many allowances there are for all the addresses there could be.
const ALLOWANCES: usize = 16 * 1024;

/// After this long, everybody begins again, with another allowance.
const TERM: Duration = Duration::from_secs(10);

/// An allowance of answers for each machine that asks.
///
/// Anybody can write any sender's address on a datagram. A table with an entry for each address would grow
/// without limit, and one that is full would have to refuse or forget somebody. So there is a fixed number
/// of allowances, and a hash of the address chooses one. A machine that asks without end uses up one of
/// them. Another machine loses its answers only if it has the same allowance, which happens one time in
/// 16,384, and only until the next term. The hash is keyed with a random number, so nobody can choose
/// addresses that share an allowance with a victim (`HashMap` does the same, for the same reason).
pub struct Fairness {
    allowances: Vec<Allowance>,
    hash: RandomState,
    begun: Instant,
}

impl Fairness {
    /// Creates full allowances.
    pub fn new(now: Instant) -> Fairness {
        let (burst, per_second) = ANSWERS;
        let allowances = (0..ALLOWANCES).map(|_| Allowance::new(burst, per_second)).collect();
        Fairness { allowances, hash: RandomState::new(), begun: now }
    }

    /// Takes an answer from the allowance of `asker`. Returns whether there was one left.
    pub fn allows(&mut self, asker: IpAddr, now: Instant) -> bool {
        if now.saturating_duration_since(self.begun) >= TERM {
            *self = Fairness::new(now);
        }
        let chosen = self.chosen_by(asker);
        self.allowances[chosen].affords(1.0, now)
    }

    fn chosen_by(&self, asker: IpAddr) -> usize {
        self.hash.hash_one(asker) as usize % ALLOWANCES
    }
}
// ANCHOR_END: fairness

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(number: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + number).to_be_bytes())
    }

    /// How many of 10,000 questions of one machine are answered.
    fn answered(fairness: &mut Fairness, now: Instant) -> usize {
        (0..10_000).filter(|_| fairness.allows(machine(1), now)).count()
    }

    #[test]
    fn a_machine_that_asks_without_end_is_answered_at_a_bounded_rate() {
        let now = Instant::now();
        let mut fairness = Fairness::new(now);
        assert_eq!(answered(&mut fairness, now), 12);
        assert_eq!(answered(&mut fairness, now + Duration::from_secs(2)), 6);
        assert_eq!(
            answered(&mut fairness, now + Duration::from_secs(8)),
            12,
            "no more are saved up"
        );
        assert_eq!(answered(&mut fairness, now + TERM), 12, "a new term");
        assert_eq!(answered(&mut fairness, now + TERM), 0);
    }

    #[test]
    fn others_are_answered_while_one_machine_asks_without_end() {
        let now = Instant::now();
        let mut fairness = Fairness::new(now);
        answered(&mut fairness, now);
        // One in 16,384 has the same allowance. More than twenty of 10,000 would be no accident.
        let refused = (2..10_000).filter(|number| !fairness.allows(machine(*number), now)).count();
        assert!(refused < 20, "{refused}");
    }

    #[test]
    fn machines_with_the_same_allowance_have_different_ones_in_the_next_term() {
        let now = Instant::now();
        let mut fairness = Fairness::new(now);
        let unlucky = |fairness: &Fairness, other: &IpAddr| {
            fairness.chosen_by(*other) == fairness.chosen_by(machine(1))
        };
        let others = (2..).map(machine).filter(|other| unlucky(&fairness, other));
        let others: Vec<IpAddr> = others.take(5).collect();
        fairness.allows(machine(1), now + TERM);
        assert!(!others.iter().all(|other| unlucky(&fairness, other)), "{others:?}");
    }
}
