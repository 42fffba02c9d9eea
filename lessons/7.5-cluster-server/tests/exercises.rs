//! The exercises of this lesson, and what each asks of a learner's program.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, Outcome, Running, quoted};
use harness::{NO_NATS, Nats, scratch};

checker::exercises! {
    cluster_server in "7.5-cluster-server" {
        welcome_to_the_edge: "easy, 15 minutes: Welcome to the edge",
        who_has_left: "medium, 30 minutes: Who has left",
        last_ten_lines: "hard, 60 minutes: The last ten lines",
    }
}

/// Whether nats-server is installed. Without it, two answers cannot be checked.
static NATS_SERVER: LazyLock<bool> = LazyLock::new(|| harness::runs("nats-server", &["--version"]));

const NO_NATS_SERVER: &str = "the check itself needs nats-server, which is not installed: see \
                              https://docs.nats.io or your package manager";

/// In this time, nothing that was not to come has come.
const A_WHILE: Duration = Duration::from_millis(100);

fn edge(attempt: &Attempt, name: &str, nats: &str) -> Outcome<Running> {
    attempt.serve_with(&["--nats", nats, "--name", name])
}

fn port(client: &Actor) -> u16 {
    client.address().port()
}

// --- welcome_to_the_edge ---

fn welcome_to_the_edge(attempt: &Attempt) -> Outcome {
    for name in ["东-1", "east"] {
        welcomed(&edge(attempt, name, NO_NATS)?, name, "a client")?;
    }
    let nameless = attempt.serve_with(&["--nats", NO_NATS])?;
    let name = format!("edge-{}", nameless.address().port());
    welcomed(&nameless, &name, "a client of an edge without a --name")?;

    let east = edge(attempt, "east", NO_NATS)?;
    let mut a = welcomed(&east, "east", "client A")?;
    a.did("was welcomed");
    a.expect_silence(A_WHILE)?;
    let mut b = welcomed(&east, "east", "client B")?;
    b.did("was welcomed");
    b.expect_silence(A_WHILE)?;
    a.did("was in the room when B was welcomed");
    a.expect_silence(A_WHILE)?;

    let mut hasty = east.connect("a client that speaks and half-closes at once")?;
    hasty.send("hello\n")?;
    hasty.half_close()?;
    hasty.expect_line_to_the_byte("welcome to east")?;
    hasty.expect_end()?;
    let line = format!("{}:hello", port(&hasty));
    for (client, name) in [(&mut a, "client A"), (&mut b, "client B")] {
        client.did("was in the room when somebody came and said `hello`");
        client.expect_line(&line).map_err(|problem| format!("{name}: {problem}"))?;
    }
    welcomed_while_others_talk(&east, &mut a, &mut b)?;

    for mut client in east.connect_at_once(30, "one of thirty who came at once")? {
        client.expect_line_to_the_byte("welcome to east")?;
    }
    for _ in 0..200 {
        let gone = "could not connect after some had come and reset the connection";
        east.connect("a client").map_err(|problem| format!("{gone}: {problem}"))?.reset();
    }
    let mut last = welcomed(&east, "east", "a client that came after 200 had reset")?;
    last.did("was welcomed");
    last.expect_silence(A_WHILE)?;
    a.did("was in the room when many came and left");
    a.expect_silence(A_WHILE)
}

fn welcomed(edge: &Running, name: &str, who: &str) -> Outcome<Actor> {
    let mut client = edge.connect(who)?;
    client.expect_line_to_the_byte(&format!("welcome to {name}"))?;
    Ok(client)
}

/// Who comes is welcomed first, and then hears A; who is there hears nothing but A.
fn welcomed_while_others_talk(east: &Running, a: &mut Actor, b: &mut Actor) -> Outcome {
    let mut speaker = a
        .stream()
        .try_clone()
        .map_err(|error| format!("the check itself cannot have a second handle: {error}"))?;
    let is_over = AtomicBool::new(false);
    let label = format!("{}:", port(a));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) && speaker.write_all(b"and so on\n").is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
            let _ = speaker.write_all(b"the end\n");
        });
        let came = (0..20).try_for_each(|_| {
            let mut client = welcomed(east, "east", "a client that came while A was talking")?;
            client.expect_line(&format!("{label}and so on"))
        });
        is_over.store(true, Ordering::Relaxed);
        came
    })?;
    b.did("was in the room when others came and A talked");
    let others = b.find_line(&format!("{label}the end"))?;
    match others.iter().find(|line| !line.starts_with(&label)) {
        None => Ok(()),
        Some(line) => Err(b.finding("nothing but what A said", &format!("`{line}` came"))),
    }
}

