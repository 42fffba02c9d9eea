//! Tests servers that do something wrong on purpose: crowd must notice each fault, and report it in
//! one line. Some others are unusual, but right.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The fault of a server.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    /// The fifth line does not reach one client.
    LosesALine,
    /// The fifth line reaches nobody.
    LosesALineForAll,
    /// The fifth line reaches one client twice.
    RepeatsALine,
    /// The last line of all reaches one client twice.
    RepeatsTheLast,
    /// One client gets a later line before the fifth.
    SwapsTwo,
    /// The fifth line has a byte less for one client.
    CutsAByte,
    /// The fifth line has one changed byte for one client.
    ChangesAByte,
    /// The fifth line comes back to its sender as well.
    Echoes,
    /// The fifth line has the receiver's port instead of the sender's.
    Mislabels,
    /// After the fifth line one client is disconnected.
    Disconnects,
    /// Nothing is passed on.
    NeverAnswers,
    /// Every line comes back to its sender as well, which is not wrong.
    EchoesAll,
    /// Ten lines a second are passed on from each client, and the rest is dropped.
    ThrowsAway,
    /// Nothing is passed on in the last third of each 1.5 seconds, so lines are late, but not
    /// wrong.
    StandsStill,
}

struct Room {
    wrong: Wrong,
    clients: Vec<(TcpStream, u16)>,
    /// The number of lines that have been sent, without the calls of the roll.
    said: usize,
    /// The port of the client that suffers the fault.
    victim: u16,
    /// The bytes that it is sent later than it should be.
    held: Vec<u8>,
    /// When each client's current second began, and how many lines it has sent in that second.
    seconds: HashMap<u16, (Instant, usize)>,
    began: Instant,
}

/// Starts a server, and returns its port.
fn server(wrong: Wrong) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let (clients, held, seconds) = Default::default();
    let room = Room { wrong, clients, said: 0, victim: 0, held, seconds, began: Instant::now() };
    let room = Arc::new(Mutex::new(room));
    thread::spawn(move || {
        while let Ok((stream, peer)) = listener.accept() {
            let clone = stream.try_clone().expect("a second handle");
            room.lock().expect("the room").clients.push((clone, peer.port()));
            let room = Arc::clone(&room);
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    room.lock().expect("the room").pass_on(peer.port(), &line);
                }
            });
        }
    });
    port
}

impl Room {
    fn pass_on(&mut self, sender: u16, text: &str) {
        let is_call = text.starts_with("000000.");
        self.said += usize::from(!is_call);
        let fifth = !is_call && self.said == 5;
        if self.wrong == Wrong::ThrowsAway && !self.has_time_for(sender) {
            return;
        }
        if self.wrong == Wrong::StandsStill {
            let now = self.began.elapsed().as_millis() % 1500;
            thread::sleep(Duration::from_millis(if now < 1000 { 0 } else { 1500 - now as u64 }));
        }
        if self.victim == 0 && (fifth || self.wrong == Wrong::RepeatsTheLast) {
            let others = self.clients.iter().skip(2).map(|(_, port)| *port);
            self.victim = others.into_iter().find(|port| *port != sender).unwrap_or(0);
        }
        for (stream, port) in &mut self.clients {
            let echoes = self.wrong == Wrong::EchoesAll || self.wrong == Wrong::Echoes && fifth;
            if *port == sender && !echoes {
                continue;
            }
            let victim = *port == self.victim;
            let mut line = format!("{sender}:{text}\n").into_bytes();
            match self.wrong {
                Wrong::LosesALine if victim && fifth => line.clear(),
                Wrong::LosesALineForAll if fifth => line.clear(),
                Wrong::RepeatsALine if victim && fifth => line.extend_from_within(..),
                Wrong::RepeatsTheLast if victim && is_call && self.said > 0 => {
                    line = [&self.held[..], &line].concat();
                }
                Wrong::RepeatsTheLast if victim => self.held = line.clone(),
                Wrong::SwapsTwo if victim && fifth => self.held = std::mem::take(&mut line),
                Wrong::SwapsTwo if victim => line.append(&mut self.held),
                Wrong::CutsAByte if victim && fifth => drop(line.remove(20)),
                Wrong::ChangesAByte if victim && fifth => line[20] ^= 1,
                Wrong::Mislabels if fifth => line = format!("{port}:{text}\n").into_bytes(),
                Wrong::Disconnects if victim && fifth => drop(stream.shutdown(Shutdown::Both)),
                Wrong::NeverAnswers => line.clear(),
                _ => {}
            }
            let _ = stream.write_all(&line); // fails only if the client has left
        }
    }

    /// Returns whether the client has sent fewer than eleven lines in this second.
    fn has_time_for(&mut self, sender: u16) -> bool {
        let now = Instant::now();
        let (began, said) = self.seconds.entry(sender).or_insert((now, 0));
        if began.elapsed() >= Duration::from_secs(1) {
            (*began, *said) = (now, 0);
        }
        *said += 1;
        *said <= 10
    }
}

