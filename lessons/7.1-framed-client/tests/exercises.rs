//! The exercises of this lesson, and what each asks of a learner's program.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use checker::{
    Actor, Attempt, LONG_SILENCE, Outcome, Running, listener, listener_from_afar, quoted,
};
use harness::repository;
use lesson_framed_server::{LONGEST, frame};

checker::exercises! {
    framed_client in "7.1-framed-client" {
        what_came: "easy, 15 minutes: How much arrived?",
        several_lines: "medium, 25 minutes: A message of several lines",
        out_of_order: "medium, 35 minutes: Answers out of order",
    }
}

/// Starts a client, and waits until it has connected to us.
fn started(attempt: &Attempt) -> Outcome<(Running, Actor)> {
    started_with(attempt, &listener()?, &[])
}

fn started_with(
    attempt: &Attempt,
    (listener, address): &(TcpListener, SocketAddr),
    options: &[&str],
) -> Outcome<(Running, Actor)> {
    // The server ends with the check.
    attempt.causes(&format!("Error: lost the connection to {address}"));
    attempt.causes("The server may have been stopped: start it again");
    let client = attempt.start(&[&[address.to_string().as_str()], options].concat());
    let server = attempt.accepted_by(listener, "the server")?;
    Ok((client, server))
}

fn what_came(attempt: &Attempt) -> Outcome {
    let long = [&b"51002:"[..], &[b'x'; LONGEST]].concat();
    let messages = [
        "51002:hello".as_bytes(),
        "51002:你好😀".as_bytes(),
        b"51002:\xff\0\xfe",
        b"51002:",
        b"",
        &long,
        b"51003:one\ntwo",
    ];
    let bytes: usize = messages.iter().map(|message| message.len()).sum();
    let framed: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();

    let (client, mut server) = started(attempt)?;
    server.send(&framed[..framed.len() - 3])?;
    thread::sleep(Duration::from_millis(200));
    server.send(&framed[framed.len() - 3..])?;
    let after = "the server sent seven messages";
    client.expect_line_on_stdout(after, "51003:one␊two")?;
    thread::sleep(Duration::from_millis(200));
    if let Some(early) = client.stdout().lines().find(|line| line.contains(" messages, ")) {
        return Err(format!(
            "{after}, but the client printed the line `{early}` before the server had closed the \
             connection"
        ));
    }
    drop(server);
    comes_last(&client, &format!("7 messages, {bytes} bytes"))?;

    let (client, mut server) = started(attempt)?;
    server.send_in_pieces(&[&b"\0\0"[..], b"\0\x07510", b"02:x\0\0\0", b"\x00\0\0\0\x06510"])?;
    drop(server);
    comes_last(&client, "2 messages, 7 bytes").map_err(|finding| {
        format!("the server sent two messages and ended in the middle of a third. Then {finding}")
    })?;

    let (client, mut server) = started(attempt)?;
    server.send(frame(b"51002:x"))?;
    server.send(b"\0\0\0\x09510")?;
    drop(server);
    comes_last(&client, "1 messages, 7 bytes").map_err(|finding| {
        format!("the server sent a message and ended in the middle of another. Then {finding}")
    })?;

    let (client, mut server) = started(attempt)?;
    let many = frame(b"51002:a").repeat(1000);
    server.send(many)?;
    drop(server);
    comes_last(&client, "1000 messages, 7000 bytes")?;

    let (client, server) = started(attempt)?;
    drop(server);
    comes_last(&client, "0 messages, 0 bytes")?;

    let (client, mut server) = started(attempt)?;
    let message = frame(&[b'x'; LONGEST]);
    client.expect_little_kept("the server", |bytes| {
        server.send(message.repeat(bytes.len() / message.len())).is_ok()
    })
}

