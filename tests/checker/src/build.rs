//! Compiles the files of an exercise, each as a program of its own.
//!
//! They are no targets of the workspace: a learner's file that does not compile must break its own
//! check and nothing else. So a small package is made for them, under `target/exercises/`.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

use harness::repository;

use super::{Exercise, Outcome, without_number};

/// Compiles `files` in one package, and returns where their programs are. `purpose` tells the
/// package from the exercise's others.
pub fn build(exercise: &Exercise, purpose: &str, files: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let names: Vec<String> = files.iter().map(|file| program_name(exercise, file)).collect();
    let folder = scratch().join(program_name(exercise, Path::new(purpose)));
    write_package(&folder, exercise, &names, files)
        .map_err(|error| format!("cannot write a package in {}: {error}", folder.display()))?;
    let manifest = folder.join("Cargo.toml");
    let mut output = cargo(&manifest, &["--offline"])?;
    // A fresh clone may not have fetched what the exercises need.
    if !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("--offline") {
        output = cargo(&manifest, &[])?;
    }
    if !output.status.success() {
        let rejected = match files {
            [file] => file.display().to_string(),
            _ => format!("a file of {}", exercise.folder.display()),
        };
        return Err(format!(
            "the compiler rejects {rejected}:\n\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        ));
    }
    let built = scratch().join("target/debug");
    Ok(names.iter().map(|name| built.join(format!("{name}{EXE_SUFFIX}"))).collect())
}

/// Every program has a name of its own, since all of them are built into the same folder.
fn program_name(exercise: &Exercise, file: &Path) -> String {
    let lesson = without_number(&exercise.lesson);
    let variant = file.file_stem().unwrap_or_default().to_string_lossy();
    format!("{lesson}-{}-{variant}", exercise.name)
}

fn write_package(
    folder: &Path,
    exercise: &Exercise,
    names: &[String],
    files: &[PathBuf],
) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let workspace = fs::read_to_string(repository().join("Cargo.toml"))?;
    let version = |crate_name: &str| {
        let is_it = |line: &&str| line.starts_with(&format!("{crate_name} = "));
        workspace.lines().find(is_it).unwrap_or_default().to_string()
    };
    let mut manifest = format!(
        "[package]\nname = \"{name}\"\ndescription = \"The exercise {title} of {lesson}\"\n\
         version = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
         [workspace]\n\n\
         [profile.dev]\ndebug = false\nincremental = false\n\n\
         [dependencies]\nshared = {{ path = {shared}, features = [\"ctrl-c\"] }}\n\
         {anyhow}\n{socket2}\n",
        name = folder.file_name().unwrap_or_default().to_string_lossy(),
        title = exercise.name,
        lesson = exercise.lesson,
        shared = toml_string(&repository().join("shared")),
        anyhow = version("anyhow"),
        socket2 = version("socket2"),
    );
    for (name, file) in names.iter().zip(files) {
        let _ = write!(manifest, "\n[[bin]]\nname = \"{name}\"\npath = {}\n", toml_string(file));
    }
    let path = folder.join("Cargo.toml");
    if fs::read_to_string(&path).is_ok_and(|already| already == manifest) {
        return copy_lock(folder);
    }
    // Another process may be reading the manifest: it sees the old one or the new one.
    let new = folder.join(format!("Cargo.toml.{}", process::id()));
    fs::write(&new, manifest)?;
    fs::rename(new, path)?;
    copy_lock(folder)
}

/// A path as a string of TOML.
fn toml_string(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

/// With the workspace's Cargo.lock, nothing is needed that the workspace has not fetched already.
fn copy_lock(folder: &Path) -> std::io::Result<()> {
    let (ours, copy) = (repository().join("Cargo.lock"), folder.join("Cargo.lock"));
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    if modified(&copy).is_ok_and(|copied| modified(&ours).is_ok_and(|changed| changed <= copied)) {
        return Ok(());
    }
    fs::write(copy, fs::read(ours)?)
}

fn cargo(manifest: &Path, options: &[&str]) -> Outcome<Output> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    Command::new(&cargo)
        .args(["build", "--quiet", "--color=never", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(scratch().join("target"))
        .args(options)
        .env_remove("CARGO_BUILD_TARGET") // which would put the programs elsewhere
        .output()
        .map_err(|error| format!("cannot run {cargo:?}: {error}"))
}

fn scratch() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    repository().join(target).join("exercises")
}