// --- who_has_left ---

fn who_has_left(attempt: &Attempt) -> Outcome {
    let east = edge(attempt, "east", NO_NATS)?;
    let mut listeners = [east.connect("client A")?, east.connect("client B")?];
    let [a, b] = &mut listeners;
    b.send("I am here\n")?;
    a.did("was in the room when B came and said a line");
    a.expect_line(&format!("{}:I am here", port(b)))?;
    a.send("so am I\n")?;
    b.expect_line(&format!("{}:so am I", port(a)))?;
    a.expect_silence(A_WHILE)?;

    let mut client = comes(&east, &mut listeners)?;
    client.send("goodbye")?; // without a newline
    leaves(&mut listeners, client, &["goodbye"], "said `goodbye` and left in an orderly way")?;
    let client = comes(&east, &mut listeners)?;
    let port_of_client = port(&client);
    client.reset();
    all_hear(&mut listeners, port_of_client, &[], "left with a reset")?;
    let client = comes(&east, &mut listeners)?;
    leaves(&mut listeners, client, &[], "left in an orderly way without a word")?;

    let mut client = comes(&east, &mut listeners)?;
    client.half_close()?;
    client.read_to_end()?;
    leaves(&mut listeners, client, &[], "left, after it had closed its sending half")?;

    let lines: Vec<String> = (0..1000).map(|number| format!("number {number}")).collect();
    let mut client = comes(&east, &mut listeners)?;
    client.send(lines.join("\n"))?;
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    leaves(&mut listeners, client, &lines, "said a thousand lines and left in an orderly way")?;

    thirty_leave(&east, &mut listeners)?;
    for listener in &mut listeners {
        listener.did("was in the room when all others had left");
        listener.expect_silence(A_WHILE)?;
    }
    let mut client = comes(&east, &mut listeners)?;
    client.did("came when others had left");
    client.expect_silence(A_WHILE)?;
    if *NATS_SERVER { elsewhere(attempt) } else { Err(NO_NATS_SERVER.to_string()) }
}

/// Somebody who has been heard.
fn comes(east: &Running, listeners: &mut [Actor]) -> Outcome<Actor> {
    let mut client = east.connect("a client")?;
    client.send("I am in\n")?;
    for listener in listeners {
        listener.did("was in the room when somebody came and said `I am in`");
        listener.expect_line(&format!("{}:I am in", port(&client)))?;
    }
    Ok(client)
}

fn leaves(listeners: &mut [Actor], client: Actor, last: &[&str], what: &str) -> Outcome {
    let port = port(&client);
    drop(client);
    all_hear(listeners, port, last, what)
}

fn all_hear(listeners: &mut [Actor], port: u16, last: &[&str], what: &str) -> Outcome {
    for listener in listeners {
        listener.did(&format!("was in the room when somebody {what}"));
        for line in last {
            listener.expect_line(&format!("{port}:{line}"))?;
        }
        listener.expect_line_to_the_byte(&format!("{port}:has left"))?;
    }
    Ok(())
}

/// Thirty come and leave in the same moment, half of them with a reset.
fn thirty_leave(east: &Running, listeners: &mut [Actor]) -> Outcome {
    let mut crowd = east.connect_at_once(30, "one of thirty clients")?;
    let mut all: Vec<u16> = crowd.iter().map(port).collect();
    all.sort_unstable();
    for client in &mut crowd {
        client.send("I am in\n")?;
    }
    for (what, did) in [("I am in", "thirty came"), ("has left", "thirty left at once")] {
        for listener in &mut *listeners {
            listener.did(&format!("was in the room when {did}"));
            let mut left = HashSet::new();
            for _ in 0..all.len() {
                let line = listener.line()?;
                let port = line.strip_suffix(what).and_then(|label| label.strip_suffix(':'));
                match port.and_then(|port| port.parse().ok()) {
                    Some(port) if all.binary_search(&port).is_ok() && left.insert(port) => {}
                    _ => {
                        let expected = format!("a line `PORT:{what}` for each of them");
                        return Err(listener.finding(&expected, &format!("`{line}` came, too")));
                    }
                }
            }
        }
        for (number, client) in crowd.drain(..).enumerate() {
            if number % 2 == 0 {
                client.reset();
            }
        }
    }
    Ok(())
}

