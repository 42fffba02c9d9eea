//! The exercises of this lesson, and what each asks of a learner's program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, LONG_SILENCE, Outcome, Running, listener, quoted};

checker::exercises! {
    stdin_echo in "6.3.1-stdin-echo" {
        number_the_lines: "easy, 10 minutes: Number the lines",
        ask_a_server: "easy, 25 minutes: From the keyboard to a server and back",
        heartbeat: "medium, 40 minutes: A heartbeat while the keyboard is silent",
    }
}

fn number_the_lines(attempt: &Attempt) -> Outcome {
    let program = attempt.start(&[]);
    let typed = |what: &str, bytes: &[u8], expected: &str| {
        // If the program has ended, it may have done so before this is typed or after.
        program.type_bytes(bytes).map_err(|finding| format!("{what}: {finding}"))?;
        program.expect_line_on_stdout(&format!("{what} was typed"), expected)
    };
    typed("`hello`", b"hello\n", "1: hello")?;
    typed("`  你好 ` with a line end of Windows", "  你好 \r\n".as_bytes(), "2: 你好")?;
    program.type_bytes(b"\n \t \r\n")?;
    typed("`😀` after two blank lines, which do not count,", "😀\n".as_bytes(), "3: 😀")?;
    program.type_bytes("四".as_bytes().split_at(2).0)?;
    thread::sleep(Duration::from_millis(100));
    typed("`四` in two pieces, cut within the character,", b"\x9b\n", "4: 四")?;
    program.type_bytes(b"\xff is no text\n")?;
    typed("`six` after a line that is not UTF-8", b"six\n", "6: six")?;
    let many: String = (7..=1000).map(|number| format!("line {number}\n")).collect();
    typed("a thousand lines in all", many.as_bytes(), "1000: line 1000")?;
    program.type_bytes(b"the last")?;
    program.close_stdin();
    let after = "`the last` was typed without Enter, and the input ended";
    program.expect_line_on_stdout(after, "1001: the last")?;
    let fed = attempt.start(&[]);
    fed.expect_little_kept("the keyboard", |bytes| fed.type_bytes(bytes).is_ok())?;
    fed.kill();
    nothing_to_number(attempt)?;
    let status = program.expect_exit("the input had ended")?;
    let lines = program.stdout().lines().count();
    match status.success() {
        true if lines == 1001 => Ok(()),
        true => Err(format!("1001 lines that are not blank were typed, but {lines} were printed")),
        false => Err(format!(
            "the input ended, so the program should have ended with exit status 0, but it ended \
             with {status}"
        )),
    }
}

fn nothing_to_number(attempt: &Attempt) -> Outcome {
    let after = "the input ended before anything was typed";
    let program = attempt.start(&[]);
    program.close_stdin();
    program.expect_exit(after)?;
    match program.stdout() {
        stdout if stdout.is_empty() => Ok(()),
        stdout => Err(format!("{after}, but the program printed {}", quoted(stdout.as_bytes()))),
    }
}

