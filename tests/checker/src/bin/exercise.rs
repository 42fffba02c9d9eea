//! `cargo exercise [NAME]`: checks the learner's files. NAME is an exercise or a lesson; without it
//! all are checked.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match command(std::env::args().nth(1).as_deref()) {
        Ok(mut command) => match command.status() {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => failure(&format!("cannot run {command:?}: {error}")),
        },
        Err(problem) => failure(&problem),
    }
}

/// The plain `cargo test` that does it.
fn command(name: Option<&str>) -> Result<Command, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(harness::repository());
    cargo.args(["test", "--quiet", "--no-fail-fast", "--test", "exercises"]);
    let Some(name) = name else {
        cargo.args(["--", "--ignored"]);
        return Ok(cargo);
    };
    let of_lesson = |lesson: &str| {
        let package = checker::package(lesson);
        [lesson, &package, package.trim_start_matches("lesson-")].contains(&name)
    };
    if let Some(first) = checker::all().iter().find(|exercise| of_lesson(&exercise.lesson)) {
        cargo.args(["--package", &checker::package(&first.lesson), "--", "--ignored"]);
        return Ok(cargo);
    }
    let one = checker::find(name)?;
    cargo.args(["--package", &checker::package(&one.lesson), "--", "--ignored"]);
    cargo.arg(one.name.replace('-', "_"));
    Ok(cargo)
}

fn failure(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::FAILURE
}
