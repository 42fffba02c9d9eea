//! The exercises of this lesson, and what each asks of a learner's program.

mod decoder;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use checker::{
    Actor, Attempt, Deadline, Outcome, Running, lateness_of_time_outs, quoted, rounds, shown_time,
};
use lesson_framed_server::frame;

checker::exercises! {
    framed_server in "7.1-framed-server" {
        how_many: "easy, 15 minutes: How many are here?",
        begun_frame: "medium, 30 minutes: Whatever begins must end",
        own_decoder: "medium, 40 minutes: A decoder of your own",
    }
}

fn how_many(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b, mut c) = three_clients(&server)?;
    ask(&mut a, 3)?;
    a.send(frame(b"after the question"))?;
    b.did("waited while A asked, which must stay between A and the server");
    expect_from(&mut b, &a, b"after the question")?;
    c.did("waited while A asked, which must stay between A and the server");
    expect_from(&mut c, &a, b"after the question")?;

    b.send_in_pieces(&[&[0, 0], &[0, 0]])?;
    b.did("asked, with the four bytes in two pieces");
    expect_frame(&mut b, b"3")?;
    a.send([frame(b""), frame(b"between"), frame(b"")].concat())?;
    a.did("sent a question, a message and a question in one piece");
    expect_frame(&mut a, b"3")?;
    expect_frame(&mut a, b"3")?;
    b.did("waited while A asked in one piece with a message");
    expect_from(&mut b, &a, b"between")?;
    for message in [&b"\0\0\0\0"[..], b"\xff", "😀".as_bytes(), b"3", b"\n"] {
        a.send(frame(message))?;
        b.did(&format!("waited while A sent {}, which is not a question", quoted(message)));
        expect_from(&mut b, &a, message)?;
    }

    // A close with something unread resets the connection, but C leaves in an orderly way.
    let _ = c.take_all_within(Duration::from_millis(200));
    drop(c);
    attempt.eventually(|| ask(&mut a, 2))?;
    b.reset();
    attempt.eventually(|| ask(&mut a, 1))?;
    for _ in 0..200 {
        server.connect("a client")?.reset();
    }
    attempt.eventually(|| ask(&mut a, 1))?;
    let mut crowd = server.connect_at_once(20, "one of twenty clients")?;
    attempt.eventually(|| ask(&mut a, 21))?;
    for client in &mut crowd {
        client.send(frame(b""))?;
    }
    for client in &mut crowd {
        client.did("asked at the same time as 19 others");
        expect_frame(client, b"21")?;
    }
    drop(crowd);
    attempt.eventually(|| ask(&mut a, 1))?;
    whoever_was_sent_away_is_not_counted(attempt, &server, &mut a)?;
    drop(a);
    rounds(10).try_for_each(|_| asks_while_others_talk(&server))?;
    asks_without_reading(&attempt.serve()?)
}

/// Asks again and again, and never reads an answer. The others go on meanwhile.
fn asks_without_reading(server: &Running) -> Outcome {
    let (mut a, mut b, _c) = three_clients(server)?;
    let _deaf = server.ask_without_reading(&frame(b"").repeat(640_000))?;
    a.send(frame(b"do you hear me?"))?;
    b.did("was there when a client asked again and again without reading the answers, and A spoke");
    find_frame(&mut b, &labelled(&a, b"do you hear me?"))
}

