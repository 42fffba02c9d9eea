//! Compiles what belongs to an exercise.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::answer::{Answer, read};
use crate::cargo::{Built, NotBuilt, Output, Told, cargo};
use crate::exercise::{files_in, name_of};
use crate::progress::number_of;
use crate::workspace::{self, FROM_AN_ANSWER, Member, prepare_answers, write_if_changed};
use crate::{Exercise, all, repository};

/// Compiles the learner's file, in colour or not.
///
/// # Errors
/// What the compiler says, or why it could not be asked.
pub fn build_answer(exercise: &Exercise, colour: bool, told: Told) -> Result<Built, NotBuilt> {
    if let Answer::Missing = exercise.answer() {
        let (file, name) = (exercise.shown_answer("main.rs"), &exercise.name);
        return Err(NotBuilt::Failed(format!(
            "there is no {file}: `cargo exercise {name}` makes it"
        )));
    }
    prepare_answers().map_err(NotBuilt::Failed)?;
    let mut cargo = cargo("build", colour);
    cargo.arg("--manifest-path").arg(exercise.answers().join("Cargo.toml"));
    cargo.args(["--bin", &exercise.name]);
    let built = Output::of(cargo, told).map_err(NotBuilt::Failed)?.program(&exercise.name);
    // The compiler is in the folder `answers`, and the learner usually is not.
    let place = format!("{}/main.rs", exercise.name);
    let shown = |text: String| text.replace(&place, &exercise.shown_answer("main.rs"));
    match built {
        Ok(Built { program, warnings }) => Ok(Built { program, warnings: shown(warnings) }),
        Err(NotBuilt::Rejected(said)) => Err(NotBuilt::Rejected(shown(said))),
        Err(failed) => Err(failed),
    }
}

/// Compiles the checks of the exercise's lesson: the same tests as `cargo test --test exercises`.
///
/// # Errors
/// What the compiler says.
pub fn build_check(exercise: &Exercise, told: Told) -> Result<PathBuf, String> {
    let mut cargo = cargo("test", false);
    cargo.args(["--no-run", "--package", &exercise.package(), "--test", "exercises"]);
    match Output::of(cargo, told)?.program("exercises") {
        Ok(built) => Ok(built.program),
        Err(NotBuilt::Rejected(said) | NotBuilt::Failed(said)) => {
            Err(format!("cannot compile the check itself:\n\n{said}"))
        }
    }
}

/// Settings for quick builds, because nobody debugs these programs, and most are compiled only once.
const QUICK: &str = "\n[profile.dev]\ndebug = false\nincremental = false\n";

/// Compiles the solutions, starters and wrong answers of all exercises of the lesson in the folder
/// `lesson` into one program, which takes a fraction of the time of a program each. It behaves like
/// the one that the environment variable `EXERCISE_VARIANT` names, such as `say-goodbye/solution`.
///
/// # Errors
/// What the compiler says, or which file is missing or does not fit.
pub fn build_variants(lesson: &str) -> Result<PathBuf, String> {
    let name = format!("variants-of-{lesson}").replace('.', "-");
    let folder = format!("target/exercises/proofs/{name}");
    let mut modules = String::from(
        "//! Made by tests/course/src/build.rs.\n#![allow(warnings)]\nuse std::process::ExitCode;\n",
    );
    let mut choices = String::new();
    let mut files = Vec::new();
    for exercise in all().into_iter().filter(|exercise| exercise.lesson == lesson) {
        for (variant, program) in variants(&exercise)? {
            let module = format!("variant_{}", files.len());
            let _ = writeln!(modules, "mod {module};");
            let _ =
                writeln!(choices, "        \"{}/{variant}\" => {module}::run_it(),", exercise.name);
            let run = "pub fn run_it() -> std::process::ExitCode { std::process::Termination::report(main()) }";
            files.push((format!("{module}.rs"), format!("{program}\n{run}\n")));
        }
    }
    let main = format!(
        "{modules}fn main() -> ExitCode {{\n    \
             match std::env::var(\"EXERCISE_VARIANT\").unwrap_or_default().as_str() {{\n{choices}        \
                 other => panic!(\"there is no variant {{other:?}}\"),\n    \
             }}\n}}\n"
    );
    files.push(("main.rs".to_string(), main));
    for (file, text) in files {
        put(&format!("{folder}/{name}/{file}"), &text)?;
    }
    let member = Member { folder: name.clone(), name: name.clone(), lesson: lesson.to_string() };
    let manifest = workspace::write(&folder, &[member], QUICK)?;
    let mut cargo = cargo("build", false);
    cargo.arg("--manifest-path").arg(manifest);
    match Output::of(cargo, &|_| {})?.program(&name) {
        Ok(built) => Ok(built.program),
        Err(NotBuilt::Rejected(said) | NotBuilt::Failed(said)) => Err(format!(
            "a solution, starter or wrong answer of {lesson} cannot be compiled:\n\n{said}"
        )),
    }
}

