//! Records in the task of the exercise "Three suspects" what `ss` and tcpdump show of its servers. What
//! the check tells learners relies on it, so it has to hold for the recording and for what is seen now:
//!
//!     SNAPSHOTS=overwrite cargo test -p programs --test captures
//!
//! It runs in a network namespace of its own, in which the servers' ports are free, and nothing else
//! happens on loopback.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use harness::{Program, example, repository, wait_until};
use needs::{NAMESPACE, TCPDUMP};
use predicates::function::function;
use predicates::str::contains;

use crate::linux::parts;

const SUSPECTS: [u16; 3] = [3001, 3002, 3003];

needs::test!(TCPDUMP, NAMESPACE: what_the_system_knows_of_them);
fn what_the_system_knows_of_them() {
    needs::in_own_network("three_servers::what_the_system_knows_of_them", || {
        let servers = example("lesson-broadcast-server", "three_servers");
        let servers = Program::start(Command::new(servers));
        servers.wait_for_stderr(contains("clients are talking to all three"));
        let mut recorded = Recorded::read();
        for port in SUSPECTS {
            let command = format!("ss -4tan '( sport = :{port} or dport = :{port} )'");
            let mut seen = String::new();
            wait_until(&format!("{command} shows what the task says"), || {
                seen = listing(&command);
                queues_fit(port, &seen)
            });
            recorded.is(&command, &seen, |shown| queues_fit(port, shown));
        }
        // The last one first, because a sender that finds no room asks less and less often.
        for port in SUSPECTS.into_iter().rev() {
            let command = format!("tcpdump -i lo -n -t tcp port {port}");
            let seen = watched(&command, port);
            recorded.is(&format!("sudo {command}"), &seen, |shown| packets_fit(port, shown));
        }
    });
}

/// A socket as `ss` lists it.
struct Socket<'a> {
    state: &'a str,
    receive_queue: usize,
    send_queue: usize,
    local: &'a str,
    peer: &'a str,
}

impl Socket<'_> {
    fn in_line(line: &str) -> Option<Socket<'_>> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [state, receive_queue, send_queue, local, peer] = fields[..] else { return None };
        let (receive_queue, send_queue) = (receive_queue.parse().ok()?, send_queue.parse().ok()?);
        Some(Socket { state, receive_queue, send_queue, local, peer })
    }
}

/// Returns whether a listing shows what the check says of this port.
fn queues_fit(port: u16, listing: &str) -> bool {
    let server = format!("127.0.0.1:{port}");
    let sockets: Vec<Socket> = listing.lines().filter_map(Socket::in_line).collect();
    let of_state = |state: &'static str| sockets.iter().filter(move |one| one.state == state);
    let ends = of_state("ESTAB").filter(|one| one.local == server);
    let ends: Vec<usize> = ends.map(|one| one.receive_queue).collect();
    let held_up = of_state("ESTAB").filter(|one| one.peer == server && one.send_queue > 0).count();
    let waiting: Vec<usize> = of_state("LISTEN").map(|one| one.receive_queue).collect();
    let full = ends.len() == 2 && !ends.contains(&0) && held_up == 2;
    let rests = of_state("TIME-WAIT").filter(|one| one.peer == server).count();
    of_state("CLOSE-WAIT").count() == 0
        && match port {
            3001 => waiting == [0] && full,
            3002 => waiting == [0] && ends.is_empty() && rests >= 5,
            _ => waiting == [2] && full,
        }
}

/// Runs `ss`, and returns its table in columns that do not depend on the terminal.
fn listing(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().expect("ss can be run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let row = |[state, receive, send, local, peer]: [&str; 5]| {
        format!("{state:<9} {receive:>6} {send:>6} {local:>18} {peer:>18}\n")
    };
    let mut shown = row(["State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port"]);
    let fields = |line: &str| -> Option<[String; 5]> {
        line.split_whitespace().map(str::to_string).collect::<Vec<_>>().try_into().ok()
    };
    let mut rows: Vec<[String; 5]> = text.lines().skip(1).filter_map(fields).collect();
    rows.sort_by_key(|row| (row[0] != "LISTEN", row[3].clone(), row[4].clone()));
    let mut clients = Clients::default();
    for [state, receive, send, local, peer] in &rows {
        let (local, peer) = (clients.shown(local, ':'), clients.shown(peer, ':'));
        shown += &row([state, receive, send, &local, &peer]);
    }
    shown
}

/// A segment as tcpdump shows it: where it comes from and goes to, its flags, window and length.
struct Segment<'a> {
    from: &'a str,
    to: &'a str,
    flags: &'a str,
    window: usize,
    length: usize,
}

impl Segment<'_> {
    fn in_line(line: &str) -> Option<Segment<'_>> {
        let (ends, rest) = line.strip_prefix("IP ")?.split_once(": ")?;
        let (from, to) = ends.split_once(" > ")?;
        let parts = parts(rest);
        let flags = parts[0].strip_prefix("Flags ")?;
        let number =
            |name: &str| parts.iter().find_map(|part| part.strip_prefix(name)?.parse().ok());
        let (window, length) = (number("win ")?, number("length ")?);
        Some(Segment { from, to, flags, window, length })
    }
}

