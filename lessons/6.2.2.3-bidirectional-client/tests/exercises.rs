//! The exercises of this lesson, and what each asks of a learner's program.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use checker::{
    Actor, Attempt, Deadline, LONG_SILENCE, Outcome, Running, Watch, late, listener, shown_time,
};
use socket2::{Domain, Socket, Type};

checker::exercises! {
    bidirectional_client in "6.2.2.3-bidirectional-client" {
        one_answer_is_enough: "easy, 15 minutes: One answer is enough",
        #[cfg(not(windows))] // no address is silent there
        first_that_answers: "medium, 45 minutes: The first address that answers",
        #[cfg(not(windows))] // a refusal takes so long there that two wrong answers pass
        reconnect: "hard, 60 minutes: Connect again, with back-off",
    }
}

const QUESTION: &str = "你吃了吗"; // have you eaten?
const ANSWER: &str = "我吃的小豆包"; // I had bean-paste buns

fn one_answer_is_enough(attempt: &Attempt) -> Outcome {
    let (listener, address) = listener()?;
    let address = address.to_string();
    let asked = || {
        let client = attempt.start(&[&address]);
        let mut server = attempt.accepted_by(&listener, "the server")?;
        server.expect(QUESTION)?;
        server.did("was asked, and had not answered yet");
        Ok::<(Running, Actor), String>((client, server))
    };
    let (client, mut server) = asked()?;
    server.expect_silence(LONG_SILENCE)?;
    server.send(ANSWER)?;
    server.did("answered, and the client should have half-closed because one answer is enough");
    server.expect_end()?;
    client.expect_line_on_stdout("the server answered", ANSWER)?;
    // Both were said before the server knew.
    thread::sleep(Duration::from_millis(200));
    server.send("再来一个\n")?; // one more
    let after = "the client had half-closed, but the server still had something to say";
    client.expect_line_on_stdout(after, "再来一个")?;
    if client.has_ended() {
        return Err("the client ended before the server had closed the connection".to_string());
    }
    server.send(b"\xff \xe4\xbd")?;
    drop(server);
    ends_well(&client, "the server closed the connection")?;
    shows_the_answers_alone(&client)?;

    let (client, mut server) = asked()?;
    let (first, second) = ANSWER.as_bytes().split_at(4); // in the middle of a character
    server.send_in_pieces(&[first, second])?;
    server.expect_end()?;
    drop(server);
    ends_well(&client, "the server answered in two segments and closed the connection")?;
    let shown: String = client.stdout().split_whitespace().collect();
    if !shown.ends_with(ANSWER) {
        return Err(format!(
            "the server answered `{ANSWER}` in two segments, but the client printed this: {shown}"
        ));
    }

    let (client, server) = asked()?;
    drop(server);
    ends_well(&client, "the server closed the connection without an answer")?;

    let (client, mut server) = asked()?;
    client.expect_little_kept("the server", |bytes| server.send(bytes).is_ok())
}

/// Compares stdout with what the server has sent. A byte that is not UTF-8 and half a character may be
/// shown in any way.
fn shows_the_answers_alone(client: &Running) -> Outcome {
    let stdout = client.stdout();
    let lines: Vec<&str> = stdout.lines().collect();
    match lines.as_slice() {
        ["客户端与服务器连接成功了", ANSWER, "再来一个", rest @ ..]
            if rest.iter().all(|line| line.chars().count() <= 4) =>
        {
            Ok(())
        }
        _ => Err(format!(
            "stdout should show that the client is connected, then what the server sent, and \
             nothing else, but it shows: {}",
            lines.join(" | ")
        )),
    }
}

fn ends_well(client: &Running, after: &str) -> Outcome {
    match client.expect_exit(after)? {
        status if status.success() => Ok(()),
        status => Err(format!(
            "{after}, so the client should have ended with exit status 0, but it ended with \
             {status}"
        )),
    }
}

const CONNECTED: &str = "客户端与服务器连接成功了"; // the client is connected to the server

