//! Edges as the tests start them, and people who meet at them.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use harness::{DEADLINE, Nats, Peer, Program, own, wait_until};
use predicates::str::contains;

pub const LESSON: &str = "lesson-cluster-server";

/// Starts an edge, which need not be able to connect to any of these servers.
pub fn edge_with(name: &str, servers: &str) -> Program {
    let mut command = Command::new(own(LESSON));
    command.args(["127.0.0.1:0", "--nats", servers, "--name", name]);
    Program::server_from(command)
}

/// Starts an edge, and waits until it is connected to NATS.
pub fn edge(name: &str, nats: &Nats) -> Program {
    let edge = edge_with(name, &nats.address());
    edge.wait_for_stderr(contains("joined the other edges"));
    edge
}

/// Waits until everybody is in the room and hears everybody else, at every edge. Each says a line again
/// and again until all the others have heard one, and then all wait for the last of those.
pub fn meet(people: &mut [&mut Peer]) {
    for index in 0..people.len() {
        people.swap(0, index);
        let (speaker, others) = people.split_first_mut().expect("somebody");
        let here = format!("{} is here\n", speaker.address());
        let heard = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let most = DEADLINE.as_millis() / 10;
                for _ in (0..most).take_while(|_| !heard.load(Ordering::Relaxed)) {
                    speaker.send(&here);
                    thread::sleep(Duration::from_millis(10));
                }
            });
            others.iter_mut().for_each(|other| other.skip_to(&here));
            heard.store(true, Ordering::Relaxed);
        });
        let done = format!("{} has been heard\n", speaker.address());
        speaker.send(&done);
        others.iter_mut().for_each(|other| other.skip_to(&done));
        people.swap(0, index);
    }
}

/// A speaker of numbered lines, and a neighbour who hears each of them before the next is said.
pub struct Series {
    speaker: Peer,
    neighbour: Peer,
    filler: String,
    pub said: usize,
}

impl Series {
    pub fn at(edge: &Program) -> Series {
        let (mut speaker, mut neighbour) = (edge.connect(), edge.connect());
        meet(&mut [&mut speaker, &mut neighbour]);
        Series { speaker, neighbour, filler: String::new(), said: 0 }
    }

    /// Makes each line longer by so many bytes.
    pub fn with_filler(self, length: usize) -> Series {
        Series { filler: "x".repeat(length), ..self }
    }

    /// Says some lines.
    pub fn say(&mut self, count: usize) {
        for number in self.said..self.said + count {
            let line = format!("{number} {}", self.filler);
            self.speaker.send(format!("{line}\n"));
            self.neighbour.skip_to(format!("{}:{}\n", self.speaker.port(), line.trim_end()));
            self.speaker.forget();
            self.neighbour.forget();
        }
        self.said += count;
    }

    /// Listens at another edge, in a thread of its own.
    pub fn heard_at(&self, edge: &Program, from: &str) -> Witness {
        let stream = TcpStream::connect(edge.address()).expect("the edge listens");
        let label = format!("{from}/{}:", self.speaker.port());
        let heard = Arc::<Mutex<Vec<usize>>>::default();
        let also_heard = Arc::clone(&heard);
        thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                let Ok(line) = line else { return };
                let Some(said) = line.strip_prefix(&label) else { continue };
                let (number, rest) = said.split_once(' ').unwrap_or((said, ""));
                let Ok(number) = number.parse() else { continue };
                assert_eq!(rest.trim_start_matches('x'), "", "something else than was said");
                also_heard.lock().expect("no panic").push(number);
            }
        });
        Witness { heard, from: from.to_string() }
    }

    /// Says lines until all of the witnesses have heard one, and then waits until they have heard all.
    pub fn say_until_heard_by(&mut self, witnesses: &[&Witness]) {
        let start = self.said;
        wait_until("a line is heard everywhere", || {
            self.say(1);
            witnesses.iter().all(|witness| witness.last() >= Some(start))
        });
        let last = Some(self.said - 1);
        wait_until("the last line is heard everywhere", || {
            witnesses.iter().all(|witness| witness.last() == last)
        });
    }

    /// Asserts that `edge` reports exactly the lines that a witness has not heard as lost, and that the
    /// witness has heard the others in order, and none twice. Returns how many lines are lost.
    pub fn assert_heard_or_lost(&mut self, witness: &Witness, edge: &Program) -> usize {
        self.say_until_heard_by(&[witness]);
        let heard = witness.heard();
        assert!(heard.is_sorted_by(|one, next| one < next), "out of order: {heard:?}");
        let missing = self.said - heard[0] - heard.len();
        wait_until("what is missing is said to be lost", || lost(edge, &witness.from) >= missing);
        let gaps = heard.windows(2).filter(|pair| pair[0] + 1 < pair[1]).collect::<Vec<_>>();
        let stderr = edge.stderr();
        assert_eq!(lost(edge, &witness.from), missing, "after {}: {gaps:?}\n{stderr}", heard[0]);
        missing
    }
}

/// The lines of a series that somebody has heard.
pub struct Witness {
    heard: Arc<Mutex<Vec<usize>>>,
    from: String,
}

impl Witness {
    pub fn heard(&self) -> Vec<usize> {
        self.heard.lock().expect("no panic").clone()
    }

    fn last(&self) -> Option<usize> {
        self.heard.lock().expect("no panic").last().copied()
    }
}

/// Returns how many lines of another edge are lost, according to `edge`.
pub fn lost(edge: &Program, from: &str) -> usize {
    let stderr = edge.stderr();
    let words = stderr.lines().filter_map(|line| line.strip_prefix(&format!("{from}: ")));
    let counts = words.filter_map(|words| words.strip_suffix(" lost")?.split(' ').next());
    counts.map(|count| count.parse::<usize>().expect("a number")).sum()
}
