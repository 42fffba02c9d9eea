//! How every server ends, and what a terminal that nobody reads does to it: nothing.

#[cfg(unix)]
mod unix;

fn main() -> std::process::ExitCode {
    needs::run()
}