/// Returns the names of an exercise's variants, and their programs.
fn variants(exercise: &Exercise) -> Result<Vec<(String, String)>, String> {
    let mut variants = exercise.solutions()?;
    variants.push(("starter".to_string(), exercise.starter()?));
    for wrong in exercise.wrong_answers()? {
        variants.push((wrong.name.trim_end_matches(".rs").to_string(), wrong.program));
    }
    Ok(variants)
}

/// Compiles other people's answers, to check a class. Each comes with the path of its program. Returns
/// each compiled program, or why there is none.
///
/// # Errors
/// If cargo cannot be run, or a file cannot be written.
pub fn build_answers_of(
    learner: &Path,
    answers: &[(&Exercise, PathBuf)],
    told: Told,
) -> Result<HashMap<String, Result<Built, NotBuilt>>, String> {
    // A folder may have any name, but a package may not, so each package has a number for a name.
    let learner = number_of(learner.as_os_str().as_encoded_bytes());
    let folder = format!("target/exercises/handed-in/{learner:016x}");
    let mut members = Vec::new();
    for (exercise, program) in answers {
        let Exercise { name, lesson, .. } = exercise;
        let failed = |error| format!("cannot read {}: {error}", program.display());
        let text = String::from_utf8_lossy(&read(program).map_err(failed)?).into_owned();
        put(&format!("{folder}/{name}/main.rs"), &exercise.adapted(&text))?;
        // A learner may have divided a program into modules.
        for module in files_in(program.parent().unwrap_or(program)) {
            let file = name_of(&module);
            if let (true, Ok(text)) = (file.ends_with(".rs") && module != *program, read(&module)) {
                put(&format!("{folder}/{name}/{file}"), &String::from_utf8_lossy(&text))?;
            }
        }
        members.push(Member {
            folder: name.clone(),
            name: format!("{name}-{learner:016x}"),
            lesson: lesson.clone(),
        });
    }
    let manifest = workspace::write(&folder, &members, QUICK)?;
    let mut cargo = cargo("build", false);
    // One answer that is rejected must not keep the others from being compiled.
    cargo.args(["--workspace", "--keep-going", "--manifest-path"]).arg(manifest);
    let output = Output::of(cargo, told)?;
    Ok(members.into_iter().map(|one| (one.folder, output.program(&one.name))).collect())
}

/// Puts a copy of a program at `path` in the repository, from where it finds the lessons' modules as it did
/// from the learner's folder.
fn put(path: &str, program: &str) -> Result<(), String> {
    let up = "../".repeat(path.matches('/').count());
    let program =
        program.replace(&format!("\"{FROM_AN_ANSWER}lessons/"), &format!("\"{up}lessons/"));
    let written = write_if_changed(&repository().join(path), program);
    written.map(drop).map_err(|error| format!("cannot write {path}: {error}"))
}
