//! The exercises of this lesson, and what each asks of a learner's program.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use checker::{
    Actor, Attempt, Deadline, LONG_SILENCE, LONGEST, Outcome, PATIENCE, Running, Watch, late,
    lateness_of_time_outs, quoted, shown_time, shown_times,
};
use harness::timed_out;

checker::exercises! {
    bidirectional_server in "6.2.2.3-bidirectional-server" {
        one_answer_a_line: "easy, 20 minutes: One answer a line",
        upper_case_echo: "medium, 30 minutes: An echo in upper case",
        still_there: "medium, 40 minutes: Are you still there?",
        no_newline: "hard, 45 minutes: A message without a newline",
    }
}

const ANSWER: &str = "我吃的小豆包\n"; // I had bean-paste buns
const A_WHILE: Duration = Duration::from_millis(300);

fn one_answer_a_line(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut late = server.connect("a client that takes its time")?;
    late.send("你吃")?;
    let begun = Instant::now();
    let mut client = server.connect("the client")?;
    client.send("你吃")?;
    client.expect_silence(A_WHILE)?;
    client.send("了吗\n")?;
    client.did("sent the line `你吃了吗` in two segments");
    client.expect(ANSWER)?;
    client.expect_silence(A_WHILE)?;

    client.send("一\n二\n")?;
    client.expect(ANSWER.repeat(2))?;
    client.send("\n")?;
    client.expect(ANSWER)?;
    client.send_in_pieces(&["三", "\n四\n\n"])?;
    client.expect(ANSWER.repeat(3))?;
    client.send("hello\r\n")?;
    client.expect(ANSWER)?;
    client.send_in_pieces(&["hello\r", "\n"])?;
    client.expect(ANSWER)?;
    client.send("x".repeat(300_000) + "\n")?;
    client.did("sent a line of 300,000 bytes");
    client.expect(ANSWER)?;
    client.send(b"\xff\xfe\n")?;
    client.did("sent a line that is not UTF-8");
    client.expect(ANSWER)?;
    client.send_in_pieces(&[&b"\xf0\x9f\x98"[..], b"\x80\n"])?;
    client.did("sent the line `😀` in two segments, 3 + 1 bytes");
    client.expect(ANSWER)?;
    client.send("一\n".repeat(1000))?;
    client.did("sent a thousand lines in one piece");
    client.expect(ANSWER.repeat(1000))?;
    client.expect_silence(A_WHILE)?;

    let mut other = server.connect("a second client")?;
    other.send("你吃了吗\n")?;
    other.expect(ANSWER)?;
    let mut gone = server.connect("a client that resets")?;
    gone.send("你吃了吗\n你吃")?;
    gone.reset();
    client.send("三\n")?;
    client.half_close()?;
    client.did("sent one more line and closed its sending half");
    client.expect(ANSWER)?;
    client.expect_end()?;
    other.send("你")?;
    other.half_close()?;
    other.did("sent `你` without a newline and closed its sending half");
    other.expect_end()?;
    late.did("sent the beginning of a line, and then nothing for some seconds");
    late.expect_silence(LONG_SILENCE.saturating_sub(begun.elapsed()))?;
    late.send("了吗\n")?;
    late.did("sent the end of its line some seconds after the beginning");
    late.expect(ANSWER)?;
    server.expect_little_kept_of(server.connect("a client that never ends its line")?)
}

