//! Checks what the honest clients have received.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use harness::shortened;

use crate::random::Random;
use crate::wire::{LONGEST, Wire};

/// The honest clients, first those that only listen, then those that send as well.
pub struct Honest {
    pub seed: u64,
    pub wire: Wire,
    pub listeners: usize,
    /// The port of each, which the server puts before what it sends.
    pub ports: Vec<u16>,
}

impl Honest {
    /// Returns the message with this `number` of client `speaker`.
    pub fn message(&self, speaker: usize, number: usize) -> Vec<u8> {
        let mut random = Random::new(self.seed ^ ((speaker as u64) << 48) ^ ((number as u64) << 8));
        let longest = if random.once_in(10) { 4000 } else { 100 };
        let length = random.below(longest);
        let text: Vec<u8> = match self.wire {
            Wire::Lines => {
                let words = ["a", "line ", "你好", ":", "é", "🦀", "0", "\t"];
                (0..length / 3).flat_map(|_| random.one_of(&words).bytes()).collect()
            }
            Wire::Frames if random.once_in(10) => return Vec::new(),
            Wire::Frames => random.bytes(length),
        };
        // No server trims anything off this.
        [format!("{number} ").as_bytes(), &text, b"."].concat()
    }
}

/// Compares what each honest client receives with what was sent, and with what the others receive.
pub struct Heard {
    pub honest: Honest,
    /// The number of messages of each client that each client has received.
    counts: Vec<Vec<usize>>,
    /// The ports that strangers have, or had.
    strangers: BTreeSet<u16>,
    /// The guests whose messages not everybody has received yet, by their ports.
    guests: BTreeMap<u16, Guest>,
    /// The messages that one listener has received and another has not, the strangers' included.
    order: VecDeque<Vec<u8>>,
    /// The number of messages that each listener has received, and the number that all of them
    /// have.
    places: Vec<usize>,
    heard_by_all: usize,
}

/// An honest client that sends one message and leaves.
struct Guest {
    message: Vec<u8>,
    /// Whether each of the other clients has received it.
    is_heard_by: Vec<bool>,
}

impl Heard {
    /// Starts before anybody has sent anything.
    pub fn nothing(honest: Honest) -> Heard {
        let clients = honest.ports.len();
        Heard {
            counts: vec![vec![0; clients]; clients],
            strangers: BTreeSet::new(),
            guests: BTreeMap::new(),
            order: VecDeque::new(),
            places: vec![0; honest.listeners],
            heard_by_all: 0,
            honest,
        }
    }

    /// Allows messages of the stranger at `port` from now on.
    pub fn let_in(&mut self, port: u16) {
        self.strangers.insert(port);
    }

    /// Expects everybody to receive what the guest at `port` is going to send.
    pub fn expect_guest(&mut self, port: u16, message: Vec<u8>) {
        let is_heard_by = vec![false; self.honest.ports.len()];
        self.guests.insert(port, Guest { message, is_heard_by });
    }

    /// Forgets the guests, whom everybody has heard, because a stranger may get one of their ports.
    pub fn forget_guests(&mut self) {
        self.guests.clear();
    }

    /// Checks whether each client has received every guest's message, and as many messages of every
    /// other client as that one has `said`.
    ///
    /// # Errors
    ///
    /// If something is missing. The message lists what each client has not received yet.
    pub fn is_all(&self, said: &[usize]) -> Result<(), String> {
        for (reader, counts) in self.counts.iter().enumerate() {
            let missed = self.guests.iter().find(|(_, guest)| !guest.is_heard_by[reader]);
            if let Some((port, guest)) = missed {
                let (name, message) = (self.name(reader), shown(&guest.message));
                return Err(format!("{name} has not heard the guest at port {port}: {message}"));
            }
            for (speaker, (heard, said)) in counts.iter().zip(said).enumerate() {
                if reader != speaker && heard < said {
                    return Err(format!(
                        "{} has heard {heard} of the {said} messages of {}",
                        self.name(reader),
                        self.name(speaker)
                    ));
                }
            }
        }
        Ok(())
    }

    /// Records the next message that client `reader` receives.
    ///
    /// # Errors
    ///
    /// If no server should have sent it. The message says why.
    pub fn hear(&mut self, reader: usize, message: &[u8]) -> Result<(), String> {
        self.check_sender(reader, message)?;
        if reader < self.honest.listeners {
            self.check_order(reader, message)?;
        }
        Ok(())
    }

