//! The exercises of this lesson, and what each asks of a learner's program.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use checker::{
    Actor, Attempt, Deadline, Outcome, PATIENCE, Running, Watch, late, quoted, send_until_stuck,
    shown_times,
};

checker::exercises! {
    async_server in "7.4-async-server" {
        #[cfg(not(windows))] // Windows has no command that presses Ctrl-C
        countdown: "easy, 15 minutes: A countdown",
        who_has_left: "medium, 25 minutes: Who has left",
        room_for_three: "medium, 30 minutes: A room for three",
        too_fast: "medium, 30 minutes: You are talking too fast",
    }
}

/// In this time, something that was not to come would have come.
const A_WHILE: Duration = Duration::from_millis(100);

fn port(client: &Actor) -> u16 {
    client.address().port()
}

// --- countdown ---

#[cfg(unix)]
fn countdown(attempt: &Attempt) -> Outcome {
    use std::net::TcpStream;

    use checker::shown_time;

    const LAST: &str = "服务器关闭了"; // the server has closed
    let server = attempt.serve()?;
    let (mut a, mut b) = two_clients(&server)?;
    let left = server.connect("a client that leaves")?;
    left.reset();

    let (since, watch) = (Instant::now(), Watch::start());
    server.press_ctrl_c();
    a.did("was connected when Ctrl-C was pressed");
    a.expect_line("closing in 3")?;
    a.send(b"\xff still here?\n")?;
    if TcpStream::connect(server.address()).is_ok() {
        return Err(
            "after `closing in 3`, nobody new should be let in, but a client could connect"
                .to_string(),
        );
    }
    let a_line = format!("{}:", port(&a));
    let mut count = vec!["closing in 3", "closing in 2", "closing in 1", LAST].into_iter();
    b.set_patience(attempt.patience() + Duration::from_secs(1));
    b.did("was connected when Ctrl-C was pressed, and A spoke during the countdown, which went on");
    // On a busy machine what A said may come late, but not after all.
    let mut heard = false;
    let (mut seconds, mut last, mut shortest) = (0, since, Duration::MAX);
    loop {
        let line = b.line()?;
        if line.starts_with(&a_line) {
            heard = true;
            continue;
        }
        let expected = count.next().unwrap_or(LAST);
        if line != expected {
            return Err(
                b.finding(&format!("the line `{expected}`"), &format!("it received `{line}`"))
            );
        }
        let after = since.elapsed();
        if after < Duration::from_millis(970) * seconds {
            return Err(format!(
                "the line `{line}` should arrive {seconds} s after Ctrl-C, but it arrived after \
                 {:.1} s",
                after.as_secs_f64()
            ));
        }
        if seconds > 0 {
            shortest = shortest.min(last.elapsed());
        }
        (seconds, last) = (seconds + 1, Instant::now());
        if line == LAST {
            break;
        }
    }
    // On a busy machine a line may be late, but hardly each.
    if shortest > Duration::from_millis(1350) {
        let shortest = shown_time(shortest);
        let finding = format!("a second should pass between two lines, but it was {shortest}");
        return Err(late(&watch, finding));
    }
    if !heard {
        return Err(
            b.finding("what A said, before the countdown was over", "it did not receive that")
        );
    }
    a.did("was connected, and `closing in 3` had arrived");
    a.set_patience(attempt.patience() + Duration::from_secs(1));
    for line in ["closing in 2", "closing in 1", LAST] {
        a.expect_line(line)?;
    }
    for client in [&mut a, &mut b] {
        client.expect_end()?;
    }
    drop((a, b));
    match server.expect_exit("the countdown was over")? {
        status if status.success() => Ok(()),
        status => Err(format!(
            "the server should have ended with exit status 0, but it ended with {status}"
        )),
    }
}

/// Checks nothing, because on Windows nobody can press Ctrl-C for another program.
#[cfg(not(unix))]
fn countdown(_: &Attempt) -> Outcome {
    Err("this exercise cannot be checked on Windows".to_string())
}

// --- who_has_left ---

