//! What is shown in colour, and what is shown while one waits.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Prints a line, like `println!`, but where nobody reads it any more (`cargo exercise | head -1`), it
/// is lost, and nothing else happens.
macro_rules! print_line {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($arg)*);
    }};
}
pub(crate) use print_line;

/// How things are shown: in colour only on a terminal, and not where `NO_COLOR` is set to anything
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
        Screen { colour: wanted && io::stdout().is_terminal(), moves: io::stderr().is_terminal() }
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

    /// Does the work, and shows on stderr that it is being done, and for how long already.
    pub fn while_doing<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        if !self.moves {
            eprintln!("{what} ...");
            return work();
        }
        let (done, is_done) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let begun = Instant::now();
                for sign in ['|', '/', '-', '\\'].into_iter().cycle() {
                    eprint!("\r\x1b[K{sign} {what} ... {} s", begun.elapsed().as_secs());
                    let _ = io::stderr().flush();
                    let waited = is_done.recv_timeout(Duration::from_millis(150));
                    if waited != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
                eprint!("\r\x1b[K");
            });
            let result = work();
            drop(done); // which ends the thread
            result
        })
    }
}
