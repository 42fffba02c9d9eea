//! The exercises of this lesson, and what each asks of a learner's program.

use std::time::Duration;

use checker::{Attempt, Outcome, eventually};

checker::exercises! {
    online_counter in "6.2.2.2-online-counter" {
        peak: "easy, 15 minutes: The most at once",
        tell_everybody: "hard, 45 minutes: Tell everybody",
        two_for_each_address: "medium, 30 minutes: Two for each address",
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

    second.reset();
    drop(third);
    // Until the server has noticed both leavers, a newcomer may raise the highest number itself.
    let mut highest = 3;
    eventually(|| {
        let mut next = server.connect("a client")?;
        next.did("came after two of three had left");
        let line = next.line()?;
        let online: usize = number_after(&line, "online: ").unwrap_or(2);
        highest = highest.max(online);
        let expected = format!("online: {online}, at most: {highest}");
        let finding = |expected: &str| {
            next.finding(&format!("the line `{expected}`"), &format!("the line `{line}` came"))
        };
        match online {
            _ if line != expected => Ok(Err(finding(&expected))),
            2 => Ok(Ok(())),
            _ => Err(finding(&format!("online: 2, at most: {highest}"))),
        }
    })??;
    first.did("stayed while others came and left");
    first.expect_silence(Duration::from_millis(100))
}

/// The number that follows `name` in `line`.
fn number_after(line: &str, name: &str) -> Option<usize> {
    let (_, rest) = line.split_once(name)?;
    rest.split(',').next()?.parse().ok()
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

    third.send("I am going\n")?;
    drop(third);
    for client in [&mut first, &mut second] {
        client.did("was there when the third had left");
        client.expect_line("online: 2")?;
    }
    second.reset();
    first.did("was there when the second had left with a reset");
    first.expect_line("online: 1")?;
    first.did("was told that nobody else is there");
    first.expect_silence(Duration::from_millis(200))?;

    drop(first);
    let mut alone = server.connect("a new client")?;
    eventually(|| {
        alone.did("came when all others had left");
        alone.expect_line("online: 1")
    })
}

fn two_for_each_address(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut first = server.connect("the first client from 127.0.0.1")?;
    first.expect_line("welcome, 127.0.0.1")?;
    let mut second = server.connect("the second client from 127.0.0.1")?;
    second.expect_line("welcome, 127.0.0.1")?;
    let mut outside = Vec::new(); // they were told that it is over, and keep their own half open
    for name in ["the third client from 127.0.0.1", "the fourth client from 127.0.0.1"] {
        let mut refused = server.connect(name)?;
        refused.expect_line("too many from 127.0.0.1")?;
        refused.did("was told that there are too many");
        refused.expect_over()?;
        outside.push(refused);
    }

    if let Some(elsewhere) = server.connect_from([127, 0, 0, 2].into(), "a client from 127.0.0.2") {
        let mut elsewhere = elsewhere?;
        elsewhere.did("connected while two from 127.0.0.1 were there");
        elsewhere.expect_line("welcome, 127.0.0.2")?;
    }
    second.reset();
    let again = |after: &str| {
        eventually(|| {
            let mut client = server.connect("a client from 127.0.0.1")?;
            client.did(&format!("came after one of the two had left{after}"));
            client.expect_line("welcome, 127.0.0.1")?;
            Ok(client)
        })
    };
    let _second = again(" with a reset")?;
    drop(first);
    let _first = again("")?;
    let mut refused = server.connect("a client from 127.0.0.1")?;
    refused.did("came after two who had left were replaced by two others");
    refused.expect_line("too many from 127.0.0.1")
}
