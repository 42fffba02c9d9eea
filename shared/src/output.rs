//! Prints lines to stdout and stderr without ever stopping a server.
//!
//! `println!` has two faults in a server. It panics when nobody reads its output any more
//! (`lesson-greeting | head -1`), and it blocks for as long as its reader does: a terminal stopped
//! with Ctrl-S, selected text in a Windows console, or a pipe that nobody empties stops the thread
//! that prints, and with it every thread that waits for that one.
//!
//! So a server leaves the printing to one thread for each output, behind a bounded queue. Programs
//! without a listener print directly, because they have nothing else to do.

use std::collections::VecDeque;
use std::fmt::Arguments;
use std::io::{self, Write};
use std::mem;
use std::process::exit;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::pace::Allowance;

/// Prints a line to stdout like `println!`, but never panics, and never blocks in a server. If
/// stdout is closed, the line is lost.
#[macro_export]
macro_rules! print_line {
    ($($arg:tt)*) => {
        $crate::output::print($crate::output::Output::Stdout, ::std::format_args!($($arg)*))
    };
}

/// Prints a line to stderr like `eprintln!`, but never panics, and never blocks in a server. If
/// stderr is closed, the line is lost.
#[macro_export]
macro_rules! note {
    ($($arg:tt)*) => {
        $crate::output::print($crate::output::Output::Stderr, ::std::format_args!($($arg)*))
    };
}

/// The output that a line goes to.
#[derive(Clone, Copy)]
pub enum Output {
    /// What the lesson is about.
    Stdout,
    /// Everything else.
    Stderr,
}

/// Prints one line, for [`print_line!`](crate::print_line) and [`note!`](crate::note). After
/// [`start_printers`], it only adds the line to a queue.
pub fn print(output: Output, line: Arguments<'_>) {
    let line = format!("{line}\n");
    if let Some(line) = PRINTERS.queue(output, line) {
        write(output, &line);
    }
}

fn write(output: Output, line: &str) {
    // A closed output is the reader's choice and not our failure, so the lesson continues
    // unwatched.
    let _ = match output {
        Output::Stdout => write_whole(io::stdout().lock(), line),
        Output::Stderr => write_whole(io::stderr().lock(), line),
    };
}

/// Writes a line in a single call, so that the lines of several threads do not mix.
fn write_whole(mut output: impl Write, line: &str) -> io::Result<()> {
    output.write_all(line.as_bytes())?;
    output.flush()
}

/// The maximum number of bytes that wait for one output, including the overhead of each line.
/// Further lines are dropped and counted.
const LONGEST_QUEUE: usize = 512 * 1024;

/// The cost of a waiting line besides its text, in bytes: its entry in the queue and the
/// allocator's share.
const OVERHEAD: usize = 64;

/// A write that takes longer than this is blocked by a reader that does not read.
const STOPPED_AFTER: Duration = Duration::from_millis(50);

/// How long a program waits for its last lines to be printed when it ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The two printing threads, once they have been started.
struct Printers {
    queues: Mutex<Queues>,
    changed: Condvar,
}

struct Queues {
    are_served: bool,
    /// The number of lines that have ever been queued, which is the number of the next one.
    lines: u64,
    /// The queues, indexed by [`Output`].
    of: [Queue; 2],
}

/// The lines that wait for one output. A line stays in front until it has been written.
struct Queue {
    lines: VecDeque<(u64, String)>,
    bytes: usize,
    writing_since: Option<Instant>,
    /// The number of lines that found no room. While it is not zero, no line joins the queue, so
    /// that the missing lines form a single gap.
    dropped: u64,
}

static PRINTERS: Printers = Printers {
    queues: Mutex::new(Queues { are_served: false, lines: 0, of: [Queue::EMPTY; 2] }),
    changed: Condvar::new(),
};

