//! The exercises of this lesson, and what each asks of a learner's program.

use std::time::{Duration, Instant};

use checker::{Actor, Attempt, Outcome, Running};

checker::exercises! {
    listening_events in "6.2.1-listening-events" {
        number_the_clients: "easy, 10 minutes: Number the clients",
        say_who_leaves: "easy, 10 minutes: Say when somebody leaves",
        polite_refusal: "medium, 30 minutes: A limit on clients, with a polite refusal",
        #[cfg_attr(windows, ignore = "Windows has no command that presses Ctrl-C")]
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
    let after = "two clients had come and left, and a third connected";
    server.expect_line_on_stdout(after, &numbered(3))?;

    let _crowd = server.connect_at_once(30, "one of thirty")?;
    for number in 4..=33 {
        let after = "three clients had come, then thirty came at once";
        server.expect_line_on_stdout(after, &numbered(number))?;
    }
    for number in 1..=33 {
        server.expect_line_on_stdout("33 clients have come in all", &numbered(number))?;
    }
    match server.stdout().lines().find(|line| *line == numbered(0) || *line == numbered(34)) {
        Some(line) => Err(format!("33 clients have come, and the line `{line}` came, too")),
        None => Ok(()),
    }
}

fn say_who_leaves(attempt: &Attempt) -> Outcome {
    const LEFT: &str = "有客户端离开了"; // a client has left
    let server = attempt.serve()?;
    let left = |after: &str, count| server.expect_lines_on_stdout(after, count, LEFT);

    let mut staying = server.connect("a client that stays")?;
    staying.send("I stay\n")?;
    let mut second = server.connect("the second client")?;
    second.send("I am going\n")?;
    drop(second);
    left("one client stayed, and another said something and left", 1)?;
    server.connect("the third client")?.reset();
    left("a client left with a reset", 2)?;
    let mut fourth = server.connect("the fourth client")?;
    fourth.half_close()?;
    left("a client closed its sending half", 3)?;
    staying.send(b"\xff is not UTF-8\n")?;
    staying.expect_silence(Duration::from_millis(200))?;
    drop(server.connect_at_once(20, "one of twenty")?);
    left("twenty clients came at once and left at once", 23)?;
    staying.did("stayed while all the others left");
    staying.expect_silence(Duration::from_millis(1200))?;
    left("one client was silent for more than a second, and stayed", 23)?;
    drop(staying);
    left("the last client left", 24)
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
        client.did("stayed while others were refused");
        client.expect_silence(Duration::from_millis(100))?;
    }

    // One leaves in an orderly way, one by a reset, and one after having talked.
    let mut left = inside.remove(0);
    left.send("I am going\n")?;
    drop(left);
    let first = welcome_again(attempt, &server, "one of the three had left")?;
    inside.remove(0).reset();
    let second = welcome_again(attempt, &server, "one of the three had left with a reset")?;
    let mut refused = server.connect("one more client")?;
    refused.expect_line("full")?;
    drop((first, second));

    for _ in 0..200 {
        server.connect("a client")?.reset();
    }
    let after = "two hundred had come and reset the connection at once";
    let _first = welcome_again(attempt, &server, after)?;
    let _second = welcome_again(attempt, &server, after)?;
    let mut refused = server.connect("one more client")?;
    refused.did("came when three were inside");
    refused.expect_line("full")?;

    three_of_thirty_who_come_together(&attempt.serve()?)?;
    never_more_than_three(&attempt.serve()?)
}

fn three_of_thirty_who_come_together(server: &Running) -> Outcome {
    let mut welcomed = 0;
    let mut crowd = server.connect_at_once(30, "one of thirty clients")?;
    for client in &mut crowd {
        client.did("connected at the same time as the others");
        match client.line()?.as_str() {
            "welcome" => welcomed += 1,
            "full" => {}
            other => return Err(client.finding("`welcome` or `full`", &format!("`{other}` came"))),
        }
    }
    match welcomed {
        3 => Ok(()),
        _ => Err(format!(
            "thirty clients came together, and {welcomed} were told `welcome`: three were to be"
        )),
    }
}

/// Who asks in one step and counts in another lets too many in now and then, so this is tried many
/// times. The server may need a moment to see who has left, so fewer than three are right, too.
fn never_more_than_three(server: &Running) -> Outcome {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        let mut crowd = server.connect_at_once(6, "one of six clients")?;
        let mut welcomed = 0;
        for client in &mut crowd {
            client.did("connected at the same time as the others");
            welcomed += usize::from(client.line()? == "welcome");
        }
        if welcomed > 3 {
            return Err(format!(
                "six clients came together, and {welcomed} were told `welcome`: three were to be"
            ));
        }
    }
    Ok(())
}

fn welcome_again(attempt: &Attempt, server: &Running, after: &str) -> Outcome<Actor> {
    attempt.eventually(|| {
        let mut client = server.connect("a client")?;
        client.did(&format!("came after {after}"));
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
    std::thread::sleep(Duration::from_millis(300)); // a server may note a client after welcoming it

    server.press_ctrl_c();
    for client in &mut staying {
        client.did("saw Ctrl-C pressed");
        client.expect_line("bye")?;
    }
    // The clients stay, and the server goes all the same.
    ends_well(&server, "all clients were told `bye` after Ctrl-C")?;
    for client in &mut staying {
        client.did("was told `bye`");
        client.expect_end()?;
    }
    talking.did("saw Ctrl-C pressed");
    talking.expect_line("bye")
}

#[cfg(unix)]
fn ends_well(server: &Running, after: &str) -> Outcome {
    match server.expect_exit(after)? {
        status if status.success() => Ok(()),
        status => Err(format!(
            "{after}, and the server was to end with exit status 0, but it was {status}"
        )),
    }
}

#[cfg(not(unix))]
fn close_cleanly(_attempt: &Attempt) -> Outcome {
    println!("skipped: Windows has no command that presses Ctrl-C");
    Ok(())
}
