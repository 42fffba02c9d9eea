//! Finding a chat on a local network of two or three machines, with the programs of 8.1.

#[cfg(target_os = "linux")] // which alone has network namespaces
mod linux;

fn main() -> std::process::ExitCode {
    needs::run()
}
