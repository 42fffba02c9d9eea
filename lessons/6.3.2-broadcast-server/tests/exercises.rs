//! The exercises of this lesson, and what each asks of a learner's program.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use checker::{
    Actor, Attempt, Deadline, LONGEST, Outcome, Running, Watch, quoted, rounds, shown_times,
};

checker::exercises! {
    broadcast_server in "6.3.2-broadcast-server" {
        own_words: "easy, 10 minutes: Your own words as well",
        your_port: "easy, 10 minutes: Tell newcomers who they are",
        who_left: "easy, 15 minutes: Say who has left",
        who: "easy, 20 minutes: Who is here?",
        private_messages: "medium, 30 minutes: Private messages",
        rate_limit: "medium, 30 minutes: A limit for clients that flood",
        three_suspects: "medium, 30 minutes: Three suspects",
        history: "medium, 40 minutes: A history for newcomers",
        nicknames: "medium, 40 minutes: Nicknames",
        #[cfg(not(windows))] // on Windows the check does not look at the memory
        slow_reader: "hard, 45 minutes: Nobody waits for a client that does not read",
    }
}

fn own_words(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut a = server.connect("client A")?;
    let port_a = port(&a);
    a.send("alone\n")?;
    a.expect_line(&format!("{port_a}:alone"))?;
    thread::sleep(Duration::from_millis(100)); // the server may not be done with it
    let mut b = server.connect("client B")?;
    let port_b = port(&b);
    b.send("I am B\n")?;
    b.expect_line(&format!("{port_b}:I am B"))?;
    a.did("was there when client B said something");
    a.expect_line(&format!("{port_b}:I am B"))?;
    a.send("😀\r\nand\n\nmore\n")?;
    for client in [&mut a, &mut b] {
        client.did("was there when client A said three lines and a blank one in one piece");
        ["😀", "and", "more"]
            .iter()
            .try_for_each(|text| client.expect_line(&format!("{port_a}:{text}")))?;
    }
    a.did("had seen its own words");
    a.expect_silence(Duration::from_millis(100))?;
    a.send(b"\xfe\n")?;
    for client in [&mut a, &mut b] {
        client.did("was there when client A said a line that is not UTF-8");
        client.line()?;
    }

    // Both talk as fast as they can, and must see the same conversation.
    let begun = Instant::now();
    for _ in 0..400 {
        if begun.elapsed() > LONGEST {
            break;
        }
        let talk = |client: &mut Actor| {
            (1..=20).try_for_each(|number| client.send(format!("{number}\n")))?;
            client.did("was there when two talked at the same time");
            (0..40).map(|_| client.line()).collect::<Outcome<Vec<String>>>()
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| talk(&mut b));
            let seen = talk(&mut a)?;
            let also_seen =
                other.join().unwrap_or_else(|_| Err("the check has panicked".into()))?;
            match seen.iter().zip(&also_seen).find(|(one, other)| one != other) {
                None => Ok(()),
                Some((one, other)) => Err(format!(
                    "two clients talked at the same time and should have seen everything in the \
                     same order, but where A saw `{one}`, B saw `{other}`"
                )),
            }
        })?;
    }
    talks_without_reading(&server, &mut a, &mut b)?;
    keeps_little_of_a_line_without_end(attempt)
}

/// Lets clients talk a lot and read nothing, not even their own words. When there is no room for more,
/// each of them is disconnected, and nobody waits for it.
fn talks_without_reading(server: &Running, a: &mut Actor, b: &mut Actor) -> Outcome {
    const DEAF: usize = 40; // each says as much as it may without a pause: 2.4 MB in all
    let page = format!("{}\n", "x".repeat(1499)).repeat(40);
    let deaf = (0..DEAF).map(|_| server.connect_from_afar("a client that does not read"));
    let mut deaf = deaf.collect::<Outcome<Vec<Actor>>>()?;
    for (number, speaker) in deaf.iter_mut().enumerate() {
        let _ = speaker.send(&page); // it may have been disconnected
        b.send(format!("heard {number}\n"))?;
        a.did("was there when many talked, some of them without reading");
        a.find_line(&format!("{}:heard {number}", port(b)))?;
        b.take_what_has_come();
    }
    Ok(())
}

fn your_port(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let greeted = |name: &str| {
        let mut client = server.connect(name)?;
        client.did("connected");
        let own = port(&client);
        client.expect_line(&format!("you are {own}"))?;
        Ok::<Actor, String>(client)
    };
    let mut a = greeted("client A")?;
    let mut b = greeted("client B")?;
    for client in [&mut a, &mut b] {
        client.did("had been told its port, and stayed while others came and left");
    }
    for _ in 0..50 {
        server.connect("a client")?.reset();
    }
    for mut client in server.connect_at_once(20, "one of twenty clients")? {
        client.did("connected at the same time as the others");
        let own = port(&client);
        client.expect_line(&format!("you are {own}"))?;
    }
    a.expect_silence(Duration::from_millis(200))?;
    a.send("hello\n")?;
    b.expect_line(&format!("{}:hello", port(&a)))?;

    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let talking = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                (0..20).try_for_each(|_| a.send("talk\n"))?;
                for _ in 0..20 {
                    b.line()?;
                }
            }
            Ok(())
        });
        let newcomers = (0..300).try_for_each(|_| {
            let mut newcomer = server.connect("a newcomer")?;
            newcomer.did(
                "connected while others talked, and should be told its port before anything else",
            );
            let own = port(&newcomer);
            newcomer.expect_line(&format!("you are {own}"))
        });
        done.store(true, Ordering::Relaxed);
        newcomers.and(talking.join().unwrap_or_else(|_| Err("the check has panicked".into())))
    })?;
    keeps_little_of_a_line_without_end(attempt)
}

fn who_left(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b, mut c) = three_clients(&server)?;
    let (port_b, port_c) = (port(&b), port(&c));
    let _ = b.take_all_within(Duration::from_millis(100)); // what is unread would make it a reset
    b.send("a last word without a newline")?;
    b.half_close()?;
    for client in [&mut a, &mut c] {
        client.did("was there when client B said a last word without a newline and left");
        let before = client.find_line(&format!("{port_b}:a last word without a newline"))?;
        if before.contains(&format!("{port_b}:has left")) {
            let came = format!("it received the line `{port_b}:has left` before them");
            return Err(client.finding("its last words first", &came));
        }
        client.expect_line(&format!("{port_b}:has left"))?;
    }
    a.did("was told that B had left");
    a.expect_silence(Duration::from_millis(200))?;
    c.reset();
    a.did("was there when client C left with a reset");
    a.expect_line(&format!("{port_c}:has left"))?;

    let crowd = server.connect_at_once(20, "one of twenty clients")?;
    let mut left: BTreeSet<String> =
        crowd.iter().map(|client| format!("{}:has left", port(client))).collect();
    drop(crowd);
    while !left.is_empty() {
        a.did("was there when twenty came and left at the same time");
        let line = a.line()?;
        if !left.remove(&line) {
            let came = format!("it received the line `{line}`");
            return Err(a.finding("a line about each of them, once", &came));
        }
    }
    a.did("was told of all who had left");
    a.expect_silence(Duration::from_millis(200))?;
    let mut last = server.connect("a newcomer")?;
    last.send("hello\n")?;
    a.did("was there when a newcomer said `hello`");
    a.expect_line(&format!("{}:hello", port(&last)))?;

    rounds(10).try_for_each(|_| some_leave_while_others_talk(&server, &mut a, &mut last))?;
    let deaf = deaf_client(&server, &mut a)?;
    let left = format!("{}:has left", port(&deaf));
    let mut heard = a_lot_is_said(&server, &mut [&mut a, &mut last])?;
    if !heard.contains(&left) {
        a.did(
            "was there when client D was disconnected because it did not read, although D kept \
             its own end open",
        );
        heard.extend(a.find_line(&left)?);
        heard.push(left.clone());
    }
    last.send("that was all\n")?;
    heard.extend(a.find_line(&format!("{}:that was all", port(&last)))?);
    match heard.iter().filter(|line| **line == left).count() {
        1 => keeps_little_of_a_line_without_end(attempt),
        times => Err(a.finding(
            &format!("the line `{left}` once"),
            &format!("it received that line {}", shown_times(times)),
        )),
    }
}