fn who_has_left(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut listeners = [server.connect("client A")?, server.connect("client B")?];
    let [a, b] = &mut listeners;
    b.send("I am here\n")?;
    a.did("was in the room when B came and said a line");
    a.expect_line(&format!("{}:I am here", port(b)))?;
    a.send("so am I\n")?;
    b.expect_line(&format!("{}:so am I", port(a)))?;
    a.expect_silence(A_WHILE)?;

    let mut client = comes(&server, &mut listeners)?;
    client.send("goodbye")?; // without a newline
    leaves(&mut listeners, client, &["goodbye"], "said `goodbye` and left in an orderly way")?;
    let client = comes(&server, &mut listeners)?;
    let port_of_client = port(&client);
    client.reset();
    all_hear(&mut listeners, port_of_client, &[], "left with a reset")?;
    let client = comes(&server, &mut listeners)?;
    leaves(&mut listeners, client, &[], "left in an orderly way without a word")?;

    let mut client = comes(&server, &mut listeners)?;
    client.half_close()?;
    client.read_to_end()?;
    leaves(&mut listeners, client, &[], "left, after it had closed its sending half")?;

    let lines: Vec<String> = (0..1000).map(|number| format!("number {number}")).collect();
    let mut client = comes(&server, &mut listeners)?;
    client.send(lines.join("\n"))?;
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    leaves(&mut listeners, client, &lines, "said a thousand lines and left in an orderly way")?;

    let mut deaf = server.connect_from_afar("a client that does not read")?;
    deaf.send("I am in\n")?;
    for listener in &mut listeners {
        listener.expect_line(&format!("{}:I am in", port(&deaf)))?;
    }
    let [a, b] = &mut listeners;
    a.did("was in the room when somebody talked a lot and another client did not read");
    // The line comes as soon as the server has noticed, so among what is said for A.
    let mut heard = says_a_lot(b, a)?;
    let left = format!("{}:has left", port(&deaf));
    for listener in [&mut *a, &mut *b] {
        listener.did("was in the room when somebody was disconnected because it did not read");
    }
    heard.extend(a.take_exactly(left.len() + 1).map_err(|finding| {
        format!("{finding}. It should be the line `{left}`, or what was said after it")
    })?);
    let told = heard.split(|byte| *byte == b'\n').filter(|line| *line == left.as_bytes()).count();
    if told != 1 {
        let came = format!("it received that line {}", shown_times(told));
        return Err(a.finding(&format!("the line `{left}` once"), &came));
    }
    b.expect_line(&left)?;
    drop(deaf);

    thirty_leave(&server, &mut listeners)?;
    for listener in &mut listeners {
        listener.did("was in the room when all others had left");
        listener.expect_silence(A_WHILE)?;
    }
    let mut client = comes(&server, &mut listeners)?;
    client.did("connected when others had left");
    client.expect_silence(A_WHILE)
}

/// Returns a client that has spoken and been heard.
fn comes(server: &Running, listeners: &mut [Actor]) -> Outcome<Actor> {
    let mut client = server.connect("a client")?;
    client.send("I am in\n")?;
    for listener in listeners {
        listener.did("was in the room when somebody came and said `I am in`");
        listener.expect_line(&format!("{}:I am in", port(&client)))?;
    }
    Ok(client)
}

fn leaves(listeners: &mut [Actor], client: Actor, last: &[&str], what: &str) -> Outcome {
    let port = port(&client);
    drop(client);
    all_hear(listeners, port, last, what)
}

fn all_hear(listeners: &mut [Actor], port: u16, last: &[&str], what: &str) -> Outcome {
    for listener in listeners {
        listener.did(&format!("was in the room when somebody {what}"));
        for line in last {
            listener.expect_line(&format!("{port}:{line}"))?;
        }
        listener.expect_line_to_the_byte(&format!("{port}:has left"))?;
    }
    Ok(())
}