/// The time that the task gives for all addresses together.
const FOR_ALL: Duration = Duration::from_secs(3);

/// An argument that is no address on any system, and for which nobody has to ask a name server.
const NO_ADDRESS: &str = "127.0.0.1:99999";

fn first_that_answers(attempt: &Attempt) -> Outcome {
    let first = FirstOfFive::asked(attempt)?;
    connects_to_one_of_several(attempt).inspect_err(|_| first.client.kill())?;
    first.talks_to_the_end()
}

fn connects_to_one_of_several(attempt: &Attempt) -> Outcome {
    let ports = [a_port_that_refuses()?, a_port_that_refuses()?, a_port_that_refuses()?];
    let refusing = ports.each_ref().map(|(_, address)| address.to_string());
    passes_over_what_fails_at_once(attempt, &refusing)?;
    ends_when_all_have_refused(attempt, &refusing)?;
    if let Some(silent) = silent_servers(3)? {
        gives_silent_ones_their_share(attempt, &silent)?;
        gives_all_three_seconds(attempt, &refusing[0], &silent)?;
        waits_for_a_slow_one(attempt, &refusing)?;
    }
    leaves_the_others_alone_after_a_reset(attempt)
}

/// A client that has been given five servers, and has asked the first.
struct FirstOfFive {
    client: Running,
    server: Actor,
    others: Vec<TcpListener>,
    since: Instant,
}

impl FirstOfFive {
    fn asked(attempt: &Attempt) -> Outcome<FirstOfFive> {
        let mut servers = (0..5).map(|_| listener()).collect::<Outcome<Vec<_>>>()?;
        // The first has neither the lowest port nor the highest, for a program that sorts addresses.
        servers.sort_by_key(|(_, address)| address.port());
        servers.swap(0, 2);
        let addresses: Vec<String> =
            servers.iter().map(|(_, address)| address.to_string()).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let since = Instant::now();
        let client = attempt.start(&addresses);
        let mut listeners = servers.into_iter().map(|(listener, _)| listener);
        let first = listeners.next().ok_or("the check itself has no listener")?;
        let others = Vec::from_iter(listeners);
        let before = "the client was given five servers that listen";
        let server = asked_at(attempt, &first, before);
        let server = server.or_else(|finding| {
            others.iter().try_for_each(left_alone)?; // or else the client has taken another one
            Err(finding)
        })?;
        Ok(FirstOfFive { client, server, others, since })
    }

    /// Answers later than the limit for connecting allows, because what the server sends may arrive
    /// later and may be anything.
    fn talks_to_the_end(mut self) -> Outcome {
        let pause = FOR_ALL + Duration::from_millis(500);
        thread::sleep(pause.saturating_sub(self.since.elapsed()));
        if self.client.has_ended() {
            return Err(
                "the server was asked, and it took more than 3 s to answer. The limit is for \
                 connecting, not for the answer, but the client had ended by then"
                    .to_string(),
            );
        }
        let (first, second) = ANSWER.as_bytes().split_at(4); // in the middle of a character
        let (garbage, long) = (b"\n\xff\n", "x".repeat(300_000));
        self.server.send_in_pieces(&[first, second, garbage, long.as_bytes()])?;
        self.server
            .did("answered after more than 3 s, with 300,025 bytes and a character cut in two");
        hang_up(self.server)?;
        ends_well(&self.client, "the server had answered and closed the connection")?;
        let shown: String = self.client.stdout().split_whitespace().collect();
        if shown.replace('\u{fffd}', "") != format!("{CONNECTED}{ANSWER}{long}") {
            let begins: String = shown.chars().take(40).collect();
            return Err(format!(
                "the server answered `{ANSWER}`, cut within a character, then a byte that is not \
                 UTF-8, and then 300,000 times `x`. Stdout should hold `{CONNECTED}` and all of \
                 this, but it holds {} characters, which begin with `{begins}`",
                shown.chars().count()
            ));
        }
        self.others.iter().try_for_each(left_alone)
    }
}