fn ask_a_server(attempt: &Attempt) -> Outcome {
    let (listener, address) = listener()?;
    let client = attempt.start(&[&address.to_string()]);
    let mut server = attempt.accepted_by(&listener, "the server")?;

    client.type_line("  你好 ")?;
    server.did("accepted the connection, and `你好` was typed");
    server.expect("你好\n")?;
    let (first, second) = "1:你好\n".as_bytes().split_at(4); // in the middle of a character
    server.send_in_pieces(&[first, second])?;
    client.expect_line_on_stdout("the server answered `1:你好` in two segments", "1:你好")?;
    client.type_bytes(b"once more\r\n")?;
    server.did("answered, and `once more` was typed with a line end of Windows");
    server.expect("once more\n")?;
    thread::sleep(LONG_SILENCE);
    server.send("2:once more\n")?;
    client.expect_line_on_stdout("the server answered some seconds later", "2:once more")?;
    client.type_line("😀")?;
    server.did("answered, and `😀` was typed");
    server.expect("😀\n")?;
    server.send_in_pieces(&[&b"3:\xff \xf0\x9f\x98"[..], b"\x80", b"\n"])?;
    let after = "the server answered with a byte that is not UTF-8, and `😀` cut in two";
    attempt.eventually(|| match client.stdout().lines().nth(2) {
        Some(line) if line.starts_with("3:") && line.ends_with(" 😀") => Ok(()),
        Some(line) => Err(format!("{after}, but the program printed `{line}`")),
        None => Err(format!("{after}, but the program printed nothing")),
    })?;

    client.type_bytes(b"the last")?;
    client.close_stdin();
    server.did("answered, `the last` was typed without Enter, and the input ended");
    server.expect("the last\n")?;
    server.send("4:the last\n")?;
    server.did("answered, and the input ended");
    server.expect_end()?;
    if client.has_ended() {
        return Err(
            "the input ended, and the program ended with it, although the server still had \
                    something to say"
                .to_string(),
        );
    }
    server.send("two more lines\ngoodbye\n")?;
    client.expect_line_on_stdout(
        "the input had ended, but the server still had something to say",
        "goodbye",
    )?;
    client.expect_line_on_stdout("the server had answered `4:the last`", "4:the last")?;
    drop(server);
    client.expect_exit("the input had ended, and the server closed the connection")?;
    shows_the_answers_alone(&client)?;

    let fed = attempt.start(&[&address.to_string()]);
    let mut server = attempt.accepted_by(&listener, "the server")?;
    fed.close_stdin();
    server.expect_end()?;
    fed.expect_little_kept("the server", |bytes| server.send(bytes).is_ok())?;

    let typing = attempt.start(&[&address.to_string()]);
    let server = attempt.accepted_by(&listener, "the server")?;
    types_without_end(&typing, server)
}

/// Types a line that never ends. A program may send it in pieces, and the server answers each line.
fn types_without_end(client: &Running, mut server: Actor) -> Outcome {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let came = server.take_all_within(Duration::from_millis(5));
                let lines = came.iter().filter(|byte| **byte == b'\n').count();
                let _ = server.send("an answer\n".repeat(lines)); // the program may have ended
            }
        });
        let kept =
            client.expect_little_kept("the keyboard", |bytes| client.type_bytes(bytes).is_ok());
        over.store(true, Ordering::Relaxed);
        kept
    })
}

/// Checks that the screen holds what the server has answered, line by line, and nothing else.
fn shows_the_answers_alone(client: &Running) -> Outcome {
    let stdout = client.stdout();
    let lines: Vec<&str> = stdout.lines().collect();
    let expected = ["1:你好", "2:once more", "3:", "4:the last", "two more lines", "goodbye"];
    let as_expected = lines.len() == expected.len()
        && lines.iter().zip(expected).all(|(line, start)| line.starts_with(start));
    match as_expected {
        true => Ok(()),
        false => Err(format!(
            "the screen should show the server's six lines and nothing else, but it shows: {}",
            lines.join(" | ")
        )),
    }
}

fn heartbeat(attempt: &Attempt) -> Outcome {
    // On a busy machine a second may pass between two lines, and a heartbeat may be late.
    let (client, mut server) = attempt.try_again(|| silent_from_the_start(attempt))?;
    attempt.try_again(|| one_heartbeat_a_second(&client, &mut server))?;
    attempt.try_again(|| no_heartbeat_while_typing(&client, &mut server))?;
    attempt.try_again(|| soon_after_a_line(&client, &mut server))?;

    ends_with_its_input(&client, server, "received what was typed")?;
    let (listener, address) = listener()?;
    let client = attempt.start(&[&address.to_string()]);
    let server = attempt.accepted_by(&listener, "the server")?;
    ends_with_its_input(&client, server, "accepted the connection, nothing was typed")?;

    let client = attempt.start(&[&address.to_string()]);
    let mut server = attempt.accepted_by(&listener, "the server")?;
    client.expect_little_kept("the keyboard", |bytes| {
        server.take_what_has_come();
        client.type_bytes(bytes).is_ok()
    })
}

fn ends_with_its_input(client: &Running, mut server: Actor, did: &str) -> Outcome {
    client.close_stdin();
    server.did(&format!("{did}, and the input ended"));
    // Before it notices, a heartbeat may be due, on a busy machine some more.
    for _ in 0..5 {
        match server.line() {
            Ok(line) if line == "ping" => {}
            Ok(line) => {
                return Err(format!(
                    "the server received everything that was typed, but then it received `{line}` \
                     as well"
                ));
            }
            Err(_) => break,
        }
    }
    server.expect_end()?;
    drop(server);
    client.expect_exit("the input and the connection had ended")?;
    Ok(())
}

