//! Exercises that check themselves.
//!
//! An exercise is a folder `lessons/LESSON/exercises/NAME` with these files:
//!
//! | file | is |
//! |---|---|
//! | `task.md` | what to do, what success looks like, three hints |
//! | `starter.rs` | where the learner begins: it compiles and runs |
//! | `answer.rs` | the learner's own file, at first the same as the starter |
//! | `solution.rs` | one right answer |
//! | `wrong/*.rs` | answers that look right; the first line is `//! Rejected with: ` and a part of the diagnosis |
//!
//! The lesson's `tests/exercises.rs` declares it with [`exercises!`](crate::exercises), and holds
//! its check: a function that plays real peers against the learner's program.

mod actor;
mod attempt;
mod build;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

pub use actor::{Actor, accepted_by, listener};
pub use attempt::{Attempt, Running};

/// How long a check waits for what it expects. A right program never takes as long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What a check finds out: `Err` says what a peer did, what was expected, and what came.
pub type Outcome<T = ()> = Result<T, String>;

/// Tries again until it succeeds, for what a server does in its own time, such as noticing that a
/// client has left.
///
/// # Errors
/// The last one, when the time is up.
pub fn eventually<T>(mut attempt: impl FnMut() -> Outcome<T>) -> Outcome<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(20);
    loop {
        match attempt() {
            Err(_) if Instant::now() < deadline => thread::sleep(pause),
            outcome => return outcome,
        }
        pause = (2 * pause).min(Duration::from_secs(1));
    }
}

