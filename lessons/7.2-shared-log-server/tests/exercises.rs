//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, LONG_SILENCE, Outcome, Running, shown_time};

checker::exercises! {
    shared_log_server in "7.2-shared-log-server" {
        how_many_writes: "easy, 15 minutes: How many writes?",
        take_a_break: "medium, 40 minutes: Take a break",
    }
}

fn how_many_writes(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b, _c) = three_clients(&server)?;
    let label = format!("{}:", port(&a)).len();

    let mut d = newcomer(&server, &mut a, "client D")?;
    let lines = ["one", "你好😀", "3"];
    for line in lines {
        a.send(format!("{line}\n"))?;
        d.did("was connected, and A spoke");
        d.expect_line(&format!("{}:{line}", port(&a)))?;
    }
    let bytes: usize = lines.iter().map(|line| label + line.len() + 1).sum();
    let left = port(&d);
    drop(d);
    let after = "a client was sent 3 lines, one after the other, and closed its connection";
    server.expect_line_on_stdout(after, &told(left, bytes, 3))?;
    let times = server.stdout().lines().filter(|line| is_about(line, left)).count();
    if times > 1 {
        return Err(format!(
            "{after}, but the program printed {times} lines about it instead of one"
        ));
    }

    let mut reset = newcomer(&server, &mut a, "client E")?;
    a.send(b"\xfe\0 once\n")?;
    reset.expect_line(&format!("{}:\u{fffd}\0 once", port(&a)))?;
    let left = port(&reset);
    reset.reset();
    let after = "another client was sent one line and left with a reset";
    server.expect_line_on_stdout(after, &told(left, label + 8, 1))?;

    let mut f = newcomer(&server, &mut a, "client F")?;
    let paste: String = (0..1000).map(|number| format!("line {number:04}\n")).collect();
    a.send(&paste)?;
    f.did("was connected, and A said a thousand lines in one piece");
    for number in 0..1000 {
        f.expect_line(&format!("{}:line {number:04}", port(&a)))?;
    }
    let left = port(&f);
    drop(f);
    let bytes = paste.len() + 1000 * label;
    let begins = format!("{left} was sent {bytes} bytes in ");
    let after = "a client was sent a thousand lines in one piece and closed its connection";
    let writes: usize = attempt.eventually(|| {
        let printed = server.stdout();
        let line = printed.lines().find(|line| is_about(line, left));
        let line =
            line.ok_or_else(|| format!("{after}, but the program printed no line about it"))?;
        let count = line.strip_prefix(&begins).and_then(|rest| rest.strip_suffix(" writes"));
        count.and_then(|count| count.parse().ok()).ok_or_else(|| {
            format!("{after}, so a line should begin with `{begins}`, but it is `{line}`")
        })
    })?;
    if writes == 0 || writes > 500 {
        return Err(format!(
            "{after}. That should take only a few writes, but the program says that it took \
             {writes}"
        ));
    }
    b.find_line(&format!("{}:line 0999", port(&a)))?;

    let g = server.connect("client G")?;
    let left = port(&g);
    drop(g);
    let after = "a client was sent nothing and closed its connection";
    server.expect_line_on_stdout(after, &told(left, 0, 0))?;
    reset_while_it_is_sent_to(attempt, &server, &mut a)?;
    reads_when_it_has_said_all(attempt, &server, &mut a)
}

/// Returns more than the system keeps for a client that does not read, and less than the log holds.
fn a_lot() -> String {
    format!("{}\n", "x".repeat(999)).repeat(2000)
}

fn reset_while_it_is_sent_to(attempt: &Attempt, server: &Running, a: &mut Actor) -> Outcome {
    let deaf = newcomer_from_afar(server, a, "client H")?;
    a.send(a_lot())?;
    thread::sleep(Duration::from_millis(300)); // until the server waits in a write
    let left = port(&deaf);
    deaf.reset();
    attempt.eventually(|| match server.stdout().lines().filter(|line| is_about(line, left)).count() {
        1 => Ok(()),
        count => Err(format!(
            "a client did not read and left with a reset while the server was sending to it. The \
             program should have printed one line that begins with `{left} was sent`, but there \
             are {count}"
        )),
    })
}

