//! The exercises of this lesson, and what each asks of a learner's program.

use std::io::Write;
use std::net::TcpListener;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use checker::{Actor, Attempt, Deadline, ITSELF, LONG_SILENCE, Outcome, Running, listener, quoted};
use harness::{open_descriptors, refusing, threads, timed_out};

checker::exercises! {
    broadcast_client in "6.3.2-broadcast-client" {
        server_goes: "easy, 15 minutes: When the server goes",
        quit: "medium, 25 minutes: Leave with a word",
        #[cfg(target_os = "linux")] // elsewhere the check does not see what a pair leaves behind
        go_between: "hard, 45 minutes: A go-between",
    }
}

/// Starts a client, and waits until it has connected to us.
fn started(attempt: &Attempt) -> Outcome<(Running, Actor)> {
    let (listener, address) = listener()?;
    let client = attempt.start(&[&address.to_string()]);
    let server = attempt.accepted_by(&listener, "the server")?;
    Ok((client, server))
}

fn server_goes(attempt: &Attempt) -> Outcome {
    const GONE: &str = "the server has gone";
    let still_there = |client: &Running, after: &str| match client.stdout().contains(GONE) {
        true => {
            Err(format!("{after}, and the program printed `{GONE}`, but the server is still there"))
        }
        false => Ok(()),
    };

    let (client, mut server) = started(attempt)?;
    client.type_line("hello")?;
    server.did("accepted the connection, and `hello` was typed");
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
    thread::sleep(LONG_SILENCE);
    still_there(&client, "the server was silent for some seconds")?;
    client.type_line("still here?")?;
    server.did("was silent for some seconds, and `still here?` was typed");
    server.expect("still here?\n")?;
    server.send(b"51000:cut \xe4\xbd")?;
    drop(server);
    let after = "the server closed the connection while nothing was typed";
    client.expect_line_on_stdout(after, GONE)?;
    client.expect_exit(after)?;
    comes_last(&client, GONE)?;

    let (client, mut server) = started(attempt)?;
    // Before any newline: after one, the starter would wait for the next as long as the check does.
    server.send("51000:no newline")?;
    let after = "the server sent `51000:no newline` without a newline, and then nothing more";
    client.expect_line_on_stdout(after, "51000:no newline")?;
    server.send("\n51000:hello\n")?;
    client.expect_line_on_stdout("the server sent the line `51000:hello`", "51000:hello")?;
    server.reset();
    let after = "the server reset the connection while nothing was typed";
    client.expect_line_on_stdout(after, GONE)?;
    client.expect_exit(after)?;

    let (client, mut server) = started(attempt)?;
    client.close_stdin();
    server.did("accepted the connection, and the client's input ended");
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
            "the server sent something and closed the connection. The program should have printed \
             `{gone}` last, but its last line is {other:?}"
        )),
    }
}