/// Lets some leave while others talk, because a line that is sent in two steps is torn apart by what
/// somebody else says between them.
fn some_leave_while_others_talk(server: &Running, a: &mut Actor, last: &mut Actor) -> Outcome {
    const LEAVERS: usize = 60;
    const TALKERS: usize = 6;
    const LINES: usize = 700; // which each may say without a pause
    let leavers = server.connect_at_once(LEAVERS, "one of sixty clients")?;
    let ports: BTreeSet<u16> = leavers.iter().map(port).collect();
    let talks = |mut talker: Actor| {
        (0..LINES).try_for_each(|_| {
            talker.take_what_has_come();
            thread::sleep(Duration::from_micros(50)); // so that it talks for as long as some leave
            talker.send("talk\n")
        })
    };
    let talkers = server.connect_at_once(TALKERS, "a client that talks")?;
    thread::scope(|scope| {
        let talkers: Vec<_> =
            talkers.into_iter().map(|talker| scope.spawn(|| talks(talker))).collect();
        for leaver in leavers {
            drop(leaver);
            thread::sleep(Duration::from_millis(1)); // one after the other
        }
        [a, last].into_iter().try_for_each(|client| hears_who_leaves(client, &ports))?;
        talkers.into_iter().try_for_each(joined)
    })
}

/// Waits for the line about each of these ports, between whole lines of those who talk.
fn hears_who_leaves(client: &mut Actor, ports: &BTreeSet<u16>) -> Outcome {
    client.did("was there when some left and others talked");
    let mut ports = ports.clone();
    while !ports.is_empty() {
        let line = client.line()?;
        match line.split_once(':').map(|(port, what)| (port.parse(), what)) {
            Some((Ok(port), "has left")) => drop(ports.remove(&port)),
            Some((Ok(_), "talk")) => {}
            _ => return Err(client.finding("each line whole", &format!("it received `{line}`"))),
        }
    }
    Ok(())
}

fn who(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b, mut c) = three_clients(&server)?;
    let (port_a, port_b, port_c) = (port(&a), port(&b), port(&c));

    a.send("/who\n")?;
    expect_here(&a.line()?, &[("A", port_a), ("B", port_b), ("C", port_c)])?;
    a.send("after the question\n")?;
    b.did("waited while A asked `/who`, which must stay between A and the server");
    b.expect_line(&format!("{port_a}:after the question"))?;
    b.send_in_pieces(&["/w", "ho\n"])?;
    expect_here(&b.line()?, &[("A", port_a), ("B", port_b), ("C", port_c)])?;
    a.send("and again\n")?;
    b.did("asked `/who` once");
    b.expect_line(&format!("{port_a}:and again"))?;
    for message in ["/whoever", "/who?", "/wh", "who", "who? /who", "/who is here?"] {
        a.send(format!("{message}\n"))?;
        b.did(&format!("waited while A sent `{message}`, which is not `/who` but a message"));
        b.expect_line(&format!("{port_a}:{message}"))?;
    }
    a.send(b"\xfe\n/who\r\n")?;
    expect_here(&a.line()?, &[("A", port_a), ("B", port_b), ("C", port_c)])?;
    b.did("waited while A sent a line that is not UTF-8 and then asked `/who`");
    b.line()?;
    let mut leaving = server.connect("client D")?; // has never sent a newline, so none is waited for
    leaving.send("/who")?;
    leaving.did("sent `/who` without a newline, and then nothing more");
    let port_d = port(&leaving);
    let all = [("A", port_a), ("B", port_b), ("C", port_c), ("D", port_d)];
    expect_here(&leaving.line()?, &all)?;
    leaving.send("/who")?;
    leaving.half_close()?;
    leaving.did("sent `/who` without a newline and closed its sending half");
    expect_here(&leaving.line()?, &all)?;
    leaving.expect_end()?;
    b.did("waited while others asked `/who` without a newline");
    b.expect_silence(Duration::from_millis(100))?;
    expect_gone(attempt, &mut a, port_d, "client D left after its question")?;

    while_others_talk(&server, ("/who\n", "here:"), || {
        a.send("/who\n".repeat(QUESTIONS))?;
        a.did(&format!("asked `/who` {QUESTIONS} times in a row while others talked"));
        expect_between_talk(&mut a, QUESTIONS, |line| {
            line.strip_prefix("here: ")
                .is_some_and(|list| list.split(' ').all(|port| port.parse::<u16>().is_ok()))
        })?;
        [&mut b, &mut c].into_iter().for_each(|other| drop(other.take_what_has_come()));
        Ok(())
    })?;
    // A close with something unread resets the connection, but C leaves in an orderly way.
    let _ = c.take_all_within(Duration::from_millis(200));
    a.take_what_has_come();
    drop(c);
    expect_gone(attempt, &mut a, port_c, "client C closed its connection")?;
    b.reset();
    expect_gone(attempt, &mut a, port_b, "client B left with a reset")?;
    a.send("/who\n")?;
    expect_here(&a.line()?, &[("A", port_a)])?;
    let deaf = deaf_client(&server, &mut a)?;
    a_lot_is_said(&server, &mut [&mut a])?;
    let how = "client D was disconnected because it did not read, although it kept its own end \
               open";
    expect_gone(attempt, &mut a, port(&deaf), how)?;
    drop(deaf);
    let mut other = server.connect("client E")?;
    asks_without_reading(&server, &"/who\n".repeat(12_000), (&mut other, &mut a))?;
    drop(other);

    for _ in 0..200 {
        server.connect("a client")?.reset();
    }
    let mut crowd = server.connect_at_once(20, "one of twenty clients")?;
    for client in &mut crowd {
        client.send("/who\n")?;
    }
    for client in &mut crowd {
        client.did("asked `/who` at the same time as 19 others");
        let (answer, own) = (client.line()?, port(client).to_string());
        if !answer.split(' ').any(|word| word == own) {
            return Err(
                client.finding("an answer with its own port", &format!("it received `{answer}`"))
            );
        }
    }
    drop(crowd);
    attempt.eventually(|| {
        a.did("asked `/who` after hundreds had joined and left");
        a.send("/who\n")?;
        expect_here(&a.line()?, &[("A", port_a)])
    })?;
    keeps_little_of_a_line_without_end(attempt)
}