/// Leaves all further printing to two threads, so that [`print_line!`](crate::print_line) and
/// [`note!`](crate::note) never block again. If no thread can be started, printing stays as it was.
///
/// End such a program with [`last_words`]; otherwise lines that are still in the queue may be lost.
pub fn start_printers() {
    let start = |output| thread::Builder::new().spawn(move || PRINTERS.print_forever(output));
    if !PRINTERS.queues().are_served && start(Output::Stdout).is_ok() {
        PRINTERS.queues().are_served = start(Output::Stderr).is_ok();
    }
}

/// Waits until all lines are printed, but at most a second: if nobody reads them, the program ends
/// without them.
pub fn last_words() {
    let unprinted = |queues: &mut Queues| queues.of.iter().any(|queue| !queue.lines.is_empty());
    let queues = PRINTERS.queues();
    let _ = PRINTERS.changed.wait_timeout_while(queues, LAST_WORDS, unprinted);
}

impl Printers {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues the line, or returns it if no thread prints it.
    fn queue(&self, output: Output, line: String) -> Option<String> {
        let mut queues = self.queues();
        if !queues.are_served {
            return Some(line);
        }
        queues.add(output, line);
        // Under the lock, so that the wake-ups of several threads come in the order of their lines.
        self.changed.notify_all();
        None
    }