fn comes_last(client: &Running, expected: &str) -> Outcome {
    let after = "the server closed the connection";
    client.expect_exit(after)?;
    match client.stdout().lines().last() {
        Some(last) if last == expected => Ok(()),
        last => {
            let last = last.map_or("nothing".to_string(), |line| quoted(line.as_bytes()));
            Err(format!("{after}, so the last line should be `{expected}`, but it is {last}"))
        }
    }
}

fn several_lines(attempt: &Attempt) -> Outcome {
    let (client, mut server) = started(attempt)?;
    client.type_bytes(b"one\n  two\n\n")?;
    server.did("was connected, and `one`, `  two` and a blank line were typed");
    expect_frame(&mut server, b"one\n  two")?;
    client.type_bytes(b"three\n")?;
    server.did("was connected, and a line was typed, but no blank line yet");
    server.expect_silence(Duration::from_millis(300))?;
    client.type_bytes(b"\n\n")?;
    server.did("was connected, and a line and two blank lines were typed");
    expect_frame(&mut server, b"three")?;
    client.type_bytes("你好\r\n\r\n".as_bytes())?;
    server.did(
        "was connected, and two blank lines and then `你好` with line ends of Windows were typed",
    );
    // The task leaves open whether the carriage return belongs to the line.
    expect_one_of(&mut server, &["你好".as_bytes(), "你好\r".as_bytes()])?;
    client.type_bytes(b"four\n \t \nfive\n\nsix\n\n")?;
    server.did(
        "was connected, and `four`, a line of white space, `five`, a blank line, `six` and a \
         blank line were typed",
    );
    for message in ["four", "five", "six"] {
        expect_frame(&mut server, message.as_bytes())?;
    }
    for piece in [&b"se\xf0\x9f"[..], b"\x98\x80\nei", b"ght \xfe\n", b"\n"] {
        client.type_bytes(piece)?;
        thread::sleep(Duration::from_millis(50));
    }
    server.did("was connected, and two lines and a blank one were typed in pieces");
    expect_frame(&mut server, b"se\xf0\x9f\x98\x80\neight \xfe")?;

    let (first, second) = (vec![b'a'; 40_000], vec![b'b'; 40_000]);
    client.type_bytes(&[&first[..], b"\n", &second, b"\n\n"].concat())?;
    server.did("was connected, and two lines of 40,000 bytes each and a blank line were typed");
    expect_frame(&mut server, &first)?;
    expect_frame(&mut server, &second)?;
    let (first, second) = (vec![b'c'; 30_000], vec![b'd'; LONGEST - 30_001]);
    client.type_bytes(&[&first[..], b"\n", &second, b"\n\n"].concat())?;
    server.did("was connected, and two lines that just fit and a blank line were typed");
    expect_frame(&mut server, &[&first[..], b"\n", &second].concat())?;

    client.type_bytes(b"\nlast\nwords")?;
    client.close_stdin();
    server.did("was connected, `last` and `words` were typed without Enter, and the input ended");
    expect_frame(&mut server, b"last\nwords")?;
    server.expect_end()?;

    let (client, mut server) = started(attempt)?;
    client.type_bytes(b"\n\n")?;
    client.close_stdin();
    server.did("was connected, two blank lines were typed, and the input ended");
    server.expect_end()?;

    let (client, mut server) = started(attempt)?;
    client.expect_little_kept("the keyboard", |bytes| {
        server.take_what_has_come();
        client.type_bytes(bytes).is_ok()
    })
}

fn out_of_order(attempt: &Attempt) -> Outcome {
    answers_find_their_questions(attempt)?;
    what_answers_nothing_stays_a_message(attempt)?;
    a_server_that_does_not_read_is_heard(attempt)?;
    many_questions(attempt)?;
    however_the_connection_ends(attempt)?;
    a_mark_needs_room(attempt)?;
    a_file_is_no_question(attempt)
}