/// Checks that the client has not gone on to another server, because it has no reason to, even if the
/// first server is done with it.
fn left_alone(other: &TcpListener) -> Outcome {
    let failed = |error| format!("the check itself cannot look for a connection: {error}");
    other.set_nonblocking(true).map_err(failed)?;
    match other.accept() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(failed(error)),
        Ok(_) => Err(
            "the client was given several servers that listen. It should have connected to the \
             first and left the others alone, but it connected to another one"
                .to_string(),
        ),
    }
}

/// Waits for the client and its question. `before` is what has happened so far.
fn asked_at(attempt: &Attempt, listener: &TcpListener, before: &str) -> Outcome<Actor> {
    let told = |finding| format!("{before}; {finding}");
    let mut server = attempt.accepted_by(listener, "the server").map_err(told)?;
    server.expect(QUESTION).map_err(told)?;
    Ok(server)
}

/// Answers and hangs up. Then the client should end well, and have shown just the answer.
fn answers_and_hangs_up(client: &Running, mut server: Actor, before: &str) -> Outcome {
    server.send(ANSWER)?;
    hang_up(server)?;
    ends_well(client, &format!("{before}; the server answered and closed the connection"))?;
    match client.stdout().lines().eq([CONNECTED, ANSWER]) {
        true => Ok(()),
        false => Err(format!(
            "{before}; the server answered, so stdout should hold the lines `{CONNECTED}` and \
             `{ANSWER}`, and nothing else, but it holds: {}",
            client.stdout().replace('\n', " | ")
        )),
    }
}

/// Returns the reason that the client has printed for an address that failed, in a line of its own.
fn reason(attempt: &Attempt, client: &Running, failed: &str) -> Outcome<String> {
    let wanted = format!("{failed}: ");
    let reasons = || -> Vec<String> {
        let stderr = client.stderr();
        let lines = stderr.lines().filter_map(|line| line.split_once(&wanted));
        lines.map(|(_, reason)| reason.trim().to_string()).collect()
    };
    let found = attempt.eventually(|| match reasons().is_empty() {
        true => Err(format!(
            "nobody can be reached at {failed}, so a line on stderr should hold `{wanted}` and \
             the reason, but there is no such line"
        )),
        false => Ok(reasons()),
    })?;
    match &found[..] {
        [reason] if !reason.is_empty() => Ok(reason.clone()),
        [_] => Err(format!("a line on stderr holds `{wanted}`, but no reason after it")),
        _ => Err(format!(
            "nobody can be reached at {failed}, and one line on stderr should say so, but there \
             are {}",
            found.len()
        )),
    }
}

/// Gives the client two addresses that refuse and an argument that cannot be looked up before the
/// server, which is given by a name. That name may have other addresses.
fn passes_over_what_fails_at_once(attempt: &Attempt, refusing: &[String; 3]) -> Outcome {
    let (listener, address) = listener()?;
    let by_name = format!("localhost:{}", address.port());
    let known = by_name.to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    let others = known.iter().filter(|other| **other != address);
    let is_ours = known.contains(&address) && others.into_iter().all(|other| !takes(*other));
    let server = if is_ours { by_name } else { address.to_string() };
    let client = attempt.start(&[&refusing[0], NO_ADDRESS, &refusing[1], &server]);
    let before = format!(
        "two addresses refuse, `{NO_ADDRESS}` is not an address, and a server listens at the last \
         of the four arguments, {server}"
    );
    let actor = asked_at(attempt, &listener, &before)?;
    answers_and_hangs_up(&client, actor, &before)?;
    for failed in [&refusing[0], NO_ADDRESS, &refusing[1]] {
        reason(attempt, &client, failed)?;
    }
    Ok(())
}