/// Checks that a client is no longer counted when it has been refused, or disconnected because it did
/// not read, even if it never closes its own end.
fn whoever_was_sent_away_is_not_counted(
    attempt: &Attempt,
    server: &Running,
    a: &mut Actor,
) -> Outcome {
    // A server that counts it until it has waited for its end does so for some seconds, so each time
    // there is a new one.
    let mut stay = Vec::new();
    attempt.eventually(|| {
        let mut refused = server.connect("a client")?;
        refused.send(b"\x00\x01\x00\x01")?;
        refused.did("announced 65,537 bytes");
        expect_frame(&mut refused, "一条消息最多65536字节".as_bytes())?;
        stay.push(refused);
        a_few_times(|| ask(a, 1)).map_err(|finding| {
            format!(
                "a client that was refused is still counted as long as it keeps its own end open: \
                 {finding}"
            )
        })
    })?;
    drop(stay);

    let reads_nothing = server.connect_from_afar("a client that does not read")?;
    attempt.eventually(|| ask(a, 2))?;
    for _ in 0..PAGES {
        // Each is new, and so has not said too much yet to say all this without a pause.
        let mut speaker = server.connect("a client that says a lot")?;
        let message = [b'x'; 60_000];
        speaker.send(frame(&message))?;
        a.did("listened to somebody who said a lot");
        expect_from(a, &speaker, &message)?;
    }
    let outcome = attempt.eventually(|| ask(a, 1)).map_err(|finding| {
        format!(
            "{} KB were said, and a client that was disconnected because it did not read is still \
             counted: {finding}",
            60 * PAGES
        )
    });
    drop(reads_nothing);
    outcome
}

/// Tries again until it succeeds, for what a server does at the same time as the check asks.
fn a_few_times(mut attempt: impl FnMut() -> Outcome) -> Outcome {
    let mut outcome = attempt();
    for _ in 0..10 {
        if outcome.is_err() {
            thread::sleep(Duration::from_millis(20));
            outcome = attempt();
        }
    }
    outcome
}

/// So many long messages are more than the system keeps for a client that does not read.
const PAGES: usize = 60;

/// Asks while others talk, because an answer that is sent in two steps is torn apart by what somebody
/// else says between them.
fn asks_while_others_talk(server: &Running) -> Outcome {
    const TALKERS: usize = 3;
    const MESSAGES: usize = 1500; // which each may say without a pause
    let over = AtomicUsize::new(0);
    let talks = |mut talker: Actor| {
        let said = (0..MESSAGES).try_for_each(|_| talker.send(frame(b"talk")));
        over.fetch_add(1, Ordering::Relaxed);
        said.map(|()| talker)
    };
    // It is new, and so has not asked too much yet to be answered without a pause.
    let mut asker = server.connect("a newcomer")?;
    let talkers = server.connect_at_once(TALKERS, "a client that talks")?;
    thread::scope(|scope| {
        let talkers: Vec<_> =
            talkers.into_iter().map(|talker| scope.spawn(|| talks(talker))).collect();
        for _ in 0..50 {
            if over.load(Ordering::Relaxed) == TALKERS {
                break;
            }
            asks_many_times(&mut asker)?;
        }
        talkers.into_iter().try_for_each(|talker| {
            talker.join().unwrap_or_else(|_| Err("the check has panicked".to_string())).map(drop)
        })
    })
}

fn asks_many_times(asker: &mut Actor) -> Outcome {
    const TIMES: usize = 100;
    asker.send(frame(b"").repeat(TIMES))?;
    asker.did("asked while others talked");
    let mut answers = 0;
    while answers < TIMES {
        let came = next_frame(asker, b"4")?;
        match came.as_slice() {
            [b'1'..=b'9'] | [b'1', _] => answers += 1, // earlier ones may still be leaving
            said if said.ends_with(b":talk") && said.len() < 12 => {}
            other => {
                let expected = "answers such as `4` and what the others said, each in its frame";
                return Err(
                    asker.finding(expected, &format!("it received the frame {}", quoted(other)))
                );
            }
        }
    }
    Ok(())
}

fn ask(client: &mut Actor, count: usize) -> Outcome {
    client.send(frame(b""))?;
    client.did("sent a frame of length 0");
    expect_frame(client, count.to_string().as_bytes())
}

fn own_decoder(attempt: &Attempt) -> Outcome {
    decoder::check(attempt)
}

/// How long a client may be silent within a frame.
const TO_GO_ON: Duration = Duration::from_secs(2);

const TOO_SLOW: &[u8] = b"too slow";

