//! Tests the chat servers on a network that is not loopback. Their promises about pastes, slow
//! readers and leaving clients have to hold there as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write, copy, sink};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Connection, DEADLINE, Patience, Peer, Program, lesson, resident_memory, wait_until};
use link::{Conditions, Link, machine};
use predicates::str::contains;
use socket2::{Domain, Socket, Type};

mod as_root;
mod need;
#[cfg(target_os = "linux")]
mod patience;

/// Runs each behaviour against each server of a list, as a test of its own.
macro_rules! on_a_link {
    ($module:ident: $list:ident! $($behaviour:ident)*) => {
        mod $module {
            use crate::need::LINK;

            harness::$list! { needs LINK: $($behaviour)* }

            $( #[allow(dead_code, reason = "a list may be empty")]
            fn $behaviour(package: &str) {
                let server = package.trim_start_matches("lesson-").replace('-', "_");
                let test = format!(
                    concat!(stringify!($module), "::", stringify!($behaviour), "::{}"),
                    server
                );
                crate::as_root::as_root(&test, || crate::$behaviour(package));
            } )*
        }
    };
}

on_a_link! { chat: against_every_chat_server!
    a_paste_to_10_readers
    a_paste_to_30_readers
    a_paste_to_10_readers_on_a_bad_link
    a_paste_to_30_readers_on_a_bad_link
    a_reader_that_never_reads_is_dropped
    a_class_chats_beside_one_who_never_reads_and_one_who_sleeps
    everybody_hears_everything_in_one_order_in_spite_of_losses
    a_laptop_that_vanishes_in_silence_is_noticed
    a_laptop_that_vanishes_while_others_chat_is_noticed
    who_goes_away_in_the_middle_of_a_line_spoils_nobodys
    who_resets_is_heard_to_the_end
    a_speaker_that_is_too_fast_has_nobody_thrown_out
    a_class_is_told_where_the_server_is
}

on_a_link! { chat_with_a_log: against_every_log_server!
    four_mebibytes_reach_30_readers_and_20_who_never_read_are_dropped
    a_paste_that_is_longer_than_the_log_reaches_everybody_who_reads
    ten_pastes_at_the_same_time_reach_everybody_who_reads
    a_reader_that_takes_in_nothing_is_announced
}

/// The line that a server prints for each client that leaves, however it leaves.
const HAS_LEFT: &str = "有客户端退出了";

fn good_link() -> Conditions {
    Conditions { delay: Duration::from_millis(1), ..Conditions::default() }
}

fn bad_link() -> Conditions {
    let delay = Duration::from_millis(5);
    Conditions { delay, rate: Some(50_000_000), loss: 0.005, ..Conditions::default() }
}

/// A server behind a link.
struct Class {
    server: Program,
    // Dropped last, so that a failing test shows what its programs did before the link went away.
    link: Link,
}

impl Class {
    fn on(conditions: Conditions, package: &str) -> Class {
        let program = lesson(package); // built while there is a network
        let link = Link::new(conditions).unwrap_or_else(|error| panic!("no link: {error:#}"));
        let mut command = Command::new(program);
        command.arg("0.0.0.0:0");
        Class { server: Program::server_from(command), link }
    }

    /// Returns the address at which the machine `number` reaches the server.
    fn address(&self, number: u8) -> String {
        format!("{}:{}", machine(number), self.server.address().port())
    }

    /// Connects from the machine `number`. Two machines may have the same port, but the chat names
    /// people by their ports, so this binds a port before it connects: nobody else has that one.
    fn connect(&self, number: u8) -> TcpStream {
        let server = SocketAddr::from((machine(number), self.server.address().port()));
        if self.server.encrypts() {
            return self.server.reach(server); // which takes care of that too
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into()).expect("a free port");
        let connected = socket.connect(&server.into());
        connected.unwrap_or_else(|error| panic!("cannot connect to {server}: {error}"));
        socket.into()
    }

