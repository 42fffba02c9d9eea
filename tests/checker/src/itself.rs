//! Checks an exercise: its solutions pass, its starter fails, and each of its wrong answers is
//! rejected for its own reason.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use course::Exercise;

use crate::{Attempt, Check, Diagnosis, ITSELF, Outcome, PATIENCE, exercise};

/// How long the check of a wrong program waits at first. Most of them are rejected because something does
/// not arrive, so this is most of the time that it takes.
const IMPATIENCE: Duration = Duration::from_millis(1500);

/// A program that the check is tried on, and the verdict that is expected.
struct Trial {
    variant: String,
    expected: Verdict,
}

enum Verdict {
    Passes,
    Fails,
    FailsWith(String),
}

/// Checks the exercise called `name` of the lesson in `folder`.
///
/// # Errors
/// If something is not as it should be: the error says what.
pub fn check_itself(name: &str, folder: &str, check: Check) -> Result<(), Diagnosis> {
    let exercise = exercise(name)?;
    if exercise.lesson != folder {
        return Err(format!("{name} is declared in {folder}, and lies elsewhere").into());
    }
    let program = program_of(folder)?;
    // Most of the time of a check is waiting, so they wait together.
    let problems: Vec<String> = thread::scope(|scope| {
        let trials: Vec<_> = trials(&exercise)?
            .into_iter()
            .map(|trial| scope.spawn(|| trial.problem(program, &exercise, check)))
            .collect();
        let panicked = || Some("the check has panicked".to_string());
        let problems = trials.into_iter().filter_map(|trial| match trial.join() {
            Ok(problem) => problem,
            Err(_) => panicked(),
        });
        Ok::<Vec<String>, String>(problems.collect())
    })?;
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n\n").into()) }
}

/// Compiles all variants of all exercises of the lesson into one program.
fn program_of(lesson: &str) -> Outcome<&'static Path> {
    static PROGRAM: OnceLock<Outcome<PathBuf>> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| course::build_variants(lesson));
    program.as_deref().map_err(String::clone)
}

fn trials(exercise: &Exercise) -> Outcome<Vec<Trial>> {
    let variant = |name: &str| format!("{}/{}", exercise.name, name.trim_end_matches(".rs"));
    let mut trials = vec![Trial { variant: variant("starter"), expected: Verdict::Fails }];
    for (name, _) in exercise.solutions()? {
        trials.push(Trial { variant: variant(&name), expected: Verdict::Passes });
    }
    for wrong in exercise.wrong_answers()? {
        let expected = Verdict::FailsWith(wrong.rejected_with);
        trials.push(Trial { variant: variant(&wrong.name), expected });
    }
    Ok(trials)
}

impl Trial {
    /// Returns what is wrong with the verdict. A program that should fail is first checked with little
    /// patience, and with that of a learner's check only if the first verdict is not the expected one.
    /// Some mistakes show only now and then, and less often on a busy machine, so a program that passes
    /// is tried a few times. So is a solution if the check cannot tell, because the machine is too busy.
    fn problem(self, program: &Path, exercise: &Exercise, check: Check) -> Option<String> {
        let verdict = |patience| {
            let begun = Instant::now();
            let attempt = Attempt::at(program, exercise).variant(&self.variant).patient(patience);
            let verdict = attempt.judge(check);
            let shown = verdict.as_ref().err().map_or("passes", String::as_str);
            let took = begun.elapsed().as_secs_f64();
            println!("--- {}, {took:.1} s: {shown}\n", self.variant); // to be seen with --nocapture
            verdict
        };
        let first = match self.expected {
            Verdict::Passes => PATIENCE,
            Verdict::Fails | Verdict::FailsWith(_) => IMPATIENCE,
        };
        let mut problem = None;
        for patience in [first, PATIENCE, PATIENCE, PATIENCE] {
            let verdict = verdict(patience);
            problem = self.judged(&verdict);
            let is_rejected = verdict.is_err_and(|finding| !finding.starts_with(ITSELF));
            if problem.is_none() || is_rejected && matches!(self.expected, Verdict::Passes) {
                break;
            }
        }
        problem
    }

    fn judged(&self, verdict: &Outcome) -> Option<String> {
        let variant = &self.variant;
        match (&self.expected, verdict) {
            (Verdict::Passes, Ok(())) | (Verdict::Fails, Err(_)) => None,
            (Verdict::Passes, Err(finding)) => Some(format!("{variant} is rejected: {finding}")),
            (Verdict::Fails | Verdict::FailsWith(_), Ok(())) => Some(format!("{variant} passes")),
            (Verdict::FailsWith(expected), Err(finding)) => (!finding.contains(expected))
                .then(|| format!("{variant} is rejected, but not with {expected:?}:\n{finding}")),
        }
    }
}
