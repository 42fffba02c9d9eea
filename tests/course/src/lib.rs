//! The exercises as they lie in their folders, and how they are compiled.
//!
//! An exercise is a folder `lessons/LESSON/exercises/NAME` with these files:
//!
//! | file | is |
//! |---|---|
//! | `task.md` | what to do, what success looks like, three hints, and what to think about afterwards |
//! | `answer.rs` | the learner's own file, a target of the lesson's Cargo.toml; at first the same as the starter |
//! | `solution.diff` | one right answer, as its difference from the starter |
//! | `wrong/*.diff` | answers that look right, as differences from the solution or the starter; the first line is `Rejected with: ` and a part of the diagnosis |
//! | `wrong/*.rs` | the same, where the program is of another make |
//! | `starter.diff` | only where the starter is not the lesson's `src/main.rs` |
//!
//! When an exercise is solved, `solution.rs` is made out of the difference and put beside the answer.

mod answer;
mod build;
mod cargo;
mod difference;
mod exercise;
mod progress;

pub use answer::{Answer, not_text};
pub use build::{build_answer, build_answers_of, build_check, build_variants};
pub use cargo::{Built, NotBuilt, Told, target};
pub use checkout::repository;
pub use exercise::{Exercise, WrongAnswer, all, at_path, find, lessons_called, nearest};
pub use progress::Progress;