    /// Connects a client on the machine `number`.
    fn join(&self, number: u8) -> Peer {
        Peer::over(self.connect(number))
    }

    /// Returns a command that runs a real client, on the machine `number`.
    fn client(&self, number: u8) -> Command {
        if self.server.encrypts() {
            // Ours would ask for a certificate of that machine, and refuse what it gets.
            let mut command = Command::new("openssl");
            command.args(["s_client", "-quiet", "-connect", &self.address(number)]);
            return command;
        }
        let mut command = Command::new(lesson("lesson-broadcast-client"));
        command.arg(self.address(number));
        command
    }

    /// Connects clients that talk, on the machines from 2 on.
    fn people(&self, count: u8) -> Vec<Peer> {
        (2..2 + count).map(|number| self.join(number)).collect()
    }

    /// Connects clients that only read, on the machines from 2 on.
    fn readers(&self, count: u8) -> Vec<Connection> {
        let patience = Patience { silence: DEADLINE, in_all: 5 * DEADLINE };
        (2..2 + count).map(|number| Connection::over(self.connect(number), patience)).collect()
    }
}

/// Has `speaker` send a line until all `others` have received it, because a client that has
/// received something is in the room. A client may be connected before the server has accepted it.
fn wait_until_all_are_in<'a>(speaker: &mut Peer, others: impl IntoIterator<Item = &'a TcpStream>) {
    for other in others {
        let deadline = Instant::now() + DEADLINE;
        other.set_read_timeout(Some(Duration::from_millis(50))).expect("a short patience");
        while other.peek(&mut [0]).is_err() {
            assert!(Instant::now() < deadline, "{other:?} hears nothing");
            speaker.send("is everybody there?\n");
        }
    }
}

/// Returns ordinary lines, somewhat more than `bytes` in all.
fn ordinary_lines(bytes: usize) -> Vec<String> {
    let line = |number| format!("{number:06}: a line of ordinary length, as people write\n");
    (0..bytes.div_ceil(line(0).len())).map(line).collect()
}

fn a_paste_to_10_readers(package: &str) {
    a_paste(package, 10, good_link());
}

fn a_paste_to_30_readers(package: &str) {
    a_paste(package, 30, good_link());
}

fn a_paste_to_10_readers_on_a_bad_link(package: &str) {
    a_paste(package, 10, bad_link());
}

fn a_paste_to_30_readers_on_a_bad_link(package: &str) {
    a_paste(package, 30, bad_link());
}

fn a_paste(package: &str, readers: u8, conditions: Conditions) {
    let class = Class::on(conditions, package);
    let mut readers = class.readers(readers);
    let mut sender = class.join(254);
    wait_until_all_are_in(&mut sender, readers.iter().map(Connection::stream));
    assert_all_hear_a_paste(PASTE, &mut sender, &mut readers);
}

/// The size of a long paste, in bytes.
const PASTE: usize = 256 * 1024;

/// Pastes that much, and asserts that everybody who reads all the time receives all of it, in
/// order.
fn assert_all_hear_a_paste(bytes: usize, sender: &mut Peer, readers: &mut [Connection]) {
    let lines = ordinary_lines(bytes);
    let label = format!("{}:", sender.port());
    let expected: String = lines.iter().flat_map(|line| [&label, line.as_str()]).collect();
    let begin = format!("{label}and now\n");
    let count = readers.len();
    let heard: Vec<usize> = thread::scope(|scope| {
        let reading: Vec<_> = readers
            .iter_mut()
            .map(|reader| scope.spawn(|| heard_of(&expected, &begin, reader)))
            .collect();
        sender.send("and now\n");
        sender.send(lines.concat());
        reading.into_iter().map(|reading| reading.join().expect("a reader that reads")).collect()
    });
    let thrown_out = heard.iter().filter(|bytes| **bytes < expected.len()).count();
    assert!(
        thrown_out == 0,
        "{thrown_out} of {count} readers were thrown out; they have received {heard:?} of {} bytes",
        expected.len()
    );
}

