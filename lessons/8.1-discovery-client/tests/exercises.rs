//! The exercises of this lesson, and what each asks of a learner's program.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use checker::{Attempt, Outcome, Running, listener, shown_times};
use harness::accept_within;
use lesson_discovery_server::{LONGEST, Message};

checker::exercises! {
    discovery_client in "8.1-discovery-client" {
        count_the_chats: "easy, 10 minutes: How many chats?",
        two_answers: "medium, 30 minutes: One question, two answers",
    }
}

/// A server that a learner's client asks.
struct Server {
    socket: UdpSocket,
}

/// A question of a learner's client, and the address that it came from.
struct Question {
    id: u64,
    asker: SocketAddr,
}

impl Server {
    fn at(address: SocketAddr, attempt: &Attempt) -> std::io::Result<Server> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(2 * attempt.patience()))?;
        Ok(Server { socket })
    }

    /// Starts a client with these options, which asks a new server. Waits for its first question.
    fn asked(attempt: &Attempt, options: &[&str]) -> Outcome<(Server, Running, Question)> {
        let failed = |error| format!("the check itself cannot make a UDP socket: {error}");
        let server = Server::at(([127, 0, 0, 1], 0).into(), attempt).map_err(failed)?;
        let address = server.socket.local_addr().map_err(failed)?.to_string();
        let client = attempt.start(&[&[address.as_str()], options].concat());
        let mut buffer = [0; LONGEST + 1];
        let (length, asker) = server.socket.recv_from(&mut buffer).map_err(|_| {
            "a server waited for a question, but the program did not ask".to_string()
        })?;
        match Message::parse(&buffer[..length]) {
            Some(Message::Who { id }) => Ok((server, client, Question { id, asker })),
            other => {
                Err(format!("the program should ask who serves a chat, but it sent {other:?}"))
            }
        }
    }

    fn answer(&self, question: &Question, port: u16, name: &str) -> Outcome {
        self.send(&Message::Here { id: question.id, port, name }.line(), question)
    }

    fn send(&self, datagram: &str, question: &Question) -> Outcome {
        let sent = self.socket.send_to(datagram.as_bytes(), question.asker);
        sent.map(drop).map_err(|error| format!("the check itself cannot send: {error}"))
    }
}

/// Waits for the end of the client, and returns the lines that it has printed.
fn lines_in_the_end(client: &Running) -> Outcome<Vec<String>> {
    client.expect_exit("its second was over")?;
    Ok(client.stdout().lines().map(str::to_string).collect())
}

// --- count_the_chats ---

fn count_the_chats(attempt: &Attempt) -> Outcome {
    attempt.try_again(|| {
        let (server, client, question) = Server::asked(attempt, &[])?;
        server.answer(&question, 1, "one")?;
        server.answer(&question, 2, "two")?;
        server.answer(&question, 1, "one")?;
        server.answer(&question, 2, "two")?;
        server.answer(&question, 3, "chats found: 7")?;
        server
            .send(&Message::Here { id: question.id ^ 1, port: 4, name: "no" }.line(), &question)?;
        let after =
            "three chats were announced, two of them twice, and an answer to another question";
        ends_with_the_count(&client, after, 3)
    })?;
    attempt.try_again(|| {
        let (server, client, question) = Server::asked(attempt, &[])?;
        server.answer(&question, 1, "三班")?;
        ends_with_the_count(&client, "one chat was announced", 1)
    })?;
    attempt.try_again(|| {
        let (server, client, question) = Server::asked(attempt, &[])?;
        server.answer(&question, 1, "三班")?;
        server.answer(&question, 2, "三班")?;
        ends_with_the_count(&client, "two chats with the same name were announced", 2)
    })?;
    let (_server, client, _question) = Server::asked(attempt, &[])?;
    let status = client.expect_exit("nobody answered")?;
    ends_with_the_count(&client, "nobody answered", 0)?;
    match status.code() {
        Some(1) => Ok(()),
        _ => Err(format!(
            "nobody answered, so the program should have ended with exit status 1 as before, but \
             it ended with {status}"
        )),
    }
}