/// So many questions are asked in one piece: the more, the sooner somebody talks between two writes.
const QUESTIONS: usize = 400;

/// Lets others talk while `each` is called again and again. In the end they ask `question`, whose
/// answer begins with `answer`: when it arrives, everything that they said has been passed on.
fn while_others_talk(
    server: &Running,
    (question, answer): (&str, &str),
    mut each: impl FnMut() -> Outcome,
) -> Outcome {
    const TALKERS: usize = 6;
    const LINES: usize = 700; // which each may say without a pause
    let over = AtomicUsize::new(0);
    let talk = |talker: &mut Actor| {
        for _ in 0..LINES {
            talker.take_what_has_come();
            talker.send("talk\n")?;
        }
        talker.send(question)?;
        talker.did("asked while others talked");
        expect_between_talk(talker, 1, |line| line.starts_with(answer))
    };
    let talks = |mut talker: Actor| {
        let talked = talk(&mut talker);
        over.fetch_add(1, Ordering::Relaxed);
        talked
    };
    for _ in rounds(5) {
        over.store(0, Ordering::Relaxed);
        let talkers = server.connect_at_once(TALKERS, "a client that talks")?;
        thread::scope(|scope| {
            let talkers: Vec<_> =
                talkers.into_iter().map(|talker| scope.spawn(|| talks(talker))).collect();
            while over.load(Ordering::Relaxed) < TALKERS {
                each()?;
            }
            talkers.into_iter().try_for_each(joined)
        })?;
    }
    Ok(())
}

/// Waits for so many of the lines that are meant, between whole lines of those who talk.
fn expect_between_talk(client: &mut Actor, times: usize, meant: impl Fn(&str) -> bool) -> Outcome {
    let mut came = 0;
    while came < times {
        let line = client.line()?;
        let talk = line.strip_suffix(":talk").is_some_and(|port| port.parse::<u16>().is_ok());
        match () {
            () if meant(&line) => came += 1,
            () if talk => {}
            () => {
                let came = format!("it received `{line}`");
                return Err(client.finding("each line whole", &came));
            }
        }
    }
    Ok(())
}

fn expect_here(answer: &str, here: &[(&str, u16)]) -> Outcome {
    let asked = "a client asked `/who`, and the answer";
    let Some(list) = answer.strip_prefix("here:") else {
        return Err(format!("{asked} should begin with `here:`, but it was the line `{answer}`"));
    };
    let named: BTreeSet<&str> = list.split(' ').skip(1).collect();
    for (name, port) in here {
        if !named.contains(&*port.to_string()) {
            return Err(format!(
                "{asked} should be `here:` and the ports of all, each after a space, but in the \
                 line `{answer}` the port {port} of client {name} is missing"
            ));
        }
    }
    if list.split_whitespace().count() > here.len() {
        return Err(format!("{asked} `{answer}` names more than the {} who were here", here.len()));
    }
    Ok(())
}

fn expect_gone(attempt: &Attempt, asker: &mut Actor, gone: u16, how: &str) -> Outcome {
    attempt.eventually(|| {
        asker.send("/who\n")?;
        let answer = asker.line()?;
        match answer.split_whitespace().any(|word| word == gone.to_string()) {
            true => Err(format!("{how}, but later `/who` still names its port: `{answer}`")),
            false => Ok(()),
        }
    })
}

fn private_messages(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b, mut c) = three_clients(&server)?;
    let (port_a, port_b, port_c) = (port(&a), port(&b), port(&c));

    a.send(format!("/to {port_b} 你好 and more\n"))?;
    b.did("was sent something by A with `/to`");
    b.expect_line(&format!("{port_a} whispers:你好 and more"))?;
    a.send("to all\n")?;
    c.did("should not have seen what A told B");
    c.expect_line(&format!("{port_a}:to all"))?;
    b.expect_line(&format!("{port_a}:to all"))?;
    b.send_in_pieces(&["/to ", &format!("{port_a} and "), "back\n"])?;
    a.did("was sent something by B with `/to` in three segments");
    a.expect_line(&format!("{port_b} whispers:and back"))?;

    // Among these are the beginning of a port that somebody has, what is that port as 16 bits, and numbers
    // that come back as they were given.
    let nobodies = ["1", "abc", "99999", "-1", "007", "+7", "99999999999999999999", "你"];
    let nobodies = nobodies.map(str::to_string);
    let near_misses = [(port_b / 10).to_string(), (u32::from(port_b) + 65_536).to_string()];
    for nobody in nobodies.into_iter().chain(near_misses) {
        a.send(format!("/to {nobody} hello\n"))?;
        a.expect_line(&format!("nobody at {nobody}"))?;
    }
    a.send("still here\n")?;
    c.did("waited while A wrote to ports where nobody is");
    c.expect_line(&format!("{port_a}:still here"))?;
    b.expect_line(&format!("{port_a}:still here"))?;
    let talk = ["/tomorrow we talk", "/too", "to 1 hello", "say /to 1 hello", "/toto 1 hello"];
    for message in talk {
        a.send(format!("{message}\n"))?;
        for other in [&mut b, &mut c] {
            other
                .did(&format!("waited while A sent `{message}`, which is not `/to` but a message"));
            other.expect_line(&format!("{port_a}:{message}"))?;
        }
    }
    // The task leaves open what these do, but the client must go on.
    for odd in [&b"/to\n"[..], b"/to \n", b"/to  1\n", b"/to \xfe \xfe\n"] {
        c.send(odd)?;
    }
    c.send(format!("/to {port_b}\n/to {port_c} myself\n"))?;
    c.send(format!("/to {port_b} 😀\r\n"))?;
    c.send("and all is well\n")?;
    b.did(
        "waited while C sent `/to` without a port, without a text and with bytes that are not text",
    );
    let told = b.find_line(&format!("{port_c}:and all is well"))?;
    if !told.contains(&format!("{port_c} whispers:😀")) {
        return Err(
            b.finding(&format!("the line `{port_c} whispers:😀`"), "it did not receive that")
        );
    }
    let _ = c.take_all_within(Duration::from_millis(100));
    c.send("and still is\n")?;
    b.did("waited while C sent `/to` with bytes that are not text, and a message some time later");
    b.expect_line(&format!("{port_c}:and still is"))?;
    a.find_line(&format!("{port_c}:and still is"))?;

    while_others_talk(&server, ("/to 1 me\n", "nobody at 1"), || {
        c.send(format!("/to {port_b} psst\n").repeat(QUESTIONS))?;
        b.did("was whispered to while others talked");
        expect_between_talk(&mut b, QUESTIONS, |line| line == format!("{port_c} whispers:psst"))?;
        [&mut a, &mut c].into_iter().for_each(|other| drop(other.take_what_has_come()));
        Ok(())
    })?;
    let mut reset = server.connect("client D")?;
    let port_d = port(&reset);
    reset.send("I am D\n")?;
    a.find_line(&format!("{port_d}:I am D"))?;
    reset.reset();
    server.wait_until_it_rests(); // else a write might meet the reset, and the read an orderly end
    expect_nobody(attempt, &mut a, port_d, "wrote to D after client D left with a reset")?;
    let _ = c.take_all_within(Duration::from_millis(200));
    drop(c);
    expect_nobody(attempt, &mut a, port_c, "wrote to C, which had closed its connection")?;

    without_a_newline(&server, &mut b)?;
    let deaf = deaf_client(&server, &mut a)?;
    a_lot_is_said(&server, &mut [&mut a, &mut b])?;
    let did = "wrote to D, which had been disconnected because it did not read, although D kept \
               its own end open";
    expect_nobody(attempt, &mut a, port(&deaf), did)?;
    let nobody = format!("/to {} hello\n", "x".repeat(30_000));
    asks_without_reading(&server, &nobody.repeat(2), (&mut a, &mut b))?;
    keeps_little_of_a_line_without_end(attempt)
}