/// Returns whether tcpdump has shown what the check says of this port.
fn packets_fit(port: u16, text: &str) -> bool {
    let server = format!("127.0.0.1.{port}");
    let segments: Vec<Segment> = text.lines().filter_map(Segment::in_line).collect();
    let no_resets = segments.iter().all(|one| !one.flags.contains('R'));
    let announced = |from: usize, is_room: bool| {
        let is_it = |one: &Segment| one.from == server && (one.window > 0) == is_room;
        Some(from + segments[from..].iter().position(is_it)?)
    };
    no_resets
        && match port {
            // After `win 0` there is room again, and more data follows.
            3001 => {
                let room = announced(0, false).and_then(|closed| announced(closed, true));
                room.is_some_and(|room| {
                    let sends = |one: &Segment| one.from == segments[room].to && one.length > 0;
                    segments[room..].iter().any(sends)
                })
            }
            // A whole connection, which the client closes first.
            3002 => {
                let ends = segments.iter().filter(|one| one.flags.contains('F'));
                let ends: Vec<&str> = ends.map(|one| one.from).collect();
                let is_over = segments.last().is_some_and(|last| last.flags == "[.]");
                ends.len() == 2 && ends[0] != server && ends[1] == server && is_over
            }
            _ => {
                announced(0, true).is_none()
                    && segments.iter().all(|one| one.length == 0)
                    && segments.iter().filter(|one| one.from == server).count() >= 6
            }
        }
}

/// Returns the longest end of what tcpdump has shown that fits: at first, a queue may still have room.
fn fitting_end(port: u16, text: &str) -> Option<&str> {
    let starts = text.match_indices("IP ").map(|(start, _)| start);
    starts.map(|start| &text[start..]).find(|end| packets_fit(port, end))
}

/// Watches the port until that has been shown.
fn watched(command: &str, port: u16) -> String {
    let (program, arguments) = command.split_once(' ').expect("a command with arguments");
    let mut command = Command::new(program);
    command.args(arguments.split(' ')).args(["-l", "--immediate-mode"]);
    let mut tcpdump = Program::start(command);
    tcpdump.wait_for_stderr(contains("listening on"));
    tcpdump.wait_for_stdout(function(|text: &str| {
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        fitting_end(port, whole).is_some()
    }));
    tcpdump.press_ctrl_c();
    tcpdump.wait_for_exit();
    let (text, mut clients) = (tcpdump.stdout(), Clients::default());
    let mut shown = String::new();
    for line in fitting_end(port, &text).expect("it did fit").lines() {
        let Some((ends, rest)) = line.split_once(": ") else { continue };
        let ends: Vec<String> = ends.split(' ').map(|end| clients.shown(end, '.')).collect();
        let left_out = ["seq ", "ack ", "options "];
        let parts = parts(rest).into_iter();
        let parts = parts.filter(|part| !left_out.iter().any(|name| part.starts_with(name)));
        shown += &format!("{}: {}\n", ends.join(" "), parts.collect::<Vec<_>>().join(", "));
        if packets_fit(port, &shown) {
            break;
        }
    }
    shown
}

/// The ports that the system has chosen for clients. The first one is shown as 50001, and so on.
#[derive(Default)]
struct Clients {
    ports: Vec<String>,
}

impl Clients {
    /// Returns an end of a connection as the task shows it. Anything else stays as it is.
    fn shown(&mut self, end: &str, separator: char) -> String {
        let Some((ip, port)) = end.rsplit_once(separator) else { return end.to_string() };
        let number = port.parse::<u16>();
        if number.is_err() || number.is_ok_and(|port| SUSPECTS.contains(&port)) {
            return end.to_string();
        }
        let place = self.ports.iter().position(|known| known == port).unwrap_or_else(|| {
            self.ports.push(port.to_string());
            self.ports.len() - 1
        });
        format!("{ip}{separator}{}", 50001 + place)
    }
}

/// The task, which holds the recordings.
struct Recorded {
    file: PathBuf,
    text: String,
}

impl Recorded {
    fn read() -> Recorded {
        let exercise = "lessons/6.3.2-broadcast-server/exercises/three-suspects";
        let file = repository().join(exercise).join("task.md");
        let text = fs::read_to_string(&file).expect("the task can be read");
        Recorded { file, text }
    }

    /// Checks that what is recorded below `command` fits. If it does not, `seen` takes its place, if
    /// that is wished.
    fn is(&mut self, command: &str, seen: &str, fits: impl Fn(&str) -> bool) {
        let start = format!("```text\n$ {command}\n");
        let (before, rest) = self.text.split_once(&start).expect("the task has the command");
        let (shown, after) = rest.split_once("```").expect("a block ends");
        let is_wished = env::var_os("SNAPSHOTS").is_some_and(|wish| wish == "overwrite");
        if is_wished && !fits(shown) {
            self.text = format!("{before}{start}{seen}```{after}");
            fs::write(&self.file, &self.text).expect("the task can be written");
            return;
        }
        assert!(
            fits(shown),
            "the task shows below {command}:\n{shown}\nand what was seen now:\n{seen}"
        );
    }
}
