//! What the book says about the system, tried on the system.

#[cfg(target_os = "linux")]
mod linux;

fn main() -> std::process::ExitCode {
    needs::run()
}
