//! Several edges and NATS: one room, whatever happens to either.

#[cfg(unix)]
mod edges;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod flood;
#[cfg(unix)]
mod room;
#[cfg(unix)]
mod strangers;

fn main() -> std::process::ExitCode {
    needs::run()
}