fn upper_case_echo(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut client = server.connect("the client")?;
    client.send("hello, 你好")?;
    client.expect("HELLO, 你好")?;
    client.send("é")?;
    client.expect("É")?;
    client.send("straße\r\n")?;
    client.expect("STRASSE\r\n")?;

    let mut other = server.connect("a second client")?;
    let (first, rest) = "你!".as_bytes().split_at(1);
    // Several times, since on a busy machine the half may be read after what the other one says.
    for _ in 0..5 {
        client.send(first)?;
        client.did("sent the first of the three bytes of `你`");
        client.expect_silence(Duration::from_millis(100))?;
        other.send("abc")?;
        other.did("sent `abc` while the first client was in the middle of a character");
        other.expect("ABC")?;
        client.send(rest)?;
        client.did("sent the rest of `你!` after another client had sent something");
        client.expect("你!")?;
    }
    client.send(first)?;
    client.did("sent the first of the three bytes of `你`");
    client.expect_silence(LONG_SILENCE)?;
    client.send_in_pieces(&rest.chunks(1).collect::<Vec<_>>())?;
    client.did("sent `你!` in segments of one byte each");
    client.expect("你!")?;
    for (character, upper) in [("é!", "É!"), ("你!", "你!"), ("😀!", "😀!"), ("𐐨!", "𐐀!")]
    {
        for cut in 1..character.len() - 1 {
            let (start, end) = character.as_bytes().split_at(cut);
            client.send_in_pieces(&[start, end])?;
            client.did(&format!(
                "sent `{character}` in two segments, {cut} + {} bytes",
                character.len() - cut
            ));
            client.expect(upper)?;
        }
    }

    let long = "wörter und 字 ".repeat(10_000);
    client.send(&long)?;
    client.did(&format!("sent {} bytes of text in one piece", long.len()));
    client.expect(long.to_uppercase())?;

    for (what, bytes) in [
        ("a byte that is not UTF-8", &b"\xff"[..]),
        ("the beginning of a character without its end", b"\xe4\xbd"),
        ("a byte that only continues a character", b"\x80"),
    ] {
        client.send(bytes)?;
        client.send("still here\n")?;
        client.did(&format!("sent {what}, and then the line `still here`"));
        let line = client.line()?;
        if !line.ends_with("STILL HERE") {
            let came = format!("it received the line `{line}`");
            return Err(client.finding("a line that ends with `STILL HERE`", &came));
        }
    }
    for line in [&b"one \xff two\n"[..], b"one \xe4\xbd\xc3\xa9 two\n", b"one \xf0\x9f two\n"] {
        client.send(line)?;
        client.did(&format!("sent {} in one piece, in which a byte is not UTF-8", quoted(line)));
        let upper = client.line()?;
        if !(upper.starts_with("ONE ") && upper.ends_with(" TWO")) {
            let came = format!("it received the line `{upper}`");
            return Err(client.finding("a line that is `ONE`, something, and `TWO`", &came));
        }
    }
    let mut gone = server.connect("a client that leaves in the middle of a character")?;
    gone.send(b"abc\xe4")?;
    gone.expect("ABC")?;
    gone.half_close()?;
    gone.did("left in the middle of a character");
    let _ = gone.read_to_end()?; // what stands for the half is not said
    client.did("was there when another left");
    client.send("bye")?;
    client.half_close()?;
    client.did("sent `bye` and closed its sending half");
    client.expect("BYE")?;
    client.expect_end()?;
    server.expect_little_kept_of(server.connect("a client that talks without end")?)
}

const STILL_THERE: &str = "你还在吗\n"; // are you still there?

/// How long a client may be silent before it is asked, and as long again before it is given up.
const SILENCE: Duration = Duration::from_secs(1);

fn still_there(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut present = leave_in_every_way(attempt, &server)?;
    present.extend(attempt.try_again(|| asks_those_who_are_silent(attempt, &server))??);
    nobody_waits_for_a_client_that_reads_nothing(attempt, &server)?;
    let stdout = server.stdout();
    if let Some(port) = present.iter().find(|port| stdout.lines().any(|line| line == lost(**port)))
    {
        return Err(format!(
            "the client at port {port} had answered or left, in an orderly way or with a reset. \
             It had not vanished, but the server printed the line `{}`",
            lost(*port)
        ));
    }
    attempt.try_again(|| answers_what_is_long(&server))?;
    server.expect_little_kept_of(server.connect("a client that sends without end")?)?;
    attempt.try_again(|| {
        let mut last = server.connect("a client that connects at the end")?;
        last.send("你吃了吗\n")?;
        last.expect(ANSWER)
    })
}

/// Returns the line that says that the client at this port has vanished.
fn lost(port: u16) -> String {
    format!("{port} 失联了") // has lost contact
}

