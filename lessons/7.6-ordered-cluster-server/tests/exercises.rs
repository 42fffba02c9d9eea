//! The exercises of this lesson, and what each asks of a learner's program.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, Outcome, Running, shown_time};
use harness::{NO_NATS, Nats};
use shared::printable;

checker::exercises! {
    ordered_cluster_server in "7.6-ordered-cluster-server" {
        how_full: "easy, 20 minutes: How full is it",
        read_it_back: "medium, 40 minutes: Read it back",
    }
}

/// Whether nats-server is installed. Without it, the answers cannot be checked.
static NATS_SERVER: LazyLock<bool> = LazyLock::new(|| harness::runs("nats-server", &["--version"]));

/// Hides what a program says about NATS, because the check starts and kills it.
fn no_news(attempt: &Attempt) {
    let beginnings = [
        "cannot connect to NATS",
        "joined the other edges",
        "the connection to NATS is lost",
        "Until that is possible",
    ];
    beginnings.iter().for_each(|beginning| attempt.causes(beginning));
}

const NO_NATS_SERVER: &str = "the check itself needs nats-server, which is not installed: see \
                              https://docs.nats.io or your package manager";

fn failed(error: impl ToString) -> String {
    format!("the check itself cannot use NATS: {}", error.to_string())
}

/// Returns what follows `name` in an answer of JetStream, up to the next comma or brace.
fn value<'a>(json: &'a str, name: &str) -> Outcome<&'a str> {
    let start = format!("\"{name}\":");
    let value = json.split_once(&start).and_then(|(_, rest)| rest.split([',', '}']).next());
    value.ok_or_else(|| failed(format!("there is no {name} in {json}")))
}

/// Returns how many messages the stream holds, and how many bytes.
fn state(nats: &Nats) -> Outcome<(u64, u64)> {
    let info = nats.ask_jetstream("STREAM.INFO.ORDERED", "").map_err(failed)?;
    let state = info.split_once("\"state\":").map_or("", |(_, state)| state);
    let number = |name| value(state, name)?.parse().map_err(failed);
    Ok((number("messages")?, number("bytes")?))
}

/// Publishes messages in the stream, and waits until it has stored them.
fn publish(attempt: &Attempt, nats: &Nats, messages: &[(&str, &[u8])]) -> Outcome {
    let wanted = state(nats)?.0 + messages.len() as u64;
    nats.publish(messages).map_err(failed)?;
    attempt.eventually(|| match state(nats)?.0 {
        messages if messages >= wanted => Ok(()),
        messages => Err(failed(format!("it stores {messages} messages of {wanted}"))),
    })
}

// --- how_full ---

fn how_full(attempt: &Attempt) -> Outcome {
    if !*NATS_SERVER {
        return Err(NO_NATS_SERVER.to_string());
    }
    no_news(attempt);
    let mut nats = Nats::with_jetstream(&[]);
    let east = attempt.serve_with(&["--nats", &nats.address(), "--name", "east"])?;
    let (mut a, mut b) = (east.connect("client A")?, east.connect("client B")?);
    nats.start();
    let after = "NATS was started after the edge, and people spoke there";
    hears(&mut a, &mut b, 3 * attempt.patience())
        .map_err(|problem| format!("{after}. They should hear each other, but: {problem}"))?;
    expect_state(attempt, &east, &nats, after)?;
    attempt.try_again(|| talk(attempt, &mut a, &mut b))?;
    expect_state(attempt, &east, &nats, "people had talked at the edge")?;
    thread::sleep(Duration::from_millis(2200)); // so that the program looks again, and nothing has changed

    publish(
        attempt,
        &nats,
        &[("ordered.west", b"7:one\n"), ("ordered.west", b"7:two\n7:three\n")],
    )?;
    expect_state(attempt, &east, &nats, "two more lines were said at another edge")?;
    // Right after it has looked, the next time is furthest away.
    attempt.try_again(|| {
        let said = Instant::now();
        publish(attempt, &nats, &[("ordered.west", b"7:again\n")])?;
        let after = "one more line was said at another edge, right after the program had printed \
                     its last line";
        expect_state(attempt, &east, &nats, after)?;
        match said.elapsed() {
            took if took > Duration::from_secs(3) => Err(format!(
                "{after}. The program should look once a second, but it took {}",
                shown_time(took)
            )),
            _ => Ok(()),
        }
    })?;
    nats.ask_jetstream("STREAM.PURGE.ORDERED", "").map_err(failed)?;
    expect_state(attempt, &east, &nats, "somebody had emptied the stream")?;
    publish(attempt, &nats, &[("ordered.west", b"7:four\n")])?;
    expect_state(attempt, &east, &nats, "somebody had emptied the stream, and a line was said")?;
    nats.kill();
    nats.start();
    hears(&mut a, &mut b, 3 * attempt.patience()).map_err(|problem| {
        format!(
            "NATS was killed and started again, and people spoke. They should hear each other, \
             but: {problem}"
        )
    })?;
    expect_state(attempt, &east, &nats, "NATS was killed and started again, and people spoke")?;

    let stdout = east.stdout();
    let told: Vec<&str> = stdout.lines().filter(|line| line.starts_with(START)).collect();
    match told.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(format!(
            "the program should print a line only when something has changed, but it printed `{}` \
             a second time",
            pair[0]
        )),
    }
}