fn answers_find_their_questions(attempt: &Attempt) -> Outcome {
    let (client, mut server) = started(attempt)?;
    let mut screen = Screen::of(&client, attempt);
    client.type_bytes(b"first\nsecond\n\nsame\nsa")?;
    server.did(
        "was connected and had not answered yet, and `first`, `second`, a blank line and `same` \
         were typed",
    );
    for question in ["?1 first", "?2 second", "?3 same"] {
        expect_frame(&mut server, question.as_bytes())?;
    }
    client.type_bytes(b"me\n what \xfe?\n")?;
    server.did("had not answered yet, and two more lines were typed");
    expect_frame(&mut server, b"?4 same")?;
    expect_frame(&mut server, b"?5 what \xfe?")?;

    let together = [
        frame(b"51002:!4 four"),
        frame(b"51003:hello"),
        frame(b"51003:!1 one: 51003:!2 is not answered"),
    ]
    .concat();
    let (begun, rest) = together.split_at(21);
    server.send_in_pieces(&[begun, rest])?;
    let after = "the server answered question 4, passed on a message, and answered question 1";
    screen.expect(
        after,
        &[
            "?4 same <- 51002:four",
            "51003:hello",
            "?1 first <- 51003:one: 51003:!2 is not answered",
        ],
    )?;

    server.send(frame(b"51002:!3 "))?;
    screen.expect("the server sent an empty answer to question 3", &["?3 same <- 51002:"])?;
    server.send(frame(b"51002:!2 a\n?1 first <- 51002:b\x1b[2J"))?;
    let shown = "?2 second <- 51002:a␊?1 first <- 51002:b␛[2J";
    screen.expect("the server sent an answer with a newline and an escape sequence", &[shown])?;
    server.send(frame(b"51002:!5 \x89PNG\r\n"))?;
    let shown = "?5 what \u{fffd}? <- 51002: <6 bytes>";
    screen.expect("the server sent an answer of six bytes that is not text", &[shown])?;
    drop(server);
    screen
        .expect_last("all questions were answered, and the server closed the connection", &[""; 0])
}

fn what_answers_nothing_stays_a_message(attempt: &Attempt) -> Outcome {
    let (client, mut server) = started(attempt)?;
    let mut screen = Screen::of(&client, attempt);
    let refusal = "一条消息最多65536字节"; // a message has at most 65536 bytes
    server.send([frame(b"51002:!1 too early"), frame(refusal.as_bytes()), frame(b"")].concat())?;
    let after = "nobody had asked anything, and the server sent three messages";
    screen.expect(after, &["51002:!1 too early", refusal, ""])?;
    client.type_bytes(b"where?\nwhen?\n")?;
    server.did("was connected, and two lines were typed");
    expect_frame(&mut server, b"?1 where?")?;
    expect_frame(&mut server, b"?2 when?")?;
    server.send(frame(b"51002:!1 here"))?;
    screen.expect("the server answered question 1", &["?1 where? <- 51002:here"])?;
    for text in [
        "!1 and there",
        "!3 nobody has asked that",
        "!0 zero",
        "!02 not the same mark",
        "!+2 nor this",
        "!-2 nor this",
        "!2",
        "!2: without a space",
        "!22 another number",
        "! 2 a space too early",
        "!18446744073709551618 which is 2 in 64 bits",
        "! ",
        "!",
        "",
        " !2 not at the beginning",
        "I say !2 in a sentence",
        "?2 when?",
        "2 now",
        "!two now",
    ] {
        let message = format!("51002:{text}");
        server.send(frame(message.as_bytes()))?;
        let after = format!("only question 2 was open, and the server sent `{message}`");
        screen.expect(&after, &[&message])?;
    }
    server.send(frame(b"51002:!\xb2 now"))?;
    screen.expect("the server sent a message that is not text", &["51002: <6 bytes>"])?;
    thread::sleep(LONG_SILENCE);
    server.send(frame(b"51004:!2 now"))?;
    let after = "question 2 was answered after 2.5 s of silence";
    screen.expect(after, &["?2 when? <- 51004:now"])?;
    drop(server);
    screen
        .expect_last("all questions were answered, and the server closed the connection", &[""; 0])
}