fn begun_frame(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, _b, mut quiet) = three_clients(&server)?;
    let busy_server = attempt.serve()?;
    let mut held_up = say_too_much(&busy_server)?;
    for length in [1, 3, 5] {
        let mut gone = server.connect("a client that goes")?;
        gone.send(&frame(b"never whole")[..length])?;
        gone.reset();
    }

    attempt.try_again(|| is_refused_in_time(attempt, &server))?;

    quiet.send(frame(b"still here"))?;
    a.did(
        "listened when a client that had been silent between two frames for two seconds spoke \
         again",
    );
    find_frame(&mut a, &labelled(&quiet, b"still here"))?;
    attempt.try_again(|| comes_as_soon_as_it_is_whole(&server, &mut a))?;
    attempt.try_again(|| goes_on(&server, &mut a))?;

    let mut long = server.connect("a client")?;
    long.send(b"\x00\x01\x00\x01")?;
    long.did("announced 65,537 bytes");
    expect_frame(&mut long, "一条消息最多65536字节".as_bytes())?;
    none_is_refused(attempt, &mut held_up)
}

/// How many bytes the last message of each client has that says too much.
const LAST: usize = 8000;

/// Lets so many clients say more than they may that the server doesn't read from one of them for more
/// than two seconds, when its last message has begun.
fn say_too_much(server: &Running) -> Outcome<Vec<Actor>> {
    let mut clients = server.connect_at_once(4, "a client that says a lot")?;
    let messages = [frame(&[b'x'; 65_536]).repeat(2), frame(&[b'y'; LAST])].concat();
    clients.iter_mut().try_for_each(|client| client.send(&messages))?;
    Ok(clients)
}