/// Checks that the program reports everything that was sent, and not only what had been sent when the
/// client half-closed.
fn reads_when_it_has_said_all(attempt: &Attempt, server: &Running, a: &mut Actor) -> Outcome {
    let mut late = newcomer_from_afar(server, a, "client I")?;
    a.send(a_lot())?;
    a.send("that was all\n")?;
    thread::sleep(Duration::from_millis(300));
    let left = port(&late);
    late.half_close()?;
    thread::sleep(Duration::from_millis(300)); // what is told too early is told now
    let received = late.read_to_end()?.len();
    drop(late);
    attempt.eventually(|| {
        let begins = format!("{left} was sent {received} bytes in ");
        let printed = server.stdout();
        match printed.lines().find(|line| is_about(line, left)) {
            Some(line) if line.starts_with(&begins) => Ok(()),
            other => Err(format!(
                "a client closed its sending half, and only then read everything that it had been \
                 sent, {received} bytes. A line should begin with `{begins}`, but {}",
                other.map_or("there is none".to_string(), |line| format!(
                    "the program printed `{line}`"
                ))
            )),
        }
    })
}

/// Connects a client for which the system keeps little, and waits until it has been heard.
fn newcomer_from_afar(server: &Running, a: &mut Actor, name: &str) -> Outcome<Actor> {
    let mut client = server.connect_from_afar(name)?;
    client.send("my own words are not sent to me\n")?;
    a.find_line(&format!("{}:my own words are not sent to me", port(&client)))?;
    Ok(client)
}

/// Connects a client, and waits until it has been heard, so it is in the room.
fn newcomer(server: &Running, a: &mut Actor, name: &str) -> Outcome<Actor> {
    let mut client = server.connect(name)?;
    client.send("my own words are not sent to me\n")?;
    a.find_line(&format!("{}:my own words are not sent to me", port(&client)))?;
    Ok(client)
}

fn is_about(line: &str, port: u16) -> bool {
    line.starts_with(&format!("{port} was sent "))
}

fn told(port: u16, bytes: usize, writes: usize) -> String {
    format!("{port} was sent {bytes} bytes in {writes} writes")
}

fn take_a_break(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, mut b, mut c) = three_clients(&server)?;
    let (port_a, port_b) = (port(&a), port(&b));

    // A client that hears A's line knows that A's break has begun, because A has said so before.
    a.send("/pause\nI take a break\n")?;
    for other in [&mut b, &mut c] {
        other.did("listened when A took a break and spoke, with `/pause` and a line in one piece");
        other.expect_line(&format!("{port_a}:I take a break"))?;
    }
    let mut said = Vec::new();
    for number in 0..5 {
        b.send(format!("number {number} 😀\n"))?;
        c.did("listened when A took a break and B spoke");
        c.expect_line(&format!("{port_b}:number {number} 😀"))?;
        said.push(format!("{port_b}:number {number} 😀"));
    }
    a.did("took a break");
    a.expect_silence(LONG_SILENCE)?;
    a.send("/pause\nstill in it\n")?;
    c.did("listened when A took a break, said so again, and spoke");
    c.expect_line(&format!("{port_a}:still in it"))?;
    b.send((0..1000).map(|number| format!("many {number}\n")).collect::<String>())?;
    said.extend((0..1000).map(|number| format!("{port_b}:many {number}")));
    c.find_line(&format!("{port_b}:many 999"))?;
    a.did("took a break");
    a.expect_silence(Duration::from_millis(200))?;
    a.send_in_pieces(&["/go", "-on\r\n"])?;
    a.did("took a break and went on");
    for line in &said {
        a.expect_line(line)?;
    }
    b.send("after it\n")?;
    a.did("went on after a break, and B spoke");
    a.expect_line(&format!("{port_b}:after it"))?;
    c.expect_line(&format!("{port_b}:after it"))?;

    a.send("/go-on\n")?;
    b.did("listened while A took a break");
    b.expect_line(&format!("{port_a}:still in it"))?;
    for message in ["/pauses", "/pause now", "/paus", "no /pause", "/go-on!", "/go"] {
        a.send(format!("{message}\n"))?;
        b.did(&format!("waited while A sent `{message}`, which is not a command but a message"));
        b.expect_line(&format!("{port_a}:{message}"))?;
        c.did("waited while A sent a near miss of a command");
        c.expect_line(&format!("{port_a}:{message}"))?;
    }
    b.send("is everybody here?\n")?;
    a.did("was not in a break, and B spoke");
    a.expect_line(&format!("{port_b}:is everybody here?"))?;
    a.send("/pause\n/go-on\n/pause\n/go-on\nhere\n")?;
    b.did("listened when A sent commands and a line in one piece");
    b.expect_line(&format!("{port_a}:here"))?;
    b.send("good\n")?;
    a.did("went on after two breaks, and B spoke");
    a.expect_line(&format!("{port_b}:good"))?;

    leave_during_a_break(&server, &mut a, &mut b)?;
    attempt.try_again(|| goes_on_immediately(&mut a, &mut b))?;
    attempt.try_again(|| without_a_newline(&server, &mut a, &mut b))?;
    as_the_last_words(&server, &mut a, &mut b)?;
    let server = attempt.serve()?;
    let mut speaker = server.connect("a client that never ends its line")?;
    // The log may fill up: what grows after that is something else.
    (0..5).try_for_each(|_| speaker.send(a_lot()))?;
    server.wait_until_it_rests();
    server.expect_little_kept_of(speaker)
}