/// Lets thirty clients connect and leave at the same moment, half of them with a reset.
fn thirty_leave(server: &Running, listeners: &mut [Actor]) -> Outcome {
    let mut crowd = server.connect_at_once(30, "one of thirty clients")?;
    let mut all: Vec<u16> = crowd.iter().map(port).collect();
    all.sort_unstable();
    for client in &mut crowd {
        client.send("I am in\n")?;
    }
    for (what, did) in
        [("I am in", "thirty connected"), ("has left", "thirty left at the same time")]
    {
        for listener in &mut *listeners {
            listener.did(&format!("was in the room when {did}"));
            let mut left = HashSet::new();
            for _ in 0..all.len() {
                let line = listener.line()?;
                let port = line.strip_suffix(what).and_then(|label| label.strip_suffix(':'));
                match port.and_then(|port| port.parse().ok()) {
                    Some(port) if all.binary_search(&port).is_ok() && left.insert(port) => {}
                    _ => {
                        let expected = format!("a line `PORT:{what}` for each of them");
                        return Err(
                            listener.finding(&expected, &format!("it received `{line}` as well"))
                        );
                    }
                }
            }
        }
        for (number, client) in crowd.drain(..).enumerate() {
            if number % 2 == 0 {
                client.reset();
            }
        }
    }
    Ok(())
}

// --- room_for_three ---

fn room_for_three(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (mut a, b) = two_clients(&server)?;
    let c = let_in(&server, &mut a, "client C", &mut Vec::new())?;
    let mut refused = Vec::new();
    for name in ["the fourth client", "the fifth client"] {
        let mut client = server.connect(name)?;
        client.send("may I come in?\n")?;
        client.did("connected while three were inside and asked `may I come in?`");
        is_told_full(attempt, &mut client, &a)?;
        client.did("was told `full`");
        client.expect_end()?;
        refused.push(client);
    }
    a.did("was inside when others were refused");
    a.expect_silence(Duration::from_millis(200))?;

    drop(b);
    let b = let_in_again(attempt, &server, &mut a, "one had left while a refused client stayed")?;
    c.reset();
    let c = let_in_again(attempt, &server, &mut a, "one had left with a reset")?;
    let (b, c) = one_does_not_read(attempt, &server, &mut a, (b, c))?;
    let mut talks = server.connect("a client that is refused and talks without end")?;
    talks.expect_line("full")?;
    server.expect_little_kept_of(talks)?;
    drop((b, c, refused));
    let name = "one of those who come and go";
    for _ in 0..200 {
        server.connect(name)?.reset();
    }
    let after = "two had left, and two hundred had connected and reset the connection";
    let _b = let_in_again(attempt, &server, &mut a, after)?;
    let _c = let_in_again(attempt, &server, &mut a, after)?;
    expect_full(&server)?;

    three_of_thirty(&attempt.serve()?)
}

fn expect_full(server: &Running) -> Outcome {
    let mut client = server.connect("one more client")?;
    client.did("connected while three were inside");
    client.expect_line("full")
}

/// Waits until a client is told that the room is full. If it is let in, A hears what it says.
fn is_told_full(attempt: &Attempt, client: &mut Actor, a: &Actor) -> Outcome {
    let deadline = Deadline::after(attempt.patience());
    while !something_waits(client) && !deadline.is_over() {
        if something_waits(a) {
            let came = "client A, who is inside, heard it, so it was let in";
            return Err(client.finding("the line `full`", came));
        }
        thread::sleep(Duration::from_millis(5));
    }
    client.set_patience(Duration::from_millis(100)); // it has waited already
    let told = client.expect_line("full");
    client.set_patience(attempt.patience());
    told
}

/// Says more than the log holds, and the system keeps for a client that does not read. Returns so many
/// bytes as the listener has heard.
fn says_a_lot(speaker: &mut Actor, listener: &mut Actor) -> Outcome<Vec<u8>> {
    const PAGES: usize = 200;
    const LINES: usize = 60;
    let page = format!("{}\n", "x".repeat(999)).repeat(LINES);
    let label = format!("{}:", port(speaker)).len();
    let mut heard = Vec::new();
    for _ in 0..PAGES {
        speaker.send(&page)?;
        heard.extend(listener.take_exactly(page.len() + LINES * label)?);
    }
    Ok(heard)
}

