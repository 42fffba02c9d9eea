//! Checks answers, and reports the results.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use course::{
    Answer, Built, Exercise, NotBuilt, Progress, all, build_answer, build_check, not_text,
};

use crate::course::{done, next_after, what_to_do};
use crate::screen::{Screen, note, print_line};
use crate::table::harmless;

/// The result of a check.
#[derive(Clone)]
pub enum Verdict {
    Solved,
    /// The answer is wrong, for the reason in the diagnosis.
    Wrong(String),
    /// Nothing is known about the answer, because something else went wrong.
    NotChecked(String),
}

impl From<NotBuilt> for Verdict {
    fn from(problem: NotBuilt) -> Verdict {
        match problem {
            NotBuilt::Rejected(_) => Verdict::Wrong(problem.into_message()),
            NotBuilt::Failed(_) => Verdict::NotChecked(problem.into_message()),
        }
    }
}

/// How many checks run at the same time. They spend most of their time waiting, but a busy machine makes
/// them slow.
const AT_ONCE: usize = 4;

/// How many times an answer is compiled again because it was saved while it was compiled.
const MOST_SAVES: usize = 5;

/// An answer as it was when it was compiled.
struct Compiled {
    answer: Vec<u8>,
    result: Result<Built, Verdict>,
}

/// Checks one answer, or makes it if there is none, and shows everything that a learner wants to know.
/// Returns whether it is solved.
///
/// # Errors
/// If the answer cannot be checked.
pub fn check_one(
    exercise: &Exercise,
    progress: &mut Progress,
    screen: &Screen,
) -> Result<bool, String> {
    if exercise.begin()? {
        print_line!("Your file is {}\n", exercise.shown_answer("main.rs"));
        print_line!("{}", what_to_do(exercise, screen));
        return Ok(false);
    }
    let Compiled { answer, result } = compile(exercise, screen)?;
    let warnings = result.as_ref().map(|built| built.warnings.clone()).unwrap_or_default();
    let verdict = match result {
        Ok(Built { program, .. }) => {
            let check =
                screen.while_doing("Compiling the check", |told| build_check(exercise, told))?;
            let doing = format!("Checking {}", exercise.name);
            screen.while_doing(&doing, |_| run(exercise, &check, &program))
        }
        Err(verdict) => verdict,
    };
    let title = screen.bold(&exercise.title);
    match &verdict {
        Verdict::Solved => print_line!("{} {title}", screen.green("✓")),
        Verdict::Wrong(finding) => print_line!("{} {title}\n\n{finding}", screen.red("✗")),
        Verdict::NotChecked(problem) => return Err(not_checked(&exercise.name, problem)),
    }
    if !warnings.is_empty() {
        print_line!("\nThe compiler warns of this:\n\n{warnings}");
    }
    if let Verdict::Solved = verdict {
        solved(exercise, &answer, progress, screen);
        return Ok(true);
    }
    print_line!("\nThe task: {}", exercise.shown("task.md"));
    print_line!("A hint:   cargo exercise --hint {}", exercise.name);
    Ok(false)
}

fn not_checked(name: &str, problem: &str) -> String {
    format!("{name} could not be checked. That says nothing about the answer.\n{problem}")
}

/// Compiles the answer as it is in the file, even if it is saved meanwhile.
fn compile(exercise: &Exercise, screen: &Screen) -> Result<Compiled, String> {
    let doing = format!("Compiling your answer to {}", exercise.name);
    for _ in 0..MOST_SAVES {
        let answer = match exercise.answer() {
            Answer::Starter(answer) | Answer::Begun(answer) => answer,
            answer => return Err(no_answer(exercise, &answer)),
        };
        let result = match not_text(&answer) {
            Some(problem) => Err(Verdict::Wrong(problem)),
            None => screen
                .while_doing(&doing, |told| build_answer(exercise, screen.colour, told))
                .map_err(Verdict::from),
        };
        if exercise.answer().bytes() == Some(&answer) {
            return Ok(Compiled { answer, result });
        }
    }
    let file = exercise.shown_answer("main.rs");
    Err(format!("{file} changes again and again while it is compiled. Save it, and check it then."))
}

