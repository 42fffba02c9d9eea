//! Measures what a page costs the server, beside a client of the same room that speaks lines as in 7.4:
//!
//!     cargo test --release -p lesson-browser-server --test cost -- --ignored --nocapture

use std::array;
use std::time::Duration;

use both::{page_of, server};
use harness::{Peer, Program, processor_time, resident_memory};
use websocket::WebSocket;

mod both;
#[allow(dead_code, reason = "the other tests send more kinds of frames")]
mod websocket;

/// The number of clients that listen.
const LISTENERS: u32 = 500;

/// The number of lines that one more client says, each when everybody has heard the one before.
const LINES: u32 = 200;

/// How often each kind is measured, in turn with the other. The middle one counts.
const RUNS: usize = 5;

enum Listener {
    Lines(Peer),
    Page(WebSocket),
}

impl Listener {
    fn of_lines(server: &Program) -> Listener {
        Listener::Lines(server.connect())
    }

    fn page(server: &Program) -> Listener {
        Listener::Page(WebSocket::join(&page_of(server)))
    }

    fn expect(&mut self, line: &str) {
        match self {
            Listener::Lines(peer) => {
                peer.expect(line);
                peer.forget();
            }
            Listener::Page(page) => page.expect(line),
        }
    }
}

#[test]
#[ignore = "slow: a measurement, see the top of its file"]
fn what_a_page_costs() {
    type Kind = (&'static str, fn(&Program) -> Listener);
    let kinds: [Kind; 2] = [("lines", Listener::of_lines), ("a page", Listener::page)];
    let runs: [[(u64, Duration); 2]; RUNS] = array::from_fn(|_| kinds.map(|(_, join)| cost(join)));
    println!("{LISTENERS} listeners | memory of each | processor time of a delivery");
    for (kind, (name, _)) in kinds.iter().enumerate() {
        let mut memory = runs.map(|run| run[kind].0);
        let mut time = runs.map(|run| run[kind].1);
        memory.sort_unstable();
        time.sort_unstable();
        let kib = memory[RUNS / 2] as f64 / 1024.0;
        let [least, middle, most] =
            [0, RUNS / 2, RUNS - 1].map(|run| time[run].as_secs_f64() * 1e6);
        println!("{name}: {kib:.1} KiB | {middle:.2} µs ({least:.2} to {most:.2})");
    }
}

/// Returns the memory of a listener in bytes, and the processor time of a delivery to it.
fn cost(join: fn(&Program) -> Listener) -> (u64, Duration) {
    let server = server(0, 0);
    let process = server.process_id();
    let memory = || resident_memory(process).expect("Linux tells the memory");
    let processor = || processor_time(process).expect("Linux tells the processor time");
    let mut speaker = server.connect();
    let before = memory();
    let mut listeners: Vec<Listener> = (0..LISTENERS).map(|_| join(&server)).collect();
    let mut say = |text: &str| {
        let heard = format!("{}:{text}\n", speaker.port());
        speaker.send(format!("{text}\n"));
        listeners.iter_mut().for_each(|listener| listener.expect(&heard));
    };
    say("everybody is here");
    let (memory, start) = (memory() - before, processor());
    for _ in 0..LINES {
        say("a line of ordinary length, as people write");
    }
    (memory / u64::from(LISTENERS), (processor() - start) / (LISTENERS * LINES))
}