/// Returns whether somebody listens at an address of this machine.
fn takes(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// Starts the client with arguments that all fail, and waits for its end, which is due within `limit`.
/// Returns the reasons that it gives, and how long it took.
fn tries_in_vain(
    attempt: &Attempt,
    arguments: &[&str],
    limit: Duration,
    before: &str,
) -> Outcome<(Vec<String>, Duration)> {
    // A busy machine makes the client late, and nothing else.
    let (reasons, took) = attempt.try_again(|| {
        let begun = Instant::now();
        let client = attempt.start(arguments);
        let status = client.expect_exit(before)?;
        let took = begun.elapsed();
        let reasons = if status.code() != Some(1) {
            Err(format!(
                "{before}, so the program should have ended with exit status 1, but it ended with \
                 {status}"
            ))
        } else if !client.stdout().is_empty() {
            Err(format!("{before}, so nothing should be on stdout, but something is"))
        } else {
            arguments.iter().map(|failed| reason(attempt, &client, failed)).collect()
        };
        match reasons.is_ok() && took > limit {
            true => Err(format!(
                "{before}, so the client should have ended as soon as the last one had failed, \
                 but it took {:.2} s",
                took.as_secs_f64()
            )),
            false => Ok((reasons, took)),
        }
    })?;
    Ok((reasons?, took))
}

fn ends_when_all_have_refused(attempt: &Attempt, refusing: &[String; 3]) -> Outcome {
    let failed = [&refusing[0], &refusing[1], NO_ADDRESS];
    let before =
        format!("two addresses refused, and the last argument, `{NO_ADDRESS}`, is not an address");
    // Windows asks for two seconds before it believes in a refusal.
    let limit = Duration::from_millis(if cfg!(windows) { 5000 } else { 1500 });
    let (reasons, _) = tries_in_vain(attempt, &failed, limit, &before)?;
    match reasons.iter().any(|reason| failed.iter().any(|other| reason.contains(other))) {
        true => Err(format!(
            "{before}. Each should have a line of its own on stderr, but they are on the same line"
        )),
        false => Ok(()),
    }
}

/// Lets the first of two servers accept the connection and the question, and then reset the connection.
fn leaves_the_others_alone_after_a_reset(attempt: &Attempt) -> Outcome {
    let (first, address) = listener()?;
    let (other, other_address) = listener()?;
    let client = attempt.start(&[&address.to_string(), &other_address.to_string()]);
    let server = asked_at(attempt, &first, "the client was given two servers that listen")?;
    server.reset();
    let ended = client.expect_exit("the first of two servers was asked, and reset the connection");
    left_alone(&other)?;
    ended.map(drop)
}

/// Puts one silent address before the server, or two: each should get half of the time, or a third. A
/// busy machine makes the client late, but never early, so a client that is too early may show it only
/// in another try.
fn gives_silent_ones_their_share(attempt: &Attempt, silent: &[Silent]) -> Outcome {
    for _ in 0..attempt.tries() {
        let watch = Watch::start();
        connects_after_silent_ones(attempt, silent)?;
        if !watch.machine_was_busy() {
            break;
        }
    }
    Ok(())
}

/// Lets two clients try at the same time.
fn connects_after_silent_ones(attempt: &Attempt, silent: &[Silent]) -> Outcome {
    let [one, two, three] = silent else { return Err("the check itself needs three".to_string()) };
    let after_one = AfterSilence {
        before: "the first argument was a silent address, the next three were not addresses, and \
                 a server listened at the last",
        silent: &[one],
        wait: Duration::from_millis(1500),
        share: "when the first had used up its share of the 3 s",
    };
    let after_two = AfterSilence {
        before: "the first two arguments were silent addresses, the next three were not \
                 addresses, and a server listened at the last",
        silent: &[two, three],
        wait: Duration::from_secs(2),
        share: "when each of the two had used up a third of the 3 s",
    };
    let (first, second) = attempt.try_again(|| {
        let (first, second) = (after_one.start(attempt)?, after_two.start(attempt)?);
        let first = after_one.connects(attempt, first).inspect_err(|_| second.client.kill())?;
        let second = after_two.connects(attempt, second).inspect_err(|_| first.client.kill())?;
        Ok((first, second))
    })?;
    after_one.goes_on(attempt, first).inspect_err(|_| second.client.kill())?;
    after_two.goes_on(attempt, second)
}

/// A client that was given silent addresses, and a server at the end.
struct AfterSilence<'a> {
    before: &'a str,
    silent: &'a [&'a Silent],
    /// How long the silent addresses take.
    wait: Duration,
    share: &'a str,
}

