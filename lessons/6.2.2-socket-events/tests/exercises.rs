//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, LONG_SILENCE, Outcome, PATIENCE, Running, lateness_of_time_outs};

checker::exercises! {
    socket_events in "6.2.2-socket-events" {
        two_bytes_at_a_time: "easy, 10 minutes: Two bytes at a time",
        count_bytes: "easy, 20 minutes: Count the bytes",
        idle_timeout: "medium, 30 minutes: Silent for too long",
    }
}

fn two_bytes_at_a_time(attempt: &Attempt) -> Outcome {
    for _ in 0..3 {
        let walk = attempt.start(&[]);
        let ended = walk.expect_exit("the events take only moments");
        let right = events_are_right(&walk.stdout());
        let status = match (ended, right) {
            (Ok(status), right) => right.map(|()| status)?,
            (Err(_), Ok(())) => {
                return Err(
                    "all the events were right, and the program should have ended after them, but \
                     it went on running"
                        .to_string(),
                );
            }
            (Err(finding), Err(events)) => return Err(format!("{finding}. Besides, {events}")),
        };
        if !status.success() {
            return Err(format!(
                "the program should have ended with exit status 0, but it ended with {status}"
            ));
        }
    }
    Ok(())
}

fn events_are_right(stdout: &str) -> Outcome {
    let lines = stdout.lines().filter_map(|line| line.split_once(':'));
    let (mut events, mut read) = (Vec::new(), Vec::new());
    for (event, what_happened) in lines {
        events.push(event);
        if event == "data" {
            let number = what_happened.split_whitespace().find_map(|word| word.parse().ok());
            read.push(number.unwrap_or(0));
        }
    }
    if read != [2, 2, 1] {
        return Err(format!(
            "the peer sends `hello`, five bytes, so three lines `data:` should report 2, 2 and 1 \
             bytes, but they reported these numbers: {read:?}"
        ));
    }
    let expected =
        ["lookup", "connect", "data", "data", "data", "timeout", "drain", "end", "error", "close"];
    if events != expected {
        return Err(format!(
            "the events should be {}, but they were {}",
            expected.join(", "),
            events.join(", ")
        ));
    }
    Ok(())
}

fn count_bytes(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut steady = server.connect("a client that sends a byte now and then")?;
    steady.send("a")?;

    let mut client = server.connect("the client")?;
    client.send("he")?;
    client.expect_silence(Duration::from_millis(300))?;
    client.send("llo")?;
    client.expect_silence(Duration::from_millis(300))?;
    client.half_close()?;
    client.expect_line("5 bytes")?;
    client.did("received its answer");
    client.expect_end()?;

    let many: Vec<u8> = (0..=255).collect();
    for (what, bytes) in [
        ("a line of two Chinese characters that ends as telnet's lines do", "你好\r\n".as_bytes()),
        ("a character of four bytes", "😀".as_bytes()),
        ("256 bytes that are not text", &many),
        ("nothing at all", b""),
        ("a newline", b"\n"),
        ("300000 bytes", &[b'x'; 300_000]),
    ] {
        let mut client = server.connect("the client")?;
        client.send(bytes)?;
        steady.send("b")?;
        client.half_close()?;
        client.did(&format!("sent {what}, {} bytes, and closed its sending half", bytes.len()));
        expect_count(&mut client, bytes.len())?;
        client.did("received its answer");
        client.expect_end()?;
    }

    let mut piecewise = server.connect("the client")?;
    for _ in 0..1000 {
        piecewise.send("x")?;
    }
    let mut gone = server.connect("a client that leaves")?;
    gone.send("I shall not be here to see it\n")?;
    gone.reset();
    let mut crowd = server.connect_at_once(20, "one of twenty clients")?;
    for (index, client) in crowd.iter_mut().enumerate() {
        client.send(vec![b'x'; index])?;
    }
    for client in &mut crowd {
        client.half_close()?;
    }
    for (index, client) in crowd.iter_mut().enumerate() {
        client.did(&format!("sent {index} bytes while 19 others did the same"));
        expect_count(client, index)?;
    }
    piecewise.half_close()?;
    piecewise.did("sent a thousand bytes, one at a time, and closed its sending half");
    piecewise.expect_line("1000 bytes")?;

    steady.did("sent 7 bytes, and then nothing for some seconds");
    steady.expect_silence(LONG_SILENCE)?;
    steady.send("c")?;
    steady.expect_silence(Duration::from_millis(200))?;
    steady.send("d")?;
    steady.half_close()?;
    steady.did("sent 9 bytes, some of them seconds after the others, and closed its sending half");
    steady.expect_line("9 bytes")?;
    server.expect_little_kept_of(server.connect("a client that sends without end")?)
}

