//! The exercises of this lesson, and what each asks of a learner's program.

use std::time::{Duration, Instant};

use harness::exercise::{Actor, Attempt, Outcome, PATIENCE, accepted_by, listener};

harness::exercises! {
    stdin_echo in "6.3.1-stdin-echo" {
        ask_a_server: "easy, 25 minutes: From the keyboard to a server and back",
        heartbeat: "medium, 40 minutes: A heartbeat while the keyboard is silent",
    }
}

fn ask_a_server(attempt: &Attempt) -> Outcome {
    let (listener, address) = listener()?;
    let client = attempt.start(&[&address.to_string()]);
    let mut server = accepted_by(&listener, "the server", 2 * PATIENCE)?;

    client.type_line("  你好 ")?;
    server.did("accepted the connection, `你好` was typed,");
    server.expect("你好\n")?;
    let (first, second) = "1:你好\n".as_bytes().split_at(4); // in the middle of a character
    server.send_in_pieces(&[first, second])?;
    client.expect_line_on_stdout("the server answered `1:你好` in two segments", "1:你好")?;
    client.type_line("once more")?;
    server.did("answered, `once more` was typed,");
    server.expect("once more\n")?;
    server.send("2:once more\n")?;
    client.expect_line_on_stdout("the server answered `2:once more`", "2:once more")?;

    client.close_stdin();
    server.did("answered, the input ended,");
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
    drop(server);
    client.expect_exit("the input had ended, and the server closed the connection")?;
    Ok(())
}

fn heartbeat(attempt: &Attempt) -> Outcome {
    let (listener, address) = listener()?;
    let client = attempt.start(&[&address.to_string()]);
    let mut server = accepted_by(&listener, "the server", 2 * PATIENCE)?;

    expect_typed(&mut server, "hello", || client.type_line("hello"))?;
    server.did("got what was typed, then nothing was typed,");
    server.expect_line("ping")?;
    let first = Instant::now();
    for _ in 0..3 {
        server.expect_line("ping")?;
    }
    // One that was held up on its way makes the time shorter, so not all of the 3 s are asked for.
    if first.elapsed() < Duration::from_secs(1) {
        return Err(format!(
            "nothing was typed, and the server got four heartbeats within {:.2} s: one a second \
             was to come",
            first.elapsed().as_secs_f64()
        ));
    }
    expect_typed(&mut server, "still here", || client.type_line("still here"))?;

    client.close_stdin();
    server.did("got what was typed, the input ended,");
    let rest = String::from_utf8_lossy(&server.read_to_end()?).into_owned();
    if rest.lines().any(|line| line != "ping") {
        return Err(format!("all that was typed had been sent, and then `{}` came", rest.trim()));
    }
    client.expect_exit("the input had ended and the connection too")?;
    Ok(())
}

/// Heartbeats may come before what is typed: the machine may be slow.
fn expect_typed(server: &mut Actor, text: &str, type_it: impl Fn() -> Outcome) -> Outcome {
    type_it()?;
    server.did(&format!("was connected, `{text}` was typed,"));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let line = server.line()?;
        if line == text {
            return Ok(());
        }
        if line != "ping" {
            return Err(format!(
                "`{text}` was typed, and the server was to get it as a line, but `{line}` came"
            ));
        }
        if Instant::now() > deadline {
            return Err(format!("`{text}` was typed, but the server got nothing but heartbeats"));
        }
    }
}
