//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, Outcome, PATIENCE, Running, accepted_by, listener};

checker::exercises! {
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

    let typed = Instant::now(); // nothing that follows can come too early because it was held up
    expect_typed(&mut server, "hello", || client.type_line("hello"))?;
    server.did("got what was typed, then nothing was typed,");
    let mut longest = Duration::ZERO;
    for _ in 0..4 {
        let waiting = Instant::now();
        server.expect_line("ping")?;
        longest = longest.max(waiting.elapsed());
    }
    let took = typed.elapsed();
    if took < Duration::from_millis(2500) || longest > Duration::from_secs(3) {
        return Err(format!(
            "nothing was typed, and the server got four heartbeats within {:.1} s, {:.1} s apart \
             at most: one a second was to come",
            took.as_secs_f64(),
            longest.as_secs_f64()
        ));
    }
    no_heartbeat_while_typing(&client, &mut server)?;
    expect_typed(&mut server, "still here", || client.type_line("still here"))?;

    client.close_stdin();
    server.did("got what was typed, the input ended,");
    // Before it notices, a heartbeat may be due, on a busy machine some more.
    for _ in 0..5 {
        match server.line() {
            Ok(line) if line == "ping" => {}
            Ok(line) => return Err(format!("all that was typed had come, and then `{line}` came")),
            Err(_) => break,
        }
    }
    server.expect_end()?;
    drop(server);
    client.expect_exit("the input had ended and the connection too")?;
    Ok(())
}

/// On a busy machine a second may pass between two lines, so there is more than one try. Who beats
/// every second whatever is typed fails in each.
fn no_heartbeat_while_typing(client: &Running, server: &mut Actor) -> Outcome {
    let mut heartbeats = 0;
    for _ in 0..5 {
        heartbeats = 0;
        for word in ["one", "two", "three", "four", "five", "six"] {
            client.type_line(word)?;
            server.did(&format!("was connected, `{word}` was typed,"));
            let others = server.find_line(word)?;
            heartbeats += if word == "one" { 0 } else { others.len() };
            thread::sleep(Duration::from_millis(300));
        }
        if heartbeats == 0 {
            return Ok(());
        }
    }
    Err(format!(
        "a line was typed every 0.3 s, six in all, and the server was to get nothing but these, \
         but it also got {heartbeats} heartbeat(s) between them"
    ))
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
