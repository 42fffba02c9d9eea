//! Measures what `TCP_NODELAY` changes for small messages, over loopback:
//!
//!     cargo run --release -p measure --example no_delay

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Exchanges before the clock starts. At the beginning of a connection Linux acknowledges
/// immediately, which would hide the effect.
const WARM_UP: usize = 5;

/// Exchanges that we measure: an odd number, so that one of them is in the middle.
const MEASURED: usize = 25;

// ANCHOR: table
fn main() -> io::Result<()> {
    println!("writes  answered  TCP_NODELAY      median     slowest");
    for (writes, answered) in [(1, true), (2, true), (2, false)] {
        for no_delay in [false, true] {
            let mut times = measure(writes, answered, no_delay)?;
            times.sort();
            println!(
                "{writes:6}  {:8}  {:11}  {:7.2} ms  {:7.2} ms",
                if answered { "yes" } else { "no" },
                if no_delay { "on" } else { "off" },
                milliseconds(times[MEASURED / 2]),
                milliseconds(times[MEASURED - 1]),
            );
        }
    }
    Ok(())
}
// ANCHOR_END: table

// ANCHOR: measure
/// Returns how long each exchange takes, all of them over one connection.
fn measure(writes: usize, answered: bool, no_delay: bool) -> io::Result<Vec<Duration>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut speaker = TcpStream::connect(listener.local_addr()?)?;
    let (mut hearer, _) = listener.accept()?;
    speaker.set_nodelay(no_delay)?;

    let mut times = Vec::new();
    for _ in 0..WARM_UP + MEASURED {
        let start = Instant::now();
        exchange(&mut speaker, &mut hearer, writes, answered)?;
        times.push(start.elapsed());
    }
    Ok(times.split_off(WARM_UP))
}

/// Makes one exchange. One thread plays both ends, because each step waits for the one before.
fn exchange(
    speaker: &mut TcpStream,
    hearer: &mut TcpStream,
    writes: usize,
    answered: bool,
) -> io::Result<()> {
    for _ in 0..writes {
        speaker.write_all(b"hello\n")?;
    }
    hearer.read_exact(&mut vec![0; writes * b"hello\n".len()])?;
    if answered {
        hearer.write_all(b"hi\n")?;
        speaker.read_exact(&mut [0; b"hi\n".len()])?;
    }
    Ok(())
}
// ANCHOR_END: measure

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
