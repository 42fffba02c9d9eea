//! Compiles what belongs to an exercise, and keeps cargo's own noise away from the learner.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use crate::{Exercise, all, repository};

/// A program that the compiler has accepted.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it is.
    pub program: PathBuf,
    /// What the compiler warns of, or nothing.
    pub warnings: String,
}

/// Compiles the learner's file, in colour or not.
///
/// # Errors
/// What the compiler says.
pub fn build_answer(exercise: &Exercise, colour: bool) -> Result<Built, String> {
    let mut cargo = cargo("build", colour);
    cargo.args(["--package", &exercise.package(), "--features", "exercises"]);
    cargo.args(["--bin", &exercise.name]);
    let output = Output::of(cargo)?;
    match output.programs.get(&exercise.name) {
        Some(program) => Ok(Built { program: program.clone(), warnings: output.diagnostics }),
        None => Err(format!("the compiler rejects the answer:\n\n{}", output.diagnostics)),
    }
}

/// Compiles the checks of the exercise's lesson: the same tests as `cargo test --test exercises`.
///
/// # Errors
/// What the compiler says.
pub fn build_check(exercise: &Exercise) -> Result<PathBuf, String> {
    let mut cargo = cargo("test", false);
    cargo.args(["--no-run", "--package", &exercise.package(), "--test", "exercises"]);
    let mut output = Output::of(cargo)?;
    output
        .programs
        .remove("exercises")
        .ok_or_else(|| format!("cannot compile the check itself:\n\n{}", output.diagnostics))
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
    let output = manifest.build(&files, false)?;
    let program = output.programs.get(&name).cloned();
    program.ok_or_else(|| {
        format!(
            "a solution, starter or wrong answer of {lesson} is rejected by the compiler:\n\n{}",
            output.diagnostics
        )
    })
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
        *program = program.replace("\"../../src/", &format!("\"{}/", slashed(&source)));
    }
    Ok(variants)
}

/// Compiles the answers in `folder`, somebody else's copy of this project, to these exercises. The
/// result holds each program, or what the compiler says of it. `who` tells the copy from others.
///
/// # Errors
/// Where cargo cannot be run, or a file not be written.
pub fn build_answers_of(
    who: &str,
    folder: &Path,
    exercises: &[&Exercise],
) -> Result<HashMap<String, Result<PathBuf, String>>, String> {
    let mut bins = Vec::new();
    for exercise in exercises {
        bins.push((exercise.name.clone(), folder.join(exercise.shown("answer.rs"))));
    }
    let name = format!("answers-of-{who}");
    let lessons: Vec<&str> = exercises.iter().map(|exercise| &*exercise.lesson).collect();
    let package = Package { name: &name, bins: &bins, dependencies: dependencies(&lessons) };
    let mut output = package.build(&[], true)?;
    let built = bins.iter().map(|(name, file)| {
        let program = output.programs.remove(name);
        let rejected = || {
            let diagnostics = diagnostics_on(file, &output.diagnostics);
            format!("the compiler rejects the answer:\n\n{diagnostics}")
        };
        (name.clone(), program.ok_or_else(rejected))
    });
    Ok(built.collect())
}

/// Those of the compiler's diagnostics that are about `file`. Each is a block of lines that names it.
fn diagnostics_on(file: &Path, diagnostics: &str) -> String {
    let named = file.display().to_string();
    let blocks = diagnostics.split("\n\n").filter(|block| block.contains(&named));
    blocks.collect::<Vec<_>>().join("\n\n")
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
    fn build(&self, files: &[(String, String)], each_alone: bool) -> Result<Output, String> {
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
            Output::of(cargo)
        };
        match command(true)? {
            // A fresh clone may not have fetched what the exercises need.
            output if output.diagnostics.contains("--offline") => command(false),
            output => Ok(output),
        }
    }

    fn manifest(&self, workspace: &str) -> String {
        let folder = slashed(repository());
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
            let _ =
                write!(manifest, "\n[[bin]]\nname = \"{name}\"\npath = \"{}\"\n", slashed(file));
        }
        manifest
    }
}

/// A path that needs no escapes in a string: Windows takes `/` as well.
fn slashed(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
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

/// Where cargo puts what it compiles.
fn target() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    repository().join(target)
}

fn cargo(what: &str, colour: bool) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.current_dir(repository());
    cargo.args([what, "--quiet", "--message-format=json-render-diagnostics"]);
    cargo.args(["--color", if colour { "always" } else { "never" }]);
    cargo
}

/// What a call of cargo has brought.
struct Output {
    /// The compiled programs by their names.
    programs: HashMap<String, PathBuf>,
    /// What the compiler says, without what cargo adds to it.
    diagnostics: String,
}

impl Output {
    fn of(mut cargo: Command) -> Result<Output, String> {
        let output = cargo.output().map_err(|error| format!("cannot run {cargo:?}: {error}"))?;
        let messages = String::from_utf8_lossy(&output.stdout);
        let programs = messages.lines().filter_map(executable).collect();
        let said = String::from_utf8_lossy(&output.stderr);
        let of_the_compiler: Vec<&str> = said.lines().filter(|line| !is_noise(line)).collect();
        Ok(Output { programs, diagnostics: of_the_compiler.join("\n").trim().to_string() })
    }
}

/// The name and the path of the program in a message of cargo, which is a line of JSON.
fn executable(message: &str) -> Option<(String, PathBuf)> {
    let value = |key: &str| {
        let (_, rest) = message.split_once(&format!("\"{key}\":\""))?;
        rest.split('"').next().map(|text| text.replace("\\\\", "\\"))
    };
    let path = PathBuf::from(value("executable")?);
    let (_, target) = message.split_once("\"target\":")?;
    let (_, name) = target.split_once("\"name\":\"")?;
    Some((name.split('"').next()?.to_string(), path))
}

/// What cargo adds to the compiler's own diagnostics.
fn is_noise(line: &str) -> bool {
    let bare: String = without_colour(line);
    bare.starts_with("error: could not compile")
        || bare.starts_with("warning: build failed")
        || (bare.starts_with("warning: `") && bare.contains(" generated "))
}

fn without_colour(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}