fn quit(attempt: &Attempt) -> Outcome {
    let (client, mut server) = started(attempt)?;
    client.type_line("hello")?;
    server.did("accepted the connection, and `hello` was typed");
    server.expect("hello\n")?;
    for near_miss in ["/quitter", "/qui", "quit", "say /quit", "/quit now", "/Quit"] {
        client.type_line(near_miss)?;
        server.did(&format!("was connected, and `{near_miss}` was typed, which is not `/quit`"));
        server.expect(format!("{near_miss}\n"))?;
    }
    client.type_bytes(b"a last word\n  /quit \r\nand this is too late\n")?;
    server.did("was connected, and a line, `  /quit ` and one more line were typed in one piece");
    server.expect("a last word\n")?;
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;

    let (client, mut server) = started(attempt)?;
    client.type_bytes("你/q".as_bytes())?;
    thread::sleep(Duration::from_millis(100));
    client.type_bytes(b"uit\n/qu")?;
    thread::sleep(Duration::from_millis(100));
    client.type_bytes(b"it\n")?;
    server.did("accepted the connection, and `你/quit` and `/quit` were typed, each in two pieces");
    server.expect("你/quit\n")?;
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;

    let (client, mut server) = started(attempt)?;
    client.type_bytes(b"/quit")?;
    client.close_stdin();
    server.did("accepted the connection, `/quit` was typed without Enter, and the input ended");
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;

    let (client, mut server) = started(attempt)?;
    client.type_line("no command here")?;
    client.close_stdin();
    server.did("accepted the connection, a line was typed, and the input ended without `/quit`");
    server.expect("no command here\n")?;
    server.expect_end()?;
    leaves_when_the_server_has_finished(&client, server)?;

    let (client, mut server) = started(attempt)?;
    client.close_stdin();
    server.did("accepted the connection, nothing was typed, and the input ended");
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
        return Err("the program half-closed the connection, but it ended before the server had \
                    closed it, so whatever the server still sends is lost"
            .to_string());
    }
    server.send("51000:farewell\n")?;
    let after = "the program had half-closed the connection, and the server sent one more line";
    client.expect_line_on_stdout(after, "51000:farewell")?;
    drop(server);
    let after = "the program had half-closed the connection, and the server closed it";
    let status = client.expect_exit(after)?;
    if !status.success() {
        return Err(format!(
            "{after}, so the program should have ended with exit status 0, but it ended with \
             {status}"
        ));
    }
    match client.stdout().as_str() {
        "51000:farewell\n" => Ok(()),
        stdout => Err(format!(
            "{after}. The server had sent the line `51000:farewell`, so stdout should show just \
             that, but it shows {}",
            quoted(stdout.as_bytes())
        )),
    }
}

fn go_between(attempt: &Attempt) -> Outcome {
    let between = Between::start(attempt)?;
    let mut first = between.first_pair()?;
    passes_on_any_bytes(&mut first)?;
    let held_up = [
        between.sends_too_much("the server", "client")?,
        between.sends_too_much("the client", "server")?,
    ];
    between.ends_one_direction_at_a_time(&mut first)?;
    for pair in held_up {
        pair.loses_nothing()?;
    }
    between.loses_nothing_at_an_end()?;
    between.serves_many()?;
    between.passes_on_much_both_ways()?;
    between.gives_everything_back()?;
    upstream_is_not_there(attempt)
}

/// A program between clients and a server, both of which the check plays.
struct Between<'a> {
    attempt: &'a Attempt,
    program: Running,
    upstream: TcpListener,
    in_use: InUse,
}

/// The name in diagnoses of the program's server, as its clients see it.
const SERVER: &str = "the server behind the program";

/// Bytes that no text holds, and a carriage return at the end.
const BYTES: &[u8] = b"\0\xff\xfe\x80 \xe4\xbd\r\n\n me\r";

/// So many pairs leave at the same time when it is about what is left behind.
const MANY: usize = 20;

