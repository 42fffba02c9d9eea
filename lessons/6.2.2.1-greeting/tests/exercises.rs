//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::Duration;

use checker::{Actor, Attempt, Outcome};

checker::exercises! {
    greeting in "6.2.2.1-greeting" {
        say_goodbye: "easy, 15 minutes: Say goodbye",
        greet_by_name: "medium, 30 minutes: Greet by name",
        whole_greeting: "hard, 45 minutes: A long greeting, and all of it",
    }
}

fn say_goodbye(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut client = server.connect("the client")?;
    client.expect_line("hello")?;
    client.send("this is me\n")?;
    client.expect_silence(Duration::from_millis(500))?;
    client.half_close()?;
    client.expect_line("bye")?;
    client.did("was told `bye`");
    client.expect_end()?;

    let mut staying = server.connect("a client that stays")?;
    staying.expect_line("hello")?;
    let mut silent = server.connect("a client that said nothing")?;
    silent.expect_line("hello")?;
    silent.half_close()?;
    silent.expect_line("bye")?;
    staying.did("stayed while another said goodbye");
    staying.expect_silence(Duration::from_millis(200))
}

fn greet_by_name(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut thinking = server.connect("the first client")?;
    thinking.expect_line("what is your name?")?;

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

    let mut telnet = asked()?;
    telnet.send("Ann\r\n")?;
    telnet.expect_line("hello, Ann!")?;
    let mut two_words = asked()?;
    two_words.send("Mary Ann\n")?;
    two_words.expect_line("hello, Mary Ann!")?;
    let mut in_pieces = asked()?;
    in_pieces.send_in_pieces(&["An", "n\n"])?;
    in_pieces.expect_line("hello, Ann!")?;

    let mut chinese = asked()?;
    let name = "小明\n".as_bytes(); // Xiaoming
    chinese.send_in_pieces(&[&name[..1], &name[1..5], &name[5..]])?;
    chinese.did("sent the name `小明` and a newline, cut within the characters,");
    chinese.expect_line("hello, 小明!")?;

    let mut with_more = asked()?;
    with_more.send("Ann\nand more\n")?;
    with_more.did("sent `Ann\\nand more\\n` in one piece");
    with_more.expect_line("hello, Ann!")?;
    with_more.expect_silence(Duration::from_millis(200))?;

    thinking.did("thought about its name, sent it at last");
    thinking.send("Bob\n")?;
    thinking.expect_line("hello, Bob!")
}

/// What the starter's `greeting` makes.
fn greeting() -> Vec<u8> {
    "A very good morning to all of you\n".repeat(530_000).into_bytes()
}

fn whole_greeting(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut late = server.connect("the client that reads late")?;
    let mut talking = server.connect("the client that said `hi` and reads late")?;
    talking.send("hi\n")?;

    let mut quick = server.connect("the client that reads at once")?;
    quick.did("connected while two others did not read");
    expect_greeting(&mut quick)?;
    thread::sleep(Duration::from_secs(2)); // how late they are
    late.did("began to read two seconds after another had its greeting");
    expect_greeting(&mut late)?;
    talking.did("began to read two seconds after another had its greeting");
    expect_greeting(&mut talking)
}

/// Fails with the number of bytes where they are not all, or not the right ones.
fn expect_greeting(client: &mut Actor) -> Outcome {
    let expected = greeting();
    let received = client.read_to_end()?;
    if received == expected {
        return Ok(());
    }
    Err(client.finding(
        &format!("the whole greeting of {} bytes", expected.len()),
        &format!("{} bytes came, and then the connection ended", received.len()),
    ))
}