/// Who leaves one edge is missed at the other.
fn elsewhere(attempt: &Attempt) -> Outcome {
    let nats = Nats::running();
    let east = edge(attempt, "east", &nats.address())?;
    let west = edge(attempt, "west", &nats.address())?;
    let mut here = east.connect("a client of the edge east")?;
    let mut leaver = west.connect("a client of the edge west")?;
    let mut stays = west.connect("another client of the edge west")?;
    let label = format!("west/{}:", port(&leaver));
    hears(attempt, &mut here, &mut leaver, &label)?;
    stays.send("so am I\n")?;
    here.find_line(&format!("west/{}:so am I", port(&stays)))?;
    let left = format!("{}:has left", port(&leaver));
    leaver.reset();
    stays.did("was in the room when another client of its edge left with a reset");
    let others = stays.find_line(&left)?;
    if let Some(line) = others.iter().find(|line| line.contains("has left")) {
        return Err(stays.finding(&format!("the line `{left}`"), &format!("`{line}` came, too")));
    }
    here.did("was in the room when a client of the edge west left with a reset");
    here.expect_line(&format!("west/{left}"))?;
    here.expect_silence(A_WHILE)
}

/// Waits until `listener` hears `speaker`: one may still be on the way into the room, or an edge to
/// NATS.
fn hears(attempt: &Attempt, listener: &mut Actor, speaker: &mut Actor, label: &str) -> Outcome {
    attempt.try_again(|| {
        attempt.eventually(|| {
            speaker.send("I am here\n")?;
            listener.did("was in the room when another client spoke");
            listener.set_patience(Duration::from_millis(300));
            listener.expect_line(&format!("{label}I am here"))
        })
    })?;
    listener.set_patience(attempt.patience());
    speaker.send("for the last time\n")?;
    listener.find_line(&format!("{label}for the last time"))?;
    Ok(())
}

// --- last_ten_lines ---

fn last_ten_lines(attempt: &Attempt) -> Outcome {
    if !*NATS_SERVER {
        return Err(NO_NATS_SERVER.to_string());
    }
    let plain = Nats::running();
    let north = edge(attempt, "north", &plain.address())?;
    goes_on(attempt, &north, "without a JetStream")?;

    let mut nats = Keeper::new();
    let address = nats.server.address();
    let (east, west) = (edge(attempt, "east", &address)?, edge(attempt, "west", &address)?);
    let mut a = goes_on(attempt, &east, "without a NATS")?;
    let mut b = goes_on(attempt, &west, "without a NATS")?;
    nats.server.start();
    let mut said = begins(attempt, &mut a, &mut b, &west)?;
    b.set_patience(attempt.patience());
    say(&mut said, (&mut b, "west"), (&mut a, "east"), &[b"I am here"])?;

    talk(attempt, (&east, &mut a), (&west, &mut b), &mut said)?;
    nats.publish(&[("x", b""), ("x", b"hello"), ("x", b"1 2"), ("x", b"1 2\n"), ("x", b"\xff")])?;
    newcomer(attempt, &west, &said, "came when somebody had published what no edge says")?;
    at_once(attempt, &west, &said)?;
    let mut c = newcomer(attempt, &east, &said, "came when others had come and left")?;
    say(&mut said, (&mut c, "east"), (&mut a, "east"), &[b"I am in"])?;
    b.expect_line(&format!("east/{}:I am in", port(&c)))?;
    a.did("was in the room when many came");
    a.expect_silence(A_WHILE)?;
    drop(c);

    let long: Vec<Vec<u8>> = (b'0'..=b'9').map(|digit| vec![digit; 60_000]).collect();
    let long: Vec<&[u8]> = long.iter().map(Vec::as_slice).collect();
    say(&mut said, (&mut a, "east"), (&mut b, "west"), &long)?;
    newcomer(attempt, &west, &said, "came when ten long lines had been said")?;
    attempt.try_again(|| a_slow_one_holds_up_nobody(attempt, &west, &said))?;

    nats.server.kill();
    nats.server.start();
    let what = "came when NATS had been killed and was started again";
    attempt.try_again(|| newcomer(attempt, &west, &said, what))?;
    nats.server.kill();
    goes_on(attempt, &east, "when NATS had gone").map(drop)
}

