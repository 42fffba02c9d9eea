//! Several edges and a stream: one room with one order, whatever happens to any of them.

#[cfg(unix)]
mod away;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod history;
#[cfg(unix)]
mod people;
#[cfg(unix)]
mod room;
#[cfg(unix)]
mod strangers;
#[cfg(unix)]
mod streams;

fn main() -> std::process::ExitCode {
    needs::run()
}