/// Returns how much of `expected` a reader receives after `begin`. Fails if it receives anything
/// else.
fn heard_of(expected: &str, begin: &str, reader: &mut Connection) -> usize {
    reader.skip_to(begin.as_bytes()).expect("the beginning of the paste");
    // A reader that is thrown out has received less, which the caller notices.
    let _ = reader.receive_until(|unseen| unseen.len() >= expected.len());
    let heard = reader.take(usize::MAX);
    assert!(
        expected.as_bytes().starts_with(&heard),
        "a reader received something that was not sent"
    );
    reader.forget();
    heard.len()
}

fn a_reader_that_never_reads_is_dropped(package: &str) {
    let class = Class::on(good_link(), package);
    let mut readers = class.readers(10);
    let mut never_reads = class.join(253);
    let mut sender = class.join(254);
    wait_until_all_are_in(&mut sender, readers.iter().map(Connection::stream));
    // After the first paste, the server has all the memory that it needs for the same again.
    assert_all_hear_a_paste(PASTE, &mut sender, &mut readers);
    let before = resident_memory(class.server.process_id());
    let mut pastes = 1;
    while !class.server.lines().iter().any(|line| line == HAS_LEFT) {
        assert!(pastes < 64, "after {pastes} pastes it is still there");
        assert_all_hear_a_paste(PASTE, &mut sender, &mut readers);
        pastes += 1;
    }
    never_reads.wait_until_closed();
    if let (Some(before), Some(after)) = (before, resident_memory(class.server.process_id())) {
        let grown = after.saturating_sub(before);
        assert!(grown < 16 * 1024 * 1024, "the server's memory has grown by {grown} bytes");
    }
    assert_all_hear_a_paste(PASTE, &mut sender, &mut readers);
    assert_eq!(class.server.lines().iter().filter(|line| *line == HAS_LEFT).count(), 1);
}

#[allow(dead_code)] // when part 7 is not tested
fn four_mebibytes_reach_30_readers_and_20_who_never_read_are_dropped(package: &str) {
    let delay = Duration::from_millis(5);
    let class = Class::on(
        Conditions { delay, rate: Some(100_000_000), loss: 0.002, ..Conditions::default() },
        package,
    );
    let mut readers = class.readers(30);
    let mut never_read: Vec<Peer> = (100..120).map(|number| class.join(number)).collect();
    let mut sender = class.join(254);
    wait_until_all_are_in(&mut sender, readers.iter().map(Connection::stream));
    wait_until_all_are_in(&mut sender, never_read.iter().map(Peer::stream));
    let before = resident_memory(class.server.process_id());

    assert_all_hear_a_paste(4 * 1024 * 1024, &mut sender, &mut readers);
    // The log still holds all of that. After as much again, its tail has passed them.
    assert_all_hear_a_paste(4 * 1024 * 1024, &mut sender, &mut readers);
    class.server.wait_for_lines(never_read.len(), HAS_LEFT);

    if let (Some(before), Some(after)) = (before, resident_memory(class.server.process_id())) {
        let grown = after.saturating_sub(before);
        assert!(grown < 16 * 1024 * 1024, "the server's memory has grown by {grown} bytes");
    }
    assert_all_hear_a_paste(PASTE, &mut sender, &mut readers);
    never_read.iter_mut().for_each(Peer::wait_until_closed);
    assert_eq!(class.server.lines().iter().filter(|line| *line == HAS_LEFT).count(), 20);
}

/// Tests that without a log, a speaker is slowed down to a speed at which everybody can read.
fn a_speaker_that_is_too_fast_has_nobody_thrown_out(package: &str) {
    a_flood_reaches_everybody_who_reads(package, 1, 1024 * 1024, 0);
}