/// Whispers without a newline. The sender has never sent one, so the server waits only a moment for it.
fn without_a_newline(server: &Running, b: &mut Actor) -> Outcome {
    let mut node = server.connect("a client that sends no newlines")?;
    let (own, port_b) = (port(&node), port(b));
    b.take_what_has_come();
    for (text, leaves) in [("hello", false), ("goodbye", true)] {
        node.send(format!("/to {port_b} {text}"))?;
        let mut what = "without a newline, and then nothing more";
        if leaves {
            node.half_close()?;
            what = "without a newline, and closed its sending half";
        }
        b.did(&format!("waited while somebody sent `/to {port_b} {text}` {what}"));
        b.expect_line(&format!("{own} whispers:{text}"))?;
    }
    Ok(())
}

/// Waits until the server answers that nobody is there. Until it has noticed that a client has left, it
/// has nothing to answer.
fn expect_nobody(attempt: &Attempt, a: &mut Actor, left: u16, did: &str) -> Outcome {
    attempt.eventually(|| {
        a.send(format!("/to {left} are you there?\n"))?;
        a.did(did);
        a.set_patience(Duration::from_millis(300));
        let answered = a.find_line(&format!("nobody at {left}"));
        a.set_patience(attempt.patience());
        answered.map(drop)
    })
}

fn nicknames(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b, mut c) = three_clients(&server)?;
    let port_b = port(&b);

    a.send("/name 小明\n")?;
    a.send("hello\n")?;
    for other in [&mut b, &mut c] {
        other.did("heard A, which had sent `/name 小明` and then `hello`");
        other.expect_line("小明:hello")?;
    }
    b.send("I am still B\n")?;
    c.did("heard B, which has no name yet");
    c.expect_line(&format!("{port_b}:I am still B"))?;
    a.find_line(&format!("{port_b}:I am still B"))?;

    a.send("/name 小明\n")?;
    a.did("asked for the name 小明, which it has already");
    a.expect_silence(Duration::from_millis(200))?;

    b.send("/name 小明\n")?;
    b.did("asked for the name 小明, which A had already");
    b.find_line("taken: 小明")?;
    b.send("no luck\n")?;
    c.did("heard B, which has no name because the one it asked for was taken");
    c.expect_line(&format!("{port_b}:no luck"))?;

    let (first, second) = "/name 小红\n".as_bytes().split_at(7); // in the middle of a character
    c.send_in_pieces(&[first, second])?;
    c.send("red\n")?;
    b.did("heard C, which had sent `/name 小红` in two segments and then `red`");
    b.find_line("小红:red")?;

    c.send("/name 小蓝\nblue\n")?;
    b.did("heard C, which had sent `/name 小蓝` and then `blue`");
    b.find_line("小蓝:blue")?;
    c.send("/name 小明\nstill blue\n")?;
    c.did("is called 小蓝 and asked for the name 小明, which A had");
    c.expect_line("taken: 小明")?;
    b.did("heard C, called 小蓝, which had asked for a name that was taken");
    b.expect_line("小蓝:still blue")?;
    b.send("/name 小红\nnow I am red\n")?;
    c.did("heard B, which asked for the name 小红 after C had taken another one");
    c.expect_line("小红:now I am red")?;

    for message in ["/names", "/namesake", "name me", "say /name 小绿"] {
        b.send(format!("{message}\n"))?;
        c.did(&format!(
            "heard B, called 小红, which sent `{message}`, and that is not `/name` but a message"
        ));
        c.expect_line(&format!("小红:{message}"))?;
    }
    let mut reset = server.connect("client D")?;
    reset.send("/name 小黄\nyellow\n")?;
    c.did("heard D, which had asked for the name 小黄");
    c.find_line("小黄:yellow")?;
    reset.reset();
    server.wait_until_it_rests(); // else a write might meet the reset, and the read an orderly end
    let both = (&mut b, &mut c);
    expect_free_name(attempt, both, "小黄", "client D, which was reset,")?;
    let _ = a.take_all_within(Duration::from_millis(50));
    two_do_not_get_one_name(&server, &mut c, [&mut a, &mut b])?;

    drop(a);
    expect_free_name(attempt, (&mut b, &mut c), "小明", "client A, which has left,")?;
    names_without_a_newline(&server, &mut c)?;
    the_thrown_out_have_no_names(attempt, &server, &mut b, &mut c)?;
    let long = format!("/name {}\n", "n".repeat(20_000));
    c.send(&long)?;
    let mut other = server.connect("client E")?;
    asks_without_reading(&server, &long.repeat(3), (&mut other, &mut b))?;
    keeps_little_of_a_line_without_end(attempt)
}

/// Asks for a name without a newline. The client has never sent one, so the server waits only a moment.
fn names_without_a_newline(server: &Running, c: &mut Actor) -> Outcome {
    let mut node = server.connect("a client that sends no newlines")?;
    node.send("/name 小白")?;
    node.did("sent `/name 小白` without a newline, and then nothing more");
    c.did("listened when somebody sent `/name 小白` without a newline, and then nothing more");
    c.expect_silence(Duration::from_millis(700))?; // it is a line after a moment
    node.send("white")?;
    c.did("heard a client that had sent `/name 小白` without a newline, and `white` after a while");
    c.expect_line("小白:white")
}

fn the_thrown_out_have_no_names(
    attempt: &Attempt,
    server: &Running,
    b: &mut Actor,
    c: &mut Actor,
) -> Outcome {
    let mut deaf = deaf_client(server, c)?;
    deaf.send("/name 小黑\nblack\n")?;
    c.did("heard D, which had asked for the name 小黑");
    c.find_line("小黑:black")?;
    a_lot_is_said(server, &mut [&mut *c, &mut *b])?;
    let who = "client D, which was disconnected because it did not read, although it kept its own \
               end open,";
    expect_free_name(attempt, (b, c), "小黑", who)
}