/// Says why there is no answer to check, and what to do.
fn no_answer(exercise: &Exercise, answer: &Answer) -> String {
    let Exercise { name, .. } = exercise;
    match answer {
        Answer::Unreadable(problem) => format!(
            "{problem}\nMake it readable, or put the starter there: `cargo exercise --start-over {name}` \
             keeps beside it what is there now"
        ),
        _ => format!(
            "{} has just gone: `cargo exercise {name}` makes it again",
            exercise.shown_answer("main.rs")
        ),
    }
}

/// Says what comes next. If something cannot be noted, that does not change the result.
fn solved(exercise: &Exercise, answer: &[u8], progress: &mut Progress, screen: &Screen) {
    let noted = progress.solved(exercise, answer);
    let exercises = all();
    print_line!("\n{}.", done(&exercises, progress));
    match exercise.write_solution() {
        Ok(file) => print_line!("To compare: {file}"),
        Err(problem) => note!("\nThere is no solution to compare: {problem}"),
    }
    if let Err(problem) = noted {
        note!("\nThat it is solved will be forgotten: {problem}");
    }
    match next_after(exercise, &exercises, progress) {
        Some(next) => print_line!("\n{}", what_to_do(next, screen)),
        None => print_line!("\nThat was the last one. Well done!"),
    }
}

/// Checks these answers, and shows a line for each. Returns whether all are solved.
pub fn check_all(exercises: &[Exercise], screen: &Screen) -> bool {
    let mut begun = Vec::new();
    let mut answers = Vec::new();
    let mut verdicts: HashMap<&str, Verdict> = HashMap::new();
    for exercise in exercises {
        match exercise.answer() {
            Answer::Missing | Answer::Starter(_) => continue,
            Answer::Unreadable(_) | Answer::Begun(_) => {}
        }
        match compile(exercise, screen) {
            Ok(Compiled { answer, result }) => {
                begun.push((exercise, result.map(|built| built.program)));
                answers.push(answer);
            }
            Err(problem) => drop(verdicts.insert(&exercise.name, Verdict::NotChecked(problem))),
        }
    }
    let mut checks = Checks::new();
    build_checks(begun.iter().map(|(exercise, _)| *exercise), &mut checks, screen);
    let found = run_all(&begun, &checks, screen);
    let mut progress = Progress::load();
    let mut problem = None;
    for (((exercise, _), answer), verdict) in begun.iter().zip(&answers).zip(found) {
        if let Verdict::Solved = verdict {
            problem = progress.solved(exercise, answer).err().or(problem);
        }
        verdicts.insert(&exercise.name, verdict);
    }
    show_all(exercises, &verdicts, screen);
    if let Some(problem) = problem {
        note!("\nWhat is solved will be forgotten: {problem}");
    }
    let is_solved = |one: &Exercise| matches!(verdicts.get(&*one.name), Some(Verdict::Solved));
    exercises.iter().all(is_solved)
}

fn show_all(exercises: &[Exercise], verdicts: &HashMap<&str, Verdict>, screen: &Screen) {
    let mut findings = String::new();
    let mut solved = 0;
    for Exercise { name, title, .. } in exercises {
        let line = format!("{name:<22} {title}");
        let heading = screen.bold(&format!("{name}: {title}"));
        match verdicts.get(name.as_str()) {
            Some(Verdict::Solved) => {
                print_line!("{} {line}", screen.green("✓"));
                solved += 1;
            }
            Some(Verdict::Wrong(finding)) => {
                print_line!("{} {line}", screen.red("✗"));
                findings += &format!("\n{heading}\n{finding}\n");
            }
            Some(Verdict::NotChecked(problem)) => {
                print_line!("? {line} (not checked)");
                findings += &format!("\n{heading}\n{}\n", not_checked(name, problem));
            }
            None => print_line!("· {line} (not begun)"),
        }
    }
    print_line!("{findings}\n{solved} of {} are solved", exercises.len());
}

