//! Small cargo workspaces for programs that are not targets of the repository, so that its Cargo.lock
//! stays as it is. All paths in them are relative to the repository, so you can move it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use cargo_metadata::{Dependency, DependencyKind, Metadata, Package};

use crate::progress::number_of;
use crate::{Exercise, all, repository};

/// The folder of the learners' answers. It is also a workspace.
pub const ANSWERS: &str = "answers";

/// The path from the folder of an answer to the repository.
pub const FROM_AN_ANSWER: &str = "../../";

/// The first line of a package's manifest, as long as its learner needs nothing else.
const OURS: &str =
    "# `cargo exercise` keeps this file up to date. Without this line, it is yours.\n";

/// A package that is a program, `main.rs` in a folder of its own. It may use whatever its lesson uses.
pub struct Member {
    /// Its folder in the workspace.
    pub folder: String,
    /// The name of the package and of its program. All workspaces share one target folder, in which cargo
    /// takes two programs of the same name for one.
    pub name: String,
    /// The folder of the lesson.
    pub lesson: String,
}

/// Writes the manifests of all answers, and returns the path of the workspace's own.
///
/// # Errors
/// When a file cannot be written.
pub fn prepare_answers() -> Result<PathBuf, String> {
    loop {
        let begun = begun();
        let manifest = write(ANSWERS, &begun, "")?;
        // These make `cargo exercise` in there mean that of the repository.
        let alias = |up: &str| format!("[alias]\nexercise = {COMMAND:?}\n").replace("UP/", up);
        let mut configurations = vec![(repository().join(ANSWERS), alias("../"))];
        for member in &begun {
            configurations.push((repository().join(ANSWERS).join(&member.folder), alias("../../")));
        }
        for (folder, text) in configurations {
            write_if_changed(&folder.join(".cargo/config.toml"), text)
                .map_err(|error| format!("cannot write in {}: {error}", folder.display()))?;
        }
        // Another process may begin an exercise at the same time.
        if self::begun().len() == begun.len() {
            return Ok(manifest);
        }
    }
}

/// The command that `cargo exercise` stands for, with the path to the repository.
const COMMAND: &str = "run -q --manifest-path UP/Cargo.toml -p course --bin exercise --";

fn begun() -> Vec<Member> {
    let begun = all().into_iter().filter(|exercise| exercise.answers().is_dir());
    let member = |Exercise { name, lesson, .. }| Member { folder: name.clone(), name, lesson };
    begun.map(member).collect()
}

/// Writes the manifests of a workspace in the folder `folder` of the repository, and returns the path of
/// the workspace's own, to which it adds `settings`.
///
/// # Errors
/// When cargo does not describe the lessons, or a file cannot be written.
pub fn write(folder: &str, members: &[Member], settings: &str) -> Result<PathBuf, String> {
    let place = repository().join(folder);
    let failed = |error| format!("cannot write the manifests in {}: {error}", place.display());
    let up = "../".repeat(folder.split('/').count() + 1);
    for member in members {
        let manifest = place.join(&member.folder).join("Cargo.toml");
        let is_theirs = fs::read(&manifest).is_ok_and(|text| !text.starts_with(OURS.as_bytes()));
        if !is_theirs {
            write_if_changed(&manifest, &manifest_of(member, &up)?).map_err(failed)?;
        }
    }
    // With a copy of the repository's Cargo.lock, cargo needs the same packages, in the same versions.
    let lock = fs::read_to_string(repository().join("Cargo.lock")).map_err(failed)?;
    let folders: Vec<&str> = members.iter().map(|member| member.folder.as_str()).collect();
    let manifest = format!(
        "# Written by `cargo exercise`, with a Cargo.lock that began as the repository's {:016x}.\n\
         [workspace]\nresolver = \"3\"\nmembers = {folders:?}\n{settings}",
        number_of(lock.as_bytes())
    );
    let path = place.join("Cargo.toml");
    if write_if_changed(&path, &manifest).map_err(failed)? || !place.join("Cargo.lock").exists() {
        write_if_changed(&place.join("Cargo.lock"), &lock).map_err(failed)?;
    }
    Ok(path)
}

fn manifest_of(Member { name, lesson, .. }: &Member, up: &str) -> Result<String, String> {
    let workspace = checkout::workspace()?;
    let lesson = package_in(workspace, &format!("lessons/{lesson}"))?;
    let Package { version, edition, .. } = lesson;
    let description = lesson.description.as_deref().unwrap_or_default(); // for --help
    let mut manifest = format!(
        "{OURS}[package]\nname = \"{name}\"\ndescription = {description:?}\n\
         version = \"{version}\"\nedition = \"{edition}\"\npublish = false\nbuild = false\n\n\
         [[bin]]\nname = \"{name}\"\npath = \"main.rs\"\n\n[dependencies]\n"
    );
    if lesson.targets.iter().any(|target| target.is_lib()) {
        let path = format!("{up}{}", folder_of(workspace, lesson)?);
        let _ = writeln!(manifest, "{} = {{ path = \"{path}\" }}", lesson.name);
    }
    // An answer may use these even if its lesson does not. They are compiled for `shared` anyway.
    let shared = package_in(workspace, "shared")?;
    let for_all =
        shared.dependencies.iter().filter(|one| ["anyhow", "socket2"].contains(&&*one.name));
    let of_lesson = lesson.dependencies.iter().filter(|one| one.kind == DependencyKind::Normal);
    let dependencies: BTreeMap<&str, &Dependency> =
        for_all.chain(of_lesson).map(|one| (one.name.as_str(), one)).collect();
    for (name, dependency) in dependencies {
        let Dependency { req, features, uses_default_features, .. } = dependency;
        let from = match &dependency.path {
            Some(path) => format!("path = \"{up}{}\"", relative(workspace, path.as_std_path())?),
            None => format!("version = \"{req}\""),
        };
        let _ = writeln!(
            manifest,
            "{name} = {{ {from}, features = {features:?}, default-features = {uses_default_features} }}"
        );
    }
    Ok(manifest)
}

fn package_in<'a>(workspace: &'a Metadata, folder: &str) -> Result<&'a Package, String> {
    let is_it = |package: &&Package| folder_of(workspace, package).is_ok_and(|one| one == folder);
    let package = workspace.packages.iter().find(is_it);
    package.ok_or_else(|| format!("cargo knows no package in {folder}"))
}

fn folder_of(workspace: &Metadata, package: &Package) -> Result<String, String> {
    relative(
        workspace,
        package.manifest_path.parent().unwrap_or(&package.manifest_path).as_std_path(),
    )
}

/// Returns a path within the repository, as it is written on every system.
fn relative(workspace: &Metadata, path: &Path) -> Result<String, String> {
    let path = path.strip_prefix(&workspace.workspace_root);
    let path = path.map_err(|_| "a package lies outside the repository".to_string())?;
    Ok(path.to_string_lossy().replace('\\', "/"))
}

/// Writes a file, unless it has this content already, because cargo would compile again. Another process
/// that reads the file sees either the old content or the new. Returns whether it was written.
pub fn write_if_changed(path: &Path, content: impl AsRef<[u8]>) -> io::Result<bool> {
    let content = content.as_ref();
    if fs::read(path).is_ok_and(|already| already == content) {
        return Ok(false);
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let new = path.with_extension(format!("new-{}", process::id()));
    fs::write(&new, content)?;
    fs::rename(new, path)?;
    Ok(true)
}
