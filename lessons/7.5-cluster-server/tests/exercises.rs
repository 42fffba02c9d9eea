//! The exercises of this lesson, and what each asks of a learner's program.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, Deadline, Outcome, Running, Watch, late, shown_time, shown_times};
use harness::Nats;
use shared::printable;

checker::exercises! {
    cluster_server in "7.5-cluster-server" {
        on_the_wall: "easy, 20 minutes: On the wall",
        who_is_there: "medium, 40 minutes: Who is there",
    }
}

/// Whether nats-server is installed. Without it, the answers cannot be checked.
static NATS_SERVER: LazyLock<bool> = LazyLock::new(|| harness::runs("nats-server", &["--version"]));

/// Hides what a program says about NATS, because the check starts and kills it.
fn no_news(attempt: &Attempt) {
    let beginnings = [
        "cannot connect to NATS",
        "connected to NATS",
        "the connection to NATS is lost",
        "Until that is possible",
        "somebody who is no edge publishes",
    ];
    beginnings.iter().for_each(|beginning| attempt.causes(beginning));
}

const NO_NATS_SERVER: &str = "the check itself needs nats-server, which is not installed: see \
                              https://docs.nats.io or your package manager";

/// An edge has published something in this time, even if nobody has said anything.
const MORE_THAN_A_SECOND: Duration = Duration::from_millis(1500);

fn edge(attempt: &Attempt, name: &str, nats: &Nats) -> Outcome<Running> {
    attempt.serve_with(&["--nats", &nats.address(), "--name", name])
}

fn port(client: &Actor) -> u16 {
    client.address().port()
}

/// Checks that two people at an edge hear each other, although it has no NATS. Returns them.
fn talk_without_nats(attempt: &Attempt, edge: &Running) -> Outcome<(Actor, Actor)> {
    let (mut a, mut b) = (edge.connect("client A")?, edge.connect("client B")?);
    attempt.eventually(|| {
        b.send("I am here\n")?;
        a.did("was at an edge without NATS, where client B spoke");
        a.set_patience(Duration::from_millis(300));
        a.expect_line(&format!("{}:I am here", port(&b)))
    })?;
    a.set_patience(attempt.patience());
    Ok((a, b))
}

fn publish(nats: &Nats, messages: &[(&str, &[u8])]) -> Outcome {
    nats.publish(messages).map_err(|error| format!("the check itself cannot use NATS: {error}"))
}

/// Waits until `condition` holds, and returns whether it does in time.
fn holds_within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Deadline::after(time);
    while !condition() {
        if deadline.is_over() {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}

fn times(edge: &Running, line: &str) -> usize {
    edge.stdout().lines().filter(|printed| *printed == line).count()
}

// --- on_the_wall ---

/// An edge, its name, and somebody there.
struct Place<'a> {
    name: &'a str,
    edge: &'a Running,
    speaker: Actor,
}

fn on_the_wall(attempt: &Attempt) -> Outcome {
    if !*NATS_SERVER {
        return Err(NO_NATS_SERVER.to_string());
    }
    no_news(attempt);
    let mut nats = Nats::new(&[]);
    let (east, west) = (edge(attempt, "east", &nats)?, edge(attempt, "west", &nats)?);
    let (speaker, _listener) = talk_without_nats(attempt, &east)?;
    let mut here = Place { name: "east", edge: &east, speaker };
    let speaker = west.connect("a client of the edge west")?;
    let mut there = Place { name: "west", edge: &west, speaker };
    nats.start();
    begins(attempt, &mut here, &west, "NATS was started after the edges", "line")?;
    begins(attempt, &mut there, &east, "NATS was started after the edges", "line")?;

    for (speaks, other) in [(&mut here, &west), (&mut there, &east)] {
        say(attempt, speaks, other, &["hello"])?;
        say(attempt, speaks, other, &["first", "second of three", "第三"])?;
        let paste: Vec<String> = (0..1000).map(|number| format!("number {number}")).collect();
        let paste: Vec<&str> = paste.iter().map(String::as_str).collect();
        say(attempt, speaks, other, &paste)?;
        say(attempt, speaks, other, &["🦀 a b  c", "\x1b[2Jred", "1 2", "chat.said.x/1:y"])?;
    }
    here.speaker.send(b"\xff\xfe is no text\n")?;
    let what = "somebody had sent bytes that are not text";
    say(attempt, &mut here, &west, &["after that"]).map_err(|p| format!("{what}, and {p}"))?;

    let strange: [&[u8]; 5] = [b"", b"hello", b"1 2", b"\xff", b"1 2\n7:after that\n"];
    publish(&nats, &strange.map(|payload| ("chat.said.x", payload)))?;
    for (name, screen) in [("east", &east), ("west", &west)] {
        if !holds_within(attempt.patience(), || times(screen, "x/7:after that") == 1) {
            return Err(format!(
                "a program that is not an edge published things under `chat.said.x` that no edge \
                 publishes, and then the line `7:after that`. The edge {name} should have printed \
                 the line `x/7:after that`, but it did not"
            ));
        }
    }
    here.speaker.did("was in the room when nobody said anything");
    thread::sleep(MORE_THAN_A_SECOND); // in which each edge publishes a message without lines
    nothing_else(&east)?;
    nothing_else(&west)?;
    nats.kill();
    nats.start();
    begins(attempt, &mut there, &east, "NATS was killed and started again", "again")
}

