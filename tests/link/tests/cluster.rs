//! Tests edges of a cluster whose readers are on a network that is not loopback. NATS and the edges
//! are on one machine, so somebody who pastes there is far faster than the readers.

use std::io::{BufRead, BufReader, Write, copy, sink};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Nats, Program, Watch, lesson, runs, wait_until};
use link::{Conditions, Link, machine};
use needs::Need;

mod as_root;

/// A link, and the server that joins the edges.
static LINK_AND_NATS: Need = Need::new("a link, as the other tests here, and nats-server", || {
    runs("nats-server", &["--version"])
        && runs(harness::own("link").to_str().unwrap_or(""), &["--", "true"])
});

needs::test!(LINK_AND_NATS: a_flood_at_one_edge_throws_out_nobody_who_reads_over_a_link_at_another);
fn a_flood_at_one_edge_throws_out_nobody_who_reads_over_a_link_at_another() {
    as_root::as_root(
        "a_flood_at_one_edge_throws_out_nobody_who_reads_over_a_link_at_another",
        a_flood_at_one_edge,
    );
}

const LINE: &str =
    "somebody pastes a file on the machine of the servers, with this line again and again";

/// How many bytes are pasted.
const PASTE: usize = 48 * 1024 * 1024;

/// What a reader has received.
#[derive(Default)]
struct Heard {
    numbers: Vec<usize>,
    /// What the others said meanwhile, and when it was received.
    asides: Vec<(String, Instant)>,
}

fn a_flood_at_one_edge() {
    let program = lesson("lesson-cluster-server"); // built while there is a network
    let delay = Duration::from_millis(2);
    let conditions =
        Conditions { delay, rate: Some(200_000_000), loss: 0.001, ..Conditions::default() };
    let _link = Link::new(conditions).unwrap_or_else(|error| panic!("no link: {error:#}"));
    let nats = Nats::running();
    let [east, west, north] = ["east", "west", "north"].map(|name| {
        let mut command = Command::new(&program);
        command.args(["0.0.0.0:0", "--nats", &nats.address(), "--name", name]);
        Program::server_from(command)
    });
    let here = |edge: &Program| TcpStream::connect(("127.0.0.1", edge.address().port()));
    let there = |number: u8| TcpStream::connect((machine(number), west.address().port()));
    let floods = here(&east).expect("a connection");
    let at_north = here(&north).expect("a connection");
    let at_west = there(99).expect("a connection");
    let readers: Vec<TcpStream> =
        (2..7).map(|number| there(number).expect("a connection")).collect();
    for speaker in [&floods, &at_west, &at_north] {
        wait_until_heard(speaker, readers.iter().chain([&floods, &at_west, &at_north]));
    }
    let label = format!("east/{}:", port(&floods));
    let watch = Watch::start();
    let (heard, said, spoken) = thread::scope(|scope| {
        for other in [&floods, &at_west, &at_north] {
            scope.spawn(|| copy(&mut &*other, &mut sink()));
        }
        let reading: Vec<_> =
            readers.iter().map(|reader| scope.spawn(|| heard_by(reader, &label))).collect();
        let pasting = scope.spawn(|| paste(&floods));
        let mut spoken = Vec::new();
        while !pasting.is_finished() {
            thread::sleep(Duration::from_millis(200)); // people speak now and then
            for mut speaker in [&at_west, &at_north] {
                spoken.push(Instant::now());
                let words = format!("aside {}\n", spoken.len());
                speaker.write_all(words.as_bytes()).expect("the edge reads");
            }
        }
        let said = pasting.join().expect("the paste");
        wait_until("the end is heard", || {
            (&floods).write_all(b"the end\n").expect("the edge reads");
            thread::sleep(Duration::from_millis(100));
            reading.iter().all(|reader| reader.is_finished())
        });
        let heard: Vec<Heard> =
            reading.into_iter().map(|reader| reader.join().expect("a reader that reads")).collect();
        for other in [&floods, &at_west, &at_north] {
            let _ = other.shutdown(Shutdown::Both); // its thread ends
        }
        (heard, said, spoken)
    });
    for heard in &heard {
        assert!(
            heard.numbers.is_sorted_by(|one, next| one < next),
            "lines are in order, and none comes twice"
        );
        let missing = said - heard.numbers.len();
        println!("{missing} of {said} lines were lost, {} asides", spoken.len());
        let lost_of = |name| lost(&west, name);
        wait_until("the edge reports what is missing as lost", || lost_of("east") >= missing);
        assert!(
            lost_of("east") <= missing + 100,
            "besides these, only words at the end may be lost"
        );
        let mut unheard = 0;
        for (index, spoken) in spoken.iter().enumerate() {
            let words = format!(":aside {}", index + 1);
            match heard.asides.iter().find(|(line, _)| line.ends_with(&words)) {
                Some((_, at)) => {
                    let late = at.duration_since(*spoken);
                    let is_held_up = late > Duration::from_secs(3) && !watch.machine_was_busy();
                    assert!(!is_held_up, "{words:?} was heard after {late:?}");
                }
                // An edge that a busy machine has held up may lose what it says, and reports it.
                None if index % 2 == 1 => unheard += 1,
                None => panic!("{words:?} was not heard at its own edge"),
            }
        }
        assert!(unheard <= lost_of("north"), "{unheard} asides are neither heard nor reported");
        assert!(unheard < spoken.len() / 4, "{unheard} of {} asides are lost", spoken.len());
    }
}