#[allow(dead_code)] // when part 7 is not tested
fn a_paste_that_is_longer_than_the_log_reaches_everybody_who_reads(package: &str) {
    a_flood_reaches_everybody_who_reads(package, 1, FLOOD, 5);
}

#[allow(dead_code)] // when part 7 is not tested
fn ten_pastes_at_the_same_time_reach_everybody_who_reads(package: &str) {
    a_flood_reaches_everybody_who_reads(package, 10, FLOOD, 5);
}

/// How many bytes all pasters paste together: more than the log holds.
#[allow(dead_code)] // when part 7 is not tested
const FLOOD: usize = 10 * 1024 * 1024;

/// A line of a flood, without its number.
const FLOOD_LINE: &str = "of the lines that are pasted by somebody who is on the machine of the server, \
    and so is faster than everybody who reads them over the link, which has a rate, a delay and losses";

/// What a third person says in the middle of a flood.
const ASIDE: &str = "does anybody hear me?";

/// Lets the speakers paste as fast as the server reads, on its own machine. Asserts that everybody
/// who reads receives all of these `bytes`, and that the clients that `never_read`, and one that
/// hardly reads, are left behind.
fn a_flood_reaches_everybody_who_reads(
    package: &str,
    speakers: usize,
    bytes: usize,
    never_read: u8,
) {
    let delay = Duration::from_millis(2);
    let class = Class::on(
        Conditions { delay, rate: Some(200_000_000), loss: 0.001, ..Conditions::default() },
        package,
    );
    let readers: Vec<TcpStream> = (2..12).map(|number| class.connect(number)).collect();
    let never_read: Vec<TcpStream> =
        (100..100 + never_read).map(|number| class.connect(number)).collect();
    let trickles = class.connect(98);
    let third_person = class.connect(99);
    let speakers: Vec<TcpStream> = (0..speakers)
        .map(|_| class.server.reach((Ipv4Addr::LOCALHOST, class.server.address().port()).into()))
        .collect();
    let mut caller = class.join(254);
    let all_but_the_caller =
        readers.iter().chain(&never_read).chain([&trickles, &third_person]).chain(&speakers);
    wait_until_all_are_in(&mut caller, all_but_the_caller.clone());
    all_but_the_caller.for_each(|client| client.set_read_timeout(None).expect("no time-out"));

    let lines = bytes / FLOOD_LINE.len() / speakers.len();
    let flood = Flood { lines, speakers: speakers.iter().map(port).collect() };
    let is_over = AtomicBool::new(false);
    let say_something = |heard| {
        if heard == flood.in_all() / 5 {
            (&third_person).write_all(format!("{ASIDE}\n").as_bytes()).expect("send");
        }
    };
    let heard: Vec<Heard> = thread::scope(|scope| {
        let reading: Vec<_> =
            readers.iter().map(|reader| scope.spawn(|| flood.heard_by(reader, |_| ()))).collect();
        let third_person = scope.spawn(|| flood.heard_by(&third_person, say_something));
        scope.spawn(|| {
            // Not a wait for anything: this client is slow.
            while !is_over.load(Relaxed) && matches!((&trickles).read(&mut [0]), Ok(1..)) {
                thread::sleep(Duration::from_millis(200));
            }
        });
        for speaker in &speakers {
            scope.spawn(|| copy(&mut &*speaker, &mut sink()));
            scope.spawn(|| flood.paste(speaker));
        }
        scope.spawn(|| copy(&mut caller.stream(), &mut sink()));
        let heard = reading.into_iter().chain([third_person]).map(|reading| reading.join());
        let heard = heard.map(|heard| heard.expect("a reader that reads")).collect();

        is_over.store(true, Relaxed);
        speakers.iter().chain([caller.stream(), &trickles]).for_each(|client| {
            let _ = client.shutdown(Shutdown::Both); // their threads end
        });
        heard
    });
    let thrown_out = heard.iter().filter(|heard| heard.lines < flood.in_all()).count();
    assert_eq!(thrown_out, 0, "the number of reading clients that were thrown out");
    for Heard { aside, .. } in &heard[..readers.len()] {
        let aside = aside.expect("the third person was heard");
        assert!(aside < flood.in_all() / 2, "heard after {aside} of {} lines", flood.in_all());
    }
    for never_reads in never_read {
        Peer::over(never_reads).wait_until_closed();
    }
}