    fn print_forever(&self, output: Output) -> ! {
        let mut queues = self.queues();
        loop {
            if let Some(line) = queues.next(output) {
                drop(queues);
                write(output, &line);
                queues = self.queues();
                queues.written(output, &line);
                self.changed.notify_all();
            } else if queues.of[output as usize].lines.is_empty() {
                queues = self.changed.wait(queues).unwrap_or_else(PoisonError::into_inner);
            } else {
                // It is the other thread's turn, unless its output turns out to be stopped.
                let waited = self.changed.wait_timeout(queues, STOPPED_AFTER);
                queues = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

impl Queues {
    fn add(&mut self, output: Output, line: String) {
        let queue = &mut self.of[output as usize];
        let bytes = line.len() + OVERHEAD;
        if queue.dropped > 0 || queue.bytes + bytes > LONGEST_QUEUE {
            queue.dropped += 1;
            return;
        }
        queue.bytes += bytes;
        queue.lines.push_back((self.lines, line));
        self.lines += 1;
    }

    /// Returns the line that `output` should print now. A line waits for all earlier lines of the
    /// other output, so that the two stay in order on one terminal. It does not wait for a stopped
    /// output.
    fn next(&mut self, output: Output) -> Option<String> {
        let [queue, other] = match (output, &mut self.of) {
            (Output::Stdout, [stdout, stderr]) => [stdout, stderr],
            (Output::Stderr, [stdout, stderr]) => [stderr, stdout],
        };
        let (number, line) = queue.lines.front_mut()?;
        let is_after_the_other = other.lines.front().is_some_and(|(earlier, _)| earlier < number);
        let is_stopped = other.writing_since.is_some_and(|since| since.elapsed() >= STOPPED_AFTER);
        if is_after_the_other && !is_stopped {
            return None;
        }
        queue.writing_since = Some(Instant::now());
        Some(mem::take(line))
    }

    /// Removes the line that `output` has printed. After the last one, reports how many are
    /// missing.
    fn written(&mut self, output: Output, line: &str) {
        let queue = &mut self.of[output as usize];
        queue.writing_since = None;
        queue.lines.pop_front();
        queue.bytes -= line.len() + OVERHEAD;
        if queue.lines.is_empty() && queue.dropped > 0 {
            let dropped = mem::take(&mut queue.dropped);
            let output = ["stdout", "stderr"][output as usize];
            let what = format!("{dropped} lines are missing on {output}: nobody read it in time\n");
            self.add(Output::Stderr, what);
        }
    }
}

impl Queue {
    const EMPTY: Queue =
        Queue { lines: VecDeque::new(), bytes: 0, writing_since: None, dropped: 0 };
}

/// How many complaints a stranger can cause in a burst, and then per second.
const COMPLAINTS: (f64, f64) = (100.0, 5.0);

/// Prints a line to stderr that a stranger can cause as often as it likes. After a burst of a
/// hundred, it prints at most five a second, and the next one says how many were left out.
pub fn complain(line: Arguments<'_>) {
    static COMPLAINED: Mutex<Option<(Allowance, u64)>> = Mutex::new(None);
    let mut complained = COMPLAINED.lock().unwrap_or_else(PoisonError::into_inner);
    let (allowance, left_out) =
        complained.get_or_insert_with(|| (Allowance::new(COMPLAINTS.0, COMPLAINTS.1), 0));
    if !allowance.affords(1.0, Instant::now()) {
        *left_out += 1;
        return;
    }
    match mem::take(left_out) {
        0 => crate::note!("{line}"),
        more => crate::note!("{line}\n(and {more} more like it before)"),
    }
}

/// Prints text as it is, without adding a newline, and waits until that is done. If stdout is
/// closed, ends the process quietly with exit status 0. For programs that have nothing left to do
/// when nobody reads their output.
pub fn print_or_exit(text: &str) {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit(0),
        Err(error) => {
            crate::note!("Error: cannot write to stdout: {error}\nIs there room where it goes?");
            exit(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queues() -> Queues {
        Queues { are_served: true, lines: 0, of: [Queue::EMPTY; 2] }
    }

    fn add(queues: &mut Queues, output: Output, line: &str) {
        queues.add(output, line.into());
    }

    /// Prints a line of `output`, if there is one and it is its turn.
    fn printed(queues: &mut Queues, output: Output) -> Option<String> {
        let line = queues.next(output)?;
        queues.written(output, &line);
        Some(line)
    }

    #[test]
    fn a_line_is_written_whole_with_its_newline() {
        let mut output = Vec::new();
        write_whole(&mut output, "3000:你好\n").expect("write");
        assert_eq!(output, "3000:你好\n".as_bytes());
    }

    #[test]
    fn the_lines_of_both_outputs_take_turns_in_their_order() {
        use Output::{Stderr, Stdout};
        let mut queues = queues();
        add(&mut queues, Stdout, "1");
        add(&mut queues, Stderr, "2");
        add(&mut queues, Stdout, "3");
        assert_eq!(printed(&mut queues, Stderr), None, "it is not its turn");
        assert_eq!(printed(&mut queues, Stdout).as_deref(), Some("1"));
        assert_eq!(printed(&mut queues, Stdout), None, "it is not its turn");
        assert_eq!(printed(&mut queues, Stderr).as_deref(), Some("2"));
        assert_eq!(printed(&mut queues, Stdout).as_deref(), Some("3"));
    }

    #[test]
    fn a_stopped_output_does_not_stop_the_other() {
        let mut queues = queues();
        add(&mut queues, Output::Stdout, "stopped");
        add(&mut queues, Output::Stderr, "goes on");
        assert!(queues.next(Output::Stdout).is_some());
        assert_eq!(printed(&mut queues, Output::Stderr), None, "the write may still end");
        queues.of[0].writing_since = Instant::now().checked_sub(STOPPED_AFTER);
        assert_eq!(printed(&mut queues, Output::Stderr).as_deref(), Some("goes on"));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_said_after_the_last_line_that_did() {
        let mut queues = queues();
        let line = "x".repeat(10_000 - OVERHEAD);
        let fit = LONGEST_QUEUE / 10_000;
        for _ in 0..fit + 7 {
            add(&mut queues, Output::Stdout, &line);
        }
        for number in 0..fit {
            add(&mut queues, Output::Stdout, "short, but after those that are missing");
            assert_eq!(printed(&mut queues, Output::Stdout).as_ref(), Some(&line), "{number}");
        }
        assert_eq!(printed(&mut queues, Output::Stdout), None);
        let what = printed(&mut queues, Output::Stderr).expect("a word about the missing lines");
        assert!(what.starts_with(&format!("{} lines are missing on stdout", fit + 7)), "{what}");
        add(&mut queues, Output::Stdout, "there is room again");
        assert!(printed(&mut queues, Output::Stdout).is_some());
    }
}