/// Checks that the break ends immediately: a server that only looks now and then is late.
fn goes_on_immediately(a: &mut Actor, b: &mut Actor) -> Outcome {
    const LATE: Duration = Duration::from_millis(500);
    for number in 0..3 {
        a.send(format!("/pause\nbreak {number}\n"))?;
        b.did("listened when A took a break");
        b.find_line(&format!("{}:break {number}", port(a)))?;
        b.send(format!("meanwhile {number}\n"))?;
        thread::sleep(Duration::from_millis(100 + 150 * number));
        let since = Instant::now();
        a.send("/go-on\n")?;
        a.did("took a break in which B spoke, and went on");
        let expected = format!("{}:meanwhile {number}", port(b));
        a.find_line(&expected)?;
        if since.elapsed() > LATE {
            let came = format!("it took {}", shown_time(since.elapsed()));
            return Err(a.finding(&format!("the line `{expected}` immediately"), &came));
        }
    }
    Ok(())
}

/// Sends commands without a newline, and then nothing more, so they are lines. The client has never
/// sent a newline, so the server waits only a moment for one.
fn without_a_newline(server: &Running, a: &mut Actor, b: &mut Actor) -> Outcome {
    const LONG_ENOUGH: Duration = Duration::from_millis(700);
    let mut node = server.connect("a client that sends no newlines")?;
    node.send("hello")?;
    a.find_line(&format!("{}:hello", port(&node)))?;
    b.find_line(&format!("{}:hello", port(&node)))?;
    node.send("/pause")?;
    b.did("listened when somebody sent `/pause` without a newline, and then nothing more");
    b.expect_silence(LONG_ENOUGH)?;
    b.send("quietly\n")?;
    let said = format!("{}:quietly", port(b));
    a.expect_line(&said)?;
    node.did("sent `/pause` without a newline, and then nothing more");
    node.expect_silence(Duration::from_millis(200))?;
    node.send("/go-on")?;
    node.did("took a break and sent `/go-on` without a newline, and then nothing more");
    node.expect_line(&said)
}

fn as_the_last_words(server: &Running, a: &mut Actor, b: &mut Actor) -> Outcome {
    for command in ["/pause", "/go-on"] {
        let mut leaving = server.connect("a client that leaves")?;
        leaving.send(format!("I go\n{command}"))?;
        leaving.half_close()?;
        let _ = leaving.read_to_end()?;
        b.send("it has gone\n")?;
        a.did(&format!(
            "listened when somebody sent a line and `{command}` without a newline, and closed its \
             sending half"
        ));
        a.expect_line(&format!("{}:I go", port(&leaving)))?;
        a.expect_line(&format!("{}:it has gone", port(b)))?;
    }
    Ok(())
}

fn leave_during_a_break(server: &Running, a: &mut Actor, b: &mut Actor) -> Outcome {
    const LEFT: &str = "有客户端退出了"; // a client has left
    let mut crowd = Vec::new();
    for _ in 0..6 {
        let mut client = server.connect("one of six clients")?;
        client.send("/pause\nin a break\n")?;
        a.did("listened when others took a break");
        a.find_line(&format!("{}:in a break", port(&client)))?;
        crowd.push(client);
    }
    b.send("something that they have not heard\n")?;
    a.find_line(&format!("{}:something that they have not heard", port(b)))?;
    thread::sleep(Duration::from_millis(100));
    for (number, client) in crowd.into_iter().enumerate() {
        if number % 2 == 0 { drop(client) } else { client.reset() }
    }
    server.expect_lines_on_stdout("six clients left during a break", 6, LEFT)
}

/// Returns three clients that are all in the room: A and B have heard somebody, C nobody.
fn three_clients(server: &Running) -> Outcome<(Actor, Actor, Actor)> {
    let mut a = server.connect("client A")?;
    let mut b = server.connect("client B")?;
    b.send("I am B\n")?;
    a.did("was connected when client B connected and said `I am B`");
    a.expect_line(&format!("{}:I am B", port(&b)))?;
    let mut c = server.connect("client C")?;
    c.send("I am C\n")?;
    for other in [&mut a, &mut b] {
        other.did("was connected when client C connected and said `I am C`");
        other.expect_line(&format!("{}:I am C", port(&c)))?;
    }
    Ok((a, b, c))
}

fn port(actor: &Actor) -> u16 {
    actor.address().port()
}