    fn check_sender(&mut self, reader: usize, message: &[u8]) -> Result<(), String> {
        let name = self.name(reader);
        let hears = |what: &str| format!("{name} hears {what}: {}", shown(message));
        if message.len() > LONGEST {
            return Err(hears("more than a message may hold"));
        }
        let colon = message.iter().position(|byte| *byte == b':').unwrap_or(0);
        let (label, text) = message.split_at(colon);
        let label = std::str::from_utf8(label).ok().and_then(|label| label.parse::<u16>().ok());
        let port = label.ok_or_else(|| hears("something that no port stands before"))?;
        if let Some(guest) = self.guests.get_mut(&port) {
            let is_right = text[1..] == guest.message && !guest.is_heard_by[reader];
            guest.is_heard_by[reader] = true;
            let expected = shown(&guest.message);
            return is_right.then_some(()).ok_or_else(|| {
                format!("{}\ninstead of, once: {expected}", hears("something else of a guest"))
            });
        }
        let Some(speaker) = self.honest.ports.iter().position(|honest| *honest == port) else {
            // A stranger may say anything.
            let is_somebody = self.strangers.contains(&port);
            return is_somebody.then_some(()).ok_or_else(|| hears("a port that nobody has"));
        };
        if speaker == reader {
            return Err(hears("its own message"));
        }
        let number = self.counts[reader][speaker];
        let expected = self.honest.message(speaker, number);
        if text[1..] != expected {
            let what = format!("something else than message {number} of {}", self.name(speaker));
            return Err(format!("{}\ninstead of: {}", hears(&what), shown(&expected)));
        }
        self.counts[reader][speaker] += 1;
        Ok(())
    }

    fn check_order(&mut self, reader: usize, message: &[u8]) -> Result<(), String> {
        let ahead = self.places[reader] - self.heard_by_all;
        match self.order.get(ahead) {
            None => self.order.push_back(message.to_vec()),
            Some(other) if other == message => {}
            Some(other) => {
                return Err(format!(
                    "as its message {}, {} hears: {}\nAnother listener has heard there: {}",
                    self.places[reader],
                    self.name(reader),
                    shown(message),
                    shown(other)
                ));
            }
        }
        self.places[reader] += 1;
        let heard_by_all = self.places.iter().min().copied().unwrap_or_default();
        self.order.drain(..heard_by_all - self.heard_by_all);
        self.heard_by_all = heard_by_all;
        Ok(())
    }

    /// Returns what to call a client when something is wrong.
    pub fn name(&self, client: usize) -> String {
        let kind = if client < self.honest.listeners { "listener" } else { "speaker" };
        format!("the {kind} at port {}", self.honest.ports[client])
    }
}

fn shown(bytes: &[u8]) -> String {
    shortened(&format!("{:?}", String::from_utf8_lossy(bytes)))
}

/// Tests which faults the honest clients must notice.
mod tests {
    use super::*;

    const LISTENERS: [usize; 2] = [0, 1];
    const SPEAKERS: [usize; 2] = [2, 3];

    fn room() -> Heard {
        let ports = vec![50_000, 50_001, 50_002, 50_003];
        let honest = Honest { seed: 1, wire: Wire::Lines, listeners: LISTENERS.len(), ports };
        let mut heard = Heard::nothing(honest);
        heard.let_in(40_000);
        heard
    }

    /// Returns a message as the server sends it.
    fn from(heard: &Heard, speaker: usize, number: usize) -> Vec<u8> {
        let label = format!("{}:", heard.honest.ports[speaker]);
        [label.as_bytes(), &heard.honest.message(speaker, number)].concat()
    }

    /// Lets `reader` receive these messages, each a speaker and a number.
    fn hear(heard: &mut Heard, reader: usize, messages: &[(usize, usize)]) -> Result<(), String> {
        messages.iter().try_for_each(|(speaker, number)| {
            let message = from(heard, *speaker, *number);
            heard.hear(reader, &message)
        })
    }

    #[track_caller]
    fn assert_noticed(outcome: Result<(), String>, words: &str) {
        let complaint = outcome.expect_err("it is not noticed");
        assert!(complaint.contains(words), "{words:?} is not in {complaint:?}");
    }