impl Between<'_> {
    fn start(attempt: &Attempt) -> Outcome<Between<'_>> {
        let (upstream, address) = listener()?;
        let program = attempt.serve_with(&[&address.to_string()])?;
        attempt.causes(&format!("cannot reach {address}")); // the server ends with the check
        let in_use = InUse::by(&program);
        Ok(Between { attempt, program, upstream, in_use })
    }

    /// Connects a client, and returns it with the server's end of the connection that the program has
    /// made for it.
    fn first_pair(&self) -> Outcome<(Actor, Actor)> {
        let client = self.program.connect("a client")?;
        Ok((client, self.accepted("a client connected and has sent nothing yet")?))
    }

    fn pair(&self) -> Outcome<(Actor, Actor)> {
        let client = self.program.connect("a client")?;
        Ok((client, self.accepted("a client connected while another one was there")?))
    }

    fn accepted(&self, after: &str) -> Outcome<Actor> {
        let accepted = self.attempt.accepted_by(&self.upstream, SERVER);
        accepted.map_err(|why| match why.starts_with(ITSELF) {
            true => why,
            false => format!("{after}, and {why}"),
        })
    }

    fn pairs(&self) -> Outcome<(Vec<Actor>, Vec<Actor>)> {
        (0..MANY).map(|_| self.pair()).collect()
    }

    /// Tries three pairs at the same time: the first one is silent, in one the client has ended its half,
    /// and in one the server has.
    fn ends_one_direction_at_a_time(&self, (client, server): &mut (Actor, Actor)) -> Outcome {
        let (mut asks, mut answers) = self.pair()?;
        let (mut goes_on, mut ends) = self.pair()?;
        asks.send("a question")?;
        asks.half_close()?;
        answers.did("had a client that sent `a question` and closed its sending half");
        answers.expect("a question")?;
        answers.expect_end()?;
        ends.send("my last word")?;
        ends.half_close()?;
        goes_on.did("had a server that sent `my last word` and closed its sending half");
        goes_on.expect("my last word")?;
        goes_on.expect_end()?;
        // Both go on a little, so that the program waits in a call that it made after the end.
        asks.did("closed its sending half, and the server sent it `just a moment`");
        pass(&mut answers, &mut asks, b"just a moment")?;
        ends.did("closed its sending half, and the client sent it `go on`");
        pass(&mut goes_on, &mut ends, b"go on")?;
        thread::sleep(LONG_SILENCE);

        client.send("still there?")?;
        server.did(
            "was silent for 2.5 s, as the client was, and then the client sent `still there?`",
        );
        server.expect("still there?")?;
        server.send("yes")?;
        client.did("was silent for 2.5 s, asked `still there?`, and the server answered `yes`");
        client.expect("yes")?;

        let much = noise(300_000);
        asks.did("closed its sending half, and the server answered 2.5 s later");
        pass(&mut answers, &mut asks, &much)?;
        asks.expect_silence(Duration::from_millis(100))?;
        answers.half_close()?;
        asks.did("closed its sending half, and the server answered and then did the same");
        asks.expect_end()?;
        ends.did("closed its sending half, and the client sent it more 2.5 s later");
        pass(&mut goes_on, &mut ends, &much)?;
        goes_on.half_close()?;
        ends.did("closed its sending half, and the client sent it more and then did the same");
        ends.expect_end()
    }

    fn loses_nothing_at_an_end(&self) -> Outcome {
        let much = noise(300_000);
        for _ in 0..10 {
            let (mut client, server) = self.pair()?;
            client.did("has a server that sent it 300,000 bytes and then closed the connection");
            pass_and_close(server, &mut client, &much)?;
            client.expect_end()?;
            let (client, mut server) = self.pair()?;
            server.did("has a client that sent it 300,000 bytes and then closed the connection");
            pass_and_close(client, &mut server, &much)?;
            server.expect_end()?;
        }
        let mut client = self.program.connect("a client")?;
        client.half_close()?;
        let mut server = self.accepted("a client closed its sending half, and sent nothing")?;
        server.did("had a client that sent nothing and closed its sending half");
        server.expect_end()?;
        server.send("an answer to nothing")?;
        client.did("sent nothing and closed its sending half, and the server answered");
        client.expect("an answer to nothing")?;
        drop(server);
        client.expect_end()?;
        let (mut client, server) = self.pair()?;
        drop(server);
        client.did("had a server that closed the connection without a word");
        client.expect_end()?;
        let (client, mut server) = self.pair()?;
        drop(client);
        server.did("had a client that closed the connection without a word");
        server.expect_end()
    }

    /// Lets thirty clients connect at the same moment, each with a number: none may be taken for another.
    fn serves_many(&self) -> Outcome {
        const CROWD: usize = 30;
        let mut clients = self.program.connect_at_once(CROWD, "one of 30 clients")?;
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(format!("client {number:02}"))?;
        }
        let mut servers = Vec::new();
        for _ in 0..CROWD {
            let mut server = self.accepted("30 clients connected at the same time")?;
            server.did(
                "accepted the connection for one of 30 clients that connected at the same time",
            );
            let who = server.take_exactly("client 00".len())?;
            server.send([&b"hello, "[..], &who].concat())?;
            servers.push(server);
        }
        for (number, client) in clients.iter_mut().enumerate() {
            client.did("connected at the same time as 29 others and told the server its number");
            client.expect(format!("hello, client {number:02}"))?;
        }
        Ok(())
    }

    /// Lets both sides send all the time, and both receive.
    fn passes_on_much_both_ways(&self) -> Outcome {
        let (mut client, mut server) = self.pair()?;
        let (mut client_sends, mut server_sends) = (client.another()?, server.another()?);
        let much = noise(8 << 20);
        for end in [&mut client, &mut server] {
            end.did("was sent 8 MiB while it sent as much itself");
        }
        thread::scope(|scope| {
            let sends = [&mut client_sends, &mut server_sends]
                .map(|end| scope.spawn(|| end.send(&much).and_then(|()| end.half_close())));
            let receives = [&mut client, &mut server].map(|end| {
                scope.spawn(|| expect_bytes(end, &much).and_then(|()| end.expect_end()))
            });
            let received: Vec<Outcome> = receives.into_iter().map(joined).collect();
            let sent: Vec<Outcome> = sends.into_iter().map(joined).collect();
            received.into_iter().chain(sent).collect() // what did not come says more
        })
    }

    /// Lets one side send as much as it can, while the other one does not read: the program has to let
    /// the sender wait.
    fn sends_too_much<'a>(&self, who: &'a str, idle: &'a str) -> Outcome<HeldUp<'a>> {
        let (client, server) = self.pair()?;
        let (sender, reader) = if idle == "client" { (server, client) } else { (client, server) };
        sender.keep_little();
        reader.keep_little();
        let mut sent = 0;
        self.program.expect_little_kept(
            &format!("{who}, whose {idle} does not read,"),
            |bytes| {
                let written = written_now(&sender, bytes);
                sent += written;
                written == bytes.len()
            },
        )?;
        Ok(HeldUp { sender, reader, names: [who, idle], sent })
    }

    /// Checks that nothing of a pair stays, however it ends.
    fn gives_everything_back(&self) -> Outcome {
        let (mut clients, mut servers) = self.pairs()?;
        for (client, server) in clients.iter_mut().zip(&mut servers) {
            client.half_close()?;
            server.did("had a client that closed its sending half");
            server.expect_end()?;
            server.half_close()?;
            client.did("closed its sending half, and so did the server");
            client.expect_end()?;
        }
        self.expect_given_back(
            "in 20 pairs, first the client closed its sending half and then the server",
        )?;

        let (clients, mut servers) = self.pairs()?;
        clients.into_iter().for_each(Actor::reset);
        for server in &mut servers {
            server.did("had a client that was reset");
            server.expect_over()?;
        }
        self.expect_given_back("20 clients left with a reset while their servers stayed")?;

        let (mut clients, servers) = self.pairs()?;
        servers.into_iter().for_each(Actor::reset);
        for client in &mut clients {
            client.did("had a server that left with a reset");
            client.expect_over()?;
        }
        self.expect_given_back("the server left 20 clients with a reset while these stayed")?;

        let (clients, mut servers) = self.pairs()?;
        drop(clients);
        for server in &mut servers {
            server.did("had a client that closed the connection");
            server.expect_end()?;
            self.attempt.eventually(|| match server.send("more") {
                Ok(()) => Err("20 clients had closed their connections while the server behind \
                               the program went on sending, but the server's connections stayed \
                               open"
                    .to_string()),
                Err(_) => Ok(()),
            })?;
        }
        self.expect_given_back("the server went on sending to 20 clients that had gone")?;

        for idle in ["client", "server"] {
            let (client, server) = self.pair()?;
            let (mut sender, reader) =
                if idle == "client" { (server, client) } else { (client, server) };
            sender.keep_little();
            reader.keep_little();
            while written_now(&sender, &[b'x'; 1 << 20]) == 1 << 20 {}
            reader.reset();
            sender.did(&format!(
                "sent a lot to a {idle} that did not read and then reset the connection"
            ));
            sender.expect_over()?;
            self.expect_given_back(&format!("a {idle} that did not read left with a reset"))?;
        }
        Ok(())
    }

    fn expect_given_back(&self, after: &str) -> Outcome {
        self.in_use.expect_again(self.attempt, &self.program, after)
    }
}

