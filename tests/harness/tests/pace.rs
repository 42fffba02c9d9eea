//! Tests how long a wait with a deadline takes. Only Linux tells how many programs want to run.
#![cfg(target_os = "linux")]

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Deadline, Watch};

const PATIENCE: Duration = Duration::from_millis(500);

/// One test at a time, because each changes how busy the machine is.
static MACHINE: Mutex<()> = Mutex::new(());

fn waited() -> Duration {
    let begun = Instant::now();
    let deadline = Deadline::after(PATIENCE);
    while !deadline.is_over() {
        thread::sleep(deadline.left());
    }
    begun.elapsed()
}

/// Calls `wait` while more threads are busy than there are processors.
fn on_a_busy_machine<T>(wait: impl FnOnce() -> T) -> T {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let over = AtomicBool::new(false);
    let threads = 4 * thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        let result = wait();
        over.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn a_wait_is_hardly_shorter_than_its_patience() {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let shortest = (0..3).map(|_| waited()).min().unwrap_or_default();
    assert!(shortest > PATIENCE.mul_f64(0.9), "it took {shortest:?}"); // the reading may be one beat old
}

#[test]
fn a_wait_takes_longer_on_a_busy_machine() {
    let waited = on_a_busy_machine(waited);
    assert!(waited > 2 * PATIENCE, "it took {waited:?}");
}

#[test]
fn a_busy_machine_is_noticed() {
    let watch = Watch::start();
    on_a_busy_machine(waited);
    assert!(watch.machine_was_busy());
}
