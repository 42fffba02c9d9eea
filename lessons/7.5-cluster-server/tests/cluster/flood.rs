//! Somebody at one edge is faster than the readers of another one.

use std::io::{BufRead, BufReader, Read, Write, copy, sink};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Nats, Peer, Program, wait_until};
use needs::NATS_SERVER;
use socket2::{Domain, Socket, Type};

use crate::edges::{edge, lost, meet};

const LINE: &str = "somebody pastes a file that has this line in it again and again";

/// Pastes numbered lines for a while, however long that takes. Returns how many.
fn paste(mut speaker: &TcpStream, is_over: impl Fn(usize) -> bool) -> usize {
    let mut number = 0;
    while !is_over(number) {
        let lines: String = (number..number + 100).map(|n| format!("{n} {LINE}\n")).collect();
        speaker.write_all(lines.as_bytes()).expect("the edge reads");
        number += 100;
    }
    number
}

/// The lines that a slow reader has heard before `end` is said.
#[derive(Default)]
struct Heard {
    numbers: Vec<usize>,
    /// The lines of the others, each with the number of lines of the flood that were heard before it.
    asides: Vec<(String, usize)>,
}

/// How much a reader has heard so far: lines of the flood, and lines of the others.
#[derive(Default)]
struct Counts {
    flood: AtomicUsize,
    asides: AtomicUsize,
}

/// Reads some KiB, and then does something else for a moment.
fn read_slowly(stream: &TcpStream, flood: &str, counts: &Counts) -> Heard {
    let mut heard = Heard::default();
    let mut reader = BufReader::with_capacity(32 * 1024, Slowly(stream));
    let mut line = String::new();
    loop {
        line.clear();
        let read = reader.read_line(&mut line).expect("nobody is thrown out");
        assert!(read > 0, "a reader that reads was thrown out");
        let line = line.trim_end();
        match line.strip_prefix(flood) {
            Some("the end") => return heard,
            Some(said) => {
                let (number, text) = said.split_once(' ').expect("a number");
                let Ok(number) = number.parse() else { continue };
                assert_eq!(text, LINE);
                heard.numbers.push(number);
                counts.flood.store(heard.numbers.len(), Ordering::Relaxed);
            }
            None if line.contains(":aside ") => {
                heard.asides.push((line.to_string(), heard.numbers.len()));
                counts.asides.store(heard.asides.len(), Ordering::Relaxed);
            }
            None => {}
        }
    }
}

struct Slowly<'a>(&'a TcpStream);

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        thread::sleep(Duration::from_millis(10)); // it is slow: about 3 MB a second
        self.0.read(buffer)
    }
}

/// How much of the flood the slow reader usually hears before it hears what somebody else has said
/// meanwhile. It is no more than the log holds, although far more than that is waiting.
const MOST_BEFORE: usize = 8 * 1024 * 1024;

/// Linux gives a connection over loopback megabytes of buffers, and what is in there comes first.
fn connect_with_a_small_buffer(edge: &Program) -> Peer {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(64 * 1024).expect("a small buffer");
    socket.connect(&edge.address().into()).expect("the edge listens");
    Peer::over(socket.into())
}

fn a_flood(is_over: impl Fn(usize, Instant) -> bool + Send) {
    let nats = Nats::running();
    let (east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (mut floods, mut reads) = (east.connect(), connect_with_a_small_buffer(&west));
    let (mut at_west, mut at_north) = (west.connect(), north.connect());
    meet(&mut [&mut floods, &mut reads, &mut at_west, &mut at_north]);
    let label = format!("east/{}:", floods.port());
    let asides =
        [format!("{}:aside ", at_west.port()), format!("north/{}:aside ", at_north.port())];
    let stream = |peer: &Peer| peer.stream().try_clone().expect("a handle");
    let (flooding, reading) = (stream(&floods), stream(&reads));
    let others = [stream(&floods), stream(&at_west), stream(&at_north)];
    let counts = Counts::default();
    let (said, heard, spoken) = thread::scope(|scope| {
        for other in &others {
            scope.spawn(|| copy(&mut &*other, &mut sink()));
        }
        let heard = scope.spawn(|| read_slowly(&reading, &label, &counts));
        let start = Instant::now();
        let said = scope.spawn(move || paste(&flooding, |number| is_over(number, start)));
        let mut spoken = Vec::new();
        while !said.is_finished() {
            thread::sleep(Duration::from_millis(200)); // nobody speaks without a pause
            for speaker in [&mut at_west, &mut at_north] {
                spoken.push(counts.flood.load(Ordering::Relaxed));
                speaker.send(format!("aside {}\n", spoken.len()));
            }
        }
        let said = said.join().expect("the flood");
        wait_until("what the others said is heard, or said to be lost", || {
            counts.asides.load(Ordering::Relaxed) + lost(&west, "north") >= spoken.len()
        });
        // Only after everything that waits has been said, because otherwise it might be lost.
        wait_until("the end is heard", || {
            floods.send("the end\n");
            thread::sleep(Duration::from_millis(100));
            heard.is_finished()
        });
        let heard = heard.join().expect("a reader that reads");
        others.iter().for_each(|other| {
            let _ = other.shutdown(Shutdown::Both);
        });
        (said, heard, spoken)
    });
    assert!(heard.numbers.is_sorted_by(|one, next| one < next), "in order, and none twice");
    let missing = said - heard.numbers.len();
    assert_lost(&west, missing);
    let mut waits = Vec::new();
    let mut unheard = 0;
    for (index, spoken) in spoken.iter().enumerate() {
        let words = format!("{}{}", asides[index % 2], index + 1);
        match heard.asides.iter().find(|(line, _)| *line == words) {
            Some((_, heard)) => waits.push((heard - spoken) * LINE.len()),
            // An edge that a busy machine has held up is behind the flood, and may lose what it says.
            None => unheard += 1,
        }
    }
    assert_eq!(unheard, lost(&west, "north"), "what was not heard is said to be lost");
    assert!(unheard < spoken.len() / 2, "{unheard} of {} were not heard", spoken.len());
    // A busy machine may hold up a few of them before they reach the edge, where they have their turn.
    waits.sort();
    let usual = waits[waits.len() / 2];
    assert!(usual < MOST_BEFORE, "heard after so many bytes of the flood: {waits:?}");
    println!("{missing} of {said} lines were lost");
}

/// Some of the words "the end" may be lost as well.
fn assert_lost(edge: &Program, missing: usize) {
    wait_until("what is missing is said to be lost", || lost(edge, "east") >= missing);
    assert!(lost(edge, "east") <= missing + 100, "{missing} are missing\n{}", edge.stderr());
}

needs::test!(NATS_SERVER: a_flood_at_one_edge_throws_nobody_out_at_another_and_what_is_lost_is_counted);
fn a_flood_at_one_edge_throws_nobody_out_at_another_and_what_is_lost_is_counted() {
    a_flood(|_, start| start.elapsed() > Duration::from_secs(5));
}

needs::test!(NATS_SERVER: a_paste_of_16_mebibytes_throws_nobody_out_at_another_edge);
fn a_paste_of_16_mebibytes_throws_nobody_out_at_another_edge() {
    a_flood(|number, _| number * LINE.len() > 16 << 20);
}