/// Waits until one client can have the name of `gone`, as another one hears.
fn expect_free_name(
    attempt: &Attempt,
    (asker, hearer): (&mut Actor, &mut Actor),
    name: &str,
    gone: &str,
) -> Outcome {
    attempt.eventually(|| {
        asker.send(format!("/name {name}\nand now?\n"))?;
        hearer.did(&format!("heard B, which asked for the name {name}"));
        let said = hearer.line()?;
        if said == format!("{name}:and now?") {
            return Ok(());
        }
        Err(format!(
            "{gone} still has the name {name}: client B could not have it, and its message \
             arrived as `{said}`"
        ))
    })
}

/// Lets four clients ask for one name at the same time, again and again, because a program that looks
/// under one lock and takes under the next sometimes gives a name to two clients.
fn two_do_not_get_one_name(
    server: &Running,
    listening: &mut Actor,
    mut others: [&mut Actor; 2],
) -> Outcome {
    const ASKERS: usize = 4;
    let (together, over) = (Barrier::new(ASKERS + 1), AtomicBool::new(false));
    let ask = |mut asker: Actor| {
        for round in 1.. {
            together.wait();
            if over.load(Ordering::Relaxed) {
                break;
            }
            let _ = asker.send(format!("/name 小丽{round}\nround {round}\n")); // else it is missed below
            asker.take_what_has_come(); // who does not read is disconnected
        }
    };
    let askers = server.connect_at_once(ASKERS, "one of four clients")?;
    thread::scope(|scope| {
        for asker in askers {
            scope.spawn(|| ask(asker));
        }
        let mut outcome = Ok(());
        for round in rounds(1000).map(|round| round + 1) {
            together.wait();
            outcome = one_has_the_name(listening, round, ASKERS);
            if outcome.is_err() {
                break;
            }
            for other in &mut others {
                other.take_what_has_come();
            }
        }
        over.store(true, Ordering::Relaxed);
        together.wait();
        outcome
    })
}

fn one_has_the_name(listening: &mut Actor, round: usize, askers: usize) -> Outcome {
    let (name, text) = (format!("小丽{round}"), format!(":round {round}"));
    listening.did("heard clients that had asked for one name at the same time");
    let (mut heard, mut named) = (0, 0);
    while heard < askers {
        let line = listening.line()?;
        heard += usize::from(line.ends_with(&text));
        named += usize::from(line == format!("{name}{text}"));
    }
    match named {
        1 => Ok(()),
        _ => Err(format!(
            "{askers} clients asked for the name {name} at the same time, and {named} of them \
             have it, but only one should have it"
        )),
    }
}

fn history(attempt: &Attempt) -> Outcome {
    nobody_else_was_there(attempt)?;
    let server = attempt.serve()?;
    let (mut a, mut b, c) = three_clients(&server)?;
    drop(c);
    let port_a = port(&a);
    a.send((1..=25).map(|number| format!("{number}\n")).collect::<String>())?;
    for number in 1..=25 {
        b.find_line(&format!("{port_a}:{number}"))?;
    }
    let mut newcomer = server.connect("a newcomer")?;
    newcomer.did("connected after `1` to `25` had been said, and should see the last ten of them");
    for number in 16..=25 {
        newcomer.expect_line(&format!("{port_a}:{number}"))?;
    }
    newcomer.did("had seen the last ten");
    newcomer.expect_silence(Duration::from_millis(300))?;
    a.send("26\n")?;
    newcomer.did("had seen the last ten when `26` was said");
    newcomer.expect_line(&format!("{port_a}:26"))?;
    b.expect_line(&format!("{port_a}:26"))?;
    drop(newcomer);
    newcomers_while_others_talk(&server, &mut a, &mut b)?;
    two_newcomers_at_once(&server, &mut a, &mut b)?;
    keeps_little(&server, &mut a, &mut b)?;
    keeps_little_of_a_line_without_end(attempt)
}

/// Checks that the history also holds what the first client says before anybody else is there.
fn nobody_else_was_there(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut newcomer = server.connect("the first client of all")?;
    newcomer.did("connected when nothing had been said yet");
    newcomer.expect_silence(Duration::from_millis(100))?;
    let mut first = newcomer;
    first.send("one\ntwo\nthree\n")?;
    thread::sleep(Duration::from_millis(300)); // so that it is history
    let mut newcomer = server.connect("a newcomer")?;
    newcomer.did("connected after something was said when nobody else was there");
    for text in ["one", "two", "three"] {
        newcomer.expect_line(&format!("{}:{text}", port(&first)))?;
    }
    Ok(())
}

/// So many lines of 2 KB are less than 64 KiB, which a client may say without a pause.
const PAGES: usize = 30;

/// Checks the memory, because a program that keeps everything and shows ten lines has no bound.
fn keeps_little(server: &Running, a: &mut Actor, b: &mut Actor) -> Outcome {
    let before = server.memory();
    [&mut *a, &mut *b].into_iter().for_each(|reader| reader.did("read everything that was said"));
    let (begun, mut rounds) = (Instant::now(), 0);
    while rounds < 400 && begun.elapsed() < LONGEST {
        // Each is new, and so has not said too much yet to say all this without a pause.
        let mut speaker = server.connect("a client that says some pages and leaves")?;
        let lines: Vec<String> = round(rounds).take(PAGES).map(numbered_line).collect();
        speaker.send(lines.concat())?;
        for reader in [&mut *a, &mut *b] {
            for line in &lines {
                reader.expect_line(&format!("{}:{}", port(&speaker), line.trim_end()))?;
            }
        }
        rounds += 1;
    }
    match (before, server.memory()) {
        (Some(before), Some(after)) if after > before + GROWTH => Err(format!(
            "{} KB were said in lines, of which the server should keep only the last ten, but its \
             memory grew by {} MiB",
            2 * PAGES * rounds,
            after - before
        )),
        _ => Ok(()), // or this system does not say
    }
}

/// Lets twenty clients connect at the same moment. Each should get the ten lines, once.
fn two_newcomers_at_once(server: &Running, a: &mut Actor, b: &mut Actor) -> Outcome {
    let mut last: Vec<String> =
        (1..=7).map(|number| format!("{}:last {number}", port(a))).collect();
    a.send((1..=7).map(|number| format!("last {number}\n")).collect::<String>())?;
    b.find_line(&last[6])?;
    b.send("from B\n")?;
    last.push(format!("{}:from B", port(b)));
    a.find_line(&last[7])?;
    let mut leaving = server.connect("a client that says something and leaves")?;
    leaving.send("and goodbye")?; // the last words have no newline
    leaving.half_close()?;
    last.push(format!("{}:and goodbye", port(&leaving)));
    a.did("listened when somebody said something and left");
    a.find_line(&last[8])?;
    b.find_line(&last[8])?;
    thread::sleep(Duration::from_millis(100)); // it has left as well
    a.send(b"\xfe \xf0\x9f\x98\x80\r\n")?;
    b.line()?;
    for mut newcomer in server.connect_at_once(20, "one of twenty newcomers")? {
        newcomer.did("connected at the same time as 19 others");
        last.iter().try_for_each(|line| newcomer.expect_line(line))?;
        newcomer.did("saw nine of the last ten messages, and the tenth is not UTF-8");
        newcomer.line()?;
        newcomer.did("had seen the last ten");
        newcomer.expect_silence(Duration::from_millis(20))?;
    }
    Ok(())
}

