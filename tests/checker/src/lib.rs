//! Checks of the exercises: a learner's answer is tried with real peers, and so are the exercises
//! themselves.
//!
//! The lesson's `tests/exercises.rs` declares its exercises with [`exercises!`], and holds a check
//! for each: a function that plays clients or servers against the program. What lies in an
//! exercise's folder is described by the crate `course`.

mod actor;
mod attempt;
mod itself;
mod places;

use std::env;
use std::fmt;
use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use course::Exercise;

pub use actor::{Actor, listener};
pub use attempt::{Attempt, Running, quoted, shown_time};
pub use itself::check_itself;
pub use places::Places;

/// How long a check waits for what it expects. A right program never takes as long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Longer than a program waits that takes silence for an end: a silence after which nothing may have
/// changed lasts as long.
pub const LONG_SILENCE: Duration = Duration::from_millis(2500);

/// A server may be right and slow, so nothing is tried again and again for longer than this.
pub const LONGEST: Duration = Duration::from_secs(6);

/// The rounds of what provokes a mistake that shows only now and then: at least so many, for which a
/// busy machine gets the time that it needs, up to [`LONGEST`], and a fast machine makes more of them,
/// for 1.5 s.
pub fn rounds(at_least: usize) -> impl Iterator<Item = usize> {
    const SHORTEST: Duration = Duration::from_millis(1500);
    let begun = Instant::now();
    (0..).take_while(move |round| {
        begun.elapsed() < if *round < at_least { LONGEST } else { SHORTEST }
    })
}

/// Returns how much later than it should a read with a time-out gives up on this system. A check adds
/// that to the time that it allows a program for noticing a silence. Windows rounds short time-outs
/// up to half a second (its documentation of SO_RCVTIMEO said so for a long time).
///
/// # Errors
/// When the system gives the check no socket.
pub fn lateness_of_time_outs() -> Outcome<Duration> {
    const TIME_OUT: Duration = Duration::from_millis(100);
    let failed = |error| format!("the check itself cannot wait at a socket: {error}");
    let socket = UdpSocket::bind("127.0.0.1:0").map_err(failed)?;
    socket.set_read_timeout(Some(TIME_OUT)).map_err(failed)?;
    let begun = Instant::now();
    let _ = socket.recv(&mut [0]); // nobody knows its port
    Ok(begun.elapsed().saturating_sub(TIME_OUT))
}

/// What a check finds out: `Err` says what a peer did, what was expected, and what came.
pub type Outcome<T = ()> = Result<T, String>;

/// The check of an exercise.
pub type Check = fn(&Attempt) -> Outcome;

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
                    $crate::check_answer(stringify!($name), super::$name)
                }
            )+
        }

        mod itself {
            $(
                #[test]
                $(#[$attribute])*
                fn $name() -> Result<(), $crate::Diagnosis> {
                    $crate::check_itself(stringify!($name), $folder, super::$name)
                }
            )+
        }
    };
}

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

/// Checks the learner's file, or the program that `EXERCISE_PROGRAM` names. Where
/// `EXERCISE_REPORT` names a file, the diagnosis is written into it too: an empty one for a right
/// answer.
///
/// # Errors
/// The diagnosis.
pub fn check_answer(name: &str, check: Check) -> Result<(), Diagnosis> {
    let exercise = exercise(name)?;
    let (program, warnings) = match env::var_os("EXERCISE_PROGRAM") {
        Some(program) => (PathBuf::from(program), String::new()),
        None => {
            let built = course::build_answer(&exercise, false)?;
            (built.program, built.warnings)
        }
    };
    let mut outcome = Attempt::at(&program, &exercise).judge(check);
    if let Some(report) = env::var_os("EXERCISE_REPORT") {
        let text = outcome.as_ref().err().map_or("", String::as_str);
        fs::write(&report, text).map_err(|error| format!("cannot write {report:?}: {error}"))?;
    }
    if let Err(finding) = &mut outcome {
        if !warnings.is_empty() {
            *finding += &format!("\n\nThe compiler warns of this:\n{warnings}");
        }
        *finding += &format!("\n\nThe task: {}", exercise.shown("task.md"));
    }
    Ok(outcome?)
}

fn exercise(name: &str) -> Outcome<Exercise> {
    course::find(name).ok_or_else(|| format!("there is no folder of the exercise {name}"))
}