/// Checks that a client that does not read is disconnected in the end and leaves a free place, even if
/// it never closes its own end. Returns the two clients that took its place and the speaker's.
fn one_does_not_read(
    attempt: &Attempt,
    server: &Running,
    a: &mut Actor,
    (b, mut speaker): (Actor, Actor),
) -> Outcome<(Actor, Actor)> {
    drop(b);
    let mut stay = Vec::new();
    let deaf = attempt.eventually(|| {
        let deaf = server.connect_from_afar("a client that does not read")?;
        is_let_in(deaf, a, &mut stay)
    })?;
    a.did("was inside when somebody talked a lot and another client did not read");
    let megabytes = says_a_lot(&mut speaker, a)?.len() / 1_000_000;
    let after = format!(
        "{megabytes} MB were said, and a client was disconnected because it did not read, but \
         kept its own end open"
    );
    let other = let_in_again(attempt, server, a, &after)?;
    drop(deaf);
    Ok((speaker, other))
}

/// Lets thirty clients connect at the same moment.
fn three_of_thirty(server: &Running) -> Outcome {
    let mut crowd = server.connect_at_once(30, "one of thirty clients")?;
    expect_full(server)?; // it connects after them, so it is told so after them
    for client in &mut crowd {
        let _ = client.send("hello\n"); // the refused may have been closed already
    }
    let mut told = 0;
    for client in &mut crowd {
        client.did("connected at the same time as 29 others, and each of them said `hello`");
        told += usize::from(client.line()? == "full");
    }
    match told {
        27 => Ok(()),
        _ => Err(format!(
            "thirty clients connected at the same time, and three of them should be let in, but \
             {} were",
            crowd.len() - told
        )),
    }
}

/// Connects a client that is let in as soon as the server has noticed that somebody has left.
fn let_in_again(attempt: &Attempt, server: &Running, a: &mut Actor, after: &str) -> Outcome<Actor> {
    // Those who are refused meanwhile stay: they take no places.
    let mut stay = Vec::new();
    attempt
        .eventually(|| let_in(server, a, "one more client", &mut stay))
        .map_err(|problem| format!("{after}, but then: {problem}"))
}

fn let_in(server: &Running, a: &mut Actor, name: &str, refused: &mut Vec<Actor>) -> Outcome<Actor> {
    is_let_in(server.connect(name)?, a, refused)
}

/// Sees whether a client is let in. If not, it is put to those who were refused.
fn is_let_in(mut client: Actor, a: &mut Actor, refused: &mut Vec<Actor>) -> Outcome<Actor> {
    let port = port(&client);
    let _ = client.send("I am in\n"); // a refused one may have been closed already
    // Either A hears it, or the client is told that the room is full.
    let deadline = Deadline::after(PATIENCE);
    while !something_waits(a) && !deadline.is_over() {
        if something_waits(&client) {
            client.did("connected when there was a free place");
            let told = client.expect_silence(Duration::from_millis(100));
            refused.push(client);
            return Err(told.err().unwrap_or_default());
        }
        thread::sleep(Duration::from_millis(5));
    }
    a.did("was inside when a client came and spoke");
    a.expect_line(&format!("{port}:I am in"))?;
    Ok(client)
}

/// Returns whether something has arrived for a client, or the end.
fn something_waits(client: &Actor) -> bool {
    let stream = client.stream();
    let _ = stream.set_nonblocking(true);
    let outcome = stream.peek(&mut [0]);
    let _ = stream.set_nonblocking(false);
    !outcome.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Returns two clients that are in the room.
fn two_clients(server: &Running) -> Outcome<(Actor, Actor)> {
    let mut a = server.connect("client A")?;
    let b = let_in(server, &mut a, "client B", &mut Vec::new())?;
    Ok((a, b))
}

// --- too_fast ---

/// How many questions may wait.
const PLACES: usize = 8;

/// What the screen shows when no question waits.
const NO_QUESTIONS: &str = "没有问题";

fn too_fast(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut screen = Screen { attempt, server: &server, seen: 0 };
    screen.expect(NO_QUESTIONS, "nobody had asked anything")?;
    let (mut a, mut b) = (server.connect("client A")?, server.connect("client B")?);
    eight_wait(&mut screen, &mut a, &mut b)?;
    every_line_comes_back(&mut screen, &mut a)?;
    let other_server = attempt.serve()?;
    let unread = answers_are_not_read(attempt, &other_server)?;
    for _ in 0..3 {
        twenty_ask_at_the_same_time(&mut screen)?;
    }
    no_line_ends(&server)?;
    screen.show_all("a client had sent 32 MiB without a newline")?;
    shows_what_is_left(&mut screen, a)?;
    clients_reset(&attempt.serve()?)?;
    unread.lose_nothing()
}

fn too_fast_for(text: &str) -> String {
    format!("说得太快了:{text}")
}

/// The server's keyboard and its screen.
struct Screen<'a> {
    attempt: &'a Attempt,
    server: &'a Running,
    /// The lines that have been looked at.
    seen: usize,
}

