//! Shows things in colour, and shows that the program is busy while you wait.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use course::Told;

/// Prints a line as `println!` does. If nobody reads it any more (`cargo exercise | head -1`), it is
/// lost, and nothing else happens.
macro_rules! print_line {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($arg)*);
    }};
}
pub(crate) use print_line;

/// Prints a line on stderr, in the same way.
macro_rules! note {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($arg)*);
    }};
}
pub(crate) use note;

/// How things are shown: in colour only on a terminal, and not if `NO_COLOR` is set to anything
/// (<https://no-color.org>).
pub struct Screen {
    /// Whether stdout takes colours.
    pub colour: bool,
    /// Whether stderr is a terminal, on which a line can be written over.
    moves: bool,
}

impl Screen {
    pub fn new() -> Screen {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let moves =
            io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        Screen { colour: wanted && io::stdout().is_terminal(), moves }
    }

    pub fn bold(&self, text: &str) -> String {
        self.painted("1", text)
    }

    pub fn green(&self, text: &str) -> String {
        self.painted("32", text)
    }

    pub fn red(&self, text: &str) -> String {
        self.painted("31", text)
    }

    pub fn dim(&self, text: &str) -> String {
        self.painted("2", text)
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Does the work, and meanwhile shows on stderr what is being done, for how long already, and the last
    /// step that the work has reported.
    pub fn while_doing<T>(&self, what: &str, work: impl FnOnce(Told) -> T) -> T {
        let step = Mutex::new(String::new());
        let (done, is_done) = mpsc::channel::<()>();
        if !self.moves {
            note!("{what} ...");
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                let is_done = is_done; // a receiver belongs to one thread
                self.show_progress(what, &step, &is_done);
            });
            let result = work(&|told| *lock(&step) = told.to_string());
            drop(done); // which ends the thread
            result
        })
    }

    fn show_progress(&self, what: &str, step: &Mutex<String>, is_done: &Receiver<()>) {
        let begun = Instant::now();
        let pause = if self.moves { Duration::from_millis(150) } else { STILL_GOING };
        for sign in ['|', '/', '-', '\\'].into_iter().cycle() {
            if self.moves {
                let line = line(what, &lock(step), begun);
                let _ = write!(io::stderr(), "\r\x1b[K{sign} {line}");
            }
            match is_done.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) if self.moves => {}
                Err(RecvTimeoutError::Timeout) => note!("{}", line(what, &lock(step), begun)),
                _ => break,
            }
        }
        if self.moves {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// How often a line says that the work continues, if lines cannot be written over.
const STILL_GOING: Duration = Duration::from_secs(10);

/// `Compiling the check ... 12 s (crate 7: socket2)`. A terminal of 80 columns has room for it.
fn line(what: &str, step: &str, begun: Instant) -> String {
    let step = if step.is_empty() { String::new() } else { format!(" ({step})") };
    let line = format!("{what} ... {} s{step}", begun.elapsed().as_secs());
    line.chars().take(77).collect()
}

fn lock(step: &Mutex<String>) -> MutexGuard<'_, String> {
    step.lock().unwrap_or_else(PoisonError::into_inner)
}