/// Checks that a server that does not read holds up neither the thread that sends nor the one that
/// reads. An answer may arrive as soon as the mark of its question has been sent, even if the rest of
/// the question has not left yet.
fn a_server_that_does_not_read_is_heard(attempt: &Attempt) -> Outcome {
    let (client, mut server) = started_with(attempt, &listener_from_afar(2 * 1024, 500)?, &[])?;
    let mut screen = Screen::of(&client, attempt);
    let long = [b'q'; 65_000];
    let longer_still = [b'r'; 30_000]; // at the latest when this is sent, the buffers are full
    // It is long enough that a diagnosis better does not show it again.
    ["?1 qqq", "?2 rrr"].iter().for_each(|question| attempt.causes(question));
    client.type_bytes(&[&long[..], b"\n", &longer_still, b"\nshort\n"].concat())?;
    server.did("was connected, and a line of 65,000 bytes was typed");
    let question = [b"?1 ", &long[..]].concat();
    let whole = frame(&question);
    let (mark, rest) = whole.split_at(size_of::<u32>() + 3);
    let came = server.take_exactly(mark.len())?;
    if came != mark {
        return Err(server.finding(&quoted(mark), &format!("it received {}", quoted(&came))));
    }
    server.send([frame(b"51002:hello"), frame(b"51002:!1 too long")].concat())?;
    let after = "the server read only the first bytes of a question of 65,000 bytes, and sent a message and \
                 the answer";
    let answered = format!("{} <- 51002:too long", String::from_utf8_lossy(&question));
    screen.expect(after, &["51002:hello", &answered])?;
    let came = server.take_exactly(rest.len())?;
    if came != rest {
        return Err(server.finding("the rest of the long question", "it received something else"));
    }
    server.did("had read the long question");
    expect_frame(&mut server, &[b"?2 ", &longer_still[..]].concat())?;
    expect_frame(&mut server, b"?3 short")
}

fn many_questions(attempt: &Attempt) -> Outcome {
    const MANY: usize = 300;
    let (client, mut server) = started(attempt)?;
    let mut screen = Screen::of(&client, attempt);
    let typed: String = (1..=MANY).map(|number| format!("what is {number}\n")).collect();
    client.type_bytes(typed.as_bytes())?;
    let answered = |number: usize| format!("?{number} what is {number} <- 51002:odd or even");
    for number in 1..=MANY {
        server.did(&format!("was connected, and {MANY} lines were typed in one piece"));
        expect_frame(&mut server, format!("?{number} what is {number}").as_bytes())?;
        if number % 2 == 1 {
            server.send(frame(format!("51002:!{number} odd or even").as_bytes()))?;
        }
    }
    let after = format!("{MANY} questions were asked, and the server answered every second one");
    screen.expect(&after, &(1..=MANY).step_by(2).map(answered).collect::<Vec<_>>())?;

    let open = [2, 10, 100, 200];
    let rest: Vec<usize> =
        (2..MANY + 1).step_by(2).rev().filter(|number| !open.contains(number)).collect();
    let answers =
        rest.iter().map(|number| frame(format!("51002:!{number} odd or even").as_bytes()));
    server.send(answers.collect::<Vec<_>>().concat())?;
    let after = "the server answered nearly all the others in one piece, the last one first";
    screen.expect(after, &rest.into_iter().map(answered).collect::<Vec<_>>())?;

    client.type_bytes(b"last")?;
    client.close_stdin();
    server.did("was connected, `last` was typed without Enter, and the input ended");
    expect_frame(&mut server, format!("?{} last", MANY + 1).as_bytes())?;
    server.expect_end()?;
    screen.expect("the input ended, but the server had not closed the connection yet", &[""; 0])?;
    server.send(frame(b"51002:!200 odd or even"))?;
    drop(server);
    let open = [2, 10, 100].map(|number| format!("?{number} what is {number} <- no answer"));
    let last = format!("?{} last <- no answer", MANY + 1);
    let after = "the input ended, the server answered question 200, left four unanswered, and closed the connection";
    screen.expect_last(after, &[&[answered(200)], &open[..], &[last]].concat())
}