fn hears(a: &mut Actor, b: &mut Actor, patience: Duration) -> Outcome {
    a.send("hello\n")?;
    b.did("was in the room when client A said `hello`");
    b.set_patience(patience);
    b.find_line(&format!("{}:hello", a.address().port())).map(drop)
}

/// Lets people say ten lines, each when the last one has been heard.
fn talk(attempt: &Attempt, a: &mut Actor, b: &mut Actor) -> Outcome {
    let since = Instant::now();
    for number in 1..=10 {
        hears(a, b, 3 * attempt.patience())?;
        if since.elapsed() > Duration::from_secs(4) {
            return Err(format!(
                "people at the edge should hear each other immediately, but {number} lines, one \
                 after the other, took {}",
                shown_time(since.elapsed())
            ));
        }
    }
    Ok(())
}

const START: &str = "messages in the stream: ";

/// Waits until the last line on the screen says how things are.
fn expect_state(attempt: &Attempt, edge: &Running, nats: &Nats, after: &str) -> Outcome {
    attempt.eventually(|| {
        let (messages, bytes) = state(nats)?;
        let expected = format!("{START}{messages}, bytes: {bytes}");
        let stdout = edge.stdout();
        let last = stdout.lines().rev().find(|line| line.starts_with(START));
        let came = match last {
            Some(line) if line == expected => return Ok(()),
            Some(line) => format!("the last line that it printed was `{line}`"),
            None => "it did not".to_string(),
        };
        Err(format!(
            "{after}, so the program should have printed the line `{expected}`, but {came}"
        ))
    })
}

// --- read_it_back ---

