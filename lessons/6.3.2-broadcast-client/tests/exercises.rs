//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::Duration;

use checker::{Actor, Attempt, LONG_SILENCE, Outcome, Running, listener, quoted};

checker::exercises! {
    broadcast_client in "6.3.2-broadcast-client" {
        server_goes: "easy, 15 minutes: When the server goes",
        quit: "medium, 25 minutes: Leave with a word",
    }
}

/// A client that has connected to us.
fn started(attempt: &Attempt) -> Outcome<(Running, Actor)> {
    let (listener, address) = listener()?;
    let client = attempt.start(&[&address.to_string()]);
    let server = attempt.accepted_by(&listener, "the server")?;
    Ok((client, server))
}

fn server_goes(attempt: &Attempt) -> Outcome {
    const GONE: &str = "the server has gone";
    let still_there = |client: &Running, after: &str| match client.stdout().contains(GONE) {
        true => Err(format!("{after}, and the program printed `{GONE}`, but it has not gone")),
        false => Ok(()),
    };

    let (client, mut server) = started(attempt)?;
    client.type_line("hello")?;
    server.did("accepted the connection, `hello` was typed,");
    server.expect("hello\n")?;
    server.send("51000:你好\r\n")?;
    client.expect_line_on_stdout("the server sent the line `51000:你好`", "51000:你好")?;
    server.send_in_pieces(&[&b"51000:\xf0\x9f\x98"[..], b"\x80\n"])?;
    client.expect_line_on_stdout("the server sent `51000:😀`, cut in two", "51000:😀")?;
    server.send(b"\xfe\n\n51000:after a byte that is not UTF-8\n")?;
    let after = "the server sent a line that is not UTF-8, an empty one, and a third";
    let shown = client.expect_line_on_stdout(after, "51000:after a byte that is not UTF-8");
    still_there(&client, after)?;
    shown?;
    server.send("51000:no newline")?;
    let after = "the server sent `51000:no newline` without one, and nothing more";
    client.expect_line_on_stdout(after, "51000:no newline")?;
    server.send("\n")?;
    thread::sleep(LONG_SILENCE);
    still_there(&client, "the server was silent for some seconds")?;
    client.type_line("still here?")?;
    server.did("was silent for some seconds, `still here?` was typed,");
    server.expect("still here?\n")?;
    server.send(b"51000:cut \xe4\xbd")?;
    drop(server);
    let after = "the server closed the connection while nothing was typed";
    client.expect_line_on_stdout(after, GONE)?;
    client.expect_exit(after)?;
    comes_last(&client, GONE)?;

    let (client, mut server) = started(attempt)?;
    server.send("51000:hello\n")?;
    client.expect_line_on_stdout("the server sent the line `51000:hello`", "51000:hello")?;
    server.reset();
    let after = "the server reset the connection while nothing was typed";
    client.expect_line_on_stdout(after, GONE)?;
    client.expect_exit(after)?;

    let (client, mut server) = started(attempt)?;
    client.close_stdin();
    server.did("accepted the connection, the client's input ended,");
    server.expect_end()?;
    if client.has_ended() {
        return Err("the input ended, and the program ended with it, although the server had not \
                    closed the connection"
            .to_string());
    }
    server.send("51000:last words\n")?;
    let after = "the input had ended, but the server still sent a line";
    client.expect_line_on_stdout(after, "51000:last words")?;
    drop(server);
    client.expect_line_on_stdout("the server closed the connection", GONE)?;
    client.expect_exit("the server closed the connection")?;
    comes_last(&client, GONE)?;

    let (client, server) = started(attempt)?;
    drop(server);
    client.expect_line_on_stdout("the server closed the connection without a word", GONE)?;
    client.expect_exit("the server closed the connection without a word")?;
    let (client, mut server) = started(attempt)?;
    client.expect_little_kept("the server", |bytes| server.send(bytes).is_ok())
}

fn comes_last(client: &Running, gone: &str) -> Outcome {
    match client.stdout().lines().last() {
        Some(last) if last == gone => Ok(()),
        other => Err(format!(
            "the server sent something and closed the connection, and the program was to print \
             `{gone}` last, but after it came {other:?}"
        )),
    }
}

fn quit(attempt: &Attempt) -> Outcome {
    let (client, mut server) = started(attempt)?;
    client.type_line("hello")?;
    server.did("accepted the connection, `hello` was typed,");
    server.expect("hello\n")?;
    for near_miss in ["/quitter", "/qui", "quit", "say /quit", "/quit now", "/Quit"] {
        client.type_line(near_miss)?;
        server.did(&format!("was connected, `{near_miss}` was typed, which is no `/quit`,"));
        server.expect(format!("{near_miss}\n"))?;
    }
    client.type_bytes(b"a last word\n  /quit \r\nand this is too late\n")?;
    server.did("was connected, a line, then `  /quit ` and one more line were typed at once,");
    server.expect("a last word\n")?;
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;

    let (client, mut server) = started(attempt)?;
    client.type_bytes("你/q".as_bytes())?;
    thread::sleep(Duration::from_millis(100));
    client.type_bytes(b"uit\n/qu")?;
    thread::sleep(Duration::from_millis(100));
    client.type_bytes(b"it\n")?;
    server.did("accepted the connection, `你/quit` and `/quit` were typed, each in two pieces,");
    server.expect("你/quit\n")?;
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;

    let (client, mut server) = started(attempt)?;
    client.type_bytes(b"/quit")?;
    client.close_stdin();
    server.did("accepted the connection, `/quit` was typed without Enter, and the input ended,");
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;

    let (client, mut server) = started(attempt)?;
    client.type_line("no command here")?;
    client.close_stdin();
    server.did("accepted the connection, a line was typed, and the input ended without `/quit`,");
    server.expect("no command here\n")?;
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;

    let (client, mut server) = started(attempt)?;
    client.close_stdin();
    server.did("accepted the connection, nothing was typed, and the input ended,");
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;
    let (client, mut server) = started(attempt)?;
    client.expect_little_kept("the keyboard", |bytes| {
        server.take_what_has_come();
        client.type_bytes(bytes).is_ok()
    })
}

fn leaves_when_the_server_has_finished(client: &Running, mut server: Actor) -> Outcome {
    if client.has_ended() {
        return Err("the program half-closed, and ended before the server had closed the \
                    connection: what the server still has to say is lost"
            .to_string());
    }
    server.send("51000:farewell\n")?;
    let after = "the program had half-closed, and the server sent one more line";
    client.expect_line_on_stdout(after, "51000:farewell")?;
    drop(server);
    let after = "the program had half-closed, and the server closed the connection";
    let status = client.expect_exit(after)?;
    if !status.success() {
        return Err(format!("{after}, and the program was to end with status 0, not {status}"));
    }
    match client.stdout().as_str() {
        "51000:farewell\n" => Ok(()),
        stdout => Err(format!(
            "{after}. The server had sent the line `51000:farewell`, and stdout was to show just that, \
             but it shows {}",
            quoted(stdout.as_bytes())
        )),
    }
}
