//! Tests how every server ends, and that a terminal that nobody reads does not stop it.

#[cfg(unix)]
mod unix;

fn main() -> std::process::ExitCode {
    needs::run()
}
