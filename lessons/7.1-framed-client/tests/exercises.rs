//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::Duration;

use checker::{Actor, Attempt, Outcome, Running, listener, quoted};
use lesson_framed_server::{LONGEST, frame};

checker::exercises! {
    framed_client in "7.1-framed-client" {
        what_came: "easy, 15 minutes: How much came?",
        several_lines: "medium, 25 minutes: A message of several lines",
    }
}

/// A client that has connected to us.
fn started(attempt: &Attempt) -> Outcome<(Running, Actor)> {
    let (listener, address) = listener()?;
    let client = attempt.start(&[&address.to_string()]);
    let server = attempt.accepted_by(&listener, "the server")?;
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
        return Err(format!("{after}, and the line `{early}` came before the server had closed"));
    }
    drop(server);
    comes_last(&client, &format!("7 messages, {bytes} bytes"))?;

    let (client, mut server) = started(attempt)?;
    server.send_in_pieces(&[&b"\0\0"[..], b"\0\x07510", b"02:x\0\0\0", b"\x00\0\0\0\x06510"])?;
    drop(server);
    comes_last(&client, "2 messages, 7 bytes")?;

    let (client, mut server) = started(attempt)?;
    server.send(frame(b"51002:x"))?;
    server.send(b"\0\0\0\x09510")?;
    drop(server);
    comes_last(&client, "1 messages, 7 bytes").map_err(|finding| {
        format!("the server sent a message and ended in the middle of a message, so {finding}")
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
            Err(format!("{after}, and the last line was to be `{expected}`, but it was {last}"))
        }
    }
}

fn several_lines(attempt: &Attempt) -> Outcome {
    let (client, mut server) = started(attempt)?;
    client.type_bytes(b"one\n  two\n\n")?;
    server.did("was connected, `one`, `  two` and a blank line were typed,");
    expect_frame(&mut server, b"one\n  two")?;
    client.type_bytes(b"three\n")?;
    server.did("was connected, a line was typed and no blank line yet,");
    server.expect_silence(Duration::from_millis(300))?;
    client.type_bytes(b"\n\n")?;
    server.did("was connected, a line and two blank lines were typed,");
    expect_frame(&mut server, b"three")?;
    client.type_bytes("你好\r\n\r\n".as_bytes())?;
    server.did(
        "was connected, two blank lines and then `你好` with line ends of Windows were typed,",
    );
    // The task leaves open whether the carriage return belongs to the line.
    expect_one_of(&mut server, &["你好".as_bytes(), "你好\r".as_bytes()])?;
    client.type_bytes(b"four\n \t \nfive\n\nsix\n\n")?;
    server.did(
        "was connected, `four`, a line of white space, `five`, blank, `six`, blank were typed",
    );
    for message in ["four", "five", "six"] {
        expect_frame(&mut server, message.as_bytes())?;
    }
    for piece in [&b"se\xf0\x9f"[..], b"\x98\x80\nei", b"ght \xfe\n", b"\n"] {
        client.type_bytes(piece)?;
        thread::sleep(Duration::from_millis(50));
    }
    server.did("was connected, two lines were typed in pieces, and a blank one,");
    expect_frame(&mut server, b"se\xf0\x9f\x98\x80\neight \xfe")?;

    let (first, second) = (vec![b'a'; 40_000], vec![b'b'; 40_000]);
    client.type_bytes(&[&first[..], b"\n", &second, b"\n\n"].concat())?;
    server.did("was connected, two lines of 40,000 bytes each and a blank line were typed,");
    expect_frame(&mut server, &first)?;
    expect_frame(&mut server, &second)?;
    let (first, second) = (vec![b'c'; 30_000], vec![b'd'; LONGEST - 30_001]);
    client.type_bytes(&[&first[..], b"\n", &second, b"\n\n"].concat())?;
    server.did("was connected, two lines that just fit and a blank line were typed,");
    expect_frame(&mut server, &[&first[..], b"\n", &second].concat())?;

    client.type_bytes(b"\nlast\nwords")?;
    client.close_stdin();
    server.did("was connected, `last` and `words` were typed, without Enter, and the input ended,");
    expect_frame(&mut server, b"last\nwords")?;
    server.expect_end()?;

    let (client, mut server) = started(attempt)?;
    client.type_bytes(b"\n\n")?;
    client.close_stdin();
    server.did("was connected, two blank lines were typed, and the input ended,");
    server.expect_end()?;

    let (client, mut server) = started(attempt)?;
    client.expect_little_kept("the keyboard", |bytes| {
        server.take_what_has_come();
        client.type_bytes(bytes).is_ok()
    })
}

fn expect_frame(server: &mut Actor, expected: &[u8]) -> Outcome {
    expect_one_of(server, &[expected])
}

/// Waits for a frame that holds one of these messages. A diagnosis names the first.
fn expect_one_of(server: &mut Actor, messages: &[&[u8]]) -> Outcome {
    let expected = messages[0];
    let wanted = format!("the frame {}", quoted(expected));
    let explained = |problem: String| format!("{problem}. It was to be {wanted}");
    let length = server.take_exactly(size_of::<u32>()).map_err(explained)?;
    let announced = length.iter().fold(0, |sum, byte| 256 * sum + usize::from(*byte));
    if announced > LONGEST {
        return Err(server.finding(&wanted, &format!("a frame of {announced} bytes came")));
    }
    match server.take_exactly(announced).map_err(explained)? {
        came if messages.contains(&came.as_slice()) => Ok(()),
        came => Err(server.finding(&wanted, &format!("the frame {} came", quoted(&came)))),
    }
}
