//! `cargo start-over NAME`: puts the starter of an exercise in the place of the learner's file.

use std::process::ExitCode;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let [name] = &names[..] else {
        eprintln!("usage: cargo start-over EXERCISE");
        return ExitCode::from(2);
    };
    match checker::find(name).and_then(|exercise| exercise.start_over()) {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