    needs::test!(the_same_for_all_is_right);
    fn the_same_for_all_is_right() {
        let mut heard = room();
        for reader in LISTENERS {
            assert_eq!(hear(&mut heard, reader, &[(2, 0), (3, 0), (2, 1)]), Ok(()));
            assert_eq!(heard.hear(reader, b"40000:\xff what a stranger says"), Ok(()));
            assert_eq!(hear(&mut heard, reader, &[(3, 1)]), Ok(()));
        }
        assert!(heard.order.is_empty(), "a message that all have received is kept");
        assert_eq!(hear(&mut heard, SPEAKERS[0], &[(3, 0), (3, 1)]), Ok(()));
        assert_eq!(hear(&mut heard, SPEAKERS[1], &[(2, 0), (2, 1)]), Ok(()));
        assert_eq!(heard.is_all(&[0, 0, 2, 2]), Ok(()));
    }

    needs::test!(a_lost_a_doubled_and_a_late_message_are_noticed);
    fn a_lost_a_doubled_and_a_late_message_are_noticed() {
        for wrong in [[(2, 0), (2, 2)], [(2, 0), (2, 0)], [(2, 1), (2, 0)]] {
            for reader in [LISTENERS[0], SPEAKERS[1]] {
                assert_noticed(hear(&mut room(), reader, &wrong), "something else than message");
            }
        }
    }

    needs::test!(a_message_that_never_comes_is_noticed);
    fn a_message_that_never_comes_is_noticed() {
        let mut heard = room();
        for reader in [0, 1, 3] {
            assert_eq!(hear(&mut heard, reader, &[(2, 0)]), Ok(()));
        }
        assert_eq!(heard.is_all(&[0, 0, 1, 0]), Ok(()));
        assert_noticed(heard.is_all(&[0, 0, 2, 0]), "has heard 1 of the 2 messages");
    }

    needs::test!(a_message_that_is_not_whole_is_noticed);
    fn a_message_that_is_not_whole_is_noticed() {
        let mut heard = room();
        let mut message = from(&heard, 2, 0);
        message.pop();
        assert_noticed(heard.hear(0, &message), "something else than message 0");
    }

    needs::test!(a_message_that_comes_back_is_noticed);
    fn a_message_that_comes_back_is_noticed() {
        assert_noticed(hear(&mut room(), 2, &[(2, 0)]), "hears its own message");
    }

    needs::test!(a_message_without_a_label_is_noticed);
    fn a_message_without_a_label_is_noticed() {
        assert_noticed(room().hear(0, b"hello: nobody"), "no port");
        assert_noticed(room().hear(0, b""), "no port");
    }

    needs::test!(a_wrong_label_is_noticed);
    fn a_wrong_label_is_noticed() {
        assert_noticed(room().hear(0, b"40001:hello"), "a port that nobody has");
    }

    needs::test!(what_a_guest_says_has_to_be_heard_whole_and_once);
    fn what_a_guest_says_has_to_be_heard_whole_and_once() {
        let mut heard = room();
        heard.expect_guest(40_000, b"goodbye".to_vec());
        assert_noticed(heard.hear(0, b"40000:good"), "something else of a guest");
        for reader in 1..4 {
            assert_noticed(heard.is_all(&[0; 4]), "has not heard the guest at port 40000");
            assert_eq!(heard.hear(reader, b"40000:goodbye"), Ok(()));
        }
        assert_eq!(heard.is_all(&[0; 4]), Ok(()));
        assert_noticed(heard.hear(3, b"40000:goodbye"), "something else of a guest");
    }

    needs::test!(two_orders_are_noticed);
    fn two_orders_are_noticed() {
        let mut heard = room();
        assert_eq!(hear(&mut heard, 0, &[(2, 0), (3, 0)]), Ok(()));
        assert_noticed(hear(&mut heard, 1, &[(3, 0), (2, 0)]), "Another listener has heard");
    }

    needs::test!(a_strangers_message_that_one_listener_misses_is_noticed);
    fn a_strangers_message_that_one_listener_misses_is_noticed() {
        let mut heard = room();
        assert_eq!(heard.hear(0, b"40000:hello"), Ok(()));
        assert_eq!(hear(&mut heard, 0, &[(2, 0)]), Ok(()));
        assert_noticed(hear(&mut heard, 1, &[(2, 0)]), "Another listener has heard");
    }
}