struct Started {
    client: Running,
    listener: TcpListener,
    since: Instant,
}

struct Connected {
    client: Running,
    server: Actor,
    took: Duration,
}

impl AfterSilence<'_> {
    fn start(&self, attempt: &Attempt) -> Outcome<Started> {
        let (listener, address) = listener()?;
        let address = address.to_string();
        let mut arguments: Vec<&str> = self.silent.iter().map(|silent| &*silent.address).collect();
        // What is no address gets no share, although it comes later.
        arguments.extend(["127.0.0.1:99997", "127.0.0.1:99998", NO_ADDRESS, &address]);
        let since = Instant::now();
        Ok(Started { client: attempt.start(&arguments), listener, since })
    }

    fn connects(&self, attempt: &Attempt, started: Started) -> Outcome<Connected> {
        let Started { client, listener, since } = started;
        let server = attempt.accepted_by(&listener, "the server");
        let server = server.map_err(|finding| self.told(&finding))?;
        match since.elapsed() {
            late if late > self.wait + Duration::from_millis(400) => {
                client.kill(); // or else it would complain of the end of its connection
                Err(self.finding(late))
            }
            took => Ok(Connected { client, server, took }),
        }
    }

    fn goes_on(&self, attempt: &Attempt, connected: Connected) -> Outcome {
        let Connected { client, mut server, took } = connected;
        if took < self.wait - Duration::from_millis(50) {
            client.kill();
            return Err(self.finding(took));
        }
        server.expect(QUESTION).map_err(|finding| self.told(&finding))?;
        answers_and_hangs_up(&client, server, self.before)?;
        let failed = |silent: &&Silent| reason(attempt, &client, &silent.address).map(drop);
        self.silent.iter().try_for_each(failed)
    }

    fn told(&self, finding: &str) -> String {
        format!("{}; {finding}", self.before)
    }

    fn finding(&self, took: Duration) -> String {
        format!(
            "{}. The client should have connected to that server after {}, {}, but it connected \
             after {:.2} s",
            self.before,
            shown_time(self.wait),
            self.share,
            took.as_secs_f64()
        )
    }
}

/// Checks that an address that refuses leaves its time to three that are silent, so that the client
/// goes on for all of the 3 s, and no longer.
fn gives_all_three_seconds(attempt: &Attempt, refusing: &str, silent: &[Silent]) -> Outcome {
    let mut arguments = vec![refusing, NO_ADDRESS];
    arguments.extend(silent.iter().map(|silent| &*silent.address));
    let before =
        "one address refused, one argument was not an address, and three addresses were silent";
    let limit = FOR_ALL + Duration::from_secs(1);
    let (reasons, took) = tries_in_vain(attempt, &arguments, limit, before)?;
    if took < FOR_ALL - Duration::from_millis(50) {
        return Err(format!(
            "{before}. The client should try for 3 s in all, of which the last address may use \
             whatever is left, but it ended after {:.2} s",
            took.as_secs_f64()
        ));
    }
    match reasons[1..].contains(&reasons[0]) {
        true => Err(format!(
            "{before}. The lines on stderr should say why, but the line about {refusing} and \
             another one have the same reason, `{}`",
            reasons[0]
        )),
        false => Ok(()),
    }
}

/// Gives the client three addresses that refuse, and a fourth that is slow: its system ignores the
/// first SYN and answers the second, which is sent a second later (RFC 6298, section 2).
fn waits_for_a_slow_one(attempt: &Attempt, refusing: &[String; 3]) -> Outcome {
    let Some(slow) = silent_server()? else { return Ok(()) };
    let client = attempt.start(&[&refusing[0], &refusing[1], &refusing[2], &slow.address]);
    thread::sleep(Duration::from_millis(500));
    slow.accept_those_who_wait();
    let before = "three addresses refused, and the server at the fourth took a second to answer";
    let server = asked_at(attempt, &slow.listener, before)?;
    answers_and_hangs_up(&client, server, before)
}