fn port(stream: &TcpStream) -> u16 {
    stream.local_addr().expect("a connected socket has an address").port()
}

/// Several people who each paste that many lines at the same time.
struct Flood {
    lines: usize,
    speakers: Vec<u16>,
}

/// The part of a flood that a reader has received.
struct Heard {
    lines: usize,
    /// The number of lines that came before the third person's words.
    aside: Option<usize>,
}

impl Flood {
    fn in_all(&self) -> usize {
        self.lines * self.speakers.len()
    }

    fn paste(&self, mut speaker: &TcpStream) {
        let lines: String =
            (0..self.lines).map(|number| format!("{number} {FLOOD_LINE}\n")).collect();
        let _ = speaker.write_all(lines.as_bytes()); // if this fails, the readers receive too little
    }

    /// Reads until the flood or the connection is over. Asserts that each speaker's lines arrive
    /// whole and in order. Calls `then` with the number of lines received so far.
    fn heard_by(&self, reader: &TcpStream, then: impl Fn(usize)) -> Heard {
        let mut next: BTreeMap<u16, usize> = self.speakers.iter().map(|port| (*port, 0)).collect();
        let mut heard = Heard { lines: 0, aside: None };
        let mut stream = BufReader::with_capacity(64 * 1024, reader);
        let mut line = String::new();
        while heard.lines < self.in_all() {
            line.clear();
            if !matches!(stream.read_line(&mut line), Ok(1..)) {
                break;
            }
            // A connection that is over ends with half a line.
            let Some(line) = line.strip_suffix('\n') else { break };
            let (speaker, text) = line.split_once(':').expect("a label");
            let Some(next) = speaker.parse().ok().and_then(|port| next.get_mut(&port)) else {
                if text == ASIDE {
                    heard.aside = Some(heard.lines);
                }
                continue;
            };
            let (number, text) = text.split_once(' ').expect("a number");
            assert_eq!((number.parse(), text), (Ok(*next), FLOOD_LINE), "said by {speaker}");
            *next += 1;
            heard.lines += 1;
            then(heard.lines);
        }
        heard
    }
}

/// Tests a client whose system answers, but whose program does not read, while the log has room for
/// long.
#[allow(dead_code)] // when part 7 is not tested
fn a_reader_that_takes_in_nothing_is_announced(package: &str) {
    let class = Class::on(good_link(), package);
    let mut readers = class.readers(2);
    let mut stuck = class.join(253);
    let mut sender = class.join(254);
    wait_until_all_are_in(&mut sender, readers.iter().map(Connection::stream));
    wait_until_all_are_in(&mut sender, [stuck.stream()]);
    #[cfg(target_os = "linux")]
    patience::shorten(class.server.process_id(), machine(253));
    assert_all_hear_a_paste(1024 * 1024, &mut sender, &mut readers);

    let address = SocketAddr::from((machine(253), stuck.port()));
    let why = "it has vanished, or has taken in nothing for 90 s";
    class.server.wait_for_stderr(contains(format!("disconnected {address}: {why}")));
    class.server.wait_for_line(HAS_LEFT);
    stuck.wait_until_closed();
}