fn port(stream: &TcpStream) -> u16 {
    stream.local_addr().map(|address: SocketAddr| address.port()).expect("a connected socket")
}

/// Has the speaker send a line until all others have received it.
fn wait_until_heard<'a>(mut speaker: &TcpStream, listeners: impl Iterator<Item = &'a TcpStream>) {
    for listener in listeners.filter(|listener| port(listener) != port(speaker)) {
        listener.set_nonblocking(true).expect("a socket");
        let words = format!(":{} is here\n", port(speaker));
        let mut heard = Vec::new();
        wait_until("a line is heard", || {
            speaker.write_all(&words.as_bytes()[1..]).expect("the edge reads");
            let _ = BufReader::new(listener).read_until(0, &mut heard);
            String::from_utf8_lossy(&heard).contains(&words)
        });
        listener.set_nonblocking(false).expect("a socket");
    }
}

/// Pastes numbered lines. Returns how many.
fn paste(mut speaker: &TcpStream) -> usize {
    let lines = PASTE / LINE.len();
    for number in 0..lines {
        speaker.write_all(format!("{number} {LINE}\n").as_bytes()).expect("the edge reads");
    }
    lines
}

/// Reads until the end is announced.
fn heard_by(reader: &TcpStream, label: &str) -> Heard {
    let mut heard = Heard::default();
    for line in BufReader::with_capacity(64 * 1024, reader).lines() {
        let line = line.expect("nobody who reads is thrown out");
        match line.strip_prefix(label) {
            Some("the end") => return heard,
            Some(said) => {
                let Some((number, text)) = said.split_once(' ') else { continue };
                let Ok(number) = number.parse() else { continue };
                if text != "is here" {
                    assert_eq!(text, LINE, "a line that is not whole");
                    heard.numbers.push(number);
                }
            }
            None => heard.asides.push((line, Instant::now())),
        }
    }
    panic!("a reader was thrown out after {} lines", heard.numbers.len());
}

/// Returns how many lines of another edge are lost, as `edge` reports.
fn lost(edge: &Program, name: &str) -> usize {
    let stderr = edge.stderr();
    let of_it = format!("{name}: ");
    let words = stderr.lines().filter_map(|line| line.strip_prefix(&of_it));
    let counts = words
        .filter_map(|words| words.strip_suffix(" lost")?.split(' ').next()?.parse::<usize>().ok());
    counts.sum()
}

fn main() -> std::process::ExitCode {
    needs::run()
}