impl Screen<'_> {
    /// Returns the lines that nobody has looked at yet.
    fn unseen(&self) -> Vec<String> {
        let printed = self.server.stdout();
        let whole = printed.rfind('\n').map_or("", |end| &printed[..end]);
        let shown = whole.lines().filter(|line| !line.starts_with("server listening at port "));
        shown.skip(self.seen).map(str::to_string).collect()
    }

    /// Presses Enter, and returns the line that the screen shows then.
    fn press_enter(&mut self, when: &str) -> Outcome<String> {
        let expected = format!("{when}, and the screen should show one line for each Enter");
        if let Some(line) = self.unseen().first() {
            return Err(format!(
                "{expected}, but it showed {} without one",
                quoted(line.as_bytes())
            ));
        }
        self.server.type_line("")?;
        let deadline = Deadline::after(self.attempt.patience());
        loop {
            if let Some(line) = self.unseen().into_iter().next() {
                self.seen += 1;
                return Ok(line);
            }
            if deadline.is_over() {
                return Err(format!("{expected}, but it showed nothing"));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn expect(&mut self, line: &str, when: &str) -> Outcome {
        let shown = self.press_enter(when)?;
        match shown == line {
            true => Ok(()),
            false => Err(format!(
                "{when}, and Enter was pressed. The screen should show `{line}`, but it showed {}",
                quoted(shown.as_bytes())
            )),
        }
    }

    /// Presses Enter until no question is left. Returns them.
    fn show_all(&mut self, when: &str) -> Outcome<Vec<String>> {
        let mut questions = Vec::new();
        loop {
            match self.press_enter(when)? {
                line if line == NO_QUESTIONS => return Ok(questions),
                line => questions.push(line),
            }
            if questions.len() > PLACES {
                return Err(format!(
                    "{when}, and eight questions may wait, but the screen showed a ninth: {}",
                    quoted(questions[PLACES].as_bytes())
                ));
            }
        }
    }
}

/// Checks that eight questions are taken, and the ninth is not, whoever asks it.
fn eight_wait(screen: &mut Screen, a: &mut Actor, b: &mut Actor) -> Outcome {
    let mut leaver = screen.server.connect("a client")?;
    leaver.send("goodbye")?; // without a newline
    leaver.half_close()?;
    leaver.did(
        "asked `goodbye` without a newline while no question waited, and closed its sending half",
    );
    leaver.expect_end()?;
    let goodbye = format!("{}:goodbye", port(&leaver));
    let attempt = screen.attempt;
    attempt.eventually(|| {
        screen.expect(&goodbye, "a client had asked `goodbye` without a newline, and had left")
    })?;

    let asked = "client A had asked nine questions in one piece";
    let questions: Vec<String> =
        (1..=8).map(|number| format!("{}:question {number}", port(a))).collect();
    ask_nine(a)?;
    a.expect_silence(A_WHILE)?;
    b.expect_silence(Duration::ZERO)?;
    b.send("me too\n")?;
    b.did("asked `me too` while eight questions from client A waited");
    b.expect_line_to_the_byte(&too_fast_for("me too"))?;
    is_shown(&screen.show_all(asked)?, &questions)?;

    ask_nine(a)?;
    screen.expect(&questions[0], asked)?;
    one_place_is_free(b)?;
    a.send_in_pieces(&["once ag", "ain\n"])?;
    a.did("asked `once again` in two pieces while eight questions waited");
    a.expect_line_to_the_byte(&too_fast_for("once again"))?;
    let mut left = questions[1..].to_vec();
    left.push(format!("{}:one more", port(b)));
    is_shown(&screen.show_all(asked)?, &left)?;
    for client in [a, b] {
        client.did("was connected while the questions were shown");
        client.expect_silence(A_WHILE)?;
    }
    Ok(())
}

fn ask_nine(a: &mut Actor) -> Outcome {
    let lines: String = (1..=9).map(|number| format!("question {number}\n")).collect();
    a.send(lines)?;
    a.did("asked nine questions in one piece while none waited");
    a.expect_line_to_the_byte(&too_fast_for("question 9"))
}

/// Lets B ask two questions when there is a place for one, which may be free only a moment after its
/// question has been shown.
fn one_place_is_free(b: &mut Actor) -> Outcome {
    const A_MOMENT: Duration = Duration::from_millis(500);
    let (deadline, watch) = (Deadline::after(A_MOMENT), Watch::start());
    let expected = too_fast_for("and another");
    loop {
        b.send("one more\nand another\n")?;
        b.did("asked `one more` and `and another` when there was a place for one of them");
        let line = b.line()?;
        if line == expected {
            return Ok(());
        }
        let finding =
            b.finding(&format!("the line `{expected}`"), &format!("it received `{line}`"));
        if line != too_fast_for("one more") {
            return Err(finding);
        }
        b.expect_line(&expected)?;
        if deadline.is_over() {
            return Err(late(&watch, finding));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Fills the queue, in which nothing waits, and a thousand questions of A are too many.
fn fill(attempt: &Attempt, a: &mut Actor) -> Outcome {
    const TOO_MANY: usize = 1000;
    let question = |number: &usize| format!("fill {number}");
    let lines = (1..=PLACES + TOO_MANY).map(|number| question(&number) + "\n").collect::<String>();
    a.send(lines)?;
    let deadline = Deadline::after(attempt.patience());
    for number in PLACES + 1..=PLACES + TOO_MANY {
        a.did("asked 1,008 questions in one piece while none waited");
        a.expect_line(&too_fast_for(&question(&number)))?;
        if deadline.is_over() {
            let told = number - PLACES;
            let came = format!("only {told} had arrived after a while");
            return Err(a.finding("1,000 answers without a pause", &came));
        }
    }
    Ok(())
}

/// Checks that, while eight questions wait, every line comes back, and nothing else does.
fn every_line_comes_back(screen: &mut Screen, a: &mut Actor) -> Outcome {
    fill(screen.attempt, a)?;
    a.send("\r\n \t\n  你好 \r\n")?;
    a.expect_line_to_the_byte(&too_fast_for("你好"))?;
    a.send_in_pieces(&[b"\xe4\xbd" as &[u8], b"\xa0\n"])?;
    a.expect_line_to_the_byte(&too_fast_for("你"))?;
    a.send(b"\xfe\x80 no text\n")?;
    let line = a.line()?;
    if !(line.starts_with(&too_fast_for("")) && line.ends_with(" no text")) {
        let expected = too_fast_for("\u{fffd}\u{fffd} no text");
        return Err(a.finding(&format!("the line `{expected}`"), &format!("it received `{line}`")));
    }
    let long = "x".repeat(50_000);
    a.send(format!("{long}\n"))?;
    a.expect_line(&too_fast_for(&long))?;

    let mut leaver = screen.server.connect("a client")?;
    leaver.send("first\nlast")?;
    leaver.half_close()?;
    leaver.did(
        "asked `first` and, without a newline, `last`, and closed its sending half while eight \
         questions waited",
    );
    leaver.expect_line_to_the_byte(&too_fast_for("first"))?;
    leaver.expect_line_to_the_byte(&too_fast_for("last"))?;
    leaver.expect_end()?;
    let shown = screen.show_all("client A had asked 1,008 questions in one piece")?;
    let number = |number| format!("{}:fill {number}", port(a));
    is_shown(&shown, &(1..=8).map(number).collect::<Vec<String>>())
}

/// A client that asks without end and reads no answer. It has a server of its own, on which nobody presses
/// Enter or asks while the rest of the check goes on, so that a server that gives up is noticed.
struct Unread<'a> {
    screen: Screen<'a>,
    /// The client that the first eight questions are from.
    asker: Actor,
    flood: Actor,
    /// What it has asked.
    lines: String,
    since: Instant,
}

fn answers_are_not_read<'a>(attempt: &'a Attempt, server: &'a Running) -> Outcome<Unread<'a>> {
    const LINES: usize = 320_000;
    let mut screen = Screen { attempt, server, seen: 0 };
    let (mut a, mut b) = (server.connect("client A")?, server.connect("client B")?);
    fill(attempt, &mut a)?;
    let line = |number: usize| format!("{number} {}", ".".repeat(90));
    let mut lines: String = (0..LINES).map(|number| line(number) + "\n").collect();
    let mut flood = [server.connect_from_afar("a client")?];
    let sent = send_until_stuck(&mut flood, lines.as_bytes())?[0];
    let [flood] = flood;
    if sent == lines.len() {
        let expected = "the server to stop reading from it, because it does not read its answers";
        return Err(flood.finding(expected, "the server took everything"));
    }
    let since = Instant::now();
    let meanwhile = "while another client asked a lot and did not read its answers";
    for client in [&mut a, &mut b] {
        client.send("may I?\n")?;
        client.did(&format!("asked `may I?` {meanwhile}"));
        client.expect_line(&too_fast_for("may I?"))?;
    }
    screen.expect(&format!("{}:fill 1", port(&a)), "eight questions waited")?;
    lines.truncate(sent);
    Ok(Unread { screen, asker: a, flood, lines, since })
}

impl Unread<'_> {
    /// Lets the client read its answers at last. It should have lost none.
    fn lose_nothing(self) -> Outcome {
        const AT_LEAST: Duration = Duration::from_secs(4);
        let Unread { mut screen, asker, mut flood, lines, since } = self;
        thread::sleep(AT_LEAST.saturating_sub(since.elapsed()));
        let is_over = flood.half_close().is_err();
        flood.did("asked a lot and read nothing for some seconds");
        if is_over {
            return Err(flood.finding("its answers then", "the connection had been closed"));
        }
        flood.did(
            "asked a lot, read nothing for some seconds, closed its sending half, and then read \
             its answers",
        );
        let answers = answers_to_the_end(&mut flood)?;
        let (mut answers, mut taken) = (answers.iter().peekable(), Vec::new());
        for text in lines.lines().map(str::trim).filter(|text| !text.is_empty()) {
            if answers.next_if(|answer| **answer == too_fast_for(text)).is_none() {
                taken.push(format!("{}:{text}", port(&flood)));
            }
            // It may still have been asking when there was a place, but only for one question.
            if taken.len() > 1 {
                let came = answers.next().map_or("the connection ended".to_string(), |line| {
                    format!("it received `{line}`")
                });
                let expected = format!("the line `{}`", too_fast_for(text));
                return Err(flood.finding(&expected, &came));
            }
        }
        if let Some(line) = answers.next() {
            return Err(flood.finding("nothing more", &format!("it received `{line}`")));
        }
        let number = |number| format!("{}:fill {number}", port(&asker));
        let expected: Vec<String> = (2..=8).map(number).chain(taken).collect();
        let shown =
            screen.show_all("a client had asked a lot and read nothing for some seconds")?;
        is_shown(&shown, &expected)
    }
}

fn is_shown(shown: &[String], expected: &[String]) -> Outcome {
    let quoted = |lines: &[String]| match lines {
        [] => "none".to_string(),
        lines => quoted(lines.join(" and ").as_bytes()),
    };
    match shown == expected {
        true => Ok(()),
        false => Err(format!(
            "the screen should show the questions that waited, which were {}, but it showed {}",
            quoted(expected),
            quoted(shown)
        )),
    }
}

/// Returns the lines that arrive until the connection ends.
fn answers_to_the_end(client: &mut Actor) -> Outcome<Vec<String>> {
    let answers = client.read_to_end()?;
    Ok(String::from_utf8_lossy(&answers).lines().map(str::to_string).collect())
}

/// Lets twenty clients ask fifty questions each, and presses Enter meanwhile. Each question is either
/// shown or comes back, and each client's in order.
fn twenty_ask_at_the_same_time(screen: &mut Screen) -> Outcome {
    const WHEN: &str = "twenty clients asked at the same time";
    let mut crowd = screen.server.connect_at_once(20, "one of twenty clients")?;
    let questions: Vec<String> = (1..=50).map(|number| format!("crowd {number}")).collect();
    for client in &mut crowd {
        client.send(questions.join("\n"))?; // the last one without a newline
        client.half_close()?;
    }
    let mut shown = Vec::new();
    for _ in 0..10 {
        shown.push(screen.press_enter(WHEN)?);
    }
    let mut all_answers = Vec::new();
    for client in &mut crowd {
        client.did("asked fifty questions, as the others did, and closed its sending half");
        all_answers.push(answers_to_the_end(client)?);
    }
    shown.extend(screen.show_all(WHEN)?);
    for (client, answers) in crowd.iter().zip(all_answers) {
        let label = format!("{}:", port(client));
        let shown: Vec<&str> = shown.iter().filter_map(|line| line.strip_prefix(&label)).collect();
        let (mut next_shown, mut next_answer) =
            (shown.iter().peekable(), answers.iter().peekable());
        for question in &questions {
            let is_shown = next_shown.next_if(|shown| *shown == question).is_some();
            let came_back = next_answer.next_if(|line| **line == too_fast_for(question)).is_some();
            if is_shown == came_back {
                let came = match is_shown {
                    true => "both happened",
                    false => "neither happened when it was its turn",
                };
                let expected = format!("`{question}` to be shown, or to come back");
                return Err(client.finding(&expected, came));
            }
        }
        if let Some(line) = next_answer.next() {
            return Err(client.finding("nothing more", &format!("it received `{line}`")));
        }
    }
    Ok(())
}

/// Checks that the server does not keep a line that never ends.
fn no_line_ends(server: &Running) -> Outcome {
    let mut client = server.connect("a client")?;
    server.expect_little_kept("a client", |bytes| {
        let mut sent = 0;
        let deadline = Deadline::after(PATIENCE);
        while sent < bytes.len() && !deadline.is_over() {
            client.take_what_has_come();
            match client.send_now(&bytes[sent..]) {
                Ok(0) => thread::sleep(Duration::from_millis(1)),
                Ok(more) => sent += more,
                Err(_) => return false,
            }
        }
        sent == bytes.len()
    })?;
    let _ = client.half_close(); // the server may have hung up
    client.expect_over()
}

/// Lets clients ask, and reset their connections before they are answered. Some questions may have been
/// taken.
fn clients_reset(server: &Running) -> Outcome {
    for _ in 0..200 {
        let mut client = server.connect("one of those who come and go")?;
        client.send("hello\n".repeat(10))?;
        client.reset();
    }
    let mut client = server.connect("a client")?;
    client.send((1..=20).map(|number| format!("again {number}\n")).collect::<String>())?;
    client.did("asked twenty questions after 200 clients had asked and reset their connections");
    client.find_line(&too_fast_for("again 20"))?;
    client.half_close()?;
    client.expect_end()
}

/// Ends the speaker's input. Then the screen should show what is left, and the server should end.
fn shows_what_is_left(screen: &mut Screen, mut a: Actor) -> Outcome {
    fill(screen.attempt, &mut a)?;
    screen.server.close_stdin();
    let status = screen.server.expect_exit("the speaker's input had ended")?;
    if !status.success() {
        return Err(format!(
            "the server should have ended with exit status 0, but it ended with {status}"
        ));
    }
    let expected: Vec<String> =
        (1..=8).map(|number| format!("{}:fill {number}", port(&a))).collect();
    is_shown(&screen.unseen(), &expected)
}