/// A server that neither accepts a connection nor refuses it, because its backlog is full. The system
/// may ignore further connections then (listen(2)), as a firewall might. Linux does.
struct Silent {
    address: String,
    listener: TcpListener,
    backlog: Vec<TcpStream>,
}

impl Silent {
    /// Makes room in the backlog.
    fn accept_those_who_wait(&self) {
        for _ in &self.backlog {
            let _ = self.listener.accept(); // they are there
        }
    }
}

fn silent_servers(count: usize) -> Outcome<Option<Vec<Silent>>> {
    (0..count).map(|_| silent_server()).collect()
}

/// Returns `None` if this system refuses what it has no room for. Windows does.
fn silent_server() -> Outcome<Option<Silent>> {
    const MOST: usize = 64;
    let (port, address) = a_port_that_refuses()?;
    port.listen(1).map_err(|error| format!("the check itself cannot listen: {error}"))?;
    let mut backlog = Vec::new();
    while backlog.len() < MOST {
        match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            Ok(stream) => backlog.push(stream),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                let (address, listener) = (address.to_string(), port.into());
                return Ok(Some(Silent { address, listener, backlog }));
            }
            Err(_) => break,
        }
    }
    Ok(None)
}

/// The pauses that the task asks for before each try, and how much earlier a check takes for none:
/// a busy machine makes pauses longer, never shorter. Windows ends one a tick of its clock too early
/// (16 ms).
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1000),
];
const EARLY: Duration = Duration::from_millis(20);

fn reconnect(attempt: &Attempt) -> Outcome {
    let (client, listener, server) = attempt.try_again(|| refused_at_first(attempt))?;
    let check = Reconnecting { attempt, client: &client, listener: &listener };
    let server = check.answered(server, 1)?;
    let server = check.back_soon(server)?;
    let server = check.pauses_grow(server)?;
    let mut server = check.back_soon(server)?;

    thread::sleep(LONG_SILENCE);
    server.send("再来一个\n")?; // one more
    client.expect_line_on_stdout("the server answered after some seconds", "再来一个")?;
    server.reset();
    let server = check.next_conversation("the server reset the connection")?;
    server.reset();
    let mut server = check.next_conversation("the server reset the connection, twice")?;
    let (first, second) = "四个😀\n".as_bytes().split_at(9);
    server.send_in_pieces(&[first, second])?;
    attempt.eventually(|| {
        let shown: String = client.stdout().split_whitespace().collect();
        match shown.ends_with("四个😀") {
            true => Ok(()),
            false => {
                Err("the server answered `四个😀`, cut within a character, and the client should \
                     have printed that, but it did not"
                    .to_string())
            }
        }
    })?;
    let may_be_shown = [ANSWER, "再来一个", "四个😀", "客户端与服务器连接成功了"];
    let is_part = |line: &&str| may_be_shown.iter().any(|text| text.contains(line));
    if let Some(line) = client.stdout().lines().find(|line| !is_part(line)) {
        return Err(format!(
            "only the server's answers should be on stdout, but so is the line `{line}`"
        ));
    }
    shows_what_has_no_newline(attempt)
}

/// Answers without a newline, as the server of this lesson does, and then without end.
fn shows_what_has_no_newline(attempt: &Attempt) -> Outcome {
    let (listener, address) = listener()?;
    let client = attempt.start(&[&address.to_string()]);
    let mut server = attempt.accepted_by(&listener, "the server")?;
    server.expect(QUESTION)?;
    server.send(ANSWER)?;
    client.expect_line_on_stdout("the server answered without a newline", ANSWER)?;
    client.expect_little_kept("the server", |bytes| server.send(bytes).is_ok())
}

