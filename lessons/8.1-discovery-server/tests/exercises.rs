//! The exercises of this lesson, and what each asks of a learner's program.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use checker::{Attempt, Outcome, Running, listener};
use harness::{accept_within, timed_out};
use lesson_discovery_server::{LONGEST, Message};

checker::exercises! {
    discovery_server in "8.1-discovery-server" {
        asked_once: "easy, 20 minutes: Asked three times, printed once",
        chat_is_there: "medium, 30 minutes: Announce only what is there",
    }
}

/// Somebody who asks a learner's server.
struct Asker {
    socket: UdpSocket,
    server: SocketAddr,
    patience: Duration,
}

impl Asker {
    fn of(server: &Running, attempt: &Attempt) -> Outcome<Asker> {
        Asker::at("127.0.0.1:0", server, attempt)
            .map_err(|error| format!("the check itself cannot make a UDP socket: {error}"))
    }

    fn at(address: &str, server: &Running, attempt: &Attempt) -> std::io::Result<Asker> {
        let socket = UdpSocket::bind(address)?;
        Ok(Asker { socket, server: server.address(), patience: attempt.patience() })
    }

    fn ask(&self, id: u64) -> Outcome {
        let question = Message::Who { id }.line();
        let sent = self.socket.send_to(question.as_bytes(), self.server);
        sent.map(drop).map_err(|error| format!("the check itself cannot send: {error}"))
    }

