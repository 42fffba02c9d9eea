//! The course: all lessons, all exercises, and the next one to do.

use course::{Answer, Exercise, Progress, all};

use crate::screen::{Screen, note, print_line};

/// Shows the course.
pub fn show(screen: &Screen) {
    let (exercises, progress) = (all(), Progress::load());
    if let Some(trouble) = progress.trouble() {
        note!("{trouble}. Until that is mended, everything counts as not solved.\n");
    }
    print_line!("{}", screen.bold(&done(&exercises, &progress)));
    let mut lesson = "";
    for exercise in &exercises {
        if exercise.lesson != lesson {
            lesson = &exercise.lesson;
            print_line!("\n{}", screen.bold(&description(lesson)));
        }
        print_line!("{}", line(exercise, &progress, screen));
    }
    let signs = "✓ solved   ~ begun, or changed since   · not begun   ? cannot be read";
    print_line!("\n{}", screen.dim(signs));
    match next(&exercises, &progress) {
        Some(next) => print_line!("\n{}", what_to_do(next, screen)),
        None => print_line!("\nAll are solved. Well done!"),
    }
}

/// Returns a line such as `7 of 28 exercises solved`.
pub fn done(exercises: &[Exercise], progress: &Progress) -> String {
    let solved = exercises.iter().filter(|exercise| progress.is_solved(exercise)).count();
    format!("{solved} of {} exercises solved", exercises.len())
}

/// Returns the first exercise that is not solved.
pub fn next<'a>(exercises: &'a [Exercise], progress: &Progress) -> Option<&'a Exercise> {
    exercises.iter().find(|exercise| !progress.is_solved(exercise))
}

/// Returns the first exercise after `exercise` that is not solved, or the first of all.
pub fn next_after<'a>(
    exercise: &Exercise,
    exercises: &'a [Exercise],
    progress: &Progress,
) -> Option<&'a Exercise> {
    let place = exercises.iter().position(|other| other.name == exercise.name).unwrap_or(0);
    next(&exercises[place..], progress).or_else(|| next(exercises, progress))
}

fn line(exercise: &Exercise, progress: &Progress, screen: &Screen) -> String {
    let Exercise { name, level, minutes, title, .. } = exercise;
    let text = format!("{name:<22} {level:<6} {minutes:>3} min   {title}");
    match exercise.answer() {
        _ if progress.is_solved(exercise) => format!("  {} {text}", screen.green("✓")),
        Answer::Missing | Answer::Starter(_) => format!("  · {text}"),
        Answer::Begun(_) => format!("  ~ {text}"),
        Answer::Unreadable(_) => format!("  {} {text}", screen.red("?")),
    }
}

/// Returns what to read, to change and to type for an exercise.
pub fn what_to_do(exercise: &Exercise, screen: &Screen) -> String {
    let Exercise { name, title, level, minutes, .. } = exercise;
    let what = format!(
        "Next: {} ({level}, {minutes} minutes)\n  read    {}\n",
        screen.bold(title),
        exercise.shown("task.md"),
    );
    let command = screen.bold(&format!("cargo exercise {name}"));
    let file = exercise.shown_answer("main.rs");
    match exercise.answer() {
        Answer::Missing => what + &format!("  begin   {command}   (makes {file})"),
        _ => {
            let run = format!("cargo run   (in the folder {})", exercise.shown_answer(""));
            what + &format!("  change  {file}\n  run     {run}\n  check   {command}")
        }
    }
}

/// Returns what the lesson's Cargo.toml says about it, such as `6.2.2.1 Greeting: the server says hello`.
fn description(lesson: &str) -> String {
    let packages =
        checkout::workspace().map(|workspace| &workspace.packages[..]).unwrap_or_default();
    let folder = format!("lessons/{lesson}");
    let package = packages.iter().find(|one| {
        one.manifest_path.parent().is_some_and(|parent| parent.as_std_path().ends_with(&folder))
    });
    package.and_then(|one| one.description.clone()).unwrap_or_else(|| lesson.to_string())
}