/// Checks that the server refuses none of these clients: they have sent everything without a pause, so
/// it's the server that has waited.
fn none_is_refused(attempt: &Attempt, clients: &mut [Actor]) -> Outcome {
    let deadline = Deadline::after(attempt.patience());
    let from_each = 3 * (size_of::<u32>() + "51002:".len()) + 2 * 65_536 + LAST;
    let expected = from_each * (clients.len() - 1);
    let mut arrived = vec![Vec::new(); clients.len()];
    loop {
        for (client, bytes) in clients.iter_mut().zip(&mut arrived) {
            bytes.extend(client.take_what_has_come());
            client.did(
                "sent three messages without a pause, and the server held it up because it was \
                 too fast",
            );
            if bytes.ends_with(TOO_SLOW) {
                return Err(client.finding("what the others said", "it was told `too slow`"));
            }
        }
        let least = arrived.iter().map(Vec::len).min().unwrap_or_default();
        if least >= expected {
            return Ok(());
        }
        if deadline.is_over() {
            let expected = format!("{expected} bytes of what the others said");
            return Err(
                clients[0].finding(&expected, &format!("one of the clients received only {least}"))
            );
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Expects that clients are refused after two seconds of silence, not before, and not much later. On a
/// busy machine it may be late.
fn is_refused_in_time(attempt: &Attempt, server: &Running) -> Outcome {
    let begun = [
        ("announced five bytes and sent two of them", &b"\0\0\0\x05he"[..]),
        ("announced five bytes and sent none", b"\0\0\0\x05"),
        ("sent two bytes of a length", b"\0\0"),
        ("sent a whole message and the first byte of another", b"\0\0\0\x02hi\0"),
    ];
    let latest = TO_GO_ON + Duration::from_millis(600) + lateness_of_time_outs()?;
    let since = Instant::now();
    let mut unfinished = Vec::new();
    for (did, bytes) in begun {
        let mut client = server.connect("a client")?;
        client.send(bytes)?;
        client.did(&format!("{did}, and then was silent"));
        client.set_patience(attempt.patience() + TO_GO_ON);
        unfinished.push(client);
    }
    for client in &mut unfinished {
        find_frame(client, TOO_SLOW)?;
        let waited = since.elapsed();
        if waited < TO_GO_ON - Duration::from_millis(100) {
            let expected = format!("`too slow` {} later", shown_time(TO_GO_ON));
            return Err(
                client.finding(&expected, &format!("it arrived {} later", shown_time(waited)))
            );
        }
        if waited > latest {
            let expected = format!("`too slow` {} later", shown_time(TO_GO_ON));
            return Err(client.finding(&expected, &format!("it took {}", shown_time(waited))));
        }
        client.did("was told `too slow`");
        client.expect_end()?;
    }
    Ok(())
}

/// Checks that a message in pieces is passed on with the last piece, and not when its time is up.
fn comes_as_soon_as_it_is_whole(server: &Running, a: &mut Actor) -> Outcome {
    let mut client = server.connect("a client")?;
    for pieces in [&[&b"\0\0"[..], b"\0\x05hello"][..], &[b"\0\0\0\x05he", b"llo"]] {
        client.send_in_pieces(pieces)?;
        let whole = Instant::now();
        a.did("listened when a client sent a message in two pieces");
        find_frame(a, &labelled(&client, b"hello"))?;
        if whole.elapsed() > TO_GO_ON / 2 {
            let came = format!("it took {}", shown_time(whole.elapsed()));
            return Err(a.finding("to receive it as soon as it was whole", &came));
        }
    }
    Ok(())
}

/// Sends a frame, a byte now and then, which takes longer than two seconds in all.
fn goes_on(server: &Running, a: &mut Actor) -> Outcome {
    let mut slow = server.connect("a client")?;
    for byte in frame(b"hi") {
        slow.send([byte])?;
        thread::sleep(Duration::from_millis(500));
    }
    a.did("listened when a client sent a message, a byte now and then");
    find_frame(a, &labelled(&slow, b"hi"))
}

fn three_clients(server: &Running) -> Outcome<(Actor, Actor, Actor)> {
    let mut a = server.connect("client A")?;
    let mut b = server.connect("client B")?;
    b.send(frame(b"I am B"))?;
    a.did("was connected when client B connected and said `I am B`");
    expect_from(&mut a, &b, b"I am B")?;
    let mut c = server.connect("client C")?;
    c.send(frame(b"I am C"))?;
    a.did("was connected when client C connected and said `I am C`");
    expect_from(&mut a, &c, b"I am C")?;
    b.did("was connected when client C connected and said `I am C`");
    expect_from(&mut b, &c, b"I am C")?;
    Ok((a, b, c))
}

fn expect_from(client: &mut Actor, sender: &Actor, message: &[u8]) -> Outcome {
    expect_frame(client, &labelled(sender, message))
}

/// Waits for the frame past a few others.
fn find_frame(client: &mut Actor, expected: &[u8]) -> Outcome {
    for _ in 0..10 {
        if next_frame(client, expected)? == expected {
            return Ok(());
        }
    }
    expect_frame(client, expected)
}

fn labelled(sender: &Actor, message: &[u8]) -> Vec<u8> {
    [format!("{}:", sender.address().port()).as_bytes(), message].concat()
}

fn expect_frame(client: &mut Actor, expected: &[u8]) -> Outcome {
    match next_frame(client, expected)? {
        came if came == expected => Ok(()),
        came => {
            let came = format!("it received the frame {}", quoted(&came));
            Err(client.finding(&format!("the frame {}", quoted(expected)), &came))
        }
    }
}

fn next_frame(client: &mut Actor, expected: &[u8]) -> Outcome<Vec<u8>> {
    let wanted = format!("the frame {}", quoted(expected));
    let explained = |problem: String| format!("{problem}. It should be {wanted}");
    let length = client.take_exactly(size_of::<u32>()).map_err(explained)?;
    let announced = length.iter().fold(0, |sum, byte| 256 * sum + usize::from(*byte));
    if announced > 100_000 {
        let came =
            format!("it received {}, which as a length means {announced} bytes", quoted(&length));
        return Err(client.finding(&wanted, &came));
    }
    client.take_exactly(announced).map_err(explained)
}
