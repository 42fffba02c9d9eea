//! Measures what the backlog changes when four hundred clients join together, over loopback:
//!
//!     cargo run --release -p measure --example burst
//!
//! Both ends of all connections are in this process: `ulimit -n` must allow about 850 open files.

use std::error::Error;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

const CLIENTS: usize = 400;

/// A client that waits as long as this has had its first attempt dropped.
const LATE: Duration = Duration::from_millis(500);

fn main() -> Result<(), Box<dyn Error>> {
    let standard = TcpListener::bind("127.0.0.1:0")?;
    let (ours, _) = shared::listen("127.0.0.1:0")?;
    println!("listener           connected  late  slowest");
    for (name, listener) in [("TcpListener::bind", standard), ("shared::listen", ours)] {
        let address = listener.local_addr()?;
        // Like the broadcast server: a thread for each client, started in the accept loop.
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                thread::spawn(move || hold(&client));
            }
        });
        let times = join_all_at_once(address);
        println!(
            "{name:17}  {:9}  {:4}  {:4.0} ms",
            times.len(),
            times.iter().filter(|time| **time >= LATE).count(),
            times.iter().max().map_or(0.0, |time| time.as_secs_f64() * 1000.0),
        );
    }
    Ok(())
}

// ANCHOR: join
/// Returns how long `connect` took for each client that got through.
fn join_all_at_once(address: SocketAddr) -> Vec<Duration> {
    let ready = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        let join = || {
            ready.wait();
            let start = Instant::now();
            let outcome = TcpStream::connect(address);
            let taken = start.elapsed();
            ready.wait(); // nobody leaves before all have tried
            outcome.is_ok().then_some(taken)
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(join)).collect();
        clients.into_iter().filter_map(|client| client.join().ok().flatten()).collect()
    })
}
// ANCHOR_END: join

/// Waits until the client leaves.
fn hold(client: &TcpStream) {
    let _ = client.peek(&mut [0]);
}