/// Runs crowd against a server at `port`, and returns what it prints to stderr.
fn complaint(port: u16, more: &[&str]) -> String {
    let mut crowd = Command::new(harness::own("crowd"));
    crowd.arg(port.to_string()).args(["--clients", "6", "--seconds", "0.2"]);
    let output = crowd.args(more).output().expect("crowd runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "not one line: {stderr}");
    assert!(stderr.starts_with("crowd: "), "{stderr}");
    stderr
}

/// Asserts that each of `words` is in crowd's complaint, with one line at a time and with many.
fn assert_noticed(wrong: Wrong, words: &[&str]) {
    for more in [&["--speakers", "2", "--lines", "10"][..], &["--speakers", "all", "--lines", "3"]]
    {
        let stderr = complaint(server(wrong), more);
        for word in words {
            assert!(stderr.contains(word), "{more:?}: {word:?} is not in {stderr}");
        }
    }
}

#[test]
fn a_server_that_does_all_right_passes() {
    for more in [&["--speakers", "2", "--lines", "10"][..], &["--speakers", "all"], &[]] {
        let mut crowd = Command::new(harness::own("crowd"));
        crowd.arg(server(Wrong::Nothing).to_string()).args(["--clients", "6", "--seconds", "0.2"]);
        let output = crowd.args(more).output().expect("crowd runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Runs crowd with six clients, and returns its line of JSON.
fn passes(wrong: Wrong, more: &[&str]) -> String {
    let mut crowd = Command::new(harness::own("crowd"));
    crowd.arg(server(wrong).to_string()).args(["--clients", "6", "--json"]);
    let output = crowd.args(more).output().expect("crowd runs");
    assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the number after `name`, or after the first `name` that follows `group`.
fn number(json: &str, group: &str, name: &str) -> f64 {
    let (_, after) = json.split_once(&format!("\"{group}\":")).expect(group);
    let (_, after) = after.split_once(&format!("\"{name}\":")).expect(name);
    let end = after.find([',', '}']).expect("an end");
    after[..end].parse().unwrap_or_else(|_| panic!("{name} is not a number in {json}"))
}

#[test]
fn a_server_that_sends_lines_back_to_their_speaker_passes_and_each_is_counted() {
    for (more, lines) in [
        (&["--speakers", "2", "--lines", "10"][..], 20.0),
        (&["--speakers", "3", "--in-turn"], 1.0),
        (&[], 1.0),
    ] {
        let json = passes(Wrong::EchoesAll, &[more, &["--seconds", "0.2"]].concat());
        let rounds = number(&json, "seconds", "rounds");
        assert_eq!(number(&json, "rounds", "deliveries"), rounds * lines * 6.0, "{more:?}");
    }
}

#[test]
fn a_server_that_throws_away_what_is_said_too_fast_passes_at_a_rate_that_it_allows() {
    let stderr = complaint(server(Wrong::ThrowsAway), &["--patience", "1"]);
    assert!(stderr.contains("try --rate 5"), "{stderr}");
    let json = passes(Wrong::ThrowsAway, &["--seconds", "1.5", "--rate", "5"]);
    let rounds = number(&json, "seconds", "rounds");
    assert!((7.0..=9.0).contains(&rounds), "{rounds} rounds in 1.5 seconds, at 5 a second");
}

#[test]
fn those_who_speak_in_turn_say_a_line_in_each_round() {
    let json = passes(Wrong::Nothing, &["--speakers", "3", "--in-turn", "--seconds", "0.2"]);
    let rounds = number(&json, "seconds", "rounds");
    assert!(rounds >= 4.0, "{rounds} rounds: nobody has had a second turn");
    assert_eq!(number(&json, "rounds", "deliveries"), rounds * 5.0);
}

/// Tests that a third of all due lines waits, because the server stands still for a third of the
/// time.
#[test]
fn while_a_server_stands_still_lines_are_due_and_they_wait() {
    for more in [&["--seconds", "3"][..], &["--seconds", "3", "--rate", "200"]] {
        let json = passes(Wrong::StandsStill, more);
        for group in ["wait_percentiles", "round_percentiles"] {
            let (half, most) = (number(&json, group, "50"), number(&json, group, "90"));
            assert!(half < 0.2, "{more:?}, {group}: half of the time it is fast, not {half} s");
            assert!(most > 0.2, "{more:?}, {group}: a tenth waits for {most} s at least");
        }
    }
}

/// Tests a flood with four readers, one talking client and one flooding client.
#[test]
fn a_flood_is_heard_by_all_and_ends_by_itself() {
    let json = passes(Wrong::Nothing, &["--flood", "1", "--seconds", "0.6"]);
    let count = |name| number(&json, "readers", name);
    assert_eq!((count("readers_left"), count("flooders_left")), (4.0, 1.0), "{json}");
    assert!(count("said") > 100.0, "that is not a flood: {json}");
    assert_eq!(count("heard_by_all"), count("said"), "{json}");
    assert_eq!(count("deliveries"), count("said") * 4.0, "{json}");
    assert!(count("talked") >= 1.0 && count("talk_heard_by_all") == count("talked"), "{json}");
}

#[test]
fn a_reader_that_is_disconnected_in_a_flood_is_counted_and_the_others_go_on() {
    let json = passes(Wrong::Disconnects, &["--flood", "2", "--seconds", "0.2"]);
    assert_eq!(number(&json, "flooders", "flooders_left"), 2.0, "{json}");
    assert_eq!(number(&json, "readers", "readers_left"), 2.0, "{json}");
    assert_eq!(
        number(&json, "readers", "heard_by_all"),
        number(&json, "readers", "said"),
        "{json}"
    );
}

#[test]
fn what_is_wrong_is_noticed_in_a_flood_as_well() {
    for (wrong, word) in [
        (Wrong::LosesALine, "another had heard"),
        (Wrong::LosesALineForAll, "something is lost"),
        (Wrong::RepeatsALine, "another had heard"),
        (Wrong::SwapsTwo, "another had heard"),
        (Wrong::ChangesAByte, "another had heard"),
        (Wrong::Mislabels, "which was never said"),
    ] {
        let stderr = complaint(server(wrong), &["--flood", "1"]);
        assert!(stderr.contains("client at port") && stderr.contains(word), "{stderr}");
    }
}

/// Tests that the lines of the talking client are due on time, whatever the server does.
#[test]
fn lines_that_are_held_up_in_a_flood_have_waited() {
    let json = passes(Wrong::StandsStill, &["--flood", "1", "--seconds", "2.5"]);
    let slowest = number(&json, "talk_percentiles", "100");
    assert!(slowest > 0.2, "a line that was due while nothing was passed on took {slowest} s");
}

#[test]
fn those_who_flood_connect_to_an_address_of_their_own() {
    let (_taken, nobody) = harness::refusing();
    let stderr = complaint(server(Wrong::Nothing), &[&nobody.to_string(), "--flood", "2"]);
    assert!(stderr.contains(&format!("cannot connect client 5 to {nobody}")), "{stderr}");
}

#[test]
fn a_lost_line_is_noticed() {
    assert_noticed(Wrong::LosesALine, &["client at port", "a line is lost"]);
}

#[test]
fn a_line_that_is_lost_for_all_is_noticed() {
    let stderr = complaint(server(Wrong::LosesALineForAll), &["--lines", "20"]);
    assert!(stderr.contains("client at port") && stderr.contains("something is lost"), "{stderr}");
}

#[test]
fn a_line_that_comes_twice_is_noticed() {
    assert_noticed(Wrong::RepeatsALine, &["client at port", "had heard already"]);
}

#[test]
fn a_last_line_that_comes_twice_is_noticed() {
    assert_noticed(Wrong::RepeatsTheLast, &["client at port", "after the last round"]);
}

#[test]
fn two_lines_that_have_changed_places_are_noticed() {
    assert_noticed(Wrong::SwapsTwo, &["client at port", "the order is not that of the others"]);
}

#[test]
fn a_missing_byte_is_noticed() {
    assert_noticed(Wrong::CutsAByte, &["client at port", "which was never said"]);
}

#[test]
fn a_changed_byte_is_noticed() {
    assert_noticed(Wrong::ChangesAByte, &["client at port", "which was never said"]);
}

#[test]
fn a_line_that_comes_back_to_its_sender_is_noticed() {
    assert_noticed(Wrong::Echoes, &["client at port", "its own line"]);
}

#[test]
fn a_wrong_label_is_noticed() {
    assert_noticed(Wrong::Mislabels, &["client at port", "which was never said"]);
}

#[test]
fn a_client_that_is_disconnected_is_noticed() {
    assert_noticed(Wrong::Disconnects, &["has disconnected the client at port"]);
}

#[test]
fn a_server_that_never_answers_is_noticed() {
    let stderr = complaint(server(Wrong::NeverAnswers), &["--patience", "1"]);
    assert!(stderr.contains("never heard a line that another client said"), "{stderr}");
}

#[test]
fn a_server_that_accepts_nobody_is_noticed() {
    // Connections wait in its backlog, because nobody ever accepts them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let stderr = complaint(port, &["--patience", "1"]);
    assert!(stderr.contains("never heard a line"), "{stderr}");
}

#[test]
fn a_port_at_which_nobody_listens_is_noticed() {
    let (_taken, address) = harness::refusing();
    let stderr = complaint(address.port(), &[]);
    assert!(
        stderr.contains("cannot connect") && stderr.contains("is the server running"),
        "{stderr}"
    );
}