/// Checks that each newcomer sees numbers without a gap, although new ones are said while it joins.
/// Several join all the time, so at nearly every moment somebody is between two steps of the server.
fn newcomers_while_others_talk(server: &Running, a: &mut Actor, b: &mut Actor) -> Outcome {
    const AT_ONCE: usize = 8;
    const EACH: usize = 400; // one after the other
    let address = server.address();
    let (prefix, done, begun) = (format!("{}:", port(a)), AtomicBool::new(false), Instant::now());
    let join_again_and_again = || {
        (0..EACH)
            .take_while(|_| begun.elapsed() < LONGEST) // a server may be right and slow
            .try_for_each(|_| sees_every_number(address, &prefix))
    };
    thread::scope(|scope| {
        let talking = scope.spawn(|| {
            let mut numbers = 27..47;
            while !done.load(Ordering::Relaxed) {
                numbers.clone().try_for_each(|number| a.send(format!("{number}\n")))?;
                for number in numbers.clone() {
                    b.expect_line(&format!("{prefix}{number}"))?;
                }
                numbers = numbers.end..numbers.end + 20;
            }
            Ok(())
        });
        let newcomers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(join_again_and_again)).collect();
        let mut outcomes: Vec<Outcome> = newcomers.into_iter().map(joined).collect();
        done.store(true, Ordering::Relaxed); // not before, since a newcomer waits for what A says
        outcomes.push(joined(talking));
        outcomes.into_iter().collect()
    })
}

fn joined(thread: ScopedJoinHandle<Outcome>) -> Outcome {
    thread.join().unwrap_or_else(|_| Err("the check has panicked".to_string()))
}

fn sees_every_number(address: SocketAddr, prefix: &str) -> Outcome {
    let stream = TcpStream::connect(address)
        .map_err(|error| format!("a newcomer could not connect: {error}"))?;
    let mut newcomer = Actor::over(stream, "a newcomer", "joined while A counted aloud");
    let mut last: Option<u64> = None;
    for _ in 0..30 {
        let line = newcomer.line()?;
        let number = line.strip_prefix(prefix).and_then(|number| number.parse().ok());
        let Some(number) = number else {
            return Err(format!(
                "a newcomer expected a number that A had said, but it received `{line}`"
            ));
        };
        if let Some(last) = last.filter(|last| number != last + 1) {
            return Err(format!(
                "client A counted aloud while newcomers joined, and one of them missed a number \
                 or saw one twice: after {last} it received {number}"
            ));
        }
        last = Some(number);
    }
    newcomer.reset(); // leaves no port behind that stays taken for a while
    Ok(())
}

fn rate_limit(attempt: &Attempt) -> Outcome {
    let (server, tries) = (attempt.serve()?, attempt.tries());
    let mut steady = server.connect("a client that says four lines a second")?;
    let mut listening = server.connect("a client that listens")?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // A machine that stands still for a second makes a burst of what was steady.
        let talking = scope.spawn(|| {
            let mut talk = || all_of_a_steady_talker_is_heard(&mut steady, &mut listening, &over);
            (1..tries).fold(talk(), |heard, _| heard.or_else(|_| talk()))
        });
        let flooding = floods_are_kept_away(&server);
        over.store(flooding.is_err(), Ordering::Relaxed);
        let panicked = |_| Err("the check has panicked".to_string());
        flooding.and(talking.join().unwrap_or_else(panicked))
    })?;
    keeps_little_of_a_line_without_end(attempt)
}

fn all_of_a_steady_talker_is_heard(
    steady: &mut Actor,
    listening: &mut Actor,
    over: &AtomicBool,
) -> Outcome {
    const LINES: usize = 30;
    let prefix = format!("{}:", port(steady));
    for _ in 0..5 {
        steady.send("do you hear me?\n")?; // a server may take its time to seat the listener
        if !listening.take_all_within(Duration::from_millis(300)).is_empty() {
            break;
        }
    }
    for number in 1..=LINES {
        if over.load(Ordering::Relaxed) {
            return Ok(()); // the program has failed elsewhere
        }
        steady.send(format!("steady {number}\n"))?;
        thread::sleep(Duration::from_millis(210));
    }
    steady.send("that was all\n")?;
    listening.did(&format!(
        "listened to a client that said {LINES} lines, four or five a second, which is allowed"
    ));
    let heard = listening.find_line(&format!("{prefix}that was all"))?;
    let passed = heard.iter().filter(|line| line.starts_with(&format!("{prefix}steady"))).count();
    match passed {
        LINES => Ok(()),
        _ => Err(listening.finding("all of them", &format!("it received only {passed}"))),
    }
}

fn floods_are_kept_away(server: &Running) -> Outcome {
    let (mut a, mut b, _c) = three_clients(server)?;
    let mut flooder = server.connect("the flooding client")?;
    let mut another = server.connect("another flooding client")?;
    let prefix = format!("{}:", port(&flooder));

    let begun = Instant::now();
    let (mut passed, over) = flood(&mut flooder, &mut a, &mut b)?;
    thread::sleep(Duration::from_millis(350));
    let (more, over_again) = flood(&mut another, &mut a, &mut b)?;
    passed.extend(more);
    // If a second of the server's clock was over in one flood, it hardly was in the other as well.
    if over.min(over_again) > 0 {
        return Err(format!(
            "two clients, one after the other, sent {FLOOD} lines in one piece. The server should \
             pass on ten of them a second, but of each flood another client received at least {} \
             too many",
            over.min(over_again)
        ));
    }

    thread::sleep(Duration::from_millis(2500));
    let took = begun.elapsed();
    flooder.send("I am calm now\n")?;
    thread::sleep(Duration::from_millis(100));
    // If the server has hung up, the first bytes are answered with a reset, and the next fail.
    flooder.send("\n").map_err(|finding| {
        format!(
            "the flooding client was told `slow down` and was quiet for 2.5 s, and then {finding}"
        )
    })?;
    a.did("listened to the flooding client, which was quiet for 2.5 s and then sent a line");
    passed.extend(a.find_line(&format!("{prefix}I am calm now"))?);
    passed.retain(|line| line.starts_with(&prefix));

    let most = 10 * (took.as_secs() as usize + 2);
    if passed.len() > most {
        return Err(format!(
            "the flooding client sent {FLOOD} lines in one piece. The server should pass on ten \
             of them a second, but in {} s another client received {} of them",
            took.as_secs(),
            passed.len()
        ));
    }
    let first_ten: Vec<String> = (1..=10).map(|number| format!("{prefix}flood {number}")).collect();
    if !passed.starts_with(&first_ten) {
        return Err(format!(
            "the flooding client sent {FLOOD} lines in one piece, and another client should have \
             received the first ten of them, but it received: {}",
            passed.join(", ")
        ));
    }
    Ok(())
}

const FLOOD: usize = 200; // lines

