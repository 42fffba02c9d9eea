//! The exercise of this lesson, and what it asks of a learner's program.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use checker::{Actor, Attempt, Outcome, PATIENCE, accepted_by};
use socket2::{Domain, Socket, Type};

checker::exercises! {
    bidirectional_client in "6.2.2.3-bidirectional-client" {
        reconnect: "hard, 60 minutes: Connect again, with back-off",
    }
}

const QUESTION: &str = "你吃了吗"; // have you eaten?
const HANG_UPS: usize = 6;

fn reconnect(attempt: &Attempt) -> Outcome {
    let (port, address) = a_port_that_refuses()?;
    let client = attempt.start(&[&address.to_string()]);
    let refusing = Instant::now();
    while refusing.elapsed() < Duration::from_secs(1) {
        if client.has_ended() {
            return Err("nobody listened yet where the client was to connect, and instead of \
                        trying again it ended"
                .to_string());
        }
    }
    let listener = listen(port)?;

    let mut first = None;
    for time in 1..=HANG_UPS {
        let server = next_conversation(
            &listener,
            match time {
                1 => "the server had refused at first, and then it listened",
                _ => "the server hung up before it answered",
            },
        )?;
        first.get_or_insert_with(Instant::now);
        hang_up(server)?;
    }
    let took = first.map_or(Duration::ZERO, |first| first.elapsed());
    // The pauses of the task add up to 2.5 s, and a busy machine makes them longer, never shorter.
    if took < Duration::from_millis(2250) {
        return Err(format!(
            "the server hung up {HANG_UPS} times before it answered, and the client was back for \
             the last time after {:.2} s: pauses that double from 0.1 s to 1 s would have made 2.5 s",
            took.as_secs_f64()
        ));
    }

    let mut server = next_conversation(&listener, "the server hung up before it answered")?;
    server.send("我吃的小豆包\n")?; // I had bean-paste buns
    client.expect_line_on_stdout("the server answered `我吃的小豆包`", "我吃的小豆包")?;
    let server = back_soon(&listener, server)?;
    server.reset();
    let mut server = next_conversation(&listener, "the server reset the connection")?;
    server.send("再来一个\n")?; // one more
    client.expect_line_on_stdout("the server was back and answered `再来一个`", "再来一个")?;
    let answers = ["我吃的小豆包", "再来一个"];
    match client.stdout().lines().find(|line| !answers.contains(line)) {
        Some(line) => Err(format!(
            "only the answers of the server were to go to stdout, but the line `{line}` did too"
        )),
        None => Ok(()),
    }
}

/// Hangs up after an answer has come, and again, and sees how soon the client is back. On a busy
/// machine it may be late some times, but hardly each time.
fn back_soon(listener: &TcpListener, mut server: Actor) -> Outcome<Actor> {
    let mut soonest = Duration::MAX;
    for _ in 0..4 {
        let hung_up = Instant::now();
        hang_up(server)?;
        server = next_conversation(listener, "the server answered and closed the connection")?;
        soonest = soonest.min(hung_up.elapsed());
        server.send("我吃的小豆包\n")?;
    }
    if soonest < Duration::from_millis(500) {
        return Ok(server);
    }
    Err(format!(
        "the server answered and then closed the connection, four times, and the client was to be \
         back after 0.1 s, but at the soonest it took {:.2} s",
        soonest.as_secs_f64()
    ))
}

/// A socket that has a port and does not listen: the port is ours, and whoever connects is refused.
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

/// Waits for the client to connect and ask its question. `before` is what has happened so far.
fn next_conversation(listener: &TcpListener, before: &str) -> Outcome<Actor> {
    let mut server = accepted_by(listener, "then the server", PATIENCE)
        .map_err(|finding| format!("{before}; {finding}"))?;
    server.did("accepted the connection");
    server.expect(QUESTION).map_err(|finding| format!("{before}; {finding}"))?;
    Ok(server)
}

/// Ends the connection in an orderly way. What has not been read would turn the end into a reset,
/// so this waits for the client's end, too, and reads what comes before it.
fn hang_up(mut server: Actor) -> Outcome {
    server.half_close()?;
    server.did("closed its half of the connection");
    server.expect_over()
}