/// A at one edge and B at another say lines of all kinds, one by one and many at once.
fn talk(
    attempt: &Attempt,
    (east, a): (&Running, &mut Actor),
    (west, b): (&Running, &mut Actor),
    said: &mut Said,
) -> Outcome {
    let newcomers = |said: &Said, what: &str| {
        newcomer(attempt, east, said, what)?;
        newcomer(attempt, west, said, what).map(drop)
    };
    let lines =
        [&b"\xc3\xfe is no text"[..], "你好".as_bytes(), b"x", "🦀🦀".as_bytes(), b"a b  c"];
    for line in lines {
        say(said, (b, "west"), (a, "east"), &[line])?;
    }
    let paste = [&b"first"[..], b"second: of 3", "第三".as_bytes()];
    say(said, (a, "east"), (b, "west"), &paste)?;
    newcomers(said, "came when people had talked at two edges")?;
    let paste: Vec<String> = (0..25).map(|number| format!("number {number}")).collect();
    let paste: Vec<&[u8]> = paste.iter().map(String::as_bytes).collect();
    say(said, (a, "east"), (b, "west"), &paste)?;
    newcomers(said, "came when 25 lines had been said at once")?;
    say(said, (b, "west"), (a, "east"), &[b"one more"])?;
    newcomers(said, "came when 25 lines had been said at once, and then one more")
}

/// A nats-server with a JetStream in a folder of its own.
struct Keeper {
    server: Nats,
    folder: PathBuf,
}

impl Keeper {
    /// It is not running yet.
    fn new() -> Keeper {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = scratch().join(format!("jetstream-{}-{number}", process::id()));
        let server = Nats::new(&["-js", "-sd", &folder.to_string_lossy()]);
        Keeper { server, folder }
    }

    /// As somebody who is no edge, or as several.
    fn publish(&self, messages: &[(&str, &[u8])]) -> Outcome {
        let failed = |error| format!("the check itself cannot talk to NATS: {error}");
        let mut stream = TcpStream::connect(self.server.address()).map_err(failed)?;
        let mut commands = b"CONNECT {\"verbose\":false}\r\n".to_vec();
        for (name, payload) in messages {
            let head = format!("PUB chat.said.{name} {}\r\n", payload.len());
            commands.extend([head.as_bytes(), payload, b"\r\n"].concat());
        }
        commands.extend(b"PING\r\n");
        stream.write_all(&commands).map_err(failed)?;
        let mut nats = Actor::over(stream, "the check itself", "published something on NATS");
        nats.find_line("PONG").map(drop)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.server.kill();
        let _ = fs::remove_dir_all(&self.folder); // it lies in cargo's own folder for such things
    }
}

/// All that has been said, with its labels.
#[derive(Default)]
struct Said(Vec<Vec<u8>>);

impl Said {
    fn last_ten(&self) -> Vec<u8> {
        self.0[self.0.len().saturating_sub(10)..].concat()
    }
}

/// Somebody, and the name of the edge.
type Person<'a> = (&'a mut Actor, &'a str);

/// `speaker` says lines in one piece, and `listener` hears them.
fn say(said: &mut Said, speaker: Person, listener: Person, lines: &[&[u8]]) -> Outcome {
    speaker.0.send([lines.join(&b'\n').as_slice(), b"\n"].concat())?;
    listener.0.did("was in the room when another spoke");
    for line in lines {
        let there = [format!("{}:", port(speaker.0)).as_bytes(), line].concat();
        let elsewhere = [speaker.1.as_bytes(), b"/", &there].concat();
        let heard = if speaker.1 == listener.1 { &there } else { &elsewhere };
        listener.0.expect_line(&String::from_utf8_lossy(heard))?;
        said.0.push([&elsewhere[..], b"\n"].concat());
    }
    Ok(())
}

