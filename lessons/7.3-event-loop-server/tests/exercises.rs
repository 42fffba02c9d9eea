//! The exercises of this lesson, and what each asks of a learner's program.

use std::iter;
use std::thread;
use std::time::{Duration, Instant};

use checker::{
    Actor, Attempt, Deadline, LONG_SILENCE, Outcome, PATIENCE, Running, Watch, late,
    send_until_stuck, shown_time,
};

checker::exercises! {
    event_loop_server in "7.3-event-loop-server" {
        turns: "easy, 20 minutes: How busy is the loop?",
        closed_door: "medium, 35 minutes: A door that is closed when the room is full",
        patient_echo: "medium, 45 minutes: A patient echo",
    }
}

/// How often the loop says how busy it is.
const EACH: Duration = Duration::from_secs(1);

/// Lines that are so far from each other do not come each second.
const LATE: Duration = Duration::from_millis(1350);

/// More turns in a second than a loop needs that has nothing to do.
const IDLE: usize = 5;

fn turns(attempt: &Attempt) -> Outcome {
    reports_each_second(attempt)?;
    attempt.try_again(|| an_unfinished_line_is_in_time(attempt))
}

fn reports_each_second(attempt: &Attempt) -> Outcome {
    let (since, watch) = (Instant::now(), Watch::start());
    let server = attempt.serve()?;
    reports(attempt, &server, 1, "nobody was connected")?;
    let first = Instant::now();
    let idle = reports(attempt, &server, 2, "nobody was connected")?;
    let between = first.elapsed();
    let waited = since.elapsed();
    if waited < 2 * EACH - Duration::from_millis(100) {
        return Err(format!(
            "the program printed two lines about the turns within {} after its start, which is \
             too early",
            shown_time(waited)
        ));
    }
    expect_idle(&idle)?;

    let mut a = server.connect("client A")?;
    let mut b = server.connect("client B")?;
    for client in [&mut a, &mut b] {
        client.set_patience(attempt.patience() + 3 * EACH);
    }
    let before = counts(&server)?.len();
    b.send("hello\n")?;
    a.did("was connected when B said `hello`");
    a.expect_line(&format!("{}:hello", b.address().port()))?;
    const TIMES: usize = 40;
    attempt.try_again(|| talk(&mut a, &mut b, TIMES))?;
    // The line that comes next counts the last of it, and the one after that nothing of it.
    let now = counts(&server)?.len();
    let spoken = reports(attempt, &server, now + 1, "two clients had talked")?;
    let counted: usize = spoken[before..].iter().sum();
    if counted < TIMES {
        return Err(format!(
            "two clients talked, one line after the other, so the loop had to make at least \
             {TIMES} turns, but the lines since they connected report {counted}"
        ));
    }
    let before = Instant::now();
    let after = reports(attempt, &server, now + 2, "nobody spoke any more")?;
    let again = before.elapsed();
    expect_idle(&after[now + 1..])?;
    // On a busy machine a line may be late, but hardly each time.
    if between.min(again) < LATE {
        return Ok(());
    }
    let one_more = Instant::now();
    reports(attempt, &server, now + 3, "nobody spoke any more")?;
    match one_more.elapsed() {
        took if took > LATE => {
            let finding = format!(
                "the program should print a line about the turns each second, but from one to the \
                 next it took {}",
                shown_time(between.min(again).min(took))
            );
            Err(late(&watch, finding))
        }
        _ => Ok(()),
    }
}

/// Sends an unfinished line right after a line about the turns, when the next one is furthest away, and
/// so is its timer.
fn an_unfinished_line_is_in_time(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b) = two_without_newlines(&server)?;
    let times = counts(&server)?.len() + 1;
    reports(attempt, &server, times, "two clients were connected")?;
    expect_unfinished(&mut a, &mut b)
}

/// Connects A and B. B sends no newlines, so the server does not wait for one. A hears it.
fn two_without_newlines(server: &Running) -> Outcome<(Actor, Actor)> {
    let mut a = server.connect("client A")?;
    let mut b = server.connect("client B")?;
    b.send("hello")?;
    a.did("was connected when B sent an unfinished line, `hello`, and nothing more");
    a.expect_line(&format!("{}:hello", b.address().port()))?;
    Ok((a, b))
}

