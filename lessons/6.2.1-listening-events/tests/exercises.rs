//! The exercises of this lesson, and what each asks of a learner's program.

use std::time::Instant;

use checker::{Actor, Attempt, LONG_SILENCE, Outcome, Places, Running};

checker::exercises! {
    listening_events in "6.2.1-listening-events" {
        number_the_clients: "easy, 10 minutes: Number the clients",
        say_who_leaves: "easy, 10 minutes: Say when somebody leaves",
        polite_refusal: "medium, 30 minutes: A limit on clients, with a polite refusal",
        #[cfg(not(windows))] // Windows has no command that presses Ctrl-C
        close_cleanly: "medium, 40 minutes: A server that closes cleanly on Ctrl-C",
    }
}

fn number_the_clients(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let numbered = |number: usize| format!("client number {number}");
    let first = server.connect("the first client")?;
    server.expect_line_on_stdout("a client connected", &numbered(1))?;
    let second = server.connect("the second client")?;
    server.expect_line_on_stdout("a second client connected", &numbered(2))?;
    drop(first);
    second.reset();
    let mut third = server.connect("the third client")?;
    third.send("I am the third\n")?;
    let after = "two clients connected and left, and a third connected";
    server.expect_line_on_stdout(after, &numbered(3))?;

    // A program that counts in each client's thread sometimes gives a number twice, or leaves one out.
    let mut came = 3;
    for _ in 0..CROWDS {
        let crowd = server.connect_at_once(30, "one of thirty")?;
        came += crowd.len();
        let after = format!("{came} clients have connected, thirty at a time");
        server.expect_lines_on_stdout(&after, came, CONNECTED)?;
    }
    let after = format!("{came} clients have connected in all");
    server.expect_line_on_stdout(&after, &numbered(came))?;
    attempt.eventually(|| {
        let printed = server.stdout();
        let lines: Vec<&str> = printed.lines().collect();
        let torn = lines
            .windows(2)
            .find(|pair| pair[1].starts_with("client number ") && pair[0] != CONNECTED);
        if let Some(pair) = torn {
            return Err(format!(
                "many clients connected at the same time, and the line `{}` should be right under \
                 the line `{CONNECTED}`, but it is under `{}`",
                pair[1], pair[0]
            ));
        }
        let numbers = printed.lines().filter_map(|line| line.strip_prefix("client number "));
        let mut numbers: Vec<usize> = numbers.map(|text| text.parse().unwrap_or(0)).collect();
        numbers.sort_unstable();
        match (1..=came).find(|number| numbers.get(number - 1) != Some(number)) {
            None if numbers.len() == came => Ok(()),
            None => Err(format!(
                "{after}, but the program printed {} lines that begin with `client number`",
                numbers.len()
            )),
            Some(number) => Err(format!(
                "{after}, so the program should have printed the line `{}` once, but it did not, \
                 or it printed another number twice",
                numbered(number)
            )),
        }
    })
}

const CROWDS: usize = 20;

const CONNECTED: &str = "有客户端连接上来了"; // a client has connected

fn say_who_leaves(attempt: &Attempt) -> Outcome {
    const LEFT: &str = "有客户端离开了"; // a client has left
    let server = attempt.serve()?;
    let left = |after: &str, count| server.expect_lines_on_stdout(after, count, LEFT);

    let mut staying = server.connect("a client that stays")?;
    staying.talk_in_vain()?;
    let mut second = server.connect("the second client")?;
    second.send("I am going\n")?;
    drop(second);
    left("one client stayed, and another sent something and left", 1)?;
    server.connect("the third client")?.reset();
    left("a client left with a reset", 2)?;
    let mut fourth = server.connect("the fourth client")?;
    fourth.half_close()?;
    left("a client closed its sending half", 3)?;
    drop(server.connect_at_once(20, "one of twenty")?);
    left("twenty clients connected at the same time, and then all of them left", 23)?;
    staying.did("stayed while all the others left");
    staying.expect_silence(LONG_SILENCE)?;
    left("one client stayed and was silent for some seconds", 23)?;
    server.expect_all_thrown_away(server.connect("a client that talks without end")?)?;
    left("a client sent a lot and left", 24)?;
    drop(staying);
    left("the last client left", 25)
}

