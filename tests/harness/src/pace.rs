//! Time as a busy machine gives it to its programs. A program that shares the processors with many
//! others gets little of a second, so a wait with a deadline must not count seconds.

use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The end of a wait. On a machine that has nothing else to do, it comes after the time it was made
/// with. On a busy machine it comes as much later as programs are slower there, so a program that is
/// right and only held up is still in time.
#[derive(Clone, Copy)]
pub struct Deadline {
    /// The reading of the machine's time at which it is over.
    at: Duration,
}

impl Deadline {
    /// Returns the end of a wait that begins now.
    pub fn after(patience: Duration) -> Deadline {
        Deadline { at: machine_time().saturating_add(patience) }
    }

    /// Returns how long to wait before looking at the deadline again, or zero if it is over.
    pub fn left(self) -> Duration {
        self.at.saturating_sub(machine_time())
    }

    /// Returns whether the wait is over.
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }
}

/// Tells whether something took long because the machine was busy.
pub struct Watch {
    started: Instant,
    machine_time: Duration,
}

impl Watch {
    /// Begins to watch the machine.
    pub fn start() -> Watch {
        Watch { machine_time: machine_time(), started: Instant::now() }
    }

    /// Returns whether programs have been held up since then.
    pub fn machine_was_busy(&self) -> bool {
        let given = machine_time() - self.machine_time;
        self.started.elapsed() > given.mul_f64(1.25) + 2 * BEAT
    }
}

/// How often the machine's time is read.
const BEAT: Duration = Duration::from_millis(20);

/// So many programs for a processor make a wait longer, and more do not: those that sleep most of the
/// time, as servers do, get their turn before those that never do. If they do not, the beat is late.
const MOST: f64 = 6.0;

/// The machine's time since the first call, in microseconds.
static MACHINE_TIME: AtomicU64 = AtomicU64::new(0);

fn machine_time() -> Duration {
    static METRONOME: Once = Once::new();
    METRONOME.call_once(|| drop(thread::spawn(beat)));
    Duration::from_micros(MACHINE_TIME.load(Ordering::Relaxed))
}

/// Goes on with the machine's time. A beat that comes late was held up as programs are, so what it is
/// late does not count; and what counts is divided among the programs that wait for a processor.
fn beat() {
    loop {
        let begun = Instant::now();
        thread::sleep(BEAT);
        // Windows wakes a sleeper up to 16 ms late even if it has nothing else to do.
        let counts = begun.elapsed().min(2 * BEAT).div_f64(programs_for_each_processor());
        MACHINE_TIME.fetch_add(counts.as_micros() as u64, Ordering::Relaxed);
    }
}

/// Returns how many programs share a processor right now, and 1 if they are fewer than the processors,
/// or the system does not tell. Linux does, in /proc/loadavg (proc(5)): the fourth field begins with
/// the number of those that run or could run.
fn programs_for_each_processor() -> f64 {
    let runnable = fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|load| load.split_whitespace().nth(3)?.split('/').next()?.parse::<f64>().ok());
    let processors = thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    let others = runnable.unwrap_or(1.0) - 1.0; // one of them is this thread
    (others / processors).clamp(1.0, MOST)
}