/// Checks that the room's own timers still work: a line without a newline is passed on after 0.3 s.
fn expect_unfinished(a: &mut Actor, b: &mut Actor) -> Outcome {
    const LATEST: Duration = Duration::from_millis(700);
    let sent = Instant::now();
    b.send("and more")?;
    a.did("was connected when B sent an unfinished line, `and more`, and nothing more");
    a.expect_line(&format!("{}:and more", b.address().port()))?;
    match sent.elapsed() {
        took if took > LATEST => Err(a.finding(
            "to receive it 0.3 s later, as before",
            &format!("it took {}", shown_time(took)),
        )),
        _ => Ok(()),
    }
}

/// Lets A speak, and B hear it, again and again.
fn talk(a: &mut Actor, b: &mut Actor, times: usize) -> Outcome {
    let begun = Instant::now();
    for number in 0..times {
        a.send(format!("{number}\n"))?;
        b.did("was connected when A spoke");
        b.expect_line(&format!("{}:{number}", a.address().port()))?;
        let waited = begun.elapsed();
        if waited > 2 * EACH {
            let lines = number + 1;
            let waited = shown_time(waited);
            return Err(format!(
                "A spoke line by line, and B had to wait {waited} until it had received {lines}"
            ));
        }
    }
    Ok(())
}

fn expect_idle(turns: &[usize]) -> Outcome {
    // If a thread of its own prints, the loop may have made none.
    match turns.iter().find(|turns| **turns > IDLE) {
        Some(turns) => Err(format!(
            "the loop had nothing to do, which takes a turn or two in a second, but a line \
             reported {turns}"
        )),
        None => Ok(()),
    }
}

