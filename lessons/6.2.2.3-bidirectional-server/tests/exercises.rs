//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::{Duration, Instant};

use checker::{
    Actor, Attempt, LONG_SILENCE, Outcome, Running, Watch, late, lateness_of_time_outs, quoted,
};

checker::exercises! {
    bidirectional_server in "6.2.2.3-bidirectional-server" {
        one_answer_a_line: "easy, 20 minutes: One answer a line",
        upper_case_echo: "medium, 30 minutes: An echo in upper case",
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
    client.did("sent a thousand lines at once");
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
    client.did("sent one more line, closed its sending half");
    client.expect(ANSWER)?;
    client.expect_end()?;
    other.send("你")?;
    other.half_close()?;
    other.did("sent `你` without a newline, closed its sending half");
    other.expect_end()?;
    late.did("sent the beginning of a line, and nothing for some seconds,");
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
        other.did("sent `abc` while the first was in the middle of a character");
        other.expect("ABC")?;
        client.send(rest)?;
        client.did("sent the rest of `你!` after another client had spoken");
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
                "sent `{character}` in two segments, {cut} + {} bytes,",
                character.len() - cut
            ));
            client.expect(upper)?;
        }
    }

    let long = "wörter und 字 ".repeat(10_000);
    client.send(&long)?;
    client.did(&format!("sent {} bytes of text at once", long.len()));
    client.expect(long.to_uppercase())?;

    for (what, bytes) in [
        ("a byte that is not UTF-8", &b"\xff"[..]),
        ("the beginning of a character that does not go on", b"\xe4\xbd"),
        ("a byte that only continues a character", b"\x80"),
    ] {
        client.send(bytes)?;
        client.send("still here\n")?;
        client.did(&format!("sent {what}, and then the line `still here`"));
        let line = client.line()?;
        if !line.ends_with("STILL HERE") {
            let came = format!("the line `{line}` came");
            return Err(client.finding("a line that ends with `STILL HERE`", &came));
        }
    }
    for line in [&b"one \xff two\n"[..], b"one \xe4\xbd\xc3\xa9 two\n", b"one \xf0\x9f two\n"] {
        client.send(line)?;
        client.did(&format!("sent {} in one piece, in which a byte is not UTF-8,", quoted(line)));
        let upper = client.line()?;
        if !(upper.starts_with("ONE ") && upper.ends_with(" TWO")) {
            let came = format!("the line `{upper}` came");
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
    telnet.did("had its answers, said nothing more");
    telnet.expect_silence(A_WHILE)?;
    // Who waits for nothing is that late each time.
    if soonest > Duration::from_millis(180) {
        let finding = format!(
            "the telnet client sent lines, each with its newline, and waited {:.2} s for an answer \
             at the least: with a newline there is nothing to wait for",
            soonest.as_secs_f64()
        );
        return Err(late(&watch, finding));
    }
    telnet.send("一\n二\n三")?;
    telnet.expect(ANSWER.repeat(3))?;
    telnet.expect_silence(A_WHILE)?;
    telnet.send("一\n".repeat(1000))?;
    telnet.did("sent a thousand lines at once");
    telnet.expect(ANSWER.repeat(1000))?;
    let mut gone = server.connect("a client that resets")?;
    gone.send("你吃")?;
    gone.reset();
    silent.did("said nothing all the while");
    silent.expect_silence(Duration::from_millis(100))?;
    silent.send("hello\n")?;
    silent.did("said nothing for some seconds, then the line `hello`");
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
        leaving.did(&format!("sent {did} without a newline, closed its sending half"));
        match leaving.read_to_end()? {
            came if came.is_empty() => {}
            came if came == ANSWER.as_bytes() && !words.is_empty() => {}
            came => return Err(leaving.finding("its end", &format!("{} came", quoted(&came)))),
        }
    }
    Ok(())
}

/// 0.2 s, less a tick of the system's clock, which takes up to 16 ms on Windows.
const EARLIEST: Duration = Duration::from_millis(180);

/// Not before nothing more has come for 0.2 s, and not much later. One of three answers may be late
/// because this machine is busy, but hardly all, and none can be early for that.
fn answers_what_has_no_newline(node: &mut Actor) -> Outcome {
    let latest = Duration::from_millis(310) + lateness_of_time_outs()?;
    let mut soonest = Duration::MAX;
    for question in ["你吃了吗".as_bytes(), b"\xff\xfe\r", "吃的什么😀".as_bytes()] {
        let asked = Instant::now();
        node.send(question)?;
        node.expect(ANSWER)?;
        soonest = soonest.min(asked.elapsed());
        node.did("had its answer, said nothing more");
        node.expect_silence(A_WHILE)?;
    }
    let came = format!("the answer came after {:.2} s", soonest.as_secs_f64());
    let expected = "an answer when nothing more has come for 0.2 s";
    node.did("asked something without a newline, three times,");
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
            client.did(&format!("{did}, had its answer"));
            return client.expect_silence(A_WHILE);
        }
    }
    Ok(())
}
