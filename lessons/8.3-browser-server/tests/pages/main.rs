//! The page in a real browser: two of them and somebody with telnet in one room.

#[cfg(unix)]
#[path = "../both/mod.rs"]
mod both;
#[cfg(unix)]
mod pages;

fn main() -> std::process::ExitCode {
    needs::run()
}