/// Waits for the next lines about the turns, until there are so many in all.
fn reports(attempt: &Attempt, server: &Running, times: usize, after: &str) -> Outcome<Vec<usize>> {
    let deadline = Deadline::after(attempt.patience() + 3 * EACH);
    loop {
        let counts = counts(server)?;
        if counts.len() >= times {
            return Ok(counts);
        }
        if deadline.is_over() {
            return Err(format!(
                "{after}. The program should have printed a line such as `turns: 1` each second, \
                 {times} so far, but it printed {}",
                counts.len()
            ));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn counts(server: &Running) -> Outcome<Vec<usize>> {
    let printed = server.stdout();
    let whole = printed.rfind('\n').map_or("", |end| &printed[..end]);
    let counts = whole.lines().filter_map(|line| line.strip_prefix("turns: "));
    counts
        .map(|count| {
            count.parse().map_err(|_| {
                format!("after `turns: ` a line should hold a number, but it holds {count:?}")
            })
        })
        .collect()
}

fn closed_door(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut inside = four_clients(&server)?;
    let mut waiting = Vec::new();
    for number in 5..=8 {
        let mut client = server.connect("a client")?;
        client.send(format!("I am number {number}\n"))?;
        client.did("waited at the door while four were inside");
        waiting.push(client);
    }
    expect_rest(&server, 10, "four were inside, and others waited at the door")?;
    for client in &mut waiting {
        client.expect_silence(Duration::from_millis(50))?;
    }
    inside[0].did("was one of four, and nobody else should be let in");
    inside[0].expect_silence(Duration::from_millis(50))?;

    // One leaves in an orderly way, one with a reset, and two at the same moment.
    let mut first = inside.remove(0);
    let _ = inside[0].take_all_within(Duration::from_millis(50)); // closing with something unread resets
    drop(inside.remove(0));
    expect_newcomer(&mut first, &waiting[0], 5, "one had left")?;
    first.expect_silence(Duration::from_millis(100))?;
    inside.remove(0).reset();
    expect_newcomer(&mut first, &waiting[1], 6, "one had left with a reset")?;
    first.expect_silence(Duration::from_millis(100))?;
    drop(inside);
    drop(waiting.remove(0));
    let mut newcomers: Vec<String> = Vec::new();
    for _ in 0..2 {
        first.did("was inside when two had left at the same time");
        newcomers.push(first.line()?);
    }
    newcomers.sort();
    let mut expected = [said(&waiting[1], 7), said(&waiting[2], 8)];
    expected.sort();
    if newcomers != expected {
        let expected = format!("{} and {}", expected[0], expected[1]);
        return Err(first.finding(&expected, &format!("it received {}", newcomers.join(" and "))));
    }
    first.send("welcome\n")?;
    for client in &mut waiting {
        client.did("was let in");
        client.find_line(&format!("{}:welcome", first.address().port()))?;
    }
    drop((first, waiting));

    never_more_than_four(attempt, &attempt.serve()?)?;
    attempt.try_again(|| {
        let server = attempt.serve()?;
        let (mut a, mut b) = two_without_newlines(&server)?;
        expect_unfinished(&mut a, &mut b)
    })?;
    the_thrown_out_keep_no_place(&attempt.serve()?)
}

/// Expects that a client that does not read loses its place in the end, even if it never closes its own
/// end.
fn the_thrown_out_keep_no_place(server: &Running) -> Outcome {
    let mut a = server.connect("client A")?;
    let [mut speaker, mut b] = [server.connect("client B")?, server.connect("client C")?];
    let mut deaf = server.connect_from_afar("a client that does not read")?;
    for client in [&mut speaker, &mut b, &mut deaf] {
        client.send("I am in\n")?;
        a.did("was inside when others were let in");
        a.find_line(&format!("{}:I am in", client.address().port()))?;
    }
    let mut waiting = server.connect("a client that waits at the door")?;
    waiting.send("I am number 5\n")?;
    // More than the log holds, and the system keeps for a client that does not read.
    let page = format!("{}\n", "x".repeat(999)).repeat(60);
    for number in 0..200 {
        speaker.send(format!("{page}that was page {number}\n"))?;
        speaker.take_what_has_come();
        for reader in [&mut a, &mut b] {
            reader.did("was inside when somebody talked a lot and another client did not read");
            let last = format!("{}:that was page {number}", speaker.address().port());
            if reader.find_line(&last)?.contains(&said(&waiting, 5)) {
                return Ok(());
            }
        }
    }
    let after = "12 MB were said and a client was disconnected because it did not read, but kept \
                 its own end open";
    expect_newcomer(&mut a, &waiting, 5, after)
}

fn expect_newcomer(inside: &mut Actor, newcomer: &Actor, number: usize, after: &str) -> Outcome {
    inside.did(&format!("was inside when somebody waited and {after}"));
    inside.expect_line(&said(newcomer, number))
}

fn said(client: &Actor, number: usize) -> String {
    format!("{}:I am number {number}", client.address().port())
}

/// Returns four clients that have all heard each other.
fn four_clients(server: &Running) -> Outcome<Vec<Actor>> {
    let mut inside: Vec<Actor> = Vec::new();
    for number in 1..=4 {
        let mut client = server.connect("one of the first four")?;
        client.send(format!("I am number {number}\n"))?;
        for other in &mut inside {
            other.did("was inside when one more of the first four came");
            other.find_line(&said(&client, number))?;
        }
        inside.push(client);
    }
    Ok(inside)
}

/// Lets thirty clients connect at the same time, and leave when they are let in, until all have been
/// inside.
fn never_more_than_four(attempt: &Attempt, server: &Running) -> Outcome {
    for _ in 0..100 {
        server.connect("a client")?.reset();
    }
    let mut crowd = server.connect_at_once(30, "one of thirty clients")?;
    // A client inside hears what the others inside say: three lines, and no more.
    for client in &mut crowd {
        let port = client.address().port();
        client.send(format!("I am {port}\n"))?;
    }
    attempt.eventually(|| {
        let heard: Vec<usize> = crowd.iter().map(waiting_bytes).collect();
        let inside = heard.iter().filter(|bytes| **bytes > 0).count();
        match inside {
            3.. => Ok(()),
            _ => Err("thirty connected at the same time, and four of them should be let in, but \
                      hardly anybody heard anybody"
                .to_string()),
        }
    })?;
    thread::sleep(Duration::from_millis(300));
    let inside = crowd.iter().filter(|client| waiting_bytes(client) > 0).count();
    if inside > 4 {
        return Err(format!(
            "thirty connected at the same time and each said a line, and {inside} of them heard \
             somebody, so more than four are inside"
        ));
    }
    drop(crowd);
    let mut a = server.connect("a client that comes later")?;
    let mut b = server.connect("another client that comes later")?;
    attempt.eventually(|| {
        a.send("anybody here?\n")?;
        b.did("connected after thirty had joined and left, and a client that was inside spoke");
        b.set_patience(Duration::from_millis(300));
        b.line().map(|_| ())
    })
}

/// Returns how much has arrived for a client, without taking it away.
fn waiting_bytes(client: &Actor) -> usize {
    let mut buffer = [0; 1024];
    let stream = client.stream();
    let _ = stream.set_nonblocking(true);
    let waiting = stream.peek(&mut buffer).unwrap_or(0);
    let _ = stream.set_nonblocking(false);
    waiting
}

/// Checks that a loop that has nothing to do sleeps. It counts wake-ups, not processor time, because a
/// loop that spins gets little of that on a busy machine, and one that looks each millisecond needs
/// little.
fn expect_rest(server: &Running, few: u64, when: &str) -> Outcome {
    const TIME: Duration = Duration::from_millis(600);
    if cfg!(not(target_os = "linux")) {
        return Ok(()); // only Linux tells, in /proc
    }
    let nothing_to_do = format!("{when}, and the server had nothing to do");
    let never = || format!("{nothing_to_do}, but it never slept and kept a processor busy");
    let before = wake_ups(server).ok_or_else(never)?;
    thread::sleep(TIME);
    match wake_ups(server).ok_or_else(never)? - before {
        woken if woken <= few => Ok(()),
        woken => {
            Err(format!("{nothing_to_do}, but it woke up {woken} times in {}", shown_time(TIME)))
        }
    }
}

/// Returns how often the server's threads have been given a processor so far, once all of them sleep.
/// Returns `None` if one of them never does.
fn wake_ups(server: &Running) -> Option<u64> {
    let deadline = Deadline::after(PATIENCE);
    loop {
        match harness::sleeping_threads(server.process_id()) {
            Some(threads) => return Some(threads.values().sum()),
            None if !deadline.is_over() => thread::sleep(Duration::from_millis(5)),
            None => return None,
        }
    }
}

fn patient_echo(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut a = server.connect("client A")?;
    talk_to_the_echo(&mut a, "nobody else did anything")?;
    expect_rest(&server, 3, "one client was connected, to which everything had been sent back")?;
    let count = || {
        let server = server.process_id();
        (harness::open_descriptors(server), harness::threads(server))
    };
    let (descriptors, threads) = count();

    sends_back_whatever_comes(&server)?;
    many_send_a_lot(attempt, &server)?;
    nothing_is_lost_at_the_end(&server)?;
    let (mut slow, mut deaf) = nobody_reads(&server)?;
    let stuck = Instant::now();
    if count().1 > threads {
        return Err("one thread should serve everybody, but the server has started more threads \
                    for its clients"
            .to_string());
    }
    talk_to_the_echo(&mut a, "others did not read what was sent back to them")?;
    expect_rest(&server, 3, "some clients did not read what was sent back to them")?;
    for behind in deaf.drain(..10) {
        behind.client.reset();
    }
    talk_to_the_echo(&mut a, "ten clients with a backlog had reset their connections")?;
    expect_rest(&server, 3, "some clients had reset their connections, and others did not read")?;
    thread::sleep(LONG_SILENCE.saturating_sub(stuck.elapsed()));

    reads_in_the_end(&mut slow)?;
    reads_in_sips(&mut deaf[0])?;
    drop((slow, deaf));
    attempt.eventually(|| match count().0 {
        now if now <= descriptors => Ok(()),
        _ => {
            Err("all clients but one had left, some with a reset in the middle of their backlog, \
                 so the server should have closed their connections, but it kept some"
                .to_string())
        }
    })?;
    talk_to_the_echo(&mut a, "all others had left")?;
    expect_rest(&server, 3, "all clients but one had left")
}

/// Returns bytes of every kind, in which hardly any part is like another. Of two lengths, the shorter is
/// the beginning of the longer.
fn bytes(seed: u32, length: usize) -> Vec<u8> {
    const PERIOD: usize = 299_993;
    let mut state = seed + 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let period: Vec<u8> = iter::repeat_with(next).take(length.min(PERIOD)).collect();
    period.iter().copied().cycle().take(length).collect()
}

/// Waits until all of `sent` has been echoed.
fn expect_back(client: &mut Actor, did: &str, sent: &[u8]) -> Outcome {
    let mut came = 0;
    while came < sent.len() {
        let rest = &sent[came..];
        let mut more = client.take_what_has_come();
        if more.is_empty() {
            client.did(&format!("{did}, and received {came} of {} bytes back", sent.len()));
            more = client.take_exactly(rest.len().min(100))?;
        }
        client.did(did);
        if let Some(same) = rest.iter().zip(&more).position(|(sent, back)| sent != back) {
            let other = format!("from byte {} on it received something else", came + same + 1);
            return Err(client.finding("the same bytes back", &other));
        }
        if more.len() > rest.len() {
            return Err(client.finding("the same bytes back", "it received more than it had sent"));
        }
        came += more.len();
    }
    Ok(())
}

fn sends_back_whatever_comes(server: &Running) -> Outcome {
    let mut client = server.connect("a client")?;
    for word in [b"hello\n" as &[u8], b"\n", b"x", b"\xff\xfe\0\r\n", &bytes(1, 5000)] {
        client.send(word)?;
        client.expect(word)?;
    }
    client.send_in_pieces(&[b"\xe4\xbd" as &[u8], b"\xa0\n"])?;
    client.expect("你\n")?; // you
    client.expect_silence(Duration::from_millis(100))?;
    client.half_close()?;
    client.expect_end()?;

    let mut client = server.connect("a client that says nothing")?;
    client.half_close()?;
    client.expect_end()?;
    let mut client = server.connect("a client")?;
    client.send("goodbye")?;
    client.half_close()?;
    client.did("sent `goodbye` and closed its sending half");
    client.expect("goodbye")?;
    client.expect_end()
}

/// Lets A send line by line and read the echo, whatever the others do.
fn talk_to_the_echo(a: &mut Actor, meanwhile: &str) -> Outcome {
    for number in 0..20 {
        let line = format!("number {number}\n");
        a.send(&line)?;
        a.did(&format!("sent a line while {meanwhile}"));
        a.expect(&line)?;
    }
    Ok(())
}

/// Lets twenty clients send more than any buffer holds, and meanwhile read what is sent back.
fn many_send_a_lot(attempt: &Attempt, server: &Running) -> Outcome {
    const LENGTH: usize = 500_000;
    let mut clients = server.connect_at_once(20, "one of twenty clients")?;
    let all: Vec<Vec<u8>> = (0..20).map(|seed| bytes(seed, LENGTH)).collect();
    let mut came: Vec<Vec<u8>> = vec![Vec::new(); clients.len()];
    let mut sent = vec![0; clients.len()];
    let did = "sent a lot, as the others did, and meanwhile read what was sent back";
    let mut deadline = Deadline::after(attempt.patience());
    while sent.iter().any(|sent| *sent < LENGTH) && !deadline.is_over() {
        let before = (sent.clone(), came.iter().map(Vec::len).sum::<usize>());
        for (number, client) in clients.iter_mut().enumerate() {
            client.did(did);
            sent[number] += client.send_now(&all[number][sent[number]..])?;
            came[number].extend(client.take_what_has_come());
        }
        match before == (sent.clone(), came.iter().map(Vec::len).sum()) {
            true => thread::sleep(Duration::from_millis(1)),
            false => deadline = Deadline::after(attempt.patience()),
        }
    }
    for ((client, all), came) in clients.iter_mut().zip(all).zip(came) {
        if !all.starts_with(&came) {
            return Err(client.finding("the same bytes back", "it received something else"));
        }
        expect_back(client, did, &all[came.len()..])?;
        client.half_close()?;
        client.expect_end()?;
    }
    Ok(())
}

/// Lets clients send more or less, half-close, and only then begin to read. The end of what one of them
/// sends arrives before the server has sent everything back, because its socket has no room.
fn nothing_is_lost_at_the_end(server: &Running) -> Outcome {
    const STEP: usize = 4096;
    let all = bytes(0, 64 * STEP);
    let mut clients = Vec::new();
    for number in 1..=64 {
        let mut client = [server.connect_from_afar("a client")?];
        let sent = send_until_stuck(&mut client, &all[..number * STEP])?[0];
        let [mut client] = client;
        client.half_close()?;
        clients.push((client, sent));
    }
    thread::sleep(Duration::from_millis(300));
    for (client, sent) in &mut clients {
        let did = format!("sent {sent} bytes, closed its sending half, and then began to read");
        expect_back(client, &did, &all[..*sent])?;
        client.expect_end()?;
    }
    Ok(())
}

/// A client that has sent the first of [`bytes`], so many, and has read nothing yet.
struct Behind {
    client: Actor,
    sent: usize,
}

/// Lets sixty-one clients send and not read. Returns one of them, and the others.
fn nobody_reads(server: &Running) -> Outcome<(Behind, Vec<Behind>)> {
    const MOST: usize = 32 * 1024 * 1024;
    const GROWTH: usize = 12; // MiB
    let before = server.memory();
    let all = bytes(0, MOST);
    let mut slow = [server.connect_from_afar("a client")?];
    let sent = send_until_stuck(&mut slow, &all)?[0];
    let [client] = slow;
    if sent == MOST {
        let expected = "the server to stop reading from it when 64 KiB wait to be sent back";
        return Err(client.finding(expected, "the server took everything"));
    }
    let slow = Behind { client, sent };
    let connect = |_| server.connect_from_afar("one of sixty clients");
    let mut deaf: Vec<Actor> = (0..60).map(connect).collect::<Outcome<_>>()?;
    let sent = send_until_stuck(&mut deaf, &all[..2 * 1024 * 1024])?;
    let grown = server.memory().zip(before).map_or(0, |(now, before)| now.saturating_sub(before));
    if grown > GROWTH {
        return Err(format!(
            "{} clients sent a lot and read nothing, and the server's memory grew by {grown} MiB. \
             With 64 KiB for each client, it needs 4 MiB, and it may grow by {GROWTH} MiB at most",
            deaf.len() + 1
        ));
    }
    let deaf = deaf.into_iter().zip(sent).map(|(client, sent)| Behind { client, sent });
    Ok((slow, deaf.collect()))
}

/// Checks that a client that is behind receives everything back, and can go on then.
fn reads_in_the_end(Behind { client, sent }: &mut Behind) -> Outcome {
    let waited = shown_time(LONG_SILENCE);
    let did = format!("sent {sent} bytes, read nothing for {waited}, and then began to read");
    expect_back(client, &did, &bytes(0, *sent))?;
    talk_to_the_echo(client, "nothing was left to be sent back to it")?;
    client.half_close()?;
    client.expect_end()
}

/// Lets a client that is behind read a little and send a little more, again and again.
fn reads_in_sips(Behind { client, sent }: &mut Behind) -> Outcome {
    const SIP: usize = 3000;
    const SIPS: usize = 50;
    let did = "sent a lot, read nothing for long, and then read a little and sent a little in turn";
    let all = bytes(0, *sent + SIP * SIPS);
    let mut came = 0;
    for _ in 0..SIPS {
        client.did(did);
        let sip = client.take_exactly(SIP)?;
        if sip != all[came..came + SIP] {
            return Err(client.finding("the same bytes back", "it received something else"));
        }
        came += SIP;
        *sent += client.send_now(&all[*sent..*sent + SIP])?;
    }
    expect_back(client, did, &all[came..*sent])?;
    talk_to_the_echo(client, "nothing was left to be sent back to it")
}