    /// Returns the next answer, if one comes in time.
    fn answer_within(&self, time: Duration) -> Outcome<Option<Vec<u8>>> {
        let failed = |error| format!("the check itself cannot receive: {error}");
        self.socket.set_read_timeout(Some(time)).map_err(failed)?;
        let mut buffer = [0; LONGEST + 1];
        match self.socket.recv(&mut buffer) {
            Ok(length) => Ok(Some(buffer[..length].to_vec())),
            Err(error) if shared::nothing_arrived(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Asks, and expects the answer to just this. `what` says who asks, and after what.
    fn is_answered(&self, id: u64, port: u16, what: &str) -> Outcome {
        self.is_answered_within(self.patience, id, port, what)
    }

    fn is_answered_within(&self, time: Duration, id: u64, port: u16, what: &str) -> Outcome {
        self.ask(id)?;
        while let Some(answer) = self.answer_within(time)? {
            match Message::parse(&answer) {
                Some(Message::Here { id: of, port: chat, .. }) if (of, chat) == (id, port) => {
                    return Ok(());
                }
                Some(Message::Here { id: of, .. }) if of != id => {} // late, to an earlier question
                other => {
                    return Err(format!(
                        "{what} asked, so it should have been answered, but it received {other:?}"
                    ));
                }
            }
        }
        Err(format!("{what} asked, so it should have been answered, but it received no answer"))
    }
}

// --- asked_once ---

fn asked_once(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (a, b) = (Asker::of(&server, attempt)?, Asker::of(&server, attempt)?);
    let line = "127.0.0.1 在找聊天室";
    let three_times = "a client sent the same question three times";
    for time in ["the first time", "again", "for the third time"] {
        a.is_answered(1, 3000, &format!("a client that sent the same question {time}"))?;
    }
    server.expect_lines_on_stdout(three_times, 1, line)?;
    a.is_answered(2, 3000, "a client with a second question")?;
    let after = "a client asked a question and then another one, with another number";
    server.expect_lines_on_stdout(after, 2, line)?;
    for time in ["", " again", " again"] {
        a.is_answered(3, 3000, &format!("a client that took turns with another one{time}"))?;
        b.is_answered(4, 3000, &format!("a client that took turns with another one{time}"))?;
    }
    let after = "two clients took turns and each sent its question three times";
    server.expect_lines_on_stdout(after, 4, line)?;
    // Not every system has a second address of loopback.
    if let Ok(c) = Asker::at("127.0.0.2:0", &server, attempt) {
        c.is_answered(4, 3000, "a client at 127.0.0.2")?;
        let after = "another machine asked with a number that had been used before";
        server.expect_lines_on_stdout(after, 1, "127.0.0.2 在找聊天室")?;
    }
    thread::sleep(Duration::from_millis(200));
    server.expect_lines_on_stdout(after, 4, line)?;
    many_machines_ask_again(attempt, &attempt.serve()?)
}

/// Asks more than a thousand questions, and then the last ones again, which the program still knows.
/// Each machine asks only a few, because the server does not answer many.
fn many_machines_ask_again(attempt: &Attempt, server: &Running) -> Outcome {
    const MACHINES: u32 = 260;
    const FIRST_AGAIN: usize = 35; // the last 900 questions
    const EACH: u64 = 4;
    let first = u32::from(Ipv4Addr::new(127, 0, 1, 1));
    let addresses = (first..first + MACHINES).map(Ipv4Addr::from);
    let askers = addresses.clone().map(|ip| Asker::at(&format!("{ip}:0"), server, attempt));
    // Not every system has so many addresses of loopback.
    let Ok(askers) = askers.collect::<Result<Vec<Asker>, _>>() else { return Ok(()) };
    for asker in askers.iter().chain(&askers[FIRST_AGAIN..]) {
        (1..=EACH).try_for_each(|id| asker.ask(id))?;
        // Two machines may share an allowance of answers, so a few questions get none.
        for _ in 1..=EACH {
            if asker.answer_within(Duration::from_millis(100))?.is_none() {
                break;
            }
        }
    }
    thread::sleep(Duration::from_millis(200));
    let printed = server.stdout();
    for ip in addresses {
        let line = format!("{ip} 在找聊天室");
        let times = printed.lines().filter(|printed| *printed == line).count();
        if times > EACH as usize {
            return Err(format!(
                "{MACHINES} machines asked {EACH} questions each, and then the last 900 questions \
                 were asked again. The program should have printed the line `{line}` {EACH} \
                 times, once for each question, but it printed it {times} times"
            ));
        }
    }
    Ok(())
}

// --- chat_is_there ---

/// A time in which a program has answered that wants to.
const SOON: Duration = Duration::from_millis(700);

/// For how long a program may believe what it has seen of the chat.
const LONGEST_BELIEF: Duration = Duration::from_millis(1200);

fn chat_is_there(attempt: &Attempt) -> Outcome {
    let (chat, address) = listener()?;
    let port = address.port();
    drop(chat);
    let server = attempt.serve_with(&["--chat", &port.to_string()])?;
    let asker = Asker::of(&server, attempt)?;
    not_announced(&asker, "no chat had been started yet")?;

    let chat = listening(address)?;
    attempt.eventually(|| {
        asker.is_answered_within(SOON, 2, port, "a chat had been started, and a client")
    })?;
    leaves_quietly(&chat, attempt)?;
    asker.is_answered(3, port, "a chat was there, and a client")?;
    drop(chat);
    thread::sleep(LONGEST_BELIEF);
    while asker.answer_within(Duration::from_millis(1))?.is_some() {}
    not_announced(&asker, "the chat had ended")?;

    let chat = listening(address)?;
    attempt.eventually(|| {
        asker.is_answered_within(SOON, 5, port, "the chat was started again, and a client")
    })?;
    few_connections(&asker, &chat)
}

fn listening(address: SocketAddr) -> Outcome<TcpListener> {
    TcpListener::bind(address).map_err(|error| format!("the check itself cannot listen: {error}"))
}

fn not_announced(asker: &Asker, when: &str) -> Outcome {
    asker.ask(9)?;
    match asker.answer_within(SOON)? {
        None => Ok(()),
        Some(_) => {
            Err(format!("{when}, so a client that asked should not be answered, but it was"))
        }
    }
}

/// Checks that a program that connects to the chat to see whether it is there leaves again without a
/// word.
fn leaves_quietly(chat: &TcpListener, attempt: &Attempt) -> Outcome {
    let Ok(mut connection) = accept_within(chat, Duration::from_millis(300)) else {
        return Ok(()); // it has found out in another way
    };
    let failed = |error| format!("the check itself cannot wait at a socket: {error}");
    connection.set_read_timeout(Some(attempt.patience())).map_err(failed)?;
    let mut heard = Vec::new();
    let stayed = std::io::Read::read_to_end(&mut connection, &mut heard);
    if !heard.is_empty() {
        return Err("the program connected to the chat and said something there".to_string());
    }
    match stayed {
        Err(error) if timed_out(&error) => Err(
            "the program connected to the chat to see whether it is there, but it did not leave \
             again"
                .to_string(),
        ),
        _ => Ok(()),
    }
}

/// Checks that somebody who asks hundreds of times does not make the program connect to the chat as
/// often.
fn few_connections(asker: &Asker, chat: &TcpListener) -> Outcome {
    const QUESTIONS: u64 = 300;
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if accept_within(chat, Duration::from_millis(50)).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let asked = (0..QUESTIONS).try_for_each(|id| {
            thread::sleep(Duration::from_millis(2)); // so that all find room
            asker.ask(100 + id)
        });
        while let Ok(Some(_)) = asker.answer_within(SOON) {}
        over.store(true, Ordering::Relaxed);
        asked
    })?;
    let count = count.into_inner();
    let most = 30.0 + 5.0 * begun.elapsed().as_secs_f64();
    if count as f64 > most {
        return Err(format!(
            "a client asked {QUESTIONS} times without a pause, and because of that the program \
             connected to the chat {count} times"
        ));
    }
    Ok(())
}
