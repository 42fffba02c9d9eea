//! Tests the players and the pages in a real browser, in which the built book is opened.

#[cfg(unix)]
mod files;
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