fn passes_on_any_bytes((client, server): &mut (Actor, Actor)) -> Outcome {
    server.send("who is there?")?;
    client.did("had sent nothing yet, and the server greeted it with `who is there?`");
    client.expect("who is there?")?;
    client.send(BYTES)?;
    server.did("was sent bytes that are not text, without a newline, by the client");
    server.expect(BYTES)?;
    server.send(BYTES)?;
    client.did("was sent bytes that are not text, without a newline, by the server");
    client.expect(BYTES)
}

/// A pair of which one side has sent as much as it could, and the other one does not read.
struct HeldUp<'a> {
    sender: Actor,
    reader: Actor,
    /// Their names in diagnoses, such as `the server` and `client`.
    names: [&'a str; 2],
    /// How many bytes have been sent.
    sent: usize,
}

impl HeldUp<'_> {
    /// Checks that everything is still there after a while, and that the other direction goes on.
    fn loses_nothing(self) -> Outcome {
        let HeldUp { mut sender, mut reader, names: [who, idle], mut sent } = self;
        sender.did(&format!(
            "sent a lot to a {idle} that read nothing for 2.5 s, but then sent something"
        ));
        // What arrives makes the kernel look again whether its buffers have room for a write that waits,
        // so a program that waits there may be let go, but not each time.
        for _ in 0..4 {
            sent += written_now(&sender, &[b'x'; 1 << 20]);
            let talked = reader.send("but I talk");
            talked.map_err(|why| {
                format!("{who} sent a lot, the {idle} read nothing for 2.5 s, and {why}")
            })?;
            sender.expect("but I talk")?;
        }
        reader.half_close()?;
        sender.did(&format!(
            "sent a lot to a {idle} that read nothing for 2.5 s, and then closed its sending half"
        ));
        sender.expect_end()?;
        reader.did(&format!("read nothing for 2.5 s, while {who} sent it {sent} bytes"));
        let mut rest = sent;
        while rest > 0 {
            let Ok(part) = reader.take_exactly(rest.min(1 << 20)) else {
                let came = sent - rest + reader.take_what_has_come().len();
                let came = format!("it received only {came} of them");
                return Err(reader.finding(&format!("all {sent} bytes"), &came));
            };
            if let Some(at) = part.iter().position(|byte| *byte != b'x') {
                let came = format!("it received other bytes after the first {}", sent - rest + at);
                return Err(reader.finding("the same bytes", &came));
            }
            rest -= part.len();
        }
        sender.half_close()?;
        reader.did(&format!("read nothing for 2.5 s, and then everything that {who} had sent"));
        reader.expect_end()
    }
}

