//! Compiles what belongs to an exercise.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{self, Path, PathBuf};
use std::process;

use crate::cargo::{Built, NotBuilt, Output, Told, cargo, target};
use crate::progress::number_of;
use crate::{Exercise, all, repository};

/// Compiles the learner's file, in colour or not.
///
/// # Errors
/// What the compiler says, or why it could not be asked.
pub fn build_answer(exercise: &Exercise, colour: bool, told: Told) -> Result<Built, NotBuilt> {
    let mut cargo = cargo("build", colour);
    cargo.args(["--package", &exercise.package(), "--features", "exercises"]);
    cargo.args(["--bin", &exercise.name]);
    Output::of(cargo, told).map_err(NotBuilt::Failed)?.program(&exercise.name)
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

/// Compiles the solutions, starters and wrong answers of all exercises of the lesson in the folder
/// `lesson` into one program, which takes a fraction of the time of a program each. It behaves like
/// the one that the environment variable `EXERCISE_VARIANT` names, such as `say-goodbye/solution`.
///
/// # Errors
/// What the compiler says, or which file is missing or does not fit.
pub fn build_variants(lesson: &str) -> Result<PathBuf, String> {
    let mut modules = String::from(
        "//! Made by tests/course/src/build.rs.\n#![allow(warnings)]\nuse std::process::ExitCode;\n",
    );
    let mut choices = String::new();
    let mut files = Vec::new();
    for exercise in all().into_iter().filter(|exercise| exercise.lesson == lesson) {
        for (variant, program) in variants(&exercise)? {
            let module = format!("variant_{}", files.len());
            let file = format!("{}/{variant}.rs", exercise.name);
            let _ = writeln!(modules, "#[path = \"{file}\"] mod {module};");
            let _ =
                writeln!(choices, "        \"{}/{variant}\" => {module}::run_it(),", exercise.name);
            let run = "pub fn run_it() -> std::process::ExitCode { std::process::Termination::report(main()) }";
            files.push((file, format!("{program}\n{run}\n")));
        }
    }
    let main = format!(
        "{modules}fn main() -> ExitCode {{\n    \
             match std::env::var(\"EXERCISE_VARIANT\").unwrap_or_default().as_str() {{\n{choices}        \
                 other => panic!(\"there is no variant {{other:?}}\"),\n    \
             }}\n}}\n"
    );
    files.push(("main.rs".to_string(), main));

    let name = format!("variants-of-{lesson}").replace('.', "-");
    let bins = [(name.clone(), "main.rs".into())];
    let manifest = Package { name: &name, bins: &bins, dependencies: dependencies(&[lesson]) };
    match manifest.build(&files, false, &|_| {})?.program(&name) {
        Ok(built) => Ok(built.program),
        Err(NotBuilt::Rejected(said) | NotBuilt::Failed(said)) => Err(format!(
            "a solution, starter or wrong answer of {lesson} cannot be compiled:\n\n{said}"
        )),
    }
}

/// The names of an exercise's variants, and their programs.
fn variants(exercise: &Exercise) -> Result<Vec<(String, String)>, String> {
    let mut variants = vec![
        ("solution".to_string(), exercise.solution()?),
        ("starter".to_string(), exercise.starter()?),
    ];
    for wrong in exercise.wrong_answers()? {
        variants.push((wrong.name.trim_end_matches(".rs").to_string(), wrong.program));
    }
    // A starter may use a module of its lesson, which is found from where answer.rs lies.
    let source = repository().join("lessons").join(&exercise.lesson).join("src");
    for (_, program) in &mut variants {
        *program =
            program.replace("\"../../src/", &format!("{}/", quoted(&source).trim_end_matches('"')));
    }
    Ok(variants)
}

/// Compiles the answers to these exercises in `copy`, somebody else's copy of this project. The
/// result holds each program, or why there is none.
///
/// # Errors
/// When cargo cannot be run, or a file cannot be written.
pub fn build_answers_of(
    copy: &Path,
    exercises: &[&Exercise],
    told: Told,
) -> Result<HashMap<String, Result<Built, NotBuilt>>, String> {
    let copy = path::absolute(copy);
    let copy = copy.map_err(|error| format!("cannot find the folder: {error}"))?;
    // A folder may be named in any way, a package may not: it is known by a number.
    let name = format!("answers-of-{:016x}", number_of(copy.as_os_str().as_encoded_bytes()));
    let copy = without_its_name(&copy, &target().join("exercises").join(&name))
        .map_err(|error| format!("cannot make a link to the folder: {error}"))?;
    let bin =
        |exercise: &&Exercise| (exercise.name.clone(), copy.join(exercise.shown("answer.rs")));
    let bins: Vec<(String, PathBuf)> = exercises.iter().map(bin).collect();
    let lessons: Vec<&str> = exercises.iter().map(|exercise| &*exercise.lesson).collect();
    let package = Package { name: &name, bins: &bins, dependencies: dependencies(&lessons) };
    let output = package.build(&[], true, told)?;
    let built = bins.iter().map(|(name, _)| (name.clone(), output.program(name)));
    Ok(built.collect())
}

/// A path to `copy` that a manifest in `package` may hold. The name of a person's folder may be no
/// UTF-8 or have quotation marks and newlines in it, so a symbolic link stands for it.
#[cfg(unix)]
fn without_its_name(copy: &Path, package: &Path) -> io::Result<PathBuf> {
    let link = package.join("copy");
    fs::create_dir_all(package)?;
    if fs::read_link(&link).is_ok_and(|already| already == copy) {
        return Ok("copy".into());
    }
    let _ = fs::remove_file(&link); // there may be none yet
    std::os::unix::fs::symlink(copy, &link)?;
    Ok("copy".into())
}

/// Elsewhere names have none of that in them, and a link takes an administrator's rights.
#[cfg(not(unix))]
fn without_its_name(copy: &Path, _: &Path) -> io::Result<PathBuf> {
    Ok(copy.to_path_buf())
}

/// What these lessons' programs depend on beside what every answer may use, as their Cargo.toml has
/// it, and their own library: who only needs part 6 does not wait for the packages of part 7. Each
/// package has its features beside it, also those that a lesson wants for its answers alone.
fn dependencies(lessons: &[&str]) -> Dependencies {
    let mut all = Dependencies::new();
    for lesson in lessons {
        let path = repository().join("lessons").join(lesson).join("Cargo.toml");
        let manifest = fs::read_to_string(path).unwrap_or_default();
        let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
        for line in lines.take_while(|line| !line.is_empty()) {
            let name = line.split(['.', ' ']).next().unwrap_or_default();
            let features = all.entry(name.to_string()).or_default();
            features.extend(strings(line));
        }
        let for_answers = manifest.lines().find(|line| line.starts_with("exercises = ["));
        for wanted in strings(for_answers.unwrap_or_default()) {
            if let Some((name, feature)) = wanted.split_once('/') {
                all.entry(name.to_string()).or_default().insert(feature.to_string());
            }
        }
        if let (true, Some((_, name))) = (manifest.contains("\n[lib]\n"), lesson.split_once('-')) {
            all.entry(format!("lesson-{name}")).or_default();
        }
    }
    all.retain(|name, _| !is_for_all(name));
    all
}

/// What stands between quotation marks in a line of a manifest.
fn strings(line: &str) -> impl Iterator<Item = String> {
    line.split('"').skip(1).step_by(2).map(str::to_string)
}

fn is_for_all(dependency: &str) -> bool {
    ["shared", "anyhow", "socket2"].contains(&dependency)
}

/// Packages of the workspace by their names, and the features that are wanted of each.
type Dependencies = BTreeMap<String, BTreeSet<String>>;

/// A small package under `target/exercises/`, for programs that are no targets of the workspace.
struct Package<'a> {
    name: &'a str,
    /// The name of each program, and its file.
    bins: &'a [(String, PathBuf)],
    dependencies: Dependencies,
}

