//! The exercises of this lesson, and what each asks of a learner's program.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, LONG_SILENCE, Outcome, Places, Running};

checker::exercises! {
    online_counter in "6.2.2.2-online-counter" {
        peak: "easy, 15 minutes: The busiest moment",
        two_for_each_address: "medium, 30 minutes: Two for each address",
        tell_everybody: "hard, 45 minutes: Tell everybody",
    }
}

fn peak(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut first = server.connect("the first client")?;
    first.expect_line("online: 1, at most: 1")?;
    let mut second = server.connect("the second client")?;
    second.expect_line("online: 2, at most: 2")?;
    let mut third = server.connect("the third client")?;
    third.expect_line("online: 3, at most: 3")?;
    first.talk_in_vain()?;
    let silent = Instant::now();

    second.reset();
    third.send(b"\xff I am going\n")?;
    drop(third);
    expect_two(attempt, &server, "two of three had left", 3)?;
    for _ in 0..100 {
        server.connect("a client")?.reset();
    }
    // How many of them were there at once, nobody knows.
    attempt.eventually(|| {
        let mut next = server.connect("a client")?;
        next.did(
            "connected after a hundred clients had connected and immediately reset the connection",
        );
        let line = next.line()?;
        match numbers_in(&line) {
            Some((2, 3..)) => Ok(()),
            _ => Err(next.finding("`online: 2`", &format!("it received the line `{line}`"))),
        }
    })?;
    // A program that counts in two steps loses some of the clients that connect at the same time.
    (0..25).try_for_each(|_| thirty_at_once(&attempt.serve()?))?;
    first.did("stayed while others came and left, and was silent for some seconds");
    first.expect_silence(LONG_SILENCE.saturating_sub(silent.elapsed()))?;
    server.expect_all_thrown_away(server.connect("a client that talks without end")?)?;
    let mut next = server.connect("a client")?;
    let line = next.line()?;
    match numbers_in(&line) {
        Some((2.., _)) => Ok(()),
        _ => {
            next.did("connected while a client was there that had been silent for some seconds");
            Err(next
                .finding("at least two to be online", &format!("it received the line `{line}`")))
        }
    }
}

/// Waits until two clients are online. Until the server has noticed that all the others have left, a
/// newcomer may raise the highest number itself.
fn expect_two(attempt: &Attempt, server: &Running, after: &str, mut highest: usize) -> Outcome {
    attempt.eventually(|| {
        let mut next = server.connect("a client")?;
        next.did(&format!("connected after {after}"));
        let line = next.line()?;
        let online = numbers_in(&line).map_or(2, |(online, _)| online);
        highest = highest.max(online);
        let expected = format!("online: {online}, at most: {highest}");
        let finding = |expected: &str| {
            next.finding(
                &format!("the line `{expected}`"),
                &format!("it received the line `{line}`"),
            )
        };
        match online {
            _ if line != expected => Ok(Err(finding(&expected))),
            2 => Ok(Ok(())),
            _ => Err(finding(&format!("online: 2, at most: {highest}"))),
        }
    })?
}

/// Returns the numbers in `online: 3, at most: 4`.
fn numbers_in(line: &str) -> Option<(usize, usize)> {
    let (online, at_most) = line.strip_prefix("online: ")?.split_once(", at most: ")?;
    Some((online.parse().ok()?, at_most.parse().ok()?))
}

fn thirty_at_once(server: &Running) -> Outcome {
    let mut crowd = server.connect_at_once(30, "one of thirty clients")?;
    for client in &mut crowd {
        client.did("connected at the same time as 29 others");
        let line = client.line()?;
        let Some((online, at_most)) = numbers_in(&line) else {
            let came = format!("it received the line `{line}`");
            return Err(client.finding("a line such as `online: 3, at most: 4`", &came));
        };
        if at_most < online || at_most > 30 {
            return Err(client.finding(
                "the second number to be at least as high as the first, and 30 at most",
                &format!("it received `{line}`"),
            ));
        }
    }
    let mut next = server.connect("one more client")?;
    next.did("connected when thirty had connected at the same time and were still there");
    next.expect_line("online: 31, at most: 31")
}

fn two_for_each_address(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut first = server.connect("the first client from 127.0.0.1")?;
    first.expect_line("welcome, 127.0.0.1")?;
    let mut second = server.connect("the second client from 127.0.0.1")?;
    second.expect_line("welcome, 127.0.0.1")?;
    first.talk_in_vain()?;
    second.talk_in_vain()?;
    let mut outside = Vec::new(); // they were told that it is over, and keep their own half open
    for name in ["the third client from 127.0.0.1", "the fourth client from 127.0.0.1"] {
        let mut refused = server.connect(name)?;
        refused.expect_line("too many from 127.0.0.1")?;
        refused.did("was told that there are too many clients");
        refused.expect_over()?;
        outside.push(refused);
    }

    for ip in [2, 3] {
        let name = format!("a client from 127.0.0.{ip}");
        if let Some(elsewhere) = server.connect_from([127, 0, 0, ip].into(), &name) {
            let mut elsewhere = elsewhere?;
            elsewhere.did("connected while two from 127.0.0.1 were there");
            elsewhere.expect_line(&format!("welcome, 127.0.0.{ip}"))?;
        }
    }
    second.reset();
    let again = |after: &str| {
        attempt.eventually(|| {
            let mut client = server.connect("a client from 127.0.0.1")?;
            client.did(&format!("connected after {after}"));
            client.expect_line("welcome, 127.0.0.1")?;
            Ok(client)
        })
    };
    let second = again("one of the two had left with a reset")?;
    first.send(b"\xff I am going")?;
    drop(first);
    let first = again("one of the two had left")?;
    is_refused(&server, "connected after two who had left were replaced by two others")?;

    drop((first, second));
    for _ in 0..200 {
        server.connect("a client from 127.0.0.1")?.reset();
    }
    let after = "two hundred clients had connected and immediately reset the connection";
    let (mut first, _second) = (again(after)?, again(after)?);
    let silent = Instant::now();
    is_refused(&server, "connected while two were there")?;
    let (welcome, refusal) = ("welcome, 127.0.0.1", "too many from 127.0.0.1");
    Places { count: 2, welcome, refusal }.hold_when_many_come(attempt)?;
    first.did("was inside and sent nothing for some seconds");
    first.expect_silence(LONG_SILENCE.saturating_sub(silent.elapsed()))?;
    is_refused(&server, "connected while two who had been silent for some seconds were there")?;
    let server = attempt.serve()?;
    server.expect_all_thrown_away(server.connect("a client that talks without end")?)
}