/// How long nobody listens at first. With the pauses of the task, the client has tried four times by
/// then, the last time after 0.7 s, and tries again after 1.5 s.
const REFUSING: Duration = Duration::from_millis(900);
const NEXT_TRY: Duration = Duration::from_millis(1500);

/// Refuses the client's connection, again and again, until the server listens. A client that keeps no
/// pauses, or only short ones, connects immediately then. If a busy machine has held it up, a client
/// may also be early although its pauses are right, but hardly each time.
fn refused_at_first(attempt: &Attempt) -> Outcome<(Running, TcpListener, Actor)> {
    let (port, address) = a_port_that_refuses()?;
    let slow_refusal = slow_refusal(address);
    let refusing = REFUSING + slow_refusal.unwrap_or_default();
    let begun = Instant::now();
    let client = attempt.start(&[&address.to_string()]);
    while begun.elapsed() < refusing {
        if client.has_ended() {
            return Err("nobody was listening yet at the server's address, so the client should \
                        have tried again, but it ended"
                .to_string());
        }
    }
    let listener = listen(port)?;
    let check = Reconnecting { attempt, client: &client, listener: &listener };
    let before = format!(
        "the server refused connections for {}, and then it listened",
        shown_time(refusing)
    );
    let server = check.next_conversation(&before)?;
    match begun.elapsed() {
        // How much of that were pauses, nobody knows.
        _ if slow_refusal.is_some() => Ok((client, listener, server)),
        early if early < NEXT_TRY - EARLY => Err(format!(
            "{before}. With pauses of 0.1, 0.2, 0.4 and 0.8 s, the client should have connected \
             1.5 s after its start, but it connected after {:.2} s",
            early.as_secs_f64()
        )),
        late if late > NEXT_TRY + Duration::from_millis(600) => Err(format!(
            "{before}. With pauses of 0.1, 0.2, 0.4 and 0.8 s, the client should have connected \
             1.5 s after its start, but it took {:.2} s",
            late.as_secs_f64()
        )),
        _ => Ok((client, listener, server)),
    }
}

/// Returns how long a refusal takes on this system, if that is longer than on a busy machine: Windows
/// asks again and again for two seconds before `connect` fails.
fn slow_refusal(address: SocketAddr) -> Option<Duration> {
    let begun = Instant::now();
    let _ = TcpStream::connect(address); // refused
    Some(begun.elapsed()).filter(|time| *time > Duration::from_millis(400))
}

/// A client that is to connect again and again.
struct Reconnecting<'a> {
    attempt: &'a Attempt,
    client: &'a Running,
    listener: &'a TcpListener,
}