fn read_it_back(attempt: &Attempt) -> Outcome {
    if !*NATS_SERVER {
        return Err(NO_NATS_SERVER.to_string());
    }
    no_news(attempt);
    let alone = attempt.start(&["--nats", NO_NATS, "--history", "3"]);
    let what = "the program was started without NATS";
    if alone.expect_exit(what)?.success() {
        return Err(format!("{what}, so it should have ended with an exit status other than 0"));
    }
    let mut nats = Nats::with_jetstream(&[]);
    nats.start();
    let what = "NATS was there, but there was no stream yet";
    let early = attempt.start(&["--nats", &nats.address(), "--history", "3"]);
    if early.expect_exit(what)?.success() {
        return Err(format!(
            "{what}, so the program should have ended with an exit status other than 0"
        ));
    }
    if !nats.ask_jetstream("STREAM.INFO.ORDERED", "").map_err(failed)?.contains("\"error\"") {
        return Err(format!("{what}, and the program, which only reads, should not create one"));
    }
    let stream = r#"{"name":"ORDERED","subjects":["ordered.*"],"storage":"file"}"#;
    nats.ask_jetstream("STREAM.CREATE.ORDERED", stream).map_err(failed)?;
    let shows = |history, first, last, what: &str| {
        read_back(attempt, &nats, history, first..=last, what).map(drop)
    };
    shows("10", 1, 0, "nothing in it yet")?;

    let lines: Vec<String> = (1..=12).map(|number| format!("4711:number {number}\n")).collect();
    let edges = ["ordered.east", "ordered.west", "ordered.东-3"];
    let messages: Vec<(&str, &[u8])> =
        edges.into_iter().cycle().zip(lines.iter().map(String::as_bytes)).collect();
    publish(attempt, &nats, &messages)?;
    // So that the time at which a message is read is not the time at which it was said.
    thread::sleep(Duration::from_millis(1100));
    shows("3", 10, 12, "twelve messages")?;
    shows("12", 1, 12, "twelve messages")?;
    shows("100", 1, 12, "twelve messages")?;
    shows("1", 12, 12, "twelve messages")?;
    publish(attempt, &nats, &[("ordered.east", "1:a\n2:b  c\n3:第三\n".as_bytes())])?;
    shows("2", 12, 13, "messages, the last with several lines")?;
    publish(
        attempt,
        &nats,
        &[("ordered.east", b"1:\xff\xfe\n"), ("ordered.east", b"1:after that\n")],
    )?;
    shows("2", 14, 15, "messages, one of which is not text")?;
    publish(attempt, &nats, &[("ordered.east", b"1:\x1b[2Jred\n")])?;
    shows("1", 16, 16, "messages, the last with an escape sequence")?;

    nats.ask_jetstream("STREAM.MSG.DELETE.ORDERED", r#"{"seq":14}"#).map_err(failed)?;
    shows("4", 13, 16, "messages, of which number 14 had been deleted")?;
    nats.ask_jetstream("STREAM.PURGE.ORDERED", r#"{"seq":15}"#).map_err(failed)?;
    shows("10", 15, 16, "messages, of which all before number 15 had been discarded")?;
    nats.ask_jetstream("STREAM.PURGE.ORDERED", "").map_err(failed)?;
    shows("10", 1, 0, "nothing in it any more")
}

/// Checks that the program prints the messages with these numbers, and ends.
fn read_back(
    attempt: &Attempt,
    nats: &Nats,
    history: &str,
    numbers: std::ops::RangeInclusive<u64>,
    what: &str,
) -> Outcome {
    let started =
        format!("the stream had {what}, and the program was started with --history {history}");
    let reader = attempt.start(&["--nats", &nats.address(), "--history", history]);
    let status = reader.expect_exit(&started)?;
    let stdout = reader.stdout();
    if stdout.contains('\x1b') {
        return Err(format!("{started}, and it printed the control character ESC as it was"));
    }
    let mut expected = Vec::new();
    for number in numbers {
        expected.extend(lines_of(nats, number)?);
    }
    let came: Vec<&str> = stdout.lines().collect();
    if came == expected {
        return match status.success() {
            true => Ok(()),
            false => Err(format!(
                "{started}, so it should have ended with exit status 0, but it ended with {status}"
            )),
        };
    }
    let without_time = |line: &str| {
        let mut words = line.splitn(3, ' ');
        (words.next().map(str::to_string), words.nth(1).map(str::to_string))
    };
    if came.iter().map(|line| without_time(line)).eq(expected.iter().map(|line| without_time(line)))
    {
        let different = came.iter().zip(&expected).find(|(came, expected)| came != expected);
        let (came, expected) = different.expect("one, as not all are the same");
        return Err(format!(
            "{started}. It should print the time at which the stream stored the message, as in \
             `{expected}`, but it printed `{came}`"
        ));
    }
    let shown = |lines: &[&str]| match lines {
        [] => "nothing".to_string(),
        lines => format!("\n  {}\n", lines.join("\n  ")),
    };
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    Err(format!(
        "{started}. It should print the last of them, in this order and nothing else: {}\nbut it \
         printed {}",
        shown(&expected),
        shown(&came)
    ))
}

/// Returns the lines that the program should print for a message: none if it has been deleted.
fn lines_of(nats: &Nats, number: u64) -> Outcome<Vec<String>> {
    let request = format!("{{\"seq\":{number}}}");
    let answer = nats.ask_jetstream("STREAM.MSG.GET.ORDERED", &request).map_err(failed)?;
    if answer.contains("\"error\"") {
        return Ok(Vec::new());
    }
    let edge = value(&answer, "subject")?.trim_matches('"').replace("ordered.", "");
    let time = value(&answer, "time")?.get(12..20).unwrap_or_default().to_string();
    let payload = from_base64(value(&answer, "data")?.trim_matches('"'));
    let payload = String::from_utf8_lossy(&payload).into_owned();
    let lines = payload.lines();
    Ok(lines.map(|line| format!("{number} {time} {edge}/{}", printable(line))).collect())
}

/// Returns the bytes that JSON holds as base64.
fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0, 0);
    for value in text.chars().filter_map(|digit| DIGITS.find(digit)) {
        bits = (bits << 6 | value) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