/// A heartbeat that is due after a second and comes later than this is none of every second, unless
/// this machine was busy.
const LATE: Duration = Duration::from_millis(1350);

/// Expects a heartbeat before anything has been typed.
fn silent_from_the_start(attempt: &Attempt) -> Outcome<(Running, Actor)> {
    let (listener, address) = listener()?;
    let started = Instant::now();
    let client = attempt.start(&[&address.to_string()]);
    let mut server = attempt.accepted_by(&listener, "the server")?;
    let accepted = Instant::now();
    server.set_patience(attempt.patience() + Duration::from_secs(1)); // a heartbeat takes one
    server.did("accepted the connection, and nothing was typed");
    server.expect_line("ping")?;
    if started.elapsed() < Duration::from_millis(950) {
        let came = format!("it arrived after {:.2} s", started.elapsed().as_secs_f64());
        return Err(server.finding("the first heartbeat a second later", &came));
    }
    if accepted.elapsed() > LATE {
        let came = format!("it took {:.1} s", accepted.elapsed().as_secs_f64());
        return Err(server.finding("the first heartbeat a second later", &came));
    }
    Ok((client, server))
}

/// Expects a heartbeat each second. On a busy machine it may be late, but never early.
fn one_heartbeat_a_second(client: &Running, server: &mut Actor) -> Outcome {
    let typed = Instant::now(); // nothing that follows can come too early because it was held up
    expect_typed(server, "hello", || client.type_line("hello"))?;
    server.did("received what was typed, and then nothing was typed");
    let (mut before, mut soonest) = (typed, Duration::MAX);
    for number in 1..=3 {
        server.expect_line("ping")?;
        if typed.elapsed() < Duration::from_millis(950 * number) {
            return Err(format!(
                "nothing was typed, so a heartbeat should arrive each second, but heartbeat \
                 number {number} arrived after {:.2} s",
                typed.elapsed().as_secs_f64()
            ));
        }
        soonest = soonest.min(before.elapsed());
        before = Instant::now();
    }
    if soonest > LATE {
        return Err(format!(
            "nothing was typed, so a heartbeat should arrive each second, but three of them took \
             {:.1} s",
            typed.elapsed().as_secs_f64()
        ));
    }
    Ok(())
}

/// Expects the first heartbeat one second after a line, even if the line comes half a second after a
/// heartbeat. A program that only looks once a second whether something was typed is late then.
fn soon_after_a_line(client: &Running, server: &mut Actor) -> Outcome {
    server.did("received what was typed, and then nothing was typed");
    server.expect_line("ping")?;
    thread::sleep(Duration::from_millis(500));
    let typed = Instant::now();
    expect_typed(server, "still here", || client.type_line("still here"))?;
    server.did("received `still here`, and then nothing was typed");
    server.expect_line("ping")?;
    let took = typed.elapsed();
    if took < LATE {
        return Ok(());
    }
    Err(format!(
        "nothing was typed after a line, so the first heartbeat was due a second later, but it \
         arrived after {:.1} s",
        took.as_secs_f64()
    ))
}

fn no_heartbeat_while_typing(client: &Running, server: &mut Actor) -> Outcome {
    let mut heartbeats = 0;
    for word in ["one", "two", "three", "four", "five"] {
        client.type_line(word)?;
        server.did(&format!("was connected, and `{word}` was typed"));
        let others = server.find_line(word)?;
        heartbeats += if word == "one" { 0 } else { others.len() };
        thread::sleep(Duration::from_millis(350));
    }
    match heartbeats {
        0 => Ok(()),
        _ => Err(format!(
            "a line was typed every 0.35 s, five in all. The server should have received only \
             these lines, but it also received heartbeats between them ({heartbeats})"
        )),
    }
}

/// Waits for what is typed, past heartbeats that are sent before it, because the machine may be slow.
fn expect_typed(server: &mut Actor, text: &str, type_it: impl Fn() -> Outcome) -> Outcome {
    type_it()?;
    server.did(&format!("was connected, and `{text}` was typed"));
    for _ in 0..20 {
        let line = server.line()?;
        if line == text {
            return Ok(());
        }
        if line != "ping" {
            return Err(format!(
                "`{text}` was typed, and the server should have received it as a line, but it \
                 received `{line}`"
            ));
        }
    }
    Err(format!("`{text}` was typed, but the server received only a flood of heartbeats"))
}
