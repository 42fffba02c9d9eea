//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, LONG_SILENCE, Outcome, Running};

checker::exercises! {
    greeting in "6.2.2.1-greeting" {
        say_goodbye: "easy, 15 minutes: Say goodbye",
        greet_by_name: "medium, 30 minutes: Greet by name",
        whole_greeting: "hard, 45 minutes: A long greeting, and all of it",
    }
}

fn say_goodbye(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut late = greeted(&server, "a client that takes its time")?;
    let mut client = greeted(&server, "the client")?;
    client.send("this is me\n")?;
    expect_no_word(&mut client, Duration::from_millis(500))?;
    client.half_close()?;
    expect_goodbye(&mut client)?;

    let mut staying = greeted(&server, "a client that stays")?;
    greeted(&server, "a client that resets")?.reset();
    for (what, said) in [
        ("nothing", &b""[..]),
        ("a newline", b"\r\n"),
        ("a byte that is not UTF-8", b"\xff"),
        ("half a character", b"\xe4\xbd"),
        ("300000 bytes", &[b'x'; 300_000]),
    ] {
        let mut client = greeted(&server, "a client")?;
        client.send(said)?;
        client.half_close()?;
        client.did(&format!("sent {what} and closed its sending half"));
        expect_goodbye(&mut client)?;
    }
    let mut crowd = server.connect_at_once(20, "one of twenty clients")?;
    for client in &mut crowd {
        client.half_close()?;
    }
    for client in &mut crowd {
        client.did("closed its sending half, as 19 others did");
        client.expect("hello")?;
        expect_goodbye(client)?;
    }
    late.did("sent nothing for some seconds");
    expect_no_word(&mut late, LONG_SILENCE)?;
    late.send("late")?;
    expect_no_word(&mut late, Duration::from_millis(300))?;
    late.half_close()?;
    late.did("sent `late` after some seconds and closed its sending half");
    expect_goodbye(&mut late)?;
    staying.did("stayed while others said goodbye");
    expect_no_word(&mut staying, Duration::from_millis(100))?;
    server.expect_all_thrown_away(greeted(&server, "a client that sends without end")?)
}

fn greeted(server: &Running, name: &str) -> Outcome<Actor> {
    let mut client = server.connect(name)?;
    client.expect("hello")?;
    Ok(client)
}

/// Expects nothing except, perhaps, the newline that belongs to `hello`.
fn expect_no_word(client: &mut Actor, time: Duration) -> Outcome {
    match &client.take_all_within(time)[..] {
        b"" | b"\n" => Ok(()),
        other => Err(client.finding("silence", &format!("it received {}", checker::quoted(other)))),
    }
}

/// Expects the line `bye` and the end, perhaps after the newline that belongs to `hello`.
fn expect_goodbye(client: &mut Actor) -> Outcome {
    match &client.read_to_end()?[..] {
        b"bye\n" | b"\nbye\n" | b"bye\r\n" | b"\nbye\r\n" => Ok(()),
        b"" => Err(client.finding("the line `bye`", "the connection ended without that line")),
        other => {
            let came =
                format!("it received {} before the end of the connection", checker::quoted(other));
            Err(client.finding("the line `bye`, and nothing more", &came))
        }
    }
}

fn greet_by_name(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut thinking = server.connect("the first client")?;
    thinking.expect_line("what is your name?")?;
    thinking.send("Bo")?;
    let thinks = Instant::now();

    let asked = || {
        let mut client = server.connect("a client")?;
        client.did("connected while another was thinking about its name");
        client.expect_line("what is your name?")?;
        Ok::<Actor, String>(client)
    };
    let mut whole = asked()?;
    whole.send("Ann\n")?;
    whole.expect_line("hello, Ann!")?;
    whole.did("was greeted");
    whole.expect_silence(Duration::from_millis(200))?;
    whole.send("I am still here\n")?;
    whole.expect_silence(Duration::from_millis(200))?;

    let mut telnet = asked()?;
    telnet.send("Ann\r\n")?;
    telnet.expect_line_to_the_byte("hello, Ann!")?;
    let mut two_words = asked()?;
    two_words.send("Mary Ann\n")?;
    two_words.expect_line("hello, Mary Ann!")?;
    let mut in_pieces = asked()?;
    in_pieces.send_in_pieces(&["An", "n\n"])?;
    in_pieces.expect_line("hello, Ann!")?;
    let mut between = asked()?;
    between.send_in_pieces(&["Ann\r", "\n"])?;
    between.expect_line_to_the_byte("hello, Ann!")?;

    let mut chinese = asked()?;
    let name = "小明😀\n".as_bytes(); // Xiaoming
    chinese.send_in_pieces(&[&name[..1], &name[1..5], &name[5..9], &name[9..]])?;
    chinese.did("sent the name `小明😀` and a newline in pieces, cut within the characters");
    chinese.expect_line("hello, 小明😀!")?;
    let mut long = asked()?;
    for byte in format!("{LONG_NAME}\n").bytes() {
        long.send([byte])?;
        thread::sleep(Duration::from_millis(5));
    }
    long.did(&format!("sent the name `{LONG_NAME}` byte by byte"));
    long.expect_line(&format!("hello, {LONG_NAME}!"))?;

    let mut longest = asked()?;
    let name = "Ann ".repeat(224) + "Anna"; // no white space at the end, which a program may keep
    longest.send(format!("{name}\n"))?;
    longest.did("sent a name of 900 bytes and a newline");
    longest.expect_line(&format!("hello, {name}!"))?;
    let mut empty = asked()?;
    empty.send("\n")?;
    empty.did("sent an empty name");
    empty.line()?; // whatever it says
    let mut nothing = asked()?;
    nothing.half_close()?;
    drop(nothing);

    let mut with_more = asked()?;
    with_more.send("Ann\nand more\n")?;
    with_more.did("sent `Ann\\nand more\\n` in one piece");
    with_more.expect_line("hello, Ann!")?;
    with_more.expect_silence(Duration::from_millis(200))?;
    let mut no_text = asked()?;
    no_text.send(b"\xffnn\n")?;
    no_text.did("sent the name `\\xffnn`, whose first byte is not UTF-8");
    let greeted = no_text.line()?;
    if !(greeted.starts_with("hello, ") && greeted.ends_with("nn!")) {
        let came = format!("it received the line `{greeted}`");
        return Err(no_text.finding("a line such as `hello, ?nn!`", &came));
    }

    let mut half = asked()?;
    half.send("Nobo")?;
    half.reset();
    let mut crowd = server.connect_at_once(20, "one of twenty clients")?;
    for client in &mut crowd {
        client.expect_line("what is your name?")?;
    }
    for (number, client) in crowd.iter_mut().enumerate() {
        client.send(format!("Ann {number}\n"))?;
    }
    for (number, client) in crowd.iter_mut().enumerate() {
        client.did("sent its name while 19 others did the same");
        client.expect_line(&format!("hello, Ann {number}!"))?;
    }
    thread::sleep(LONG_SILENCE.saturating_sub(thinks.elapsed()));
    thinking.send("b\n")?;
    thinking.did("sent `Bo`, thought for some seconds, and then sent `b` and a newline");
    thinking.expect_line("hello, Bob!")?;
    whole.did("was greeted, sent one more line some seconds ago, and stayed");
    whole.expect_silence(Duration::from_millis(100))?;
    server.expect_little_kept_of(asked()?)
}