fn ends_with_the_count(client: &Running, after: &str, count: usize) -> Outcome {
    let lines = lines_in_the_end(client)?;
    let expected = format!("chats found: {count}");
    let (last, before) = lines.split_last().map_or(("", &[][..]), |(last, rest)| (last, rest));
    if last != expected {
        return Err(format!(
            "{after}, so the last line should be `{expected}`, but it is `{last}`"
        ));
    }
    match before.len() {
        lines if lines == 2 * count => Ok(()),
        lines => Err(format!(
            "{after}, and before the last line each chat should have two lines, but there are \
             {lines} lines in all"
        )),
    }
}

// --- two_answers ---

const SUSPICION: &str = "127.0.0.1 has given different answers, so somebody may be lying";

fn two_answers(attempt: &Attempt) -> Outcome {
    attempt.try_again(|| honest(attempt))?;
    for (what, answers) in [
        ("two names", &[(1, "one"), (1, "two")][..]),
        ("two ports", &[(1, "one"), (2, "one"), (1, "one")]),
        ("four answers, all of them different,", &[(1, "one"), (2, "one"), (1, "two"), (3, "x")]),
    ] {
        attempt.try_again(|| {
            let (server, client, question) = Server::asked(attempt, &[])?;
            for (port, name) in answers {
                server.answer(&question, *port, name)?;
            }
            suspects(&client, &format!("{what} came from one address"), 1)
        })?;
    }
    attempt.try_again(|| joins_nobody(attempt))
}

/// Sends answers that are all right: the same one again and again, and another one from another
/// address.
fn honest(attempt: &Attempt) -> Outcome {
    let (server, client, question) = Server::asked(attempt, &[])?;
    (0..3).try_for_each(|_| server.answer(&question, 1, "one"))?;
    let port = server.socket.local_addr().map_or(0, |address| address.port());
    // Not every system has a second address of loopback.
    let other = Server::at(([127, 0, 0, 2], port).into(), attempt);
    if let Ok(other) = &other {
        other.answer(&question, 2, "two")?;
    }
    suspects(&client, "each address gave one answer, one of them three times", 0)?;
    let lines = client.stdout().lines().count();
    match lines == if other.is_ok() { 4 } else { 2 } {
        true => Ok(()),
        false => Err(format!(
            "each address gave one answer, so the program should print two lines for each, but it \
             printed {lines} in all"
        )),
    }
}

fn suspects(client: &Running, after: &str, times: usize) -> Outcome {
    let lines = lines_in_the_end(client)?;
    let came = lines.iter().filter(|line| line.contains("has given different answers")).count();
    if came != times {
        return Err(format!(
            "{after}, so the program should print the line `{SUSPICION}` {}, but it printed it {}",
            shown_times(times),
            shown_times(came)
        ));
    }
    match lines.iter().filter(|line| *line == SUSPICION).count() == times {
        true => Ok(()),
        false => Err(format!("{after}, and the line should be exactly `{SUSPICION}`")),
    }
}

fn joins_nobody(attempt: &Attempt) -> Outcome {
    let (chat, address) = listener()?;
    let (server, client, question) = Server::asked(attempt, &["--join"])?;
    server.answer(&question, address.port(), "one")?;
    server.answer(&question, address.port(), "two")?;
    let after = "two names came from one address, and --join was given";
    let status = client.expect_exit(after)?;
    if accept_within(&chat, Duration::from_millis(1)).is_ok() {
        return Err(format!(
            "{after}, so the program should not join anybody, but it connected to the chat"
        ));
    }
    match status.code() {
        Some(1) => suspects(&client, after, 1),
        _ => Err(format!(
            "{after}, so the program should have ended with exit status 1, but it ended with \
             {status}"
        )),
    }
}