/// Returns the ports of the clients that have left.
fn leave_in_every_way(attempt: &Attempt, server: &Running) -> Outcome<Vec<u16>> {
    let silent = server.connect("a client that resets without a word")?;
    let mut left = vec![silent.address().port()];
    silent.reset();
    let (mut resets, since) = in_time(server, "a client that resets", |client| {
        client.send("你吃了吗\n") // have you eaten?
    })?;
    resets.expect(ANSWER)?;
    left.extend((since.elapsed() < IN_TIME).then_some(resets.address().port()));
    resets.reset();
    for (who, line, sent) in [
        ("a client that has sent all", "你吃了吗\n", "sent `你吃了吗`"),
        ("a client that sends an empty line", "\n", "sent an empty line"),
    ] {
        let (mut ends, _) = in_time(server, who, |client| {
            client.send(line)?;
            client.half_close()
        })?;
        left.push(ends.address().port());
        ends.did(&format!("{sent} and closed its sending half"));
        ends.expect(ANSWER)?;
        ends.expect_end()?;
    }
    attempt.eventually(|| {
        let shown = server.stdout().lines().filter(|line| *line == "你吃了吗").count();
        match shown >= 2 {
            true => Ok(left.clone()),
            false => Err(format!(
                "two clients sent `你吃了吗` and received their answers. The server should have \
                 printed that line for each of them, but it printed it {}",
                shown_times(shown)
            )),
        }
    })
}

/// A client that says something within this time is not asked.
const IN_TIME: Duration = Duration::from_millis(900);

const TOO_LATE: &str =
    "the check itself was too late to send something, because this machine is too busy";

/// Connects a client that begins with this in time. A busy machine may need several tries. Returns the
/// client, and when it began to connect.
fn in_time(
    server: &Running,
    name: &str,
    begin: impl Fn(&mut Actor) -> Outcome,
) -> Outcome<(Actor, Instant)> {
    for _ in 0..20 {
        let since = Instant::now();
        let mut client = server.connect(name)?;
        begin(&mut client)?;
        if since.elapsed() < IN_TIME {
            return Ok((client, since));
        }
    }
    Err(TOO_LATE.to_string())
}

/// Expects any number of answers, because the server decides how many pieces it makes of a long
/// message.
fn answers_what_is_long(server: &Running) -> Outcome {
    let mut client = server.connect("a client with much to send")?;
    client.send([0xff; 300_000])?;
    client.half_close()?;
    client.did("sent 300,000 bytes that are not UTF-8 and closed its sending half");
    let answers = client.read_to_end()?;
    let count = answers.len() / ANSWER.len();
    match count > 0 && answers == ANSWER.repeat(count).into_bytes() {
        true => Ok(()),
        false => {
            let expected = format!("{}, once or several times", quoted(ANSWER.as_bytes()));
            Err(client.finding(&expected, &format!("it received {}", quoted(&answers))))
        }
    }
}

