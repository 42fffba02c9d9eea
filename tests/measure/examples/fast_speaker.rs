//! Measures what happens to the readers when somebody pastes a megabyte as fast as the machine can
//! (Linux; over a link like that of `cargo run -p link`):
//!
//!     cargo run --release -p measure --example fast_speaker
//!
//! The speaker is on the server's own machine. The readers are on the other side of the link, read
//! all the time, and have the send buffers of the broadcast server. Meanwhile a third person sends
//! a line every third of a second. It takes a minute.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use link::{Conditions, Link, become_root, machine};
use shared::{Lines, Pace, disconnect, send_now, set_send_buffer};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PASTE: usize = 1 << 20;
const SEND_BUFFER: usize = 512 * 1024;

fn main() -> Outcome<()> {
    become_root()?;
    let conditions = |delay, rate, loss| {
        let delay = Duration::from_millis(delay);
        Conditions { delay, rate: Some(rate), loss, ..Conditions::default() }
    };
    println!("network               the speaker    hear all       paste  third person");
    for (name, readers, conditions) in [
        ("2 ms, 100 Mbit/s, 0.1 %", 10, conditions(2, 100_000_000, 0.001)),
        ("5 ms,  50 Mbit/s, 0.5 %", 30, conditions(5, 50_000_000, 0.005)),
    ] {
        for (policy, is_held_up) in [("goes on", false), ("is held up", true)] {
            let _link = Link::new(conditions.clone())?;
            let trial = trial(readers, is_held_up)?;
            let (hear_all, paste) = (trial.hear_all, trial.paste.as_secs_f64());
            let third = match trial.third_person {
                Some(delay) => format!("{:>10.2} s", delay.as_secs_f64()),
                None => "not heard".to_string(),
            };
            println!(
                "{name:<23} {policy:<10} {hear_all:>3} of {readers} {paste:>8.2} s  {third:>12}"
            );
        }
    }
    Ok(())
}

struct Trial {
    /// The number of readers that have received all of the paste.
    hear_all: usize,
    /// The time until the server had all of it.
    paste: Duration,
    /// The time that the slowest of the third person's lines took. `None` if one was not received.
    third_person: Option<Duration>,
}

fn trial(readers: usize, is_held_up: bool) -> Outcome<Trial> {
    let listener = TcpListener::bind("0.0.0.0:0")?;
    set_send_buffer(&listener, SEND_BUFFER);
    let port = listener.local_addr()?.port();
    let connect = |from: Ipv4Addr| -> Outcome<(TcpStream, TcpStream)> {
        let client = TcpStream::connect((from, port))?;
        let (accepted, _) = listener.accept()?;
        accepted.set_nodelay(true)?;
        Ok((client, accepted))
    };
    let (mut speaker, from_speaker) = connect(Ipv4Addr::LOCALHOST)?;
    let (mut third, from_third) = connect(machine(254))?;
    let readers = (0..readers).map(|_| connect(machine(2))).collect::<Outcome<Vec<_>>>()?;
    let (clients, at_server): (Vec<_>, Vec<_>) = readers.into_iter().unzip();
    let room = Mutex::new(at_server);

    thread::scope(|scope| {
        let heard: Vec<_> = clients.into_iter().map(|one| scope.spawn(|| listen(one))).collect();
        let begun = Instant::now();
        let speaking = scope.spawn(|| pass_on(&from_speaker, &room, is_held_up));
        scope.spawn(|| pass_on(&from_third, &room, is_held_up));
        scope.spawn(move || {
            let text = format!("{}\n", "x".repeat(49)).repeat(PASTE / 50);
            // If this fails, the readers receive less than the whole text.
            let _ = speaker.write_all(text.as_bytes());
        });
        let mut said = Vec::new();
        while !speaking.is_finished() {
            said.push(Instant::now());
            third.write_all(b"third person\n")?;
            thread::sleep(Duration::from_millis(333));
        }
        let paste = speaking.join().map_err(|_| "the server's thread panicked")?;
        third.shutdown(Shutdown::Write)?;
        thread::sleep(Duration::from_secs(2)); // for data in flight
        room.lock().map_err(|_| "poisoned")?.iter().for_each(disconnect);
        let heard: Vec<Heard> = heard.into_iter().filter_map(|one| one.join().ok()).collect();
        let expected = PASTE / 50;
        let hear_all = heard.iter().filter(|heard| heard.pasted == expected).count();
        let delays = heard.iter().map(|heard| {
            let delays = heard.third_person.iter().zip(&said).map(|(heard, said)| *heard - *said);
            delays.max().filter(|_| heard.third_person.len() == said.len())
        });
        let third_person = delays.min_by_key(|delay| delay.is_some()).flatten();
        let paste = paste.duration_since(begun);
        Ok(Trial { hear_all, paste, third_person })
    })
}

/// What a reader has received: how many lines of the paste, and when each line of the third person.
struct Heard {
    pasted: usize,
    third_person: Vec<Instant>,
}

fn listen(client: TcpStream) -> Heard {
    let mut heard = Heard { pasted: 0, third_person: Vec::new() };
    for line in BufReader::with_capacity(64 * 1024, client).lines().map_while(Result::ok) {
        match line.ends_with("third person") {
            true => heard.third_person.push(Instant::now()),
            false => heard.pasted += 1,
        }
    }
    heard
}

/// Does what the broadcast server does for one client. Returns when all of its paste has arrived.
fn pass_on(mut stream: &TcpStream, room: &Mutex<Vec<TcpStream>>, is_held_up: bool) -> Instant {
    let mut lines = Lines::trimmed();
    let pace = Pace::default();
    let mut buffer = [0; 4096];
    let mut read = 0;
    while let Ok(received @ 1..) = stream.read(&mut buffer) {
        let mut messages = Vec::new();
        for line in lines.add(&buffer[..received]).split_inclusive(|byte| *byte == b'\n') {
            messages.extend_from_slice(b"50001:");
            messages.extend_from_slice(line);
        }
        let mut room = room.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        room.retain(|client| {
            let sent = send_now(client, &messages);
            if sent.is_err() {
                disconnect(client);
            }
            sent.is_ok()
        });
        drop(room);
        read += received;
        if read >= PASTE / 50 * 50 {
            break;
        }
        if is_held_up {
            pace.spend(messages.len());
            pace.wait();
        }
    }
    Instant::now()
}