fn polite_refusal(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut inside = Vec::new();
    for name in ["the first client", "the second client", "the third client"] {
        let mut client = server.connect(name)?;
        client.expect_line("welcome")?;
        inside.push(client);
    }
    let mut outside = Vec::new(); // they were told that it is over, and keep their own half open
    for name in ["the fourth client", "the fifth client"] {
        let mut refused = server.connect(name)?;
        refused.expect_line("full")?;
        refused.did("was told `full`");
        refused.expect_over()?;
        outside.push(refused);
    }
    for client in &mut inside {
        client.talk_in_vain()?;
    }
    expect_full(&server, "connected while three who had sent something were inside")?;

    // One leaves in an orderly way, one by a reset, and one after having talked.
    let mut left = inside.remove(0);
    left.send("I am going\n")?;
    drop(left);
    let first = welcome_again(attempt, &server, "one of the three had left")?;
    inside.remove(0).reset();
    let second = welcome_again(attempt, &server, "one of the three had left with a reset")?;
    expect_full(&server, "connected while three were inside")?;
    drop((first, second));

    for _ in 0..200 {
        server.connect("a client")?.reset();
    }
    let after = "two hundred clients had connected and immediately reset the connection";
    let mut first = welcome_again(attempt, &server, after)?;
    let _second = welcome_again(attempt, &server, after)?;
    let silent = Instant::now();
    expect_full(&server, "connected while three were inside")?;

    Places { count: 3, welcome: "welcome", refusal: "full" }.hold_when_many_come(attempt)?;
    first.did("was inside and sent nothing for some seconds");
    first.expect_silence(LONG_SILENCE.saturating_sub(silent.elapsed()))?;
    expect_full(&server, "connected while three who had been silent for some seconds were inside")?;
    let server = attempt.serve()?;
    server.expect_all_thrown_away(server.connect("a client that talks without end")?)
}

fn expect_full(server: &Running, did: &str) -> Outcome {
    let mut refused = server.connect("one more client")?;
    refused.did(did);
    refused.expect_line("full")
}

fn welcome_again(attempt: &Attempt, server: &Running, after: &str) -> Outcome<Actor> {
    attempt.eventually(|| {
        let mut client = server.connect("a client")?;
        client.did(&format!("connected after {after}"));
        client.expect_line("welcome")?;
        Ok(client)
    })
}

#[cfg(unix)]
fn close_cleanly(attempt: &Attempt) -> Outcome {
    let alone = attempt.serve()?;
    alone.press_ctrl_c();
    ends_well(&alone, "Ctrl-C was pressed while nobody was connected")?;

    let server = attempt.serve()?;
    server.expect_little_kept_of(server.connect("a client that talks without end")?)?;
    let mut leaving = server.connect("a client that resets")?;
    leaving.expect_line("welcome")?;
    let mut gone = server.connect("a client that leaves")?;
    gone.expect_line("welcome")?;
    let mut staying = server.connect_at_once(20, "one of twenty clients")?;
    for client in &mut staying {
        client.expect_line("welcome")?;
    }
    let mut talking = server.connect("a client that talks")?;
    talking.expect_line("welcome")?;
    talking.send("good morning\n")?;
    leaving.reset();
    drop(gone);
    // A server may note a client after welcoming it.
    std::thread::sleep(std::time::Duration::from_millis(300));

    server.press_ctrl_c();
    // First that it ends, although the clients stay: whom a server tells first is its own affair, so one
    // that waits for each of them is seen by how long it takes, and not by who hears of it late.
    ends_well(
        &server,
        "Ctrl-C was pressed while twenty clients were connected that don't leave by themselves",
    )?;
    for client in &mut staying {
        client.did("saw Ctrl-C pressed");
        client.expect_line("bye")?;
        client.did("was told `bye`");
        client.expect_end()?;
    }
    talking.did("saw Ctrl-C pressed");
    talking.expect_line("bye")
}

#[cfg(unix)]
fn ends_well(server: &Running, after: &str) -> Outcome {
    const CLOSED: &str = "服务器关闭了"; // the server has closed
    let status = server.expect_exit(after)?;
    if !status.success() {
        return Err(format!(
            "{after}, so the server should have ended with exit status 0, but it ended with \
             {status}"
        ));
    }
    server.expect_line_on_stdout(after, CLOSED)
}

#[cfg(not(unix))]
fn close_cleanly(_attempt: &Attempt) -> Outcome {
    println!("skipped: Windows has no command that presses Ctrl-C");
    Ok(())
}
