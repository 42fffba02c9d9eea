//! Checks answers, and says what came of it.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use course::{Built, Exercise, Progress, all, build_answer, build_check};

use crate::course::{done, next_after, untouched, what_to_do};
use crate::screen::{Screen, print_line};

/// What a check has found: `Err` is the diagnosis.
pub type Verdict = Result<(), String>;

/// How many checks run at once. Most of their time is waiting, but a busy machine makes them slow.
const AT_ONCE: usize = 4;

/// Checks one answer, and shows all that a learner wants to know. Returns whether it is solved.
pub fn check_one(exercise: &Exercise, screen: &Screen) -> Result<bool, String> {
    // As it is now: it may be changed while it is checked.
    let answer = exercise.answer().map_err(|problem| {
        format!("{problem}\n`cargo exercise --start-over {}` puts the starter there", exercise.name)
    })?;
    let doing = format!("Compiling your answer to {}", exercise.name);
    let built = screen.while_doing(&doing, || build_answer(exercise, screen.colour));
    let warnings = built.as_ref().map(|built| built.warnings.clone()).unwrap_or_default();
    let verdict = match built {
        Ok(Built { program, .. }) => {
            let check = screen.while_doing("Compiling the check", || build_check(exercise))?;
            let doing = format!("Checking {}", exercise.name);
            screen.while_doing(&doing, || run(exercise, &check, &program))
        }
        Err(problem) => Err(problem),
    };
    let title = screen.bold(&exercise.title);
    match &verdict {
        Ok(()) => print_line!("{} {title}", screen.green("✓")),
        Err(finding) => print_line!("{} {title}\n\n{finding}", screen.red("✗")),
    }
    if !warnings.is_empty() {
        print_line!("\nThe compiler warns of this:\n\n{warnings}");
    }
    match verdict {
        Ok(()) => solved(exercise, &answer, screen),
        Err(_) => {
            print_line!("\nThe task: {}", exercise.shown("task.md"));
            print_line!("A hint:   cargo exercise --hint {}", exercise.name);
            Ok(false)
        }
    }
}

fn solved(exercise: &Exercise, answer: &str, screen: &Screen) -> Result<bool, String> {
    let mut progress = Progress::load();
    progress.solved(exercise, answer)?;
    let exercises = all();
    print_line!("\n{}. To compare: {}", done(&exercises, &progress), exercise.write_solution()?);
    match next_after(exercise, &exercises, &progress) {
        Some(next) => print_line!("\n{}", what_to_do(next, screen)),
        None => print_line!("\nThat was the last one. Well done!"),
    }
    Ok(true)
}

/// Checks these answers, and shows a line for each. Returns whether all are solved.
pub fn check_all(exercises: &[Exercise], screen: &Screen) -> Result<bool, String> {
    let answers: Vec<String> =
        exercises.iter().map(|one| one.answer().unwrap_or_default()).collect();
    let (begun, _): (Vec<&Exercise>, Vec<_>) =
        exercises.iter().partition(|exercise| !untouched(exercise));
    let mut built = Vec::new();
    for exercise in &begun {
        let doing = format!("Compiling your answer to {}", exercise.name);
        let program = screen.while_doing(&doing, || build_answer(exercise, screen.colour));
        built.push((*exercise, program.map(|built| built.program)));
    }
    let checks = build_checks(begun.iter().copied(), screen)?;
    let verdicts: HashMap<&str, Verdict> = begun
        .iter()
        .map(|exercise| exercise.name.as_str())
        .zip(run_all(&built, &checks, screen)?)
        .collect();

    let mut progress = Progress::load();
    let mut findings = String::new();
    let mut solved = 0;
    for (exercise, answer) in exercises.iter().zip(&answers) {
        let Exercise { name, title, .. } = exercise;
        match verdicts.get(name.as_str()) {
            Some(Ok(())) => {
                progress.solved(exercise, answer)?;
                print_line!("{} {name:<22} {title}", screen.green("✓"));
                solved += 1;
            }
            Some(Err(finding)) => {
                print_line!("{} {name:<22} {title}", screen.red("✗"));
                findings += &format!("\n{}\n{finding}\n", screen.bold(&format!("{name}: {title}")));
            }
            None => print_line!("· {name:<22} {title} (not begun)"),
        }
    }
    print_line!("{findings}\n{solved} of {} are solved", exercises.len());
    Ok(solved == exercises.len())
}

/// The compiled checks of these exercises' lessons, by the folders of the lessons.
pub fn build_checks<'a>(
    exercises: impl IntoIterator<Item = &'a Exercise>,
    screen: &Screen,
) -> Result<HashMap<String, PathBuf>, String> {
    let mut checks = HashMap::new();
    for exercise in exercises {
        if !checks.contains_key(&exercise.lesson) {
            let doing = format!("Compiling the checks of {}", exercise.lesson);
            let check = screen.while_doing(&doing, || build_check(exercise))?;
            checks.insert(exercise.lesson.clone(), check);
        }
    }
    Ok(checks)
}

/// The verdicts on these programs, in their order. A program that could not be compiled comes with
/// the reason, which is its verdict.
pub fn run_all(
    programs: &[(&Exercise, Result<PathBuf, String>)],
    checks: &HashMap<String, PathBuf>,
    screen: &Screen,
) -> Result<Vec<Verdict>, String> {
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(vec![Ok(()); programs.len()]);
    let work = || {
        while let Some((number, (exercise, program))) = take(&next, programs) {
            let verdict = match (program, checks.get(&exercise.lesson)) {
                (Ok(program), Some(check)) => run(exercise, check, program),
                (Ok(_), None) => Err("there is no check of its lesson".to_string()),
                (Err(problem), _) => Err(problem.clone()),
            };
            if let Ok(mut verdicts) = verdicts.lock() {
                verdicts[number] = verdict;
            }
        }
    };
    let doing = format!("Checking {} answers", programs.len());
    screen.while_doing(&doing, || {
        thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    });
    verdicts.into_inner().map_err(|_| "a check has panicked".to_string())
}

fn take<'a, T>(next: &AtomicUsize, items: &'a [T]) -> Option<(usize, &'a T)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    items.get(number).map(|item| (number, item))
}

/// Runs the check, which is a test of the lesson, on a compiled answer.
fn run(exercise: &Exercise, check: &PathBuf, program: &PathBuf) -> Verdict {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let report = env::temp_dir().join(format!("exercise-report-{}-{number}", process::id()));
    let output = Command::new(check)
        .args(["--ignored", "--exact", &exercise.test()])
        .env("EXERCISE_PROGRAM", program)
        .env("EXERCISE_REPORT", &report)
        .output()
        .map_err(|error| format!("cannot run the check {}: {error}", check.display()))?;
    let finding = fs::read_to_string(&report);
    let _ = fs::remove_file(&report); // a small file in a folder for temporary ones
    match finding {
        Ok(finding) if finding.is_empty() => Ok(()),
        Ok(finding) => Err(finding),
        Err(_) => Err(format!(
            "the check itself has failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}
