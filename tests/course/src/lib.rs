//! The exercises in their folders, and how they are compiled.
//!
//! An exercise is a folder `lessons/LESSON/exercises/NAME` with these files:
//!
//! | file | is |
//! |---|---|
//! | `task.md` | what to do, what success looks like, three hints, and what to think about afterwards |
//! | `solution.diff` | one right answer, as its difference from the starter |
//! | `solution-2.diff`, … | other right answers, as differences from the starter or the solution |
//! | `wrong/*.diff` | answers that look right, as differences from the solution or the starter; the first line is `Rejected with: ` and a part of the diagnosis |
//! | `wrong/*.rs` | the same, if the program is of another make |
//! | `starter.diff` | only if the starter is not the lesson's `src/main.rs` |
//!
//! The learner's own files are made in `answers/NAME`, which git ignores: `main.rs` begins as the starter, and
//! when the exercise is solved, `solution.rs` is put beside it. `answers` is a cargo workspace of its own.

mod answer;
mod build;
mod cargo;
mod difference;
mod exercise;
mod old;
mod progress;
mod workspace;

pub use answer::{Answer, not_text};
pub use build::{build_answer, build_answers_of, build_check, build_variants};
pub use cargo::{Built, NotBuilt, Told, target};
pub use checkout::repository;
pub use exercise::{Exercise, WrongAnswer, all, at_path, find, lessons_called, nearest};
pub use old::take_over_old_answers;
pub use progress::Progress;
