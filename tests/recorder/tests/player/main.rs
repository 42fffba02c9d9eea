//! The players and the pages in a real browser: the book is built, and looked at.

#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod pages;
#[cfg(unix)]
mod players;
#[cfg(unix)]
mod questions;
#[cfg(unix)]
mod site;

fn main() -> std::process::ExitCode {
    needs::run()
}