impl Package<'_> {
    /// Writes the package with these `files`, where they are not there already, and compiles it.
    /// With `each_alone`, a program that is rejected does not keep the others from being compiled.
    fn build(
        &self,
        files: &[(String, String)],
        each_alone: bool,
        told: Told,
    ) -> Result<Output, String> {
        let folder = target().join("exercises").join(self.name);
        let failed = |error| format!("cannot write a package in {}: {error}", folder.display());
        for (file, text) in files {
            write_if_changed(&folder.join(file), text).map_err(failed)?;
        }
        let workspace = fs::read_to_string(repository().join("Cargo.toml")).map_err(failed)?;
        write_if_changed(&folder.join("Cargo.toml"), &self.manifest(&workspace)).map_err(failed)?;
        // With the workspace's Cargo.lock, nothing is needed that it has not fetched already.
        let lock = fs::read_to_string(repository().join("Cargo.lock")).map_err(failed)?;
        if !folder.join("Cargo.lock").exists() {
            write_if_changed(&folder.join("Cargo.lock"), &lock).map_err(failed)?;
        }
        let command = |offline: bool| {
            let mut cargo = cargo("build", false);
            cargo.arg("--manifest-path").arg(folder.join("Cargo.toml"));
            cargo.arg("--target-dir").arg(target());
            cargo.args(offline.then_some("--offline"));
            cargo.args(each_alone.then_some("--keep-going"));
            Output::of(cargo, told)
        };
        match command(true)? {
            // A fresh clone may not have fetched what the exercises need.
            output if output.said.contains("--offline") => command(false),
            output => Ok(output),
        }
    }

    fn manifest(&self, workspace: &str) -> String {
        let folder = quoted(repository());
        let folder = folder.trim_matches('"');
        let shared = workspace.lines().skip_while(|line| *line != "[workspace.dependencies]");
        let shared: Vec<&str> = shared.take_while(|line| !line.is_empty()).collect();
        let shared = shared.join("\n").replace("path = \"", &format!("path = \"{folder}/"));
        let mut manifest = format!(
            "[package]\nname = \"{}\"\ndescription = \"Answers to exercises\"\n\
             version = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n{shared}\n\n\
             [profile.dev]\ndebug = false\nincremental = false\n\n\
             [dependencies]\nshared.workspace = true\n\
             anyhow.workspace = true\nsocket2.workspace = true\n",
            self.name,
        );
        for (name, features) in &self.dependencies {
            let features: Vec<&String> = features.iter().collect();
            let _ = writeln!(manifest, "{name} = {{ workspace = true, features = {features:?} }}");
        }
        for (name, file) in self.bins {
            let _ = write!(manifest, "\n[[bin]]\nname = \"{name}\"\npath = {}\n", quoted(file));
        }
        manifest
    }
}

/// A path as a string of Rust or TOML. Windows takes `/` as well as `\`.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path };
    let mut text = String::from("\"");
    for character in path.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            character => text.push(character),
        }
    }
    text + "\""
}

/// Another process may be reading the file: it sees the old one or the new one. And what has not
/// changed is not compiled again.
fn write_if_changed(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|already| already == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let new = path.with_extension(format!("new-{}", process::id()));
    fs::write(&new, text)?;
    fs::rename(new, path)
}