const LONG_NAME: &str = "Pippilotta Viktualia Rullgardina Krusmynta Efraimsdotter";

/// Returns the greeting that the task asks for.
fn greeting() -> Vec<u8> {
    "A very good morning to all of you\n".repeat(530_000).into_bytes()
}

fn whole_greeting(attempt: &Attempt) -> Outcome {
    all_get_all_of_it(attempt)?;
    let server = attempt.serve()?;
    let mut talking = server.connect("a client that talks without end")?;
    talking.take_exactly(greeting().len())?;
    server.expect_little_kept_of(talking)
}

fn all_get_all_of_it(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut late = server.connect("the client that reads late")?;
    let mut talking = server.connect("the client that sent `hi` and reads late")?;
    talking.send("hi\n")?;
    let mut finished = server.connect("the client that closed its sending half immediately")?;
    finished.send("hi\n")?;
    finished.half_close()?;
    let mut gone = server.connect("a client that leaves in the middle")?;
    let _ = gone.take_all_within(Duration::from_millis(50));
    gone.reset();
    let mut quick = server.connect("the client that reads immediately")?;
    quick.did("connected while two others did not read");
    expect_greeting(&mut quick, Vec::new())?;

    let mut near_the_end = Vec::new();
    for pause in [600, 1200, 2200].map(Duration::from_millis) {
        let client =
            server.connect_with_little_room("the client that sends a word near the end")?;
        near_the_end.push((client, pause));
    }
    thread::scope(|scope| {
        let mut words = Vec::new();
        for (client, pause) in near_the_end {
            words.push(scope.spawn(move || says_a_word_near_the_end(client, pause)));
        }
        thread::sleep(Duration::from_secs(2)); // how late they are
        late.did("began to read two seconds after another client had received its greeting");
        expect_greeting(&mut late, Vec::new())?;
        talking.did("began to read two seconds after another client had received its greeting");
        expect_greeting(&mut talking, Vec::new())?;
        finished.did("sent `hi`, closed its sending half, and read two seconds later");
        expect_greeting(&mut finished, Vec::new())?;
        for word in words {
            word.join().unwrap_or_else(|_| Err("the check has panicked".to_string()))?;
        }
        Ok(())
    })
}

/// Reads nearly all, is silent for a while, says a word, and only then reads what is left.
fn says_a_word_near_the_end(mut client: Actor, pause: Duration) -> Outcome {
    let size = greeting().len() - 400_000;
    let most = client.take_exactly(size)?;
    thread::sleep(pause);
    let _ = client.send("hi\n"); // a server that has gone is found out below
    thread::sleep(Duration::from_millis(200));
    client.did(&format!(
        "read nearly everything, sent `hi` {} later, and read on",
        checker::shown_time(pause)
    ));
    expect_greeting(&mut client, most)
}

/// Fails with the number of bytes if they are not all there, or not the right ones.
fn expect_greeting(client: &mut Actor, mut received: Vec<u8>) -> Outcome {
    let expected = greeting();
    received.extend(client.read_to_end()?);
    if received == expected {
        return Ok(());
    }
    Err(client.finding(
        &format!("the whole greeting of {} bytes", expected.len()),
        &format!("it received {} bytes, and then the connection ended", received.len()),
    ))
}
