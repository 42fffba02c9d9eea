//! Tests on the system what the book says about the system.

#[cfg(target_os = "linux")]
mod linux;

fn main() -> std::process::ExitCode {
    needs::run()
}