/// Has each of `people` send `count` lines, all at the same time. Asserts that everybody receives
/// all that the others send, whole and in the same order. Returns the lines in that order.
fn assert_all_hear_each_other(
    people: &mut [Peer],
    observer: &mut Peer,
    count: usize,
) -> Vec<String> {
    let said_by = |port: u16| {
        (0..count).map(move |number| format!("{port}:I say {number} of {count}, 我也听到了"))
    };
    thread::scope(|scope| {
        for person in people.iter_mut() {
            scope.spawn(move || {
                for line in said_by(person.port()) {
                    let text = line.split_once(':').map(|(_, text)| text);
                    person.send(format!("{}\n", text.unwrap_or_default()));
                }
            });
        }
    });
    let all = lines(observer, people.len() * count);
    for person in people {
        let mine = format!("{}:", person.port());
        let (by_me, by_others): (Vec<_>, Vec<_>) =
            all.iter().cloned().partition(|line| line.starts_with(&mine));
        assert_eq!(by_me, said_by(person.port()).collect::<Vec<_>>(), "heard of {mine}");
        assert_eq!(lines(person, by_others.len()), by_others, "heard by {mine}");
    }
    all
}

/// The last words of clients that leave in the middle of a line.
const HALF_A_LINE: &str = "I shall be aw";

/// Returns the next `count` lines that `peer` receives, without calls and half lines.
fn lines(peer: &mut Peer, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let line = peer.line();
        if !line.ends_with(":is everybody there?") && !line.ends_with(HALF_A_LINE) {
            lines.push(line);
        }
    }
    lines
}

fn a_class_chats_beside_one_who_never_reads_and_one_who_sleeps(package: &str) {
    let class = Class::on(good_link(), package);
    let sleeper = Program::start(class.client(252));
    let never_reads = class.join(253);
    let mut people = class.people(30);
    let mut observer = class.join(254);
    wait_until_all_are_in(&mut observer, people.iter().map(Peer::stream));
    wait_until("the sleeper is in the room", || {
        let is_in = sleeper.stdout().contains("is everybody there?");
        if !is_in {
            observer.send("is everybody there?\n");
            thread::sleep(Duration::from_millis(50));
        }
        is_in
    });
    #[cfg(unix)]
    sleeper.suspend();

    let said = assert_all_hear_each_other(&mut people, &mut observer, 5);

    #[cfg(unix)]
    sleeper.resume();
    sleeper.wait_for_stdout(contains(said.join("\n")));
    assert_eq!(class.server.lines().iter().filter(|line| *line == HAS_LEFT).count(), 0);
    drop(never_reads);
}

fn everybody_hears_everything_in_one_order_in_spite_of_losses(package: &str) {
    let class = Class::on(Conditions { loss: 0.02, ..good_link() }, package);
    let mut people = class.people(10);
    let mut observer = class.join(254);
    wait_until_all_are_in(&mut observer, people.iter().map(Peer::stream));
    assert_all_hear_each_other(&mut people, &mut observer, 20);
}

fn a_laptop_that_vanishes_in_silence_is_noticed(package: &str) {
    a_laptop_vanishes(package, |_, _| {});
}

fn a_laptop_that_vanishes_while_others_chat_is_noticed(package: &str) {
    a_laptop_vanishes(package, |people, observer| {
        assert_all_hear_each_other(people, observer, 5);
    });
}

fn a_laptop_vanishes(package: &str, meanwhile: impl FnOnce(&mut [Peer], &mut Peer)) {
    let class = Class::on(good_link(), package);
    let laptop = class.join(2);
    let mut people: Vec<Peer> = (3..6).map(|number| class.join(number)).collect();
    let mut observer = class.join(254);
    wait_until_all_are_in(&mut observer, [laptop.stream()]);
    wait_until_all_are_in(&mut observer, people.iter().map(Peer::stream));

    // Otherwise data would be in flight to the laptop although nobody says a word.
    wait_until("all sent data has been acknowledged", nothing_is_under_way);
    #[cfg(target_os = "linux")]
    patience::shorten(class.server.process_id(), machine(2));
    class.link.cut(2);
    meanwhile(&mut people, &mut observer);
    class.server.wait_for_line(HAS_LEFT);
    assert_all_hear_each_other(&mut people, &mut observer, 5);
    assert_eq!(class.server.lines().iter().filter(|line| *line == HAS_LEFT).count(), 1);
}

