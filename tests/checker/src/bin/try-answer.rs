//! `cargo try-answer NAME [ADDRESS]`: runs the learner's file of an exercise, to be talked to by
//! hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        eprintln!("usage: cargo try-answer EXERCISE [ADDRESS]");
        return ExitCode::from(2);
    };
    let arguments: Vec<String> = arguments.collect();
    match checker::find(&name).and_then(|exercise| exercise.run_answer(&arguments)) {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