impl Reconnecting<'_> {
    /// Waits for the client to connect and ask its question. `before` is what has happened so far.
    fn next_conversation(&self, before: &str) -> Outcome<Actor> {
        let told = |finding| format!("{before}; {finding}");
        let mut server =
            self.attempt.accepted_by(self.listener, "then the server").map_err(told)?;
        server.expect(QUESTION).map_err(told)?;
        Ok(server)
    }

    /// Answers for the `times`-th time.
    fn answered(&self, mut server: Actor, times: usize) -> Outcome<Actor> {
        server.send(format!("{ANSWER}\n"))?;
        self.client.expect_lines_on_stdout("the server answered", times, ANSWER)?;
        Ok(server)
    }

    /// Hangs up after an answer has arrived, and again, and sees how soon the client is back. On a busy
    /// machine it may be late often, but not each time.
    fn back_soon(&self, mut server: Actor) -> Outcome<Actor> {
        let mut soonest = Duration::MAX;
        let (watch, deadline) = (Watch::start(), Deadline::after(Duration::from_secs(3)));
        for tries in 0..15 {
            if tries >= 3 && deadline.is_over() {
                break;
            }
            let hung_up = Instant::now();
            hang_up(server)?;
            server = self.next_conversation("the server answered and closed the connection")?;
            let took = hung_up.elapsed();
            if took < PAUSES[0] - EARLY {
                return Err(too_early("the server answered and closed the connection", 0, took));
            }
            soonest = soonest.min(took);
            let so_far = self.client.stdout().lines().filter(|line| *line == ANSWER).count();
            server = self.answered(server, so_far + 1)?;
            if soonest < Duration::from_millis(170) {
                return Ok(server);
            }
        }
        let finding = format!(
            "the server answered and then closed the connection, again and again. The client \
             should have connected again after 0.1 s, but it took at least {:.2} s",
            soonest.as_secs_f64()
        );
        Err(late(&watch, finding))
    }

    /// Accepts connections and hangs up before it answers, after it has answered once. On a busy
    /// machine a pause may be too long, so there is more than one run.
    fn pauses_grow(&self, mut server: Actor) -> Outcome<Actor> {
        let (mut soonest, watch) = ([Duration::MAX; PAUSES.len()], Watch::start());
        let is_late =
            |number: usize, took: Duration| took > PAUSES[number].mul_f64(1.4) + 2 * EARLY;
        for _ in 0..self.attempt.tries() {
            for (number, soonest) in soonest.iter_mut().enumerate() {
                let took;
                (server, took) = self.back_without_an_answer(server, number)?;
                *soonest = took.min(*soonest);
            }
            let so_far = self.client.stdout().lines().filter(|line| *line == ANSWER).count();
            server = self.answered(server, so_far + 1)?;
            if !soonest.iter().enumerate().any(|(number, took)| is_late(number, *took)) {
                return Ok(server);
            }
        }
        let (number, took) = soonest
            .into_iter()
            .enumerate()
            .find(|(n, took)| is_late(*n, *took))
            .unwrap_or_default();
        let finding = format!(
            "the server accepted the connection and hung up before it answered. The client should \
             have connected again after a pause of {:.1} s (pause number {} in a row), but it \
             took {:.2} s",
            PAUSES[number].as_secs_f64(),
            number + 1,
            took.as_secs_f64()
        );
        Err(late(&watch, finding))
    }

    /// Hangs up, and sees that the client keeps the pause of that number, at least.
    fn back_without_an_answer(&self, server: Actor, number: usize) -> Outcome<(Actor, Duration)> {
        let hung_up = Instant::now();
        match number {
            2 => server.reset(),
            _ => hang_up(server)?,
        }
        let server = self.next_conversation("the server hung up before it answered")?;
        let took = hung_up.elapsed();
        if took < PAUSES[number] - EARLY {
            let before = "the server accepted the connection and hung up before it answered";
            return Err(too_early(before, number, took));
        }
        Ok((server, took))
    }
}

fn too_early(before: &str, number: usize, took: Duration) -> String {
    let flood =
        if took < Duration::from_millis(20) { ": that is a flood of connections" } else { "" };
    format!(
        "{before}. The client should have connected again after a pause of {:.1} s (pause number \
         {} in a row), but it connected after {:.2} s{flood}",
        PAUSES[number].as_secs_f64(),
        number + 1,
        took.as_secs_f64()
    )
}

/// Returns a socket that has a port and does not listen: nobody else can have the port, and the system
/// refuses every connection to it.
fn a_port_that_refuses() -> Outcome<(Socket, SocketAddr)> {
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).and_then(|socket| {
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    });
    let (socket, address) =
        bound.map_err(|error| format!("the check itself cannot get a port: {error}"))?;
    let address = address.as_socket().ok_or("the check itself cannot get a port")?;
    Ok((socket, address))
}

fn listen(port: Socket) -> Outcome<TcpListener> {
    port.listen(16).map_err(|error| format!("the check itself cannot listen: {error}"))?;
    Ok(port.into())
}

/// Ends the connection in an orderly way. What has not been read would turn the end into a reset,
/// so this waits for the client's end, too, and reads what comes before it.
fn hang_up(mut server: Actor) -> Outcome {
    server.half_close()?;
    server.did("closed its half of the connection");
    server.expect_over()
}