/// The compiled checks of lessons, by their folders, or why there is none.
pub type Checks = HashMap<String, Result<PathBuf, String>>;

/// Adds the compiled checks of these exercises' lessons.
pub fn build_checks<'a>(
    exercises: impl IntoIterator<Item = &'a Exercise>,
    checks: &mut Checks,
    screen: &Screen,
) {
    for exercise in exercises {
        if !checks.contains_key(&exercise.lesson) {
            let doing = format!("Compiling the checks of {}", exercise.lesson);
            let check = screen.while_doing(&doing, |told| build_check(exercise, told));
            checks.insert(exercise.lesson.clone(), check);
        }
    }
}

/// Returns the verdicts on these programs, in their order. For a program that was not compiled, the
/// verdict is known already.
pub fn run_all(
    programs: &[(&Exercise, Result<PathBuf, Verdict>)],
    checks: &Checks,
    screen: &Screen,
) -> Vec<Verdict> {
    let not_reached = Verdict::NotChecked("the check has panicked".to_string());
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(vec![not_reached; programs.len()]);
    let work = || {
        while let Some((number, (exercise, program))) = take(&next, programs) {
            let verdict = match (program, checks.get(&exercise.lesson)) {
                (Ok(program), Some(Ok(check))) => run(exercise, check, program),
                (Ok(_), Some(Err(problem))) => Verdict::NotChecked(problem.clone()),
                (Ok(_), None) => Verdict::NotChecked("its lesson has no check".to_string()),
                (Err(verdict), _) => verdict.clone(),
            };
            if let Ok(mut verdicts) = verdicts.lock() {
                verdicts[number] = verdict;
            }
        }
    };
    if !programs.is_empty() {
        screen.while_doing(&checking(programs.len()), |_| {
            thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
        });
    }
    verdicts.into_inner().unwrap_or_default()
}

fn checking(count: usize) -> String {
    match count {
        1 => "Checking 1 answer".to_string(),
        _ => format!("Checking {count} answers"),
    }
}

fn take<'a, T>(next: &AtomicUsize, items: &'a [T]) -> Option<(usize, &'a T)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    items.get(number).map(|item| (number, item))
}

/// Runs the check, which is a test of the lesson, on a compiled answer. It reports on its stderr,
/// since what a test prints in the usual way is captured.
fn run(exercise: &Exercise, check: &Path, program: &Path) -> Verdict {
    let output = Command::new(check)
        .args(["--ignored", "--exact", &exercise.test()])
        .env("EXERCISE_PROGRAM", program)
        .env("EXERCISE_REPORT", "stderr")
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            let check = check.display();
            return Verdict::NotChecked(format!("cannot run the check {check}: {error}"));
        }
    };
    let report = String::from_utf8_lossy(&output.stderr);
    let (before, report) = report.split_once("exercise report: ").unwrap_or((&report, ""));
    match report.split_once('\n') {
        Some(("solved", _)) => Verdict::Solved,
        Some(("wrong", finding)) => Verdict::Wrong(capitalised(finding.trim_end())),
        Some(("not checked", problem)) => Verdict::NotChecked(problem.trim_end().to_string()),
        _ => Verdict::NotChecked(harmless(&format!(
            "the check itself has failed ({}):\n{}{before}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
        ))),
    }
}

/// Returns `text` with a capital first letter. A diagnosis is whole sentences, but begins with a name
/// such as `the first client`.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_is_no_answers() {
        assert_eq!([1, 2].map(checking), ["Checking 1 answer", "Checking 2 answers"]);
    }

    #[test]
    fn a_diagnosis_begins_with_a_capital() {
        let begun = ["the server left", "`a` came", "été", ""].map(capitalised);
        assert_eq!(begun, ["The server left", "`a` came", "Été", ""]);
    }
}