/// Declares the exercises of a lesson. The check of each is the function of the same name.
///
/// ```ignore
/// checker::exercises! {
///     greeting in "6.2.2.1-greeting" {
///         say_goodbye: "easy, 15 minutes: Say goodbye",
///     }
/// }
/// ```
///
/// That makes two tests of each: `greeting::say_goodbye` checks the learner's `answer.rs`, and is
/// ignored unless asked for; `itself::say_goodbye` checks the exercise. An attribute before the
/// name goes to the latter.
#[macro_export]
macro_rules! exercises {
    ($lesson:ident in $folder:literal {
        $($(#[$attribute:meta])* $name:ident: $title:literal,)+
    }) => {
        mod $lesson {
            $(
                #[test]
                #[ignore = $title]
                fn $name() -> Result<(), $crate::Diagnosis> {
                    let exercise = $crate::find(stringify!($name))?;
                    exercise.check_answer(super::$name)
                }
            )+
        }

        mod itself {
            $(
                #[test]
                $(#[$attribute])*
                fn $name() -> Result<(), $crate::Diagnosis> {
                    let exercise = $crate::find(stringify!($name))?;
                    assert_eq!(exercise.lesson, $folder);
                    exercise.check_itself(super::$name)
                }
            )+
        }
    };
}

/// The check of an exercise.
pub type Check = fn(&Attempt) -> Outcome;

/// What a test returns when it fails. Rust prints it with `Debug`, so that is the plain text.
pub struct Diagnosis(String);

impl fmt::Debug for Diagnosis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<String> for Diagnosis {
    fn from(text: String) -> Self {
        Diagnosis(text)
    }
}

/// An exercise as it lies in its folder.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// The folder of its lesson, such as `6.2.2.1-greeting`.
    pub lesson: String,
    /// The name of its own folder, such as `say-goodbye`.
    pub name: String,
    /// Where that folder is.
    pub folder: PathBuf,
}

/// All exercises of all lessons, in the order of the lessons.
pub fn all() -> Vec<Exercise> {
    let mut exercises = Vec::new();
    for lesson in harness::lessons() {
        for folder in files_in(&lesson.folder.join("exercises")) {
            let (lesson, name) = (lesson.name.clone(), name_of(&folder));
            exercises.push(Exercise { lesson, name, folder });
        }
    }
    exercises
}

/// The exercise called `name`, which may be written `say-goodbye` or `say_goodbye`.
///
/// # Errors
/// Where there is none: the message lists those there are.
pub fn find(name: &str) -> Outcome<Exercise> {
    let wanted = name.replace('_', "-");
    all().into_iter().find(|exercise| exercise.name == wanted).ok_or_else(|| {
        let known: Vec<String> = all()
            .into_iter()
            .map(|exercise| format!("  {:<30} {}", exercise.name, exercise.lesson))
            .collect();
        format!("there is no exercise {name:?}. These are there:\n{}", known.join("\n"))
    })
}

impl Exercise {
    /// Checks the learner's file.
    ///
    /// # Errors
    /// The diagnosis.
    pub fn check_answer(&self, check: Check) -> Result<(), Diagnosis> {
        let program = self.build_answer()?;
        judge(check, &program).map_err(|finding| {
            Diagnosis(format!("{finding}\n\nThe task: {}", self.shown("task.md")))
        })
    }

    /// Checks the exercise: its solution passes, its starter fails, and each of its wrong answers
    /// is rejected with the diagnosis that its first line names.
    ///
    /// # Errors
    /// What is not so.
    pub fn check_itself(&self, check: Check) -> Result<(), Diagnosis> {
        let mut files = vec![self.folder.join("solution.rs"), self.folder.join("starter.rs")];
        files.extend(self.wrong_answers());
        let programs = build::build(self, "itself", &files)?;
        // Most of the time of a check is waiting, so they wait together.
        let verdicts: Vec<Outcome> = thread::scope(|scope| {
            let judges: Vec<_> =
                programs.iter().map(|program| scope.spawn(|| judge(check, program))).collect();
            judges
                .into_iter()
                .map(|judge| judge.join().unwrap_or_else(|_| Err("the check has panicked".into())))
                .collect()
        });
        let judged = files.iter().zip(verdicts);
        let problems: Vec<String> =
            judged.filter_map(|(file, verdict)| self.check_verdict(file, verdict).err()).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n\n").into()) }
    }

    fn check_verdict(&self, file: &Path, verdict: Outcome) -> Outcome {
        let file_name = name_of(file);
        let shown = verdict.as_ref().err().map_or("passes", String::as_str);
        println!("--- {}, {file_name}: {shown}\n", self.name); // to be seen with --nocapture
        match (file_name.as_str(), verdict) {
            ("solution.rs", Ok(())) => Ok(()),
            ("solution.rs", Err(finding)) => Err(format!("the solution is rejected: {finding}")),
            ("starter.rs", Ok(())) => Err("the untouched starter passes".to_string()),
            ("starter.rs", Err(_)) => Ok(()),
            (_, Ok(())) => Err(format!("the wrong answer {file_name} passes")),
            (_, Err(finding)) => match rejected_with(file) {
                Some(expected) if finding.contains(&expected) => Ok(()),
                Some(expected) => {
                    Err(format!("{file_name} is rejected, but not with {expected:?}:\n{finding}"))
                }
                None => Err(format!("{file_name} does not begin with `//! Rejected with: `")),
            },
        }
    }

    /// The known wrong answers.
    pub fn wrong_answers(&self) -> Vec<PathBuf> {
        let mut files = files_in(&self.folder.join("wrong"));
        files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
        files
    }

    /// Puts the starter in the place of the learner's file. Returns what it did.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn start_over(&self) -> Outcome<String> {
        let answer = self.shown("answer.rs");
        // Not fs::copy: on some systems the copy would be as old as the starter, and cargo would
        // take it for built already.
        fs::read(self.folder.join("starter.rs"))
            .and_then(|starter| fs::write(self.folder.join("answer.rs"), starter))
            .map_err(|error| format!("cannot write {answer}: {error}"))?;
        Ok(format!("{answer} is the starter again"))
    }

    /// Runs the learner's file as it is, with the keyboard and the screen of this program.
    ///
    /// # Errors
    /// Where it does not compile, or cannot be started.
    pub fn run_answer(&self, arguments: &[String]) -> Outcome<ExitStatus> {
        let program = self.build_answer()?;
        let mut command = Command::new(&program);
        command.args(arguments);
        // Where the system can, the program takes the place of this one, so that Ctrl-C is its own.
        #[cfg(unix)]
        let status = Err(std::os::unix::process::CommandExt::exec(&mut command));
        #[cfg(not(unix))]
        let status = command.status();
        status.map_err(|error| format!("cannot start {}: {error}", program.display()))
    }

    fn build_answer(&self) -> Outcome<PathBuf> {
        let programs = build::build(self, "answer", &[self.folder.join("answer.rs")])?;
        programs.into_iter().next().ok_or_else(|| "nothing was built".to_string())
    }

    /// The path of one of its files as a learner types it.
    fn shown(&self, file: &str) -> String {
        format!("lessons/{}/exercises/{}/{file}", self.lesson, self.name)
    }
}

/// The package of the lesson in the folder `lesson`: `lesson-greeting` for `6.2.2.1-greeting`.
pub fn package(lesson: &str) -> String {
    format!("lesson-{}", without_number(lesson))
}

fn without_number(lesson: &str) -> &str {
    lesson.split_once('-').map_or(lesson, |(_, name)| name)
}

/// A part of the diagnosis that the wrong answer in `file` says it is rejected with.
pub fn rejected_with(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let expected = text.lines().next()?.strip_prefix("//! Rejected with: ")?.trim();
    (!expected.is_empty()).then(|| expected.to_string())
}

fn judge(check: Check, program: &Path) -> Outcome {
    let attempt = Attempt::at(program);
    check(&attempt).map_err(|finding| attempt.diagnosis(&finding))
}

/// What lies in `folder`, in the order of the names. Nothing where there is no such folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