fn however_the_connection_ends(attempt: &Attempt) -> Outcome {
    type End = fn(Actor) -> Outcome<Option<Actor>>; // with the server, if it stays
    let ends: [(&str, End); 4] = [
        ("closed the connection", |_| Ok(None)),
        ("reset the connection", |server| {
            server.reset();
            Ok(None)
        }),
        ("closed the connection in the middle of an answer", |mut server| {
            server.send(&frame(b"51002:!1 never whole")[..12])?;
            Ok(None)
        }),
        ("announced a message of 4 GiB", |mut server| {
            server.send([255; 4])?;
            Ok(Some(server))
        }),
    ];
    for (ended, end) in ends {
        let (client, mut server) = started(attempt)?;
        let mut screen = Screen::of(&client, attempt);
        client.type_bytes("你好吗\ntwo\n".as_bytes())?;
        server.did("was connected, and two lines were typed");
        expect_frame(&mut server, "?1 你好吗".as_bytes())?;
        expect_frame(&mut server, b"?2 two")?;
        server.send(frame(b"51002:!2 zwei"))?;
        screen.expect("the server answered question 2", &["?2 two <- 51002:zwei"])?;
        let _stays = end(server)?;
        let after = format!("question 1 was not answered, and the server {ended}");
        screen.expect_last(&after, &["?1 你好吗 <- no answer"])?;
    }
    let (client, server) = started(attempt)?;
    let mut screen = Screen::of(&client, attempt);
    drop(server);
    screen.expect_last("nobody had asked anything, and the server closed the connection", &[""; 0])
}

/// Sends messages that are too long with their marks. A mark makes a message longer, and a number of
/// two digits makes it longer still.
fn a_mark_needs_room(attempt: &Attempt) -> Outcome {
    let (client, mut server) = started(attempt)?;
    let mut screen = Screen::of(&client, attempt);
    let line = |length: usize| [&vec![b'y'; length][..], b"\n"].concat();
    client.type_bytes(b"first\n")?;
    server.did("was connected, and a line was typed");
    expect_frame(&mut server, b"?1 first")?;
    let said_before = client.stderr();
    client.type_bytes(&[line(LONGEST - 2), line(LONGEST), line(LONGEST - 3)].concat())?;
    server.did(
        "was connected, and three lines were typed: 65,534 and 65,536 bytes, which are too long \
         together with their marks, and then 65,533 bytes, which just fits",
    );
    let fits = [b"?2 ", &[b'y'; LONGEST - 3][..]].concat();
    expect_frame(&mut server, &fits)?;
    attempt.eventually(|| match client.stderr() == said_before {
        true => Err("two lines were too long to be sent with their marks. The client should have \
                     said so on stderr, but it said nothing"
            .to_string()),
        false => Ok(()),
    })?;
    let short: Vec<String> = (3..10).map(|number| format!("?{number} short")).collect();
    client.type_bytes(&b"short\n".repeat(short.len()))?;
    for question in &short {
        server.did("was connected, and seven short lines were typed");
        expect_frame(&mut server, question.as_bytes())?;
    }
    client.type_bytes(&[&line(LONGEST - 3)[..], b"after it\n"].concat())?;
    server.did(
        "had received nine questions, and another line of 65,533 bytes and then a short one were \
         typed",
    );
    expect_frame(&mut server, b"?10 after it")?;
    drop(server);
    let open: Vec<String> =
        [vec!["?1 first".to_string(), String::from_utf8_lossy(&fits).into_owned()], short].concat();
    let open = open.into_iter().chain(["?10 after it".to_string()]);
    let open: Vec<String> = open.map(|question| question + " <- no answer").collect();
    screen.expect_last("ten questions were asked, and the server closed the connection", &open)
}

