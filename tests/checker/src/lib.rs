//! Checks of the exercises: a learner's answer is tried with real peers, and so are the exercises
//! themselves.
//!
//! The lesson's `tests/exercises.rs` declares its exercises with [`exercises!`], and holds a check
//! for each: a function that plays clients or servers against the program. What lies in an
//! exercise's folder is described by the crate `course`.

mod actor;
mod afar;
mod attempt;
mod itself;
mod places;

use std::env;
use std::fmt;
use std::io::{self, Write};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use course::{Exercise, NotBuilt};

pub use actor::{Actor, listener, listener_from_afar, send_until_stuck};
use afar::socket_from_afar;
pub use attempt::{Attempt, Running, late, quoted, shown_time, shown_times};
pub use harness::{Deadline, Watch};
pub use itself::check_itself;
pub use places::Places;

/// How long a check waits for what it expects, on a machine that has nothing else to do. A right
/// program never takes as long. On a busy machine all waits take longer: see [`harness::Deadline`].
/// [`Attempt::try_again`] judges how long something took.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The length of a silence after which nothing may have changed. It is longer than a program waits that
/// takes silence for an end.
pub const LONG_SILENCE: Duration = Duration::from_millis(2500);

/// A server may be right and slow, so nothing is tried again and again for longer than this.
pub const LONGEST: Duration = Duration::from_secs(6);

/// Returns the rounds in which to provoke a mistake that shows only now and then. There are at least so
/// many, for which a busy machine gets the time that it needs, up to [`LONGEST`]. A fast machine makes
/// more of them, for 1.5 s.
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
    let failed = |error| format!("the check itself cannot wait on a socket: {error}");
    let socket = UdpSocket::bind("127.0.0.1:0").map_err(failed)?;
    socket.set_read_timeout(Some(TIME_OUT)).map_err(failed)?;
    let begun = Instant::now();
    let _ = socket.recv(&mut [0]); // nobody knows its port
    Ok(begun.elapsed().saturating_sub(TIME_OUT))
}

/// The beginning of an error that is not the learner's, because something that the check itself needs is
/// missing, or fails. Then `cargo exercise` says that the answer is not checked.
pub const ITSELF: &str = "the check itself ";

/// The result of a check. `Err` says what a peer did, what was expected, and what happened instead.
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
/// That makes two tests of each, which are ignored unless asked for: `greeting::say_goodbye` checks
/// the learner's answer, and `proof::say_goodbye` proves the exercise, which takes much longer than a
/// newcomer wants to wait (`cargo prove` runs all of these). An attribute before the name goes to the
/// latter.
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

        mod proof {
            $(
                #[test]
                #[ignore = "a proof of an exercise: cargo prove"]
                $(#[$attribute])*
                fn $name() -> Result<(), $crate::Diagnosis> {
                    $crate::check_itself(stringify!($name), $folder, super::$name)
                }
            )+
        }
    };
}

/// The error of a test. Rust prints it with `Debug`, so `Debug` writes the plain text.
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

/// Checks the learner's file, or the program that `EXERCISE_PROGRAM` names. If `EXERCISE_REPORT` is
/// set, as `cargo exercise` does, what came of it is reported on stderr as well.
///
/// # Errors
/// The diagnosis.
pub fn check_answer(name: &str, check: Check) -> Result<(), Diagnosis> {
    let exercise = exercise(name)?;
    if env::var_os("EXERCISE_REPORT").is_some() {
        thread::spawn(give_up_in_time);
    }
    let (program, warnings) = match env::var_os("EXERCISE_PROGRAM") {
        Some(program) => (PathBuf::from(program), String::new()),
        None => {
            let built = course::build_answer(&exercise, false, &|_| {});
            let built = built.map_err(NotBuilt::into_message)?;
            (built.program, built.warnings)
        }
    };
    let mut outcome = Attempt::at(&program, &exercise).judge(check);
    if env::var_os("EXERCISE_REPORT").is_some() {
        report(&outcome);
    }
    if let Err(finding) = &mut outcome {
        if !warnings.is_empty() {
            *finding += &format!("\n\nThe compiler warns of this:\n{warnings}");
        }
        *finding += &format!("\n\nThe task: {}", exercise.shown("task.md"));
    }
    Ok(outcome?)
}

/// Writes to stderr itself: what `eprint!` prints in a test is captured.
fn report(outcome: &Outcome) {
    let report = match outcome {
        Ok(()) => "solved\n".to_string(),
        Err(problem) if problem.starts_with(ITSELF) => format!("not checked\n{problem}\n"),
        Err(finding) => format!("wrong\n{finding}\n"),
    };
    // If nobody reads it, nobody is told.
    let _ = io::stderr().write_all(format!("exercise report: {report}").as_bytes());
}

/// Ends the process after longer than any check takes, unless a program holds it up in a way that
/// nobody has thought of. Without a report, `cargo exercise` says that the answer could not be checked.
fn give_up_in_time() {
    let deadline = Deadline::after(LONGEST_CHECK);
    while !deadline.is_over() {
        thread::sleep(deadline.left());
    }
    let waited = shown_time(LONGEST_CHECK);
    let _ = writeln!(io::stderr(), "after {waited} the check was still busy with the program");
    process::exit(1); // which also ends the program
}

const LONGEST_CHECK: Duration = Duration::from_secs(300);

fn exercise(name: &str) -> Outcome<Exercise> {
    course::find(name).ok_or_else(|| format!("there is no folder for the exercise {name}"))
}