/// Lets somebody speak until the screen of the other edge shows it, because a program may need a while
/// to find NATS.
fn begins(
    attempt: &Attempt,
    there: &mut Place,
    other: &Running,
    after: &str,
    word: &str,
) -> Outcome {
    let deadline = Deadline::after(3 * attempt.patience());
    for number in 0.. {
        there.speaker.send(format!("{word} {number}\n"))?;
        let line = format!("{}/{}:{word} {number}", there.name, port(&there.speaker));
        if holds_within(Duration::from_millis(300), || times(other, &line) > 0) {
            return prints(attempt, there.edge, &line, "at this edge");
        }
        if deadline.is_over() {
            return Err(format!(
                "{after}, and a client said `{word} {number}` at the edge {}. The other edge \
                 should have printed the line `{line}`, but it did not",
                there.name
            ));
        }
    }
    Ok(())
}

/// Lets somebody say lines in one piece, which both edges should print.
fn say(attempt: &Attempt, there: &mut Place, other: &Running, lines: &[&str]) -> Outcome {
    there.speaker.send(lines.join("\n") + "\n")?;
    for line in lines {
        let line = format!("{}/{}:{line}", there.name, port(&there.speaker));
        prints(attempt, other, &line, "at the other edge")?;
        prints(attempt, there.edge, &line, "at this edge")?;
    }
    Ok(())
}

fn prints(attempt: &Attempt, screen: &Running, line: &str, place: &str) -> Outcome {
    let shown = printable(line);
    let seen = || screen.stdout().contains('\x1b') || times(screen, &shown) > 0;
    let is_there = holds_within(attempt.patience(), seen);
    if screen.stdout().contains('\x1b') {
        return Err(
            "a client sent the control character ESC, and the program printed it as it was"
                .to_string(),
        );
    }
    match is_there {
        true => Ok(()),
        false => Err(format!(
            "a client {place} said something, so the program should have printed the line \
             `{shown}`, but it did not"
        )),
    }
}

/// Checks that everything on the screen is a line that somebody has said, and that none is there twice.
fn nothing_else(edge: &Running) -> Outcome {
    const OF_A_SERVER: [&str; 2] = ["server listening at port ", "有客户端退出了"];
    let (stdout, mut seen) = (edge.stdout(), HashSet::new());
    for line in stdout.lines() {
        if OF_A_SERVER.iter().any(|start| line.starts_with(start)) {
            continue;
        }
        let port =
            line.split_once(':').and_then(|(label, _)| label.split_once('/')?.1.parse().ok());
        if port.is_none_or(|port: u16| port == 0) || !line.split('/').all(|part| !part.is_empty()) {
            return Err(format!(
                "the program should print the lines that people said, and nothing else, but it \
                 printed `{line}`"
            ));
        }
        if !seen.insert(line) {
            return Err(format!(
                "the program should print each line once, but it printed `{line}` a second time"
            ));
        }
    }
    Ok(())
}

// --- who_is_there ---

