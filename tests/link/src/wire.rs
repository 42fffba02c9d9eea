//! Simulates what a packet meets on its way: a queue, a rate, losses and a delay. It has no clock
//! of its own and does nothing by itself, so its tests need not wait.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::Conditions;
use crate::packet::segment;

/// A packet, and the machine at the other end of the link that sends or receives it.
#[derive(Debug, PartialEq)]
pub struct Packet {
    pub machine: u8,
    pub bytes: Vec<u8>,
}

/// A full-duplex wire: each direction has the whole rate and a queue of its own.
pub struct Wire {
    conditions: Conditions,
    random: u64,
    to_servers: Direction,
    from_servers: Direction,
    /// The ports that somebody has connected to. On this wire all packets come from the same
    /// machine, so only the port distinguishes a server's packets from those of its clients.
    server_ports: HashSet<u16>,
}

#[derive(Default)]
struct Direction {
    /// When the last packet of the queue will have left.
    free_at: Option<Instant>,
    /// The packets in flight, and when each arrives. They arrive in order, because the delay never
    /// changes.
    under_way: VecDeque<(Instant, Packet)>,
}

impl Wire {
    pub fn new(conditions: Conditions) -> Wire {
        Wire {
            random: conditions.seed,
            conditions,
            to_servers: Direction::default(),
            from_servers: Direction::default(),
            server_ports: HashSet::new(),
        }
    }

    /// Puts a packet on the wire. It may get lost.
    pub fn send(&mut self, packet: Packet, now: Instant) {
        let from_server = match segment(&packet.bytes) {
            Some(segment) if segment.connects => {
                self.server_ports.insert(segment.to_port);
                false
            }
            Some(segment) => self.server_ports.contains(&segment.from_port),
            None => false,
        };
        let lost = self.is_lost();
        let direction = if from_server { &mut self.from_servers } else { &mut self.to_servers };
        let starts = direction.free_at.map_or(now, |free_at| free_at.max(now));
        let queued = self.conditions.bytes_in(starts - now);
        if queued + packet.bytes.len() as u64 > self.conditions.queue {
            return; // the queue is full
        }
        let leaves = starts + self.conditions.time_for(packet.bytes.len());
        direction.free_at = Some(leaves);
        if !lost {
            direction.under_way.push_back((leaves + self.conditions.delay, packet));
        }
    }

    /// Returns when the next packet will arrive.
    pub fn next_arrival(&self) -> Option<Instant> {
        let first = |direction: &Direction| direction.under_way.front().map(|(at, _)| *at);
        [first(&self.to_servers), first(&self.from_servers)].into_iter().flatten().min()
    }

    /// Returns the packet that has arrived by now, if any.
    pub fn receive(&mut self, now: Instant) -> Option<Packet> {
        let next = self.next_arrival().filter(|at| *at <= now)?;
        [&mut self.to_servers, &mut self.from_servers]
            .into_iter()
            .find(|direction| direction.under_way.front().is_some_and(|(at, _)| *at == next))
            .and_then(|direction| direction.under_way.pop_front())
            .map(|(_, packet)| packet)
    }

    fn is_lost(&mut self) -> bool {
        // SplitMix64 is short, and good enough to toss a coin.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let from_0_to_1 = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        from_0_to_1 < self.conditions.loss
    }
}

impl Conditions {
    /// Returns how long `bytes` take to leave.
    fn time_for(&self, bytes: usize) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_nanos(bytes as u64 * 8 * 1_000_000_000 / rate.max(1))
        })
    }

    /// Returns how many bytes leave in `time`.
    fn bytes_in(&self, time: Duration) -> u64 {
        self.rate.map_or(0, |rate| (time.as_secs_f64() * rate as f64 / 8.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn packet(number: u8) -> Packet {
        Packet { machine: number, bytes: vec![number; 1250] } // 10,000 bits
    }

    /// Returns the numbers of the packets that arrive, each with the time it takes.
    fn arrivals(wire: &mut Wire, start: Instant) -> Vec<(u8, Duration)> {
        let mut arrived = Vec::new();
        while let Some(at) = wire.next_arrival() {
            let packet = wire.receive(at).expect("a packet that has arrived");
            arrived.push((packet.machine, at - start));
        }
        arrived
    }

    #[test]
    fn a_packet_arrives_after_the_delay_and_not_before() {
        let mut wire = Wire::new(Conditions { delay: 5 * MILLISECOND, ..Conditions::default() });
        let start = Instant::now();
        wire.send(packet(1), start);
        wire.send(packet(2), start + MILLISECOND);
        assert_eq!(wire.receive(start + 4 * MILLISECOND), None);
        assert_eq!(arrivals(&mut wire, start), [(1, 5 * MILLISECOND), (2, 6 * MILLISECOND)]);
    }

    #[test]
    fn packets_leave_one_after_the_other_at_the_rate() {
        let conditions =
            Conditions { rate: Some(10_000_000), delay: 5 * MILLISECOND, ..Conditions::default() };
        let mut wire = Wire::new(conditions);
        let start = Instant::now();
        for number in 1..=3 {
            wire.send(packet(number), start);
        }
        wire.send(packet(4), start + 9 * MILLISECOND);
        let expected = [(1, 6), (2, 7), (3, 8), (4, 15)].map(|(n, ms)| (n, ms * MILLISECOND));
        assert_eq!(arrivals(&mut wire, start), expected);
    }

    #[test]
    fn a_full_queue_takes_no_more_until_something_has_left() {
        let conditions =
            Conditions { rate: Some(10_000_000), queue: 2500, ..Conditions::default() };
        let mut wire = Wire::new(conditions);
        let start = Instant::now();
        for number in 1..=9 {
            wire.send(packet(number), start);
        }
        wire.send(packet(10), start + MILLISECOND);
        let arrived: Vec<u8> = arrivals(&mut wire, start).into_iter().map(|(n, _)| n).collect();
        assert_eq!(arrived, [1, 2, 10]);
    }

    #[test]
    fn as_many_are_lost_as_the_conditions_say() {
        for (loss, expected) in [(0.0, 0..=0), (0.02, 100..=300), (1.0, 10_000..=10_000)] {
            let mut wire = Wire::new(Conditions { loss, ..Conditions::default() });
            let start = Instant::now();
            for _ in 0..10_000 {
                wire.send(packet(1), start);
            }
            let lost = 10_000 - arrivals(&mut wire, start).len();
            assert!(expected.contains(&lost), "{lost} of 10,000 are lost with {loss}");
        }
    }

    #[test]
    fn a_server_and_its_clients_do_not_share_a_direction() {
        let tcp = |from: u16, to: u16, flags: u8| {
            let mut bytes = vec![0; 1250];
            (bytes[0], bytes[9], bytes[33]) = (0x45, 6, flags);
            bytes[20..22].copy_from_slice(&from.to_be_bytes());
            bytes[22..24].copy_from_slice(&to.to_be_bytes());
            Packet { machine: 2, bytes }
        };
        let conditions = Conditions { rate: Some(10_000_000), ..Conditions::default() };
        let delay = conditions.delay;
        let mut wire = Wire::new(conditions);
        let start = Instant::now();
        wire.send(tcp(40000, 3000, 0x02), start);
        wire.send(tcp(3000, 40000, 0x12), start);
        wire.send(tcp(40000, 3000, 0x10), start);
        let times: Vec<Duration> = arrivals(&mut wire, start).into_iter().map(|(_, t)| t).collect();
        assert_eq!(times, [1, 1, 2].map(|ms| ms * MILLISECOND + delay));
    }
}