/// An edge serves its own people whatever becomes of NATS. Returns one of them.
fn goes_on(attempt: &Attempt, edge: &Running, when: &str) -> Outcome<Actor> {
    let talk = || {
        let (mut first, mut second) = (edge.connect("a client")?, edge.connect("another client")?);
        let label = format!("{}:", port(&second));
        hears(attempt, &mut first, &mut second, &label)?;
        Ok(first)
    };
    talk()
        .map_err(|problem: String| format!("{when}, an edge was to go on as before, but {problem}"))
}

/// A speaks at the edge east and B hears it at the edge west, until somebody who comes there then
/// is sent something of it.
fn begins(attempt: &Attempt, a: &mut Actor, b: &mut Actor, west: &Running) -> Outcome<Said> {
    let deadline = Instant::now() + 3 * attempt.patience(); // some programs need a while to find NATS
    let mut said = Said::default();
    let label = format!("east/{}:line ", port(a));
    loop {
        let number = said.0.len();
        a.send(format!("line {number}\n"))?;
        said.0.push(format!("{label}{number}\n").into_bytes());
        b.did("was in the room at the edge west when A spoke at the edge east");
        b.set_patience(Duration::from_millis(500));
        if let Err(problem) = b.find_line(&format!("{label}{number}")) {
            if Instant::now() > deadline {
                return Err(problem);
            }
            continue;
        }
        let mut client = west.connect("a client")?;
        client.did("came to the edge west when lines had been said at the edge east");
        client.set_patience(Duration::from_millis(1500));
        match client.line() {
            Ok(line) if line.starts_with(&label) => return Ok(said),
            Ok(line) => {
                let expected = format!("the last ten lines, such as `{label}{number}`");
                return Err(client.finding(&expected, &format!("`{line}` came")));
            }
            Err(problem) if Instant::now() > deadline => return Err(problem),
            Err(_) => {}
        }
    }
}

/// Somebody comes, and is sent the last ten lines and nothing else. On a busy machine it may take
/// a moment until NATS has kept what was said last.
fn newcomer(attempt: &Attempt, edge: &Running, said: &Said, what: &str) -> Outcome<Actor> {
    attempt.eventually(|| {
        let mut client = edge.connect("a client")?;
        client.did(what);
        client.set_patience(Duration::from_millis(2500));
        expect_last_ten(&mut client, said)?;
        client.expect_silence(A_WHILE / 2)?;
        client.set_patience(attempt.patience());
        Ok(client)
    })
}

fn expect_last_ten(client: &mut Actor, said: &Said) -> Outcome {
    let expected = said.last_ten();
    let outcome = client.take_exactly(expected.len());
    let came = outcome.as_ref().map_or_else(|_| client.take_what_has_come(), Vec::clone);
    if came == expected {
        return Ok(());
    }
    let wanted = format!("the last ten lines, {}", quoted(&expected));
    let came = match outcome {
        Err(problem) if came.is_empty() => format!("nothing came: {problem}"),
        _ => format!("{} came", quoted(&came)),
    };
    Err(client.finding(&wanted, &came))
}

/// Thirty come in the same moment, and thirty come and reset.
fn at_once(attempt: &Attempt, edge: &Running, said: &Said) -> Outcome {
    for _ in 0..30 {
        edge.connect("a client")?.reset();
    }
    attempt.try_again(|| {
        for mut client in edge.connect_at_once(30, "one of thirty who came at once")? {
            client.did("came");
            expect_last_ten(&mut client, said)?;
        }
        Ok(())
    })
}

fn a_slow_one_holds_up_nobody(attempt: &Attempt, edge: &Running, said: &Said) -> Outcome {
    let mut slow = edge.connect_from_afar("a client")?;
    let what = "came when the last ten lines were long, and another one did not read";
    newcomer(attempt, edge, said, what)?;
    slow.did("came when the last ten lines were long, and read late");
    expect_last_ten(&mut slow, said)
}