fn a_file_is_no_question(attempt: &Attempt) -> Outcome {
    let path = repository().join("rustfmt.toml");
    let content = fs::read(&path)
        .map_err(|error| format!("the check itself cannot read {}: {error}", path.display()))?;
    let options = ["--file", &path.to_string_lossy()];
    let (client, mut server) = started_with(attempt, &listener()?, &options)?;
    let mut screen = Screen::of(&client, attempt);
    server.did("had a client that was started with `--file rustfmt.toml`");
    expect_frame(&mut server, &content)?;
    server.expect_end()?;
    server.send(frame(b"51002:!1 nobody has asked"))?;
    drop(server);
    let after = "a client with `--file` was sent a message, and the server closed the connection";
    screen.expect_last(after, &["51002:!1 nobody has asked"])
}

/// The lines that should be on the client's stdout so far. Nothing else may be there.
struct Screen<'a> {
    client: &'a Running,
    attempt: &'a Attempt,
    lines: Vec<String>,
}

impl<'a> Screen<'a> {
    fn of(client: &'a Running, attempt: &'a Attempt) -> Screen<'a> {
        Screen { client, attempt, lines: Vec::new() }
    }

    /// Waits for these lines. `after` says what should have made the client print them.
    fn expect(&mut self, after: &str, lines: &[impl ToString]) -> Outcome {
        self.lines.extend(lines.iter().map(ToString::to_string));
        let outcome = self.attempt.eventually(|| match self.compare(after) {
            Err(finding) if !self.is_only_late() => Ok(Err(finding)),
            outcome => outcome.map(Ok),
        });
        outcome?
    }

    /// Returns whether what is on the screen so far is right.
    fn is_only_late(&self) -> bool {
        let wanted: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        wanted.starts_with(&self.client.stdout())
    }

    /// Waits for the end of the client, before which these are the last lines.
    fn expect_last(&mut self, after: &str, lines: &[impl ToString]) -> Outcome {
        self.client.expect_exit(after)?;
        self.lines.extend(lines.iter().map(ToString::to_string));
        self.compare(after)
    }

    fn compare(&self, after: &str) -> Outcome {
        let shown = self.client.stdout();
        let shown: Vec<&str> = shown.lines().collect();
        let line = |text: &str| format!("the line {}", quoted(text.as_bytes()));
        let count = self.lines.len().max(shown.len());
        let differs = (0..count)
            .find(|at| self.lines.get(*at).map(String::as_str) != shown.get(*at).copied());
        let Some(at) = differs else { return Ok(()) };
        let expected = self.lines.get(at).map_or("nothing more".to_string(), |text| line(text));
        let came = shown.get(at).map_or("nothing".to_string(), |text| line(text));
        let number = at + 1;
        Err(format!("{after}. Line {number} on stdout should be {expected}, but it is {came}"))
    }
}

fn expect_frame(server: &mut Actor, expected: &[u8]) -> Outcome {
    expect_one_of(server, &[expected])
}

/// Waits for a frame that holds one of these messages. A diagnosis names the first.
fn expect_one_of(server: &mut Actor, messages: &[&[u8]]) -> Outcome {
    let expected = messages[0];
    let wanted = format!("the frame {}", quoted(expected));
    let explained = |problem: String| format!("{problem}. It should be {wanted}");
    let length = server.take_exactly(size_of::<u32>()).map_err(explained)?;
    let announced = length.iter().fold(0, |sum, byte| 256 * sum + usize::from(*byte));
    if announced > LONGEST {
        return Err(server.finding(&wanted, &format!("it received a frame of {announced} bytes")));
    }
    match server.take_exactly(announced).map_err(explained)? {
        came if messages.contains(&came.as_slice()) => Ok(()),
        came => Err(server.finding(&wanted, &format!("it received the frame {}", quoted(&came)))),
    }
}