/// Several clients that are silent, answer or talk, at the same time. Returns the ports of those that
/// have not vanished.
///
/// A busy machine makes the server late, so what is late, and what those see that have to talk in time,
/// deserves another try. The outcome inside holds what is certain.
fn asks_those_who_are_silent(attempt: &Attempt, server: &Running) -> Outcome<Outcome<Vec<u16>>> {
    let begun = Instant::now();
    let mut silent = server.connect("the silent client")?;
    let mut crowd = server.connect_at_once(10, "one of ten silent clients")?;
    let mut patient = server.connect("a client that answers and then vanishes")?;
    let leaving = server.connect("a client that leaves when it is asked")?;
    let resetting = server.connect("a client that resets when it is asked")?;
    let talking = server.connect("a client that talks every 0.6 s")?;
    let deaf = server.connect("a client that talks every 0.6 s and reads nothing")?;
    let [left, reset, talks, is_deaf] =
        [&leaving, &resetting, &talking, &deaf].map(|client| client.address().port());

    let (certain, in_time) = thread::scope(|scope| {
        let silent = [
            scope.spawn(|| is_given_up(&mut silent, begun, "connected")),
            scope.spawn(|| {
                let given_up = |client| is_given_up(client, begun, "connected");
                crowd.iter_mut().try_for_each(|client| given_up(client).map(drop)).map(|()| begun)
            }),
            scope.spawn(|| leaves_when_asked(leaving)),
            scope.spawn(|| resets_when_asked(resetting)),
        ];
        let talking = [
            scope.spawn(|| keeps_talking(talking, begun)),
            scope.spawn(|| talks_without_reading(deaf, begun)),
            scope.spawn(|| answers_twice(&mut patient, begun)),
        ];
        (joined(silent), joined(talking))
    });
    let ends = match certain {
        Ok(ends) => ends,
        Err(finding) => return Ok(Err(finding)),
    };
    in_time?;
    not_late(&silent, begun, ends[0], 2 * SILENCE, "the end of the connection")?;
    let vanished: Vec<u16> = [&silent, &patient]
        .into_iter()
        .chain(&crowd)
        .map(|client| client.address().port())
        .collect();
    let are_told = vanished.iter().try_for_each(|port| {
        let after = format!("the client at port {port} did not answer `你还在吗`");
        server.expect_line_on_stdout(&after, &lost(*port))
    });
    let closed = are_told.and_then(|()| is_closed_both_ways(attempt, &mut silent));
    let left = [(left, ends[2]), (reset, ends[3])].into_iter();
    let left_in_time = left.filter(|(_, when)| *when - begun < SILENCE + IN_TIME);
    let left_in_time = left_in_time.map(|(port, _)| port);
    Ok(closed.map(|()| [talks, is_deaf].into_iter().chain(left_in_time).collect()))
}

/// Returns what all these threads have found, or the first that has found a mistake.
fn joined<T, const COUNT: usize>(
    threads: [thread::ScopedJoinHandle<Outcome<T>>; COUNT],
) -> Outcome<Vec<T>> {
    let panicked = |_| Err("the check has panicked".to_string());
    threads.map(|thread| thread.join().unwrap_or_else(panicked)).into_iter().collect()
}

/// Expects the question, and when it is not answered the end, and returns when that came. `since` is when
/// the silence began, or a moment before: however busy this machine is, nothing may come too early.
fn is_given_up(client: &mut Actor, since: Instant, did: &str) -> Outcome<Instant> {
    is_asked(client, since, did)?;
    client.did("was asked `你还在吗` and did not answer");
    if let Ok(line) = client.line() {
        return Err(
            client.finding("the end of the connection", &format!("it received the line `{line}`"))
        );
    }
    let rest = client.take_what_has_come();
    if !rest.is_empty() {
        let came = format!("it received {}", quoted(&rest));
        return Err(client.finding("the end of the connection", &came));
    }
    client.expect_over()?;
    not_early(client, since, 2 * SILENCE, "the end of the connection")
}

fn is_asked(client: &mut Actor, since: Instant, did: &str) -> Outcome<Instant> {
    client.did(did);
    client.expect(STILL_THERE)?;
    not_early(client, since, SILENCE, "`你还在吗`")
}

/// Returns the present moment. A time-out may end a tick of the system's clock too early, which is up to
/// 16 ms on Windows.
fn not_early(client: &Actor, since: Instant, wait: Duration, what: &str) -> Outcome<Instant> {
    let now = Instant::now();
    match now - since {
        early if early < wait - Duration::from_millis(50) => {
            let expected = format!("{what} after {} of silence", shown_time(wait));
            Err(client.finding(&expected, &format!("it came after {:.2} s", early.as_secs_f64())))
        }
        _ => Ok(now),
    }
}

fn not_late(client: &Actor, since: Instant, came: Instant, wait: Duration, what: &str) -> Outcome {
    let silences = wait.as_secs() as u32;
    let allowed = wait + silences * (Duration::from_millis(400) + lateness_of_time_outs()?);
    match came - since {
        late if late > allowed => {
            let expected = format!("{what} after {} of silence", shown_time(wait));
            Err(client.finding(&expected, &format!("it took {:.2} s", late.as_secs_f64())))
        }
        _ => Ok(()),
    }
}