/// The threads and descriptors that a program uses. `None` if the system does not tell: only Linux
/// does.
struct InUse {
    threads: Option<u64>,
    descriptors: Option<usize>,
}

impl InUse {
    fn by(program: &Running) -> InUse {
        let process = program.process_id();
        InUse { threads: threads(process), descriptors: open_descriptors(process) }
    }

    /// Waits until the program holds hardly more than this. It may keep a few for later.
    fn expect_again(&self, attempt: &Attempt, program: &Running, after: &str) -> Outcome {
        const A_FEW: usize = 8;
        attempt.eventually(|| {
            let now = InUse::by(program);
            let more_threads = now.threads.zip(self.threads);
            let more_threads = more_threads.map_or(0, |(now, then)| now.saturating_sub(then));
            let more = now.descriptors.zip(self.descriptors);
            let more = more.map_or(0, |(now, then)| now.saturating_sub(then));
            if more_threads <= A_FEW as u64 && more <= A_FEW {
                return Ok(());
            }
            Err(format!(
                "{after}, so the program should have released what it used for them, but it has \
                 {more_threads} threads and {more} open sockets or files more than at its start"
            ))
        })
    }
}

/// Checks the time in which nobody listens where the program connects to, and what comes after it.
fn upstream_is_not_there(attempt: &Attempt) -> Outcome {
    let (socket, address) = refusing();
    let line = format!("cannot reach {address}");
    let program = attempt.serve_with(&[&address.to_string()])?;
    let in_use = InUse::by(&program);
    let closed = |mut client: Actor| {
        client.did("connected while nobody was listening at the server's address");
        client.expect_over()?;
        Ok(client)
    };
    let first = closed(program.connect("a client")?)?;
    if program.has_ended() {
        return Err("a client connected while nobody was listening at the server's address, and \
                    the program ended, although other clients may come"
            .to_string());
    }
    let after = "a client connected while nobody was listening at the server's address";
    program.expect_line_on_stdout(after, &line)?;
    let crowd = program.connect_at_once(MANY, "one of 20 clients")?;
    let crowd = crowd.into_iter().map(closed).collect::<Outcome<Vec<Actor>>>()?;
    let after = "21 clients connected while nobody was listening at the server's address";
    program.expect_lines_on_stdout(after, 1 + MANY, &line)?;
    in_use.expect_again(attempt, &program, after)?;
    drop((first, crowd));

    let upstream = socket.listen(16).map(|()| TcpListener::from(socket));
    let upstream = upstream.map_err(|error| format!("the check itself cannot listen: {error}"))?;
    let mut client = program.connect("a client")?;
    let mut server =
        attempt.accepted_by(&upstream, "the server, which had not been there at first,")?;
    client.send("at last")?;
    server.did("accepted the connection of a client that sent `at last`");
    server.expect("at last")?;
    program.expect_lines_on_stdout("the server was there again", 1 + MANY, &line)
}

