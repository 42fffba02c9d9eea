// ANCHOR: fairness
//! How often each machine is answered, in memory that does not grow.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Instant;

use shared::Allowance;

/// How many answers a machine gets without a pause, and then in a second. A client asks three times.
const ANSWERS: (f64, f64) = (30.0, 5.0);

/// How many allowances there are for all the addresses there could be.
const ALLOWANCES: usize = 1024;

/// An allowance of answers for each machine that asks.
///
/// Anybody can write any sender's address on a datagram, so a table with an entry for each address would
/// be filled by whoever likes to, and a table that is full has to refuse or forget somebody. So there is
/// a fixed number of allowances, and a hash of the address chooses one. A machine that asks without end
/// uses up one of them. It takes another machine's answers along only if both have the same, one time in
/// 1,024. The hash is keyed with a random number, so nobody can choose addresses that meet (SipHash,
/// which `HashMap` uses for the same reason).
pub struct Fairness {
    allowances: Vec<Allowance>,
    hash: RandomState,
}

impl Default for Fairness {
    fn default() -> Fairness {
        let (burst, per_second) = ANSWERS;
        let allowances = (0..ALLOWANCES).map(|_| Allowance::new(burst, per_second)).collect();
        Fairness { allowances, hash: RandomState::new() }
    }
}

impl Fairness {
    /// Takes an answer from the allowance of `asker`. Returns whether there was one left.
    pub fn allows(&mut self, asker: IpAddr, now: Instant) -> bool {
        let chosen = self.hash.hash_one(asker) as usize % ALLOWANCES;
        self.allowances[chosen].affords(1.0, now)
    }
}
// ANCHOR_END: fairness

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn machine(number: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + number).to_be_bytes())
    }

    #[test]
    fn a_machine_that_asks_without_end_is_answered_at_a_bounded_rate() {
        let mut fairness = Fairness::default();
        let now = Instant::now();
        let answered = |fairness: &mut Fairness, seconds| {
            let now = now + Duration::from_secs(seconds);
            (0..10_000).filter(|_| fairness.allows(machine(1), now)).count()
        };
        assert_eq!(answered(&mut fairness, 0), 30);
        assert_eq!(answered(&mut fairness, 2), 10);
        assert_eq!(answered(&mut fairness, 1_000_000), 30, "it saves up no more than that");
    }

    #[test]
    fn others_are_answered_while_one_machine_asks_without_end() {
        let mut fairness = Fairness::default();
        let now = Instant::now();
        while fairness.allows(machine(0), now) {}
        // About one in 1,024 shares the allowance of that machine: 30 of 30,000.
        let refused = (1..=30_000).filter(|number| !fairness.allows(machine(*number), now)).count();
        let shared_by_accident = 30_000 / ALLOWANCES;
        assert!(refused < 3 * shared_by_accident, "{refused}");
    }
}
