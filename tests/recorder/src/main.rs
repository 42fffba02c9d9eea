//! Records the runs that the players of the book show.
//!
//!     cargo run -p recorder                             (all recordings)
//!     cargo run -p recorder -- greeting                 (one of them)
//!     cargo run -p recorder -- --into FOLDER            (elsewhere than in book/src/recordings)

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let mut folder = harness::repository().join("book/src/recordings");
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), argument.starts_with('-')) {
            ("--into", _) => folder = arguments.next().unwrap_or_default().into(),
            (_, false) => names.push(argument),
            _ => {
                eprintln!("usage: recorder [--into FOLDER] [NAME]...");
                return ExitCode::from(2);
            }
        }
    }
    match recorder::record::record(&names, &folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("recording needs Linux: strace, network namespaces and packet capture");
    ExitCode::FAILURE
}