/// Sends `bytes` from one end, while the other end receives them.
fn pass(from: &mut Actor, to: &mut Actor, bytes: &[u8]) -> Outcome {
    thread::scope(|scope| {
        let sends = scope.spawn(|| from.send(bytes));
        expect_bytes(to, bytes).and(joined(sends))
    })
}

fn pass_and_close(mut from: Actor, to: &mut Actor, bytes: &[u8]) -> Outcome {
    thread::scope(|scope| {
        let sends = scope.spawn(move || from.send(bytes));
        expect_bytes(to, bytes).and(joined(sends))
    })
}

fn joined(thread: ScopedJoinHandle<'_, Outcome>) -> Outcome {
    thread.join().unwrap_or_else(|_| Err("the check itself has panicked".to_string()))
}

/// Waits for just these bytes, of which there are too many to be shown.
fn expect_bytes(receiver: &mut Actor, bytes: &[u8]) -> Outcome {
    let came = receiver.take_exactly(bytes.len())?;
    match came.iter().zip(bytes).position(|(came, sent)| came != sent) {
        None => Ok(()),
        Some(at) => {
            let shown = |bytes: &[u8]| quoted(&bytes[at..bytes.len().min(at + 10)]);
            let came = format!("they differ after {at} bytes: it received {}", shown(&came));
            let expected = format!(
                "the {} bytes that were sent, which go on there with {}",
                bytes.len(),
                shown(bytes)
            );
            Err(receiver.finding(&expected, &came))
        }
    }
}

/// Returns bytes of which no part is like another: the numbers of a generator (xorshift32).
fn noise(count: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// Sends until the program takes no more for a while. Returns how many bytes it has taken.
fn written_now(sender: &Actor, bytes: &[u8]) -> usize {
    const A_WHILE: Duration = Duration::from_millis(150);
    let mut stream = sender.stream();
    let _ = stream.set_write_timeout(Some(A_WHILE / 3));
    let (mut written, mut deadline) = (0, Deadline::after(A_WHILE));
    while written < bytes.len() && !deadline.is_over() {
        match stream.write(&bytes[written..]) {
            Ok(more) => (written, deadline) = (written + more, Deadline::after(A_WHILE)),
            Err(error) if timed_out(&error) => {}
            Err(_) => break,
        }
    }
    written
}