/// Answers with any bytes, because a byte is an answer whether it is text or not, and a line or not.
fn answers_twice(client: &mut Actor, connected: Instant) -> Outcome {
    let mut since = Instant::now();
    client.send("你吃了吗\n")?;
    if connected.elapsed() > IN_TIME {
        return Err(TOO_LATE.to_string());
    }
    client.expect(ANSWER)?;
    for (answer, wait) in [(&b"\xe4"[..], Duration::from_millis(500)), (b"\n", Duration::ZERO)] {
        let asked = is_asked(client, since, "received an answer and was silent")?;
        not_late(client, since, asked, SILENCE, "`你还在吗`")?;
        thread::sleep(wait);
        since = Instant::now();
        client.send(answer)?;
        if asked.elapsed() > IN_TIME {
            return Err(TOO_LATE.to_string());
        }
        client.did(&format!(
            "was asked `你还在吗` and sent {} after {}",
            quoted(answer),
            shown_time(wait)
        ));
        client.expect(ANSWER)?;
    }
    let end = is_given_up(client, since, "had answered `你还在吗` twice and was silent")?;
    not_late(client, since, end, 2 * SILENCE, "the end of the connection")
}

/// Returns when it has left.
fn leaves_when_asked(mut client: Actor) -> Outcome<Instant> {
    client.expect(STILL_THERE)?;
    client.half_close()?;
    let left = Instant::now();
    client.did("was asked `你还在吗` and closed its sending half");
    client.expect_end()?;
    Ok(left)
}

/// Returns when it has left.
fn resets_when_asked(mut client: Actor) -> Outcome<Instant> {
    client.expect(STILL_THERE)?;
    client.reset();
    Ok(Instant::now())
}

/// The words of a client that talks every 0.6 s: lines and pieces, some of them cut within a character,
/// and bytes that are not UTF-8.
const WORDS: [&[u8]; 6] = [b"hello\n", b"no newline", b"\xe4\xbd", b"\xa0\r\n", b"\xff", b"\n"];

fn keeps_talking(mut client: Actor, since: Instant) -> Outcome {
    talks(&mut client, since, |client| {
        client.did("sent something every 0.6 s");
        client.expect(ANSWER)
    })
}

/// Talks without reading. The client is there, because it talks, and the answers wait for it.
fn talks_without_reading(mut client: Actor, since: Instant) -> Outcome {
    let mut said = 0;
    talks(&mut client, since, |client| {
        said += 1;
        if said < WORDS.len() {
            return Ok(());
        }
        client.did("sent something every 0.6 s, 6 times, and began to read after that");
        client.expect(ANSWER.repeat(WORDS.len()))
    })
}

/// Talks every 0.6 s. On a busy machine the client may be silent for so long that it is asked, which is
/// right.
fn talks(
    client: &mut Actor,
    since: Instant,
    mut then: impl FnMut(&mut Actor) -> Outcome,
) -> Outcome {
    let (mut last, mut was_late) = (since, false);
    for word in WORDS {
        client.send(word)?;
        was_late |= last.elapsed() > IN_TIME;
        last = Instant::now();
        match then(client) {
            Err(_) if was_late => return Err(TOO_LATE.to_string()),
            outcome => outcome?,
        }
        thread::sleep(Duration::from_millis(600).saturating_sub(last.elapsed()));
    }
    // It leaves now, and must not have vanished before that.
    if last.elapsed() > IN_TIME { Err(TOO_LATE.to_string()) } else { Ok(()) }
}

/// Checks that the server has closed both halves: if it had closed only its sending half, it would
/// accept what the client sends.
fn is_closed_both_ways(attempt: &Attempt, client: &mut Actor) -> Outcome {
    client.did("had not answered `你还在吗`, saw the end of the connection, and sent something");
    attempt.eventually(|| match client.stream().write(b"x") {
        Ok(_) => Err(client.finding("a reset", "the other side of the connection was still open")),
        Err(_) => Ok(()),
    })
}