/// Returns what A heard of it, and how many lines were more than ten a second.
fn flood(flooder: &mut Actor, a: &mut Actor, b: &mut Actor) -> Outcome<(Vec<String>, usize)> {
    let begun = Instant::now();
    flooder.send((1..=FLOOD).map(|number| format!("flood {number}\n")).collect::<String>())?;
    flooder.did(&format!("sent {FLOOD} lines in one piece"));
    flooder.find_line("slow down")?;
    b.send("I have said little\n")?;
    a.did("listened when somebody else, B, said a line during the flood");
    let heard = a.find_line(&format!("{}:I have said little", port(b)))?;
    let prefix = format!("{}:", port(flooder));
    if heard.iter().any(|line| line == "slow down") {
        return Err(
            a.finding("to hear nothing about the limit", "it received the line `slow down`")
        );
    }
    let passed = heard.iter().filter(|line| line.starts_with(&prefix)).count();
    let allowed = 10 + (10.0 * begun.elapsed().as_secs_f64()) as usize;
    Ok((heard, passed.saturating_sub(allowed)))
}

fn slow_reader(attempt: &Attempt) -> Outcome {
    const TRIES: usize = 3;
    for _ in 0..TRIES {
        if beside_a_slow_reader(attempt)? {
            return Ok(());
        }
    }
    Err("the check itself cannot tell how long messages take: this machine is too busy".to_string())
}

/// Returns whether the server is right, or false if this machine became too busy to tell.
fn beside_a_slow_reader(attempt: &Attempt) -> Outcome<bool> {
    let server = attempt.serve()?;
    let (mut a, mut b, mut slow) = three_clients(&server)?;
    let prefix = format!("{}:", port(&a));
    let memory = server.memory();
    b.did("read everything that it was sent");
    let most = 3 * attempt.patience();

    // 32 MB that C does not read, and then some of which it reads a little now and then. A server
    // that reads byte by byte is right too: it needs not hear all of them.
    let (deadline, watch, mut times) = (Deadline::after(LONGEST), Watch::start(), Vec::new());
    a_round(0..100, &mut a, &mut b, most)?; // a hundred at once, of which B must lose none
    while times.len() < ROUNDS && !deadline.is_over() {
        times.push(a_round(round(times.len()), &mut a, &mut b, most)?);
    }
    let (at_first, at_last) =
        (typical(&times[..times.len().min(8)]), typical(&times[times.len().saturating_sub(8)..]));
    if times.len() < ROUNDS && at_last > 5 * at_first {
        // Is C the cause, or has something else made this machine slow? Without C it shows.
        drop(slow);
        let rounds = (times.len()..times.len() + 8).map(round);
        let without_c: Vec<Duration> =
            rounds.map(|round| a_round(round, &mut a, &mut b, most)).collect::<Outcome<_>>()?;
        if at_last <= 5 * typical(&without_c) || watch.machine_was_busy() {
            return Ok(false);
        }
        return Err(format!(
            "client C did not read. At first B received {ROUND} messages from A in {:.3} s, but \
             when A had said {} KB, B had to wait {:.3} s for as many",
            at_first.as_secs_f64(),
            times.len() * 2 * ROUND,
            at_last.as_secs_f64()
        ));
    }
    expect_little_growth(&server, memory, times.len() * 2000 * ROUND)?;
    let mut received = Vec::new();
    let reading = Instant::now();
    for number in times.len()..times.len() + 50 {
        a_round(round(number), &mut a, &mut b, most)?;
        read_a_little(&mut slow, &mut received, Duration::from_millis(5));
        if reading.elapsed() > LONGEST / 4 {
            break;
        }
    }
    while read_a_little(&mut slow, &mut received, Duration::from_millis(500)) {}
    expect_whole_lines(&received, &prefix)?;
    a.send("one more line\n")?;
    b.expect_line(&format!("{prefix}one more line"))?;
    match slow.expect_silence(Duration::from_secs(1)) {
        Err(_) => Ok(true), // the line, or the end
        Ok(()) => {
            Err("client C did not read for a while, and then read everything that had arrived. \
                 When A said one more line, C should have received it or found the connection \
                 closed, but the connection stayed open and silent"
                .to_string())
        }
    }
}

/// So many lines at once, which together are 128 KB: fewer than the hundred that a client has to be
/// spared for.
const ROUND: usize = 64;

/// 32 MB in all.
const ROUNDS: usize = 250;

/// Returns the numbers of the lines of a round.
fn round(number: usize) -> Range<usize> {
    ROUND * number..ROUND * (number + 1)
}

/// Lets A say a round of lines, and B receive them within `most`. Returns how long that took.
fn a_round(round: Range<usize>, a: &mut Actor, b: &mut Actor, most: Duration) -> Outcome<Duration> {
    let prefix = format!("{}:", port(a));
    let lines: Vec<String> = round.clone().map(numbered_line).collect();
    let problem = |finding: String| {
        let kilobytes = 2 * round.end;
        format!("client C did not read. When A had said {kilobytes} KB, {finding}")
    };
    let (begun, deadline) = (Instant::now(), Deadline::after(most));
    a.send(lines.concat()).map_err(problem)?;
    for line in &lines {
        let came = b.line().map_err(problem)?;
        if came != format!("{prefix}{}", line.trim_end()) {
            let (came, line) = (ends_of(&came), ends_of(line.trim_end()));
            return Err(problem(format!(
                "B should have received {line} from A, but it received {came}"
            )));
        }
    }
    if deadline.is_over() {
        return Err(problem("B had to wait too long for the next line".to_string()));
    }
    Ok(begun.elapsed())
}

