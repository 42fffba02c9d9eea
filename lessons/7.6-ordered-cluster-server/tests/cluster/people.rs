//! Edges as the tests start them, people who meet there, and what all of them must have heard.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use harness::{DEADLINE, Nats, Program, own, wait_until};
use predicates::str::contains;

pub const LESSON: &str = "lesson-ordered-cluster-server";

/// The line that people are sent when nobody hears them.
pub const STUCK: &str = "消息还没有发出去，请稍等";

/// Starts a nats-server with JetStream, and waits until it runs.
pub fn nats() -> Nats {
    let mut nats = Nats::with_jetstream(&[]);
    nats.start();
    nats
}

/// Starts an edge with these options, whether it has a stream or not.
pub fn edge_with(options: &[&str]) -> Program {
    let mut command = Command::new(own(LESSON));
    command.arg("127.0.0.1:0").args(options);
    Program::server_from(command)
}

/// Starts an edge, and waits until it has joined the others.
pub fn edge(name: &str, nats: &Nats) -> Program {
    let edge = edge_with(&["--name", name, "--nats", &nats.address()]);
    edge.wait_for_stderr(contains("joined the other edges"));
    edge
}

/// A person in the room. A thread hears what is said there.
pub struct Person {
    stream: TcpStream,
    edge: String,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    lines: Mutex<Vec<String>>,
    news: Condvar,
}

impl Person {
    /// Connects a person to the edge of this name.
    pub fn at(edge: &Program, name: &str) -> Person {
        let stream = TcpStream::connect(edge.address()).expect("the edge listens");
        stream.set_nodelay(true).expect("a socket option");
        let reader = BufReader::new(stream.try_clone().expect("a handle"));
        let heard = Arc::<Heard>::default();
        let also_heard = Arc::clone(&heard);
        thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                also_heard.lines.lock().expect("no panic").push(line);
                also_heard.news.notify_all();
            }
        });
        Person { stream, edge: name.to_string(), heard }
    }

    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket has an address")
    }

    /// Returns the label that this person has at an edge.
    pub fn label_at(&self, edge: &str) -> String {
        let edge = if edge == self.edge { String::new() } else { format!("{}/", self.edge) };
        format!("{edge}{}:", self.address().port())
    }

    /// Says a line, and waits while the edge does not read.
    pub fn say(&self, line: &str) {
        (&self.stream).write_all(format!("{line}\n").as_bytes()).expect("the edge reads");
    }

    /// Returns what people have said since the meeting. On a slow machine, somebody may also be told to wait.
    pub fn heard(&self) -> Vec<String> {
        let lines = self.heard.lines.lock().expect("no panic");
        let is_said = |line: &&String| *line != STUCK && !line.ends_with(" is here");
        lines.iter().filter(is_said).cloned().collect()
    }

    /// Returns how often this person has been told to wait.
    pub fn told_to_wait(&self) -> usize {
        let lines = self.heard.lines.lock().expect("no panic");
        lines.iter().filter(|line| *line == STUCK).count()
    }

    /// Waits until this person has heard a line of that speaker.
    pub fn wait_for(&self, speaker: &Person, line: &str) {
        self.wait_for_line(&format!("{}{line}", speaker.label_at(&self.edge)));
    }

    /// Waits until this person has heard a whole line.
    pub fn wait_for_line(&self, line: &str) {
        self.wait_until(line, |lines| lines.iter().rev().any(|heard| heard == line));
    }

    /// Waits until this person has heard so many lines.
    pub fn wait_until_it_has_heard(&self, count: usize) {
        self.wait_until("more lines", |lines| lines.len() >= count);
    }

    fn wait_until(&self, what: &str, condition: impl Fn(&[String]) -> bool) {
        let lines = self.heard.lines.lock().expect("no panic");
        let outcome =
            self.heard.news.wait_timeout_while(lines, DEADLINE, |lines| !condition(lines));
        let (lines, timed_out) = outcome.expect("no panic");
        let last = &lines[lines.len().saturating_sub(5)..];
        let who = self.label_at("");
        assert!(!timed_out.timed_out(), "{who} does not hear {what:?}, but {last:?} last");
    }

    fn has_heard(&self, speaker: &Person, line: &str) -> bool {
        let line = format!("{}{line}", speaker.label_at(&self.edge));
        self.heard.lines.lock().expect("no panic").iter().rev().any(|heard| *heard == line)
    }
}