/// Expects the line with this number of bytes. If it is 1, both `byte` and `bytes` are right.
fn expect_count(client: &mut Actor, count: usize) -> Outcome {
    match client.line()?.as_str() {
        "1 byte" if count == 1 => Ok(()),
        line if line == format!("{count} bytes") => Ok(()),
        line => {
            let came = format!("it received the line `{line}`");
            Err(client.finding(&format!("the line `{count} bytes`"), &came))
        }
    }
}

fn idle_timeout(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    // If this machine was too busy to send in time, or to see in time what arrived, another try
    // says more. A server that is wrong is so each time. The outcome inside holds what is certain.
    attempt.try_again(|| {
        thread::scope(|scope| {
            let mut talking = server.connect("the talking client")?;
            talking.set_patience(attempt.patience() + Duration::from_secs(2));
            let mut slow = server.connect("a client that sends a byte a second")?;
            let silent = server.connect("the silent client")?;
            let crowd = server.connect_at_once(10, "one of ten silent clients")?;
            let others = [
                scope.spawn(move || keeps_talking(&mut talking)),
                scope.spawn(move || says_a_byte_a_second(&mut slow)),
                scope.spawn(move || {
                    let mut crowd = crowd.into_iter();
                    crowd.try_for_each(|mut client| is_sent_away(&mut client, "connected"))
                }),
            ];
            let panicked = |_| Err("the check has panicked".to_string());
            let silent = sent_away_in_time(silent);
            let mut others = others.into_iter();
            let others = others.try_for_each(|other| other.join().unwrap_or_else(panicked));
            match silent? {
                Ok(()) => others.map(Ok),
                certain => Ok(certain),
            }
        })
    })??;
    leaves_others_alone(&server)?;
    server.expect_little_kept_of(server.connect("a client that talks without end")?)
}

/// Expects that the client is sent away after two seconds of silence, not before, and not much later.
/// The outcome inside says whether it was sent away at all, which is certain however busy this machine
/// is.
fn sent_away_in_time(mut silent: Actor) -> Outcome<Outcome> {
    let begun = Instant::now();
    silent.did("sent nothing for less than two seconds");
    silent.expect_silence(Duration::from_millis(1800))?;
    let certain = is_sent_away(&mut silent, "sent nothing for two seconds");
    if certain.is_ok() {
        not_late(begun, "the silent client")?;
    }
    Ok(certain)
}

/// Checks that a client that has been silent since then was sent away in time.
fn not_late(silent_since: Instant, who: &str) -> Outcome {
    let silence = silent_since.elapsed();
    let latest = Duration::from_millis(2500) + lateness_of_time_outs()?;
    match silence {
        late if late > latest => Err(format!(
            "{who} should have been sent away after two seconds of silence, but it took {:.1} s",
            late.as_secs_f64()
        )),
        _ => Ok(()),
    }
}

fn is_sent_away(client: &mut Actor, did: &str) -> Outcome {
    client.did(did);
    client.expect_line("too quiet")?;
    client.did("was told `too quiet`");
    client.expect_end()
}

/// Sends words with and without a newline, words that are cut within a character, and bytes that are
/// not text.
fn keeps_talking(talking: &mut Actor) -> Outcome {
    let words: [&[u8]; 6] =
        [b"hello\n", b"no newline", b"\xe4\xbd", b"\xa0\r\n", b"\xff", "😀".as_bytes()];
    let mut last = Instant::now();
    for word in words.iter().cycle().take(10) {
        last = Instant::now();
        talking.send(word)?;
        talking.expect(word)?;
        talking.did("sent something every 0.25 s");
        thread::sleep(Duration::from_millis(250));
    }
    is_sent_away(talking, "talked for more than two seconds and then fell silent")?;
    not_late(last, "the client that talked for more than two seconds and then fell silent")
}

fn says_a_byte_a_second(slow: &mut Actor) -> Outcome {
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(900));
        slow.send("x")?;
        slow.did("sent one byte every 0.9 s");
        slow.expect("x")?;
    }
    Ok(())
}

/// Checks that a client that leaves, however it leaves, does not disturb the others.
fn leaves_others_alone(server: &Running) -> Outcome {
    let mut staying = server.connect("a client that stays")?;
    staying.set_patience(PATIENCE);
    server.connect("a client that resets")?.reset();
    let mut half = server.connect("a client that has sent all")?;
    half.send("goodbye")?;
    half.half_close()?;
    half.did("sent `goodbye` and closed its sending half");
    half.expect("goodbye")?;
    half.expect_end()?;
    staying.send("still here\n")?;
    staying.expect("still here\n")
}