/// Lets another client talk meanwhile, whose answers should arrive immediately. A program that writes
/// under a lock keeps it waiting for as long as its write may wait, which is a second.
fn nobody_waits_for_a_client_that_reads_nothing(attempt: &Attempt, server: &Running) -> Outcome {
    // An attempt in which the buffers did not fill in time takes nothing back.
    let mut found = Ok(());
    attempt.try_again(|| {
        let other = server.connect("a client that talks every 0.05 s")?;
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let talks = scope.spawn(|| is_answered_immediately(other, &over));
            let given_up = gives_up_a_client_that_reads_nothing(server);
            over.store(true, Ordering::Relaxed);
            match (given_up, joined([talks])) {
                (Err(finding), _) => return Ok(Err(finding)),
                (Ok(false), Ok(_)) => {}
                (Ok(_), answered) => found = answered.map(drop),
            }
            found.clone().map(Ok)
        })
    })?
}

/// Sends blank lines, of which the server prints nothing.
fn is_answered_immediately(mut client: Actor, over: &AtomicBool) -> Outcome {
    while !over.load(Ordering::Relaxed) {
        let said = Instant::now();
        client.send("\n")?;
        client.did("sent something while another client read nothing");
        client.expect(ANSWER)?;
        let took = said.elapsed();
        if took > SILENCE.mul_f64(0.7) {
            let came = format!("it took {:.2} s", took.as_secs_f64());
            return Err(client.finding("its answer immediately", &came));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A client that talks without a pause and reads none of the answers: when its room and the server's
/// send buffer are full, a write that never returns would keep the server from noticing anything. What it
/// says is nothing to print, because a flood on the screen would hide the line. Returns false if the buffers
/// did not fill in time.
fn gives_up_a_client_that_reads_nothing(server: &Running) -> Outcome<bool> {
    let mut client = server.connect_from_afar("a client that talks on and on and reads nothing")?;
    let port = client.address().port();
    client.did("sent for as long as the server read");
    let (deadline, mut stuck) = (Deadline::after(2 * LONGEST), Deadline::after(PATIENCE));
    let (watch, mut long_waits) = (Watch::start(), 0);
    loop {
        let begun = Instant::now();
        let written = client.stream().write(&[b'\n'; 64]);
        // A server that goes on after a write of its own has timed out reads a little every second.
        long_waits += usize::from(begun.elapsed() > Duration::from_millis(700));
        match written {
            Ok(_) if long_waits > 4 => {
                let came = "the server went on and read a little now and then";
                return Err(late(&watch, client.finding("to be given up after a second", came)));
            }
            Ok(_) if deadline.is_over() => return Ok(false), // the buffers of this system are too large
            Ok(_) => stuck = Deadline::after(PATIENCE),
            Err(error) if timed_out(&error) && !stuck.is_over() => {}
            Err(error) if timed_out(&error) => {
                let came = "the connection stayed open, and the server did not even read";
                return Err(client.finding("to be given up after a second", came));
            }
            Err(_) => break,
        }
    }
    let after = "a client talked on and on without reading the answers, until nothing more could \
                 be sent to it";
    server.expect_line_on_stdout(after, &lost(port)).map(|()| true)
}

fn no_newline(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut silent = server.connect("a client that says nothing")?;
    let mut node = server.connect("the Node client, which sends no newlines,")?;
    attempt.try_again(|| answers_what_has_no_newline(&mut node))?;

    a_message_in_segments(&server, &["你吃", "了吗\n"])?;
    a_message_in_segments(&server, &["你", "吃", "了", "吗", "?", "\n"])?;
    a_message_in_segments(&server, &["你", "吃", "了", "吗", "?", "!"])?;
    a_message_in_segments(&server, &[&"x".repeat(100_000), "x"])?;

    let mut telnet = server.connect("the telnet client, which sends lines,")?;
    let (mut soonest, watch) = (Duration::MAX, Watch::start());
    for line in ["hello\r\n", "hello\n", "hello\n", "hello\n", "hello\n"] {
        let asked = Instant::now();
        telnet.send(line)?;
        telnet.expect(ANSWER)?;
        soonest = soonest.min(asked.elapsed());
    }
    telnet.did("received its answers and sent nothing more");
    telnet.expect_silence(A_WHILE)?;
    // A program that waits for nothing is that late each time.
    if soonest > Duration::from_millis(180) {
        let finding = format!(
            "the telnet client sent lines, each with its newline, and waited at least {:.2} s for \
             each answer, but with a newline there is nothing to wait for",
            soonest.as_secs_f64()
        );
        return Err(late(&watch, finding));
    }
    telnet.send("一\n二\n三")?;
    telnet.expect(ANSWER.repeat(3))?;
    telnet.expect_silence(A_WHILE)?;
    telnet.send("一\n".repeat(1000))?;
    telnet.did("sent a thousand lines in one piece");
    telnet.expect(ANSWER.repeat(1000))?;
    let mut gone = server.connect("a client that resets")?;
    gone.send("你吃")?;
    gone.reset();
    silent.did("sent nothing all the time");
    silent.expect_silence(Duration::from_millis(100))?;
    silent.send("hello\n")?;
    silent.did("sent nothing for some seconds, and then the line `hello`");
    silent.expect(ANSWER)?;
    telnet.half_close()?;
    telnet.expect_end()?;
    ends_within_a_message(&server)?;
    server.expect_little_kept_of(server.connect("a client that never ends its message")?)
}

/// Closes the sending half in the middle of a message, which may get an answer, or none.
fn ends_within_a_message(server: &Running) -> Outcome {
    for (did, words) in [("`你吃`", "你吃".as_bytes()), ("nothing", b""), ("one byte", b"\xe4")]
    {
        let mut leaving = server.connect("a client that leaves")?;
        leaving.send(words)?;
        leaving.half_close()?;
        leaving.did(&format!("sent {did} without a newline and closed its sending half"));
        match leaving.read_to_end()? {
            came if came.is_empty() => {}
            came if came == ANSWER.as_bytes() && !words.is_empty() => {}
            came => {
                return Err(leaving.finding(
                    "the end of the connection",
                    &format!("it received {}", quoted(&came)),
                ));
            }
        }
    }
    Ok(())
}

/// 0.2 s, less a tick of the system's clock, which takes up to 16 ms on Windows.
const EARLIEST: Duration = Duration::from_millis(180);

/// Expects the answer when nothing more has arrived for 0.2 s, not before, and not much later. One of
/// three answers may be late because this machine is busy, but hardly all of them, and none can be
/// early because of that.
fn answers_what_has_no_newline(node: &mut Actor) -> Outcome {
    let latest = Duration::from_millis(310) + lateness_of_time_outs()?;
    let mut soonest = Duration::MAX;
    for question in ["你吃了吗".as_bytes(), b"\xff\xfe\r", "吃的什么😀".as_bytes()] {
        let asked = Instant::now();
        node.send(question)?;
        node.expect(ANSWER)?;
        soonest = soonest.min(asked.elapsed());
        node.did("received its answer and sent nothing more");
        node.expect_silence(A_WHILE)?;
    }
    let came = format!("the answer arrived after {:.2} s", soonest.as_secs_f64());
    let expected = "an answer when nothing more has arrived for 0.2 s";
    node.did("asked something without a newline, three times");
    match soonest >= EARLIEST && soonest < latest {
        true => Ok(()),
        false => Err(node.finding(expected, &came)),
    }
}

/// The segments must follow each other faster than the server loses patience. When this machine
/// was too busy for that, it says nothing about the server, and the next try may.
fn a_message_in_segments(server: &Running, segments: &[&str]) -> Outcome {
    let did = format!("sent one message in {} segments 0.05 s apart", segments.len());
    for _ in 0..10 {
        let mut client = server.connect("a client on a slow network")?;
        let mut longest = Duration::ZERO;
        for segment in segments {
            let sent = Instant::now();
            client.send(segment)?;
            thread::sleep(Duration::from_millis(50));
            longest = longest.max(sent.elapsed());
        }
        if longest < Duration::from_millis(120) {
            client.did(&did);
            client.expect(ANSWER)?;
            client.did(&format!("{did} and received its answer"));
            return client.expect_silence(A_WHILE);
        }
    }
    Ok(())
}
