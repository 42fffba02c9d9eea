//! The players in a real browser: the book is built, served, and looked at.

#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod unix;

fn main() -> std::process::ExitCode {
    needs::run()
}
