//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, Deadline, Outcome, PATIENCE, Running, Watch, late, shown_time};

checker::exercises! {
    event_loop_server in "7.3-event-loop-server" {
        turns: "easy, 20 minutes: How busy is the loop?",
        closed_door: "medium, 35 minutes: A door that is closed when the room is full",
    }
}

/// How often the loop says how busy it is.
const EACH: Duration = Duration::from_secs(1);

/// Lines that are so far from each other do not come each second.
const LATE: Duration = Duration::from_millis(1350);

/// More turns in a second than a loop needs that has nothing to do.
const IDLE: usize = 20;

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
            "two lines about the turns came {} after the start, which is too early",
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
            "two clients talked, one line after the other, for which the loop has to make at least \
             {TIMES} turns, but the lines since they came tell of {counted}"
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
                "a line about the turns was to come each second, but from one to the next it took {}",
                shown_time(between.min(again).min(took))
            );
            Err(late(&watch, finding))
        }
        _ => Ok(()),
    }
}

/// Right after a line about the turns, the next one is furthest away, and so is its timer.
fn an_unfinished_line_is_in_time(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b) = two_without_newlines(&server)?;
    let times = counts(&server)?.len() + 1;
    reports(attempt, &server, times, "two clients were connected")?;
    expect_unfinished(&mut a, &mut b)
}

/// B sends no newlines, so the server does not wait for one. A hears it.
fn two_without_newlines(server: &Running) -> Outcome<(Actor, Actor)> {
    let mut a = server.connect("client A")?;
    let mut b = server.connect("client B")?;
    b.send("hello")?;
    a.did("was connected when B sent an unfinished line, `hello`, and nothing more,");
    a.expect_line(&format!("{}:hello", b.address().port()))?;
    Ok((a, b))
}

/// The room's own timers go on: what has come without a newline is passed on after 0.3 s.
fn expect_unfinished(a: &mut Actor, b: &mut Actor) -> Outcome {
    const LATEST: Duration = Duration::from_millis(700);
    let sent = Instant::now();
    b.send("and more")?;
    a.did("was connected when B sent an unfinished line, `and more`, and nothing more,");
    a.expect_line(&format!("{}:and more", b.address().port()))?;
    match sent.elapsed() {
        took if took > LATEST => {
            Err(a.finding("it 0.3 s later, as before", &format!("it took {}", shown_time(took))))
        }
        _ => Ok(()),
    }
}

/// A speaks, and B hears it, again and again.
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
            return Err(format!("A spoke line by line, and B had to wait {waited} for {lines}"));
        }
    }
    Ok(())
}

fn expect_idle(turns: &[usize]) -> Outcome {
    // If a thread of its own prints, the loop may have made none.
    match turns.iter().find(|turns| **turns > IDLE) {
        Some(turns) => Err(format!(
            "the loop had nothing to do, which takes a turn or two in a second, but a line told of \
             {turns}"
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
                "{after}, and a line such as `turns: 1` was to come each second, {times} so far, \
                 but it came {} time(s)",
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
            count.parse().map_err(|_| format!("a line was to be `turns: ` and a number: {count:?}"))
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
    expect_rest(&server)?;
    for client in &mut waiting {
        client.expect_silence(Duration::from_millis(50))?;
    }
    inside[0].did("was one of four, and more than four were not to be let in,");
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
        first.did("was inside when two had left at once");
        newcomers.push(first.line()?);
    }
    newcomers.sort();
    let mut expected = [said(&waiting[1], 7), said(&waiting[2], 8)];
    expected.sort();
    if newcomers != expected {
        let expected = format!("{} and {}", expected[0], expected[1]);
        return Err(first.finding(&expected, &format!("{} came", newcomers.join(" and "))));
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
        a.did("was inside when others came");
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
            reader.did("was inside when somebody spoke a lot and another did not read");
            let last = format!("{}:that was page {number}", speaker.address().port());
            if reader.find_line(&last)?.contains(&said(&waiting, 5)) {
                return Ok(());
            }
        }
    }
    let after = "12 MB were said, a client was disconnected because it did not read, but stayed,";
    expect_newcomer(&mut a, &waiting, 5, after)
}

fn expect_newcomer(inside: &mut Actor, newcomer: &Actor, number: usize, after: &str) -> Outcome {
    inside.did(&format!("was inside when somebody waited and {after}"));
    inside.expect_line(&said(newcomer, number))
}

fn said(client: &Actor, number: usize) -> String {
    format!("{}:I am number {number}", client.address().port())
}

/// Four who have all heard each other.
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

/// Thirty come at once, and leave when they are let in, until all have been inside.
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
            _ => Err("thirty came at once, and four were to be let in, but hardly anybody heard \
                      anybody"
                .to_string()),
        }
    })?;
    thread::sleep(Duration::from_millis(300));
    let inside = crowd.iter().filter(|client| waiting_bytes(client) > 0).count();
    if inside > 4 {
        return Err(format!(
            "thirty came at once and each said a line, and {inside} of them heard somebody: more \
             than four are inside"
        ));
    }
    drop(crowd);
    let mut a = server.connect("one who comes later")?;
    let mut b = server.connect("another who comes later")?;
    attempt.eventually(|| {
        a.send("anybody here?\n")?;
        b.did("came when thirty had come and left, and one who was inside spoke");
        b.set_patience(Duration::from_millis(300));
        b.line().map(|_| ())
    })
}

/// How much has come for a client, without taking it away.
fn waiting_bytes(client: &Actor) -> usize {
    let mut buffer = [0; 1024];
    let stream = client.stream();
    let _ = stream.set_nonblocking(true);
    let waiting = stream.peek(&mut buffer).unwrap_or(0);
    let _ = stream.set_nonblocking(false);
    waiting
}

/// A loop that has nothing to do sleeps. Wake-ups are counted, and not processor time: a loop that
/// spins gets little of that on a busy machine, and one that looks each millisecond needs little.
fn expect_rest(server: &Running) -> Outcome {
    const TIME: Duration = Duration::from_millis(600);
    const FEW: u64 = 10;
    if cfg!(not(target_os = "linux")) {
        return Ok(()); // only Linux tells, in /proc
    }
    let nothing_to_do =
        "four were inside, and others waited at the door, with nothing to do for the server";
    let never = || format!("{nothing_to_do}, but it never slept: it kept a processor busy");
    let before = wake_ups(server).ok_or_else(never)?;
    thread::sleep(TIME);
    match wake_ups(server).ok_or_else(never)? - before {
        0..=FEW => Ok(()),
        woken => Err(format!(
            "{nothing_to_do}, but in {} it woke up {woken} times and took a processor",
            shown_time(TIME)
        )),
    }
}

/// How often the server's threads have been given a processor so far, once all of them sleep. `None`
/// if one of them never does.
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