/// Lets the person leave.
impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both); // fails only when the edge has gone
    }
}

/// Waits until all of them are in the room and hear each other: each says a line again and again
/// until all the others have heard it, and then a last one.
pub fn meet(people: &[&Person]) {
    static MEETINGS: AtomicUsize = AtomicUsize::new(0); // no line is that of an earlier meeting
    let meeting = MEETINGS.fetch_add(1, Relaxed);
    for speaker in people {
        let others = people.iter().filter(|other| other.address() != speaker.address());
        let (line, last) = (format!("{meeting} is here"), format!("{meeting}, heard, is here"));
        wait_until("everybody is heard", || {
            speaker.say(&line);
            others.clone().all(|other| other.has_heard(speaker, &line))
        });
        speaker.say(&last);
        others.for_each(|other| other.wait_for(speaker, &last));
    }
}

/// How fast somebody speaks.
#[derive(Clone, Copy)]
pub enum Pace<'a> {
    FullSpeed,
    /// Says a line when this person has heard the last one.
    HeardBy(&'a Person),
}

/// Lets each of them say so many numbered lines, all at the same time. `after` is called whenever
/// the first of them has said one.
pub fn talk(
    speakers: &[&Person],
    count: usize,
    pace: Pace<'_>,
    mut after: impl FnMut(usize) + Send,
) {
    let say = |speaker: &Person, number: usize, after: &mut dyn FnMut(usize)| {
        let line = format!("line {number}");
        speaker.say(&line);
        after(number);
        if let Pace::HeardBy(listener) = pace {
            listener.wait_for(speaker, &line);
        }
    };
    let (first, others) = speakers.split_first().expect("somebody");
    thread::scope(|scope| {
        for speaker in others {
            scope.spawn(move || (0..count).for_each(|number| say(speaker, number, &mut |_| {})));
        }
        (0..count).for_each(|number| say(first, number, &mut after));
    });
}

/// Asserts that everybody has heard all lines from 0 to `count` of all speakers, each once, in one
/// order, and nothing else. The last of `everybody` does not speak.
pub fn assert_one_order(everybody: &[&Person], speakers: &[&Person], count: usize) {
    // After these, nothing can arrive a second time.
    for speaker in speakers {
        speaker.say("the end");
        let others = everybody.iter().filter(|person| person.address() != speaker.address());
        others.for_each(|person| person.wait_for(speaker, "the end"));
    }
    let listener = everybody.last().expect("somebody");
    let all: Vec<(usize, String)> = listener
        .heard()
        .into_iter()
        .map(|line| {
            let said = speakers.iter().enumerate().find_map(|(index, speaker)| {
                Some((index, line.strip_prefix(&speaker.label_at(&listener.edge))?.to_string()))
            });
            said.unwrap_or_else(|| panic!("nobody has said {line:?}"))
        })
        .collect();
    for index in 0..speakers.len() {
        let lines = all.iter().filter(|(speaker, _)| *speaker == index);
        let lines: Vec<String> = lines.map(|(_, line)| line.clone()).collect();
        let said = (0..count).map(|number| format!("line {number}"));
        assert_same(&lines, &said.chain(["the end".to_string()]).collect::<Vec<_>>());
    }
    for person in everybody {
        let by_others =
            all.iter().filter(|(index, _)| speakers[*index].address() != person.address());
        let expected = by_others
            .map(|(index, line)| format!("{}{line}", speakers[*index].label_at(&person.edge)));
        assert_same(&person.heard(), &expected.collect::<Vec<_>>());
    }
}

/// Returns where two long lists begin to differ.
pub fn assert_same(heard: &[String], expected: &[String]) {
    let same = heard.iter().zip(expected).take_while(|(one, other)| one == other).count();
    let next = |lines: &[String]| lines[same..lines.len().min(same + 5)].to_vec();
    let (heard_next, expected_next) = (next(heard), next(expected));
    let (heard, expected) = (heard.len(), expected.len());
    assert!(
        heard_next.is_empty() && expected_next.is_empty(),
        "{heard} lines instead of {expected}: after {same}, {heard_next:?} instead of {expected_next:?}"
    );
}