fn who_is_there(attempt: &Attempt) -> Outcome {
    if !*NATS_SERVER {
        return Err(NO_NATS_SERVER.to_string());
    }
    no_news(attempt);
    let (mut nats, mut other) = (Nats::new(&[]), Nats::new(&[]));
    let on = |nats: &Nats, name: &str| edge(attempt, name, nats);
    let (east, west) = (on(&nats, "east")?, on(&nats, "west")?);
    let (north, south) = (on(&other, "north")?, on(&other, "south")?);
    let third = on(&nats, "东-3")?;
    let (mut a, _b) = talk_without_nats(attempt, &east)?;
    nats.start();
    other.start();
    let all = [
        (&east, "east", &["west", "东-3"][..]),
        (&west, "west", &["east", "东-3"]),
        (&third, "东-3", &["east", "west"]),
        (&north, "north", &["south"]),
        (&south, "south", &["north"]),
    ];
    let after = "NATS was started after the edges, and people at the others had said nothing";
    for (edge, _, others) in all {
        for name in others {
            expect(3 * attempt.patience(), edge, after, &format!("{name} is here"), 1)?;
        }
    }
    a.send("hello\nhow are you?\n")?;
    publish(&nats, &[("chat.said.\x1b[2J", b"1 2\n"), ("chat.said.a/b", b"1 2\n7:hello\n")])?;
    thread::sleep(MORE_THAN_A_SECOND); // in which a program that is too impatient takes somebody for gone
    for (edge, own, others) in all {
        as_it_is(edge, own, others)?;
    }

    west.kill();
    other.kill();
    let (since, watch) = (Instant::now(), Watch::start());
    let long = Duration::from_secs(5) + attempt.patience();
    expect(long, &east, "the edge west was killed", "west is gone", 1)?;
    let soon = since.elapsed();
    if soon < Duration::from_millis(1800) {
        return Err(format!(
            "the edge west was killed. The program should have printed the line `west is gone` \
             when west had been silent for 3 s, but it printed it after {}",
            shown_time(soon)
        ));
    }
    if soon > Duration::from_secs(6) {
        let finding = format!(
            "the edge west was killed. The program should have printed the line `west is gone` \
             when west had been silent for 3 s, but it took {}",
            shown_time(soon)
        );
        return Err(late(&watch, finding));
    }
    expect(long, &third, "the edge west was killed", "west is gone", 1)?;
    expect(long, &south, "NATS was killed", "north is gone", 1)?;
    let after = "the edge west was killed, and started again when it had gone";
    let _west = on(&nats, "west")?;
    expect(3 * attempt.patience(), &east, after, "west is here", 2)?;
    let came = times(&east, "west is here");
    if came > 2 {
        return Err(format!(
            "{after}, so the program should have printed `west is here` twice in all, but it \
             printed it {came} times"
        ));
    }
    for (edge, name) in [(&east, "东-3"), (&third, "east")] {
        if times(edge, &format!("{name} is here")) != 1
            || edge.stdout().contains(&format!("{name} is gone"))
        {
            return Err(format!(
                "the edge {name} was there all the time. The program should print `{name} is \
                 here` once and never `{name} is gone`, but it printed something else"
            ));
        }
    }
    Ok(())
}

/// Waits until the screen of an edge shows `line` so many times, or more often.
fn expect(time: Duration, edge: &Running, after: &str, line: &str, count: usize) -> Outcome {
    holds_within(time, || times(edge, line) >= count);
    let came = match times(edge, line) {
        came if came >= count => return Ok(()),
        0 => "did not".to_string(),
        came => format!("printed it {}", shown_times(came)),
    };
    let wanted = if count == 1 { "" } else { " a second time" };
    Err(format!(
        "{after}, so the program should have printed the line `{line}`{wanted}, but it {came}"
    ))
}

/// Checks that the screen names everybody who has joined, each once, and nobody else.
fn as_it_is(edge: &Running, own: &str, others: &[&str]) -> Outcome {
    let stdout = edge.stdout();
    for line in stdout.lines() {
        let Some((name, what)) = line.split_once(" is ") else { continue };
        if name == own {
            return Err(format!("an edge should leave out its own name, but it printed `{line}`"));
        }
        if !others.contains(&name) {
            let shown = printable(line);
            return Err(format!(
                "a program published something under a name that no edge can have, and an edge \
                 printed `{shown}`"
            ));
        }
        if what != "here" || times(edge, line) != 1 {
            return Err(format!(
                "the edge {name} was there all the time, so the program should print the line \
                 `{name} is here` once and nothing else, but it printed `{line}` {}",
                shown_times(times(edge, line))
            ));
        }
    }
    Ok(())
}