/// Returns the time in the middle, because a round that this machine held up says nothing.
fn typical(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

/// Returns a line that is different from all the others, and 2,000 bytes long with its newline.
fn numbered_line(number: usize) -> String {
    format!("{number:0>7}{}\n", "x".repeat(1992))
}

/// Reads up to 64 KB. Returns false if nothing arrived in that time, or the connection is over.
fn read_a_little(slow: &mut Actor, received: &mut Vec<u8>, patience: Duration) -> bool {
    let mut buffer = [0; 64 * 1024];
    let _ = slow.stream().set_read_timeout(Some(patience));
    let arrived = slow.stream().read(&mut buffer).unwrap_or(0);
    received.extend_from_slice(&buffer[..arrived]);
    arrived > 0
}

/// Checks that what a client received as a line was said as a line. A client that was disconnected may
/// have received half a line at the end, and one for which messages were left out may miss some.
fn expect_whole_lines(received: &[u8], prefix: &str) -> Outcome {
    let text = String::from_utf8_lossy(received);
    let whole_lines = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole_lines.lines().filter(|line| !line.ends_with(":I am C")) {
        let number = line.strip_prefix(prefix).and_then(|text| text.get(..7)?.parse().ok());
        let was_said = number
            .is_some_and(|number| line == format!("{prefix}{}", numbered_line(number).trim()));
        if !was_said {
            return Err(format!(
                "client C did not read for a while, and then received a line of {} bytes that \
                 nobody said: {}",
                line.len(),
                ends_of(line)
            ));
        }
    }
    Ok(())
}

/// Returns the beginning and the end of a long line, for a diagnosis.
fn ends_of(line: &str) -> String {
    let characters: Vec<char> = line.chars().collect();
    let (start, end) = (characters.iter().take(20), characters.iter().rev().take(20).rev());
    format!("`{} ... {}`", start.collect::<String>(), end.collect::<String>())
}

/// The memory of the server may grow by this much for a client that does not read.
const GROWTH: usize = 16; // MiB

fn expect_little_growth(server: &Running, before: Option<usize>, said: usize) -> Outcome {
    let (Some(before), Some(after)) = (before, server.memory()) else {
        return Ok(()); // this system does not say
    };
    match after.saturating_sub(before) {
        grown if grown > GROWTH => Err(format!(
            "client C did not read while A said {} MB, and the server's memory grew by {grown} \
             MiB, but it may grow by {GROWTH} MiB at most",
            said / 1_000_000
        )),
        _ => Ok(()),
    }
}

/// Lets others say more than the server keeps for a client that does not read, and expects that nobody
/// waits for such a client. Returns the lines that the first of the readers has heard meanwhile.
fn a_lot_is_said(server: &Running, readers: &mut [&mut Actor]) -> Outcome<Vec<String>> {
    const SPEAKERS: usize = 40; // each says as much as it may without a pause: 2.4 MB in all
    let page = format!("{}\n", "x".repeat(1499)).repeat(39) + "and so on\n";
    let mut heard = Vec::new();
    for _ in 0..SPEAKERS {
        let mut speaker = server.connect("a client that says a lot")?;
        speaker.send(&page)?;
        let last = format!("{}:and so on", port(&speaker));
        for (number, reader) in readers.iter_mut().enumerate() {
            reader.did("read everything that was said, while another client did not read");
            let lines = reader.find_line(&last)?;
            heard.extend(lines.into_iter().filter(|_| number == 0));
        }
    }
    Ok(heard)
}

/// Returns a client that A has heard, and that does not read from now on.
fn deaf_client(server: &Running, a: &mut Actor) -> Outcome<Actor> {
    let mut deaf = server.connect_from_afar("client D")?;
    deaf.send("I am D\n")?;
    a.did("was connected when client D connected and said `I am D`");
    a.find_line(&format!("{}:I am D", port(&deaf)))?;
    Ok(deaf)
}

/// Sends questions again and again, and never reads an answer. The others go on meanwhile.
fn asks_without_reading(
    server: &Running,
    questions: &str,
    (a, b): (&mut Actor, &mut Actor),
) -> Outcome {
    let _deaf = server.ask_without_reading(questions.repeat(40).as_bytes())?;
    a.send("do you hear me?\n")?;
    b.did(
        "was there when a client asked again and again without reading the answers, and another \
         one spoke",
    );
    b.find_line(&format!("{}:do you hear me?", port(a))).map(drop)
}

/// Sends a line that never ends. The server may pass on its pieces, and must not keep them. If it holds
/// up a client that sends too much, that is all.
fn keeps_little_of_a_line_without_end(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut speaker = server.connect("a client that never ends its line")?;
    server.expect_little_kept("a client", |bytes| {
        speaker.take_what_has_come();
        let mut stream = speaker.stream();
        let _ = stream.set_write_timeout(Some(Duration::from_millis(500))); // else it is an error below
        stream.write_all(bytes).is_ok()
    })
}

/// Returns three clients that are all in the room: A and B have heard somebody, B and C have been
/// heard.
fn three_clients(server: &Running) -> Outcome<(Actor, Actor, Actor)> {
    let mut a = server.connect("client A")?;
    let mut b = server.connect("client B")?;
    let hello_b = format!("{}:I am B", port(&b));
    // A server may take its time to seat A. So B says it again where A has not heard it.
    for _ in 0..5 {
        b.send("I am B\n")?;
        if a.expect_silence(Duration::from_secs(1)).is_err() {
            break;
        }
    }
    a.did("was connected when client B connected and said `I am B`");
    a.find_line(&hello_b)?;
    let mut c = server.connect("client C")?;
    c.send("I am C\n")?;
    let hello_c = format!("{}:I am C", port(&c));
    a.did("was connected when client C connected and said `I am C`");
    a.find_line(&hello_c)?;
    b.did("was connected when client C connected and said `I am C`");
    b.find_line(&hello_c)?;
    Ok((a, b, c))
}

fn port(actor: &Actor) -> u16 {
    actor.address().port()
}

/// Checks what a learner has found out about the three servers of the example. The answer is no server.
fn three_suspects(attempt: &Attempt) -> Outcome {
    let program = attempt.start(&[]);
    program.close_stdin();
    program.expect_exit("the program only has to print a line")?;
    let printed = program.stdout();
    let words: Vec<&str> = printed.split_whitespace().collect();
    let lines = printed.lines().filter(|line| !line.trim().is_empty()).count();
    let (&[port, word], 1) = (&words[..], lines) else { return Err(no_verdict(&printed)) };
    if !["3001", "3002", "3003"].contains(&port) {
        return Err(format!(
            "the program says `{port} {word}`, but {port} is none of the three ports"
        ));
    }
    match (port, word.to_lowercase().as_str()) {
        ("3003", "not-accepting") => Ok(()),
        (port, verdict) => {
            Err(format!("the program says `{port} {word}`, but {}", why_not(port, verdict)))
        }
    }
}

fn no_verdict(printed: &str) -> String {
    format!(
        "the program should print one line, a port and a word, such as `3004 not-listening`, but \
         it printed {}",
        quoted(printed.as_bytes())
    )
}

/// Returns why what the system shows of this port does not fit this word, and nothing about another port
/// or word. tests/programs/tests/captures/three_servers.rs checks that the system really shows this.
fn why_not(port: &str, word: &str) -> &'static str {
    match (port, word) {
        (_, "not-listening") => {
            "`ss` shows a line LISTEN with this port, and clients can connect to it"
        }
        (_, "not-accepting") => {
            "`Recv-Q` is 0 in its line LISTEN: no connection waits to be accepted"
        }
        ("3001", "not-reading") => {
            "a `Recv-Q` that is full every time you look does not mean that nothing is taken from it. \
             Watch it with tcpdump for some seconds: after `win 0` there is room again, and more data \
             follows. It reads, but slowly"
        }
        ("3002", "not-reading") => {
            "`Recv-Q` at its ends of the connections is 0: whatever arrives is read"
        }
        (_, "not-reading") => {
            "that is only a part of what `ss` shows about this port: compare all its lines, even \
             the one that is there without any client"
        }
        ("3002", "not-closing") => {
            "TIME-WAIT is not CLOSE-WAIT: it stands at the clients' ends, because the clients closed \
             first, and it goes away after a minute. The server's ends are gone, so it has closed them"
        }
        (_, "not-closing") => {
            "a server that does not close leaves its ends in CLOSE-WAIT, and `ss` shows none at this port"
        }
        (_, "resetting") => "tcpdump would show `[R]` or `[R.]` from this port, and it does not",
        _ => "this is none of the words that the task lists",
    }
}
