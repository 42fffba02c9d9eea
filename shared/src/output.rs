//! Lines on stdout and stderr that survive a reader who has gone.
//!
//! `println!` panics when nobody reads its output any more (`lesson-greeting | head -1`). A server
//! must not end because of that, so nothing in here panics.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::process::exit;

/// Prints a line to stdout, like `println!`. When stdout is closed the line is lost, and the
/// program goes on.
#[macro_export]
macro_rules! print_line {
    ($($arg:tt)*) => { $crate::output::line_to(::std::io::stdout().lock(), ::std::format_args!($($arg)*)) };
}

/// Prints a line to stderr, like `eprintln!`. When stderr is closed the line is lost, and the
/// program goes on.
#[macro_export]
macro_rules! note {
    ($($arg:tt)*) => { $crate::output::line_to(::std::io::stderr().lock(), ::std::format_args!($($arg)*)) };
}

/// Writes one line in one piece, so that the lines of several threads do not mix. What
/// [`print_line!`](crate::print_line) and [`note!`](crate::note) call.
pub fn line_to(mut output: impl Write, line: Arguments<'_>) {
    let line = format!("{line}\n");
    // A closed output is the reader's choice, not a failure of ours: the lesson goes on without
    // being watched.
    let _: io::Result<()> = output.write_all(line.as_bytes()).and_then(|()| output.flush());
}

/// Prints text as it is, without a newline of its own. When stdout is closed the process ends
/// quietly with exit status 0: this is for the programs that have nothing left to do when nobody
/// reads their output any more.
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

    #[test]
    fn a_line_is_written_whole_with_its_newline() {
        let mut output = Vec::new();
        line_to(&mut output, format_args!("{}:{}", 3000, "你好"));
        assert_eq!(output, "3000:你好\n".as_bytes());
    }

    #[test]
    fn a_closed_output_is_not_a_panic() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        line_to(Closed, format_args!("nobody hears this"));
    }
}