/// Returns whether no connection of this network has unacknowledged data. (The file is that of this
/// thread's network. Its fifth column begins with the number of unacknowledged bytes, see
/// proc_net_tcp in the kernel's documentation.)
fn nothing_is_under_way() -> bool {
    let connections = fs::read_to_string("/proc/thread-self/net/tcp").expect("proc(5)");
    connections.lines().skip(1).all(|line| {
        line.split_whitespace().nth(4).is_some_and(|queues| queues.starts_with("00000000:"))
    })
}

fn who_goes_away_in_the_middle_of_a_line_spoils_nobodys(package: &str) {
    let class = Class::on(good_link(), package);
    let (mut vanishes, mut resets, mut half_closes) = (class.join(2), class.join(3), class.join(4));
    let mut people: Vec<Peer> = (5..8).map(|number| class.join(number)).collect();
    let mut witness = class.join(253);
    let mut observer = class.join(254);
    wait_until_all_are_in(&mut observer, people.iter().map(Peer::stream));
    wait_until_all_are_in(&mut observer, [witness.stream()]);
    for leaver in [&mut vanishes, &mut resets, &mut half_closes] {
        // Sent in one segment, so that all of it has arrived once the whole line is received.
        leaver.send(format!("here I am\n{HALF_A_LINE}"));
        lines(&mut observer, 1);
    }
    let half_lines =
        [&vanishes, &half_closes].map(|leaver| format!("{}:{HALF_A_LINE}", leaver.port()));

    class.link.cut(2);
    resets.reset();
    half_closes.half_close();

    for person in &mut people {
        lines(person, 3);
    }
    assert_all_hear_each_other(&mut people, &mut observer, 10);
    class.server.wait_for_lines(2, HAS_LEFT);
    let mut awaited = BTreeSet::from(half_lines);
    while !awaited.is_empty() {
        awaited.remove(&witness.line());
    }
}

/// Tests that a server which can no longer send to a client still reads what the client sent before
/// its reset, because that is in the server's kernel.
fn who_resets_is_heard_to_the_end(package: &str) {
    let class = Class::on(good_link(), package);
    let (mut listener, mut speaker) = (class.join(2), class.join(254));
    let last_words = "these are my last words\n";
    // More than a server reads in one go, but less than its kernel accepts while it is suspended.
    let words = ordinary_lines(20 * 1024).concat() + last_words;
    for _ in 0..40 {
        let mut resets = class.join(3);
        wait_until_all_are_in(&mut speaker, [listener.stream(), resets.stream()]);
        // When the server resumes, all of this has happened.
        #[cfg(unix)]
        class.server.suspend();
        speaker.send("this cannot be sent to everybody\n");
        resets.send(&words);
        wait_until("all sent data has been acknowledged", nothing_is_under_way);
        let label = format!("{}:", resets.port());
        resets.reset();
        #[cfg(unix)]
        class.server.resume();

        let mut heard = String::new();
        while !heard.ends_with(last_words) {
            heard.extend(listener.line().strip_prefix(&label).map(|line| format!("{line}\n")));
        }
        assert!(heard == words, "a line was lost or received twice");
        speaker.skip_to(format!("{label}{last_words}"));
        listener.forget();
        speaker.forget();
    }
}

fn a_class_is_told_where_the_server_is(package: &str) {
    let class = Class::on(good_link(), package);
    let port = class.server.address().port();
    let told = match class.server.encrypts() {
        true => format!("cargo run -p lesson-tls-client -- 192.0.2.1:{port},"),
        false => format!("telnet 192.0.2.1 {port} (or "),
    };
    class.server.wait_for_stderr(contains(told));
}

fn main() -> std::process::ExitCode {
    needs::run()
}