fn is_refused(server: &Running, did: &str) -> Outcome {
    let mut refused = server.connect("a client from 127.0.0.1")?;
    refused.did(did);
    refused.expect_line("too many from 127.0.0.1")
}

fn tell_everybody(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut first = server.connect("the first client")?;
    first.expect_line("online: 1")?;
    let mut second = server.connect("the second client")?;
    second.expect_line("online: 2")?;
    first.did("was there when the second came");
    first.expect_line("online: 2")?;
    let mut third = server.connect("the third client")?;
    for client in [&mut first, &mut second] {
        client.did("was there when the third came");
        client.expect_line("online: 3")?;
    }
    third.expect_line("online: 3")?;
    first.talk_in_vain()?;
    let silent = Instant::now();

    third.send(b"\xff I am going\n")?;
    drop(third);
    for client in [&mut first, &mut second] {
        client.did("was there after the third had left");
        client.expect_line("online: 2")?;
    }
    second.reset();
    first.did("was there after the second had left with a reset");
    first.expect_line("online: 1")?;
    first.did("was told that nobody else is there");
    first.expect_silence(Duration::from_millis(200))?;
    let mut second = server.connect("another second client")?;
    second.expect_line("online: 2")?;
    first.did("was there when another came");
    first.expect_line("online: 2")?;
    crowds_come_and_go(&server, &mut first, &mut second)?;
    many_come_while_others_go(&server, &mut first, &mut second)?;
    first.did("sent nothing for some seconds");
    first.expect_silence(LONG_SILENCE.saturating_sub(silent.elapsed()))?;
    drop(second);
    first.did("was there after all the others had left");
    first.expect_line("online: 1")?;

    drop(first);
    let mut alone = server.connect("a new client")?;
    alone.did("connected after all the others had left");
    match alone.line()?.as_str() {
        "online: 1" => {}
        _ => alone.expect_line("online: 1")?, // the server had not noticed the other's end before
    }
    server.expect_little_kept_of(alone)
}

/// Checks that everybody sees each change, and that a change is one more or one fewer. Many clients
/// that connect and leave at the same time reveal a program that counts in one step and tells in
/// another.
fn crowds_come_and_go(server: &Running, first: &mut Actor, second: &mut Actor) -> Outcome {
    for _ in 0..12 {
        let crowd = server.connect_at_once(20, "one of twenty clients")?;
        for client in [&mut *first, &mut *second] {
            client.did("was one of two when twenty more connected at the same time");
            (3..=22).try_for_each(|number| client.expect_line(&format!("online: {number}")))?;
        }
        drop(crowd);
        for client in [&mut *first, &mut *second] {
            client.did("was there when twenty left at the same time");
            (2..22)
                .rev()
                .try_for_each(|number| client.expect_line(&format!("online: {number}")))?;
        }
    }
    Ok(())
}

/// Lets visitors come and leave all the time. How many are there at any moment is chance, but each
/// change is one more or one fewer, and two clients that stay see the same changes. Nothing waits
/// between one visit and the next, so at every moment some come while others leave, even on a busy
/// machine.
fn many_come_while_others_go(server: &Running, first: &mut Actor, second: &mut Actor) -> Outcome {
    const VISITORS: usize = 20;
    const VISITS: usize = 300; // of each, one after the other
    let address = server.address();
    let visit = || {
        (0..VISITS).try_for_each(|_| {
            let stream = TcpStream::connect(address)
                .map_err(|error| format!("one of many visitors could not connect: {error}"))?;
            // A client that has been told the number is counted.
            let mut visitor = Actor::over(stream, "one of many visitors", "connected");
            visitor.line()?;
            visitor.reset(); // leaves no port behind that stays taken for a while
            Ok(())
        })
    };
    thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS).map(|_| scope.spawn(visit)).collect();
        let changes = 2 * VISITORS * VISITS;
        let seen = (0..changes).try_fold(2, |online, _| next_change(online, first, second));
        let visited = visitors.into_iter().try_for_each(|visitor| {
            visitor.join().unwrap_or_else(|_| Err("the check has panicked".into()))
        });
        seen.and(visited)
    })
}

/// Returns how many are online after the next change, which both clients should see.
fn next_change(online: usize, first: &mut Actor, second: &mut Actor) -> Outcome<usize> {
    first.did("was there when many came while others left");
    let line = first.line()?;
    let now = line.strip_prefix("online: ").and_then(|number| number.parse().ok());
    let now = now.filter(|now: &usize| now.abs_diff(online) == 1).ok_or_else(|| {
        let expected = format!("one more or one fewer than {online}");
        first.finding(&expected, &format!("it received the line `{line}`"))
    })?;
    second.did("was there, like another client, when many came while others left");
    second.expect_line(&line)?;
    Ok(now)
}
