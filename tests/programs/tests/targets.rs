//! Checks how the tests of this workspace are declared, and that none of them relies on what was
//! true when it was compiled.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use harness::{repository, workspace};

/// Returns all source files of the tests, with their contents, by the folders of their packages.
fn test_sources() -> Vec<(PathBuf, PathBuf, String)> {
    let mut sources = Vec::new();
    for package in &workspace().packages {
        let folder: PathBuf = package.manifest_path.parent().expect("a package's folder").into();
        for part in ["src", "tests", "benches", "examples"] {
            for file in rust_files(&folder.join(part)) {
                let text = fs::read_to_string(&file).expect("a source file is text");
                sources.push((folder.clone(), file, text));
            }
        }
    }
    assert!(!sources.is_empty(), "no sources in {}", repository().display());
    sources
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Returns the target in `tests/` that a file belongs to: `node` for `tests/node.rs`, and `cluster`
/// for `tests/cluster/room.rs`.
fn target(folder: &Path, file: &Path) -> Option<String> {
    let within = file.strip_prefix(folder.join("tests")).ok()?;
    let first = within.components().next()?.as_os_str().to_str()?;
    Some(first.trim_end_matches(".rs").to_string())
}

#[test]
fn a_target_registers_its_tests_in_one_way_only() {
    let sources = test_sources();
    let mut own_harness = BTreeSet::new();
    let runs_them = "fn main() -> std::process::ExitCode {\n    needs::run()";
    for (folder, file, text) in &sources {
        if text.contains(runs_them) {
            own_harness.extend(target(folder, file).map(|target| (folder, target)));
        }
    }
    for (folder, target) in &own_harness {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let declared = format!("[[test]]\nname = \"{target}\"\nharness = false");
        assert!(manifest.contains(&declared), "{}: no\n{declared}", folder.display());
    }
    for (folder, file, text) in &sources {
        let Some(target) = target(folder, file) else { continue };
        let file = file.display();
        match own_harness.contains(&(folder, target)) {
            true => assert!(!makes_plain_tests(text), "{file}: #[test] does nothing here"),
            false => assert!(!registers_tests(text), "{file}: nothing runs needs::test! here"),
        }
    }
}

fn makes_plain_tests(text: &str) -> bool {
    text.contains("#[test]\n") || text.contains("chat_room_tests!(\"")
}

/// Returns whether tests are registered with the crate `needs` here, by hand or by a macro of the
/// harness.
fn registers_tests(text: &str) -> bool {
    let by_hand = ["needs::test!(", "harness::chat_room_tests!(needs "];
    let mut lines = text.lines().map(str::trim_start);
    let of_servers = text.split("against_every_").skip(1).filter_map(|rest| rest.split_once("! {"));
    lines.any(|line| by_hand.iter().any(|begin| line.starts_with(begin)))
        || of_servers.map(|(name, _)| name).any(|name| name.ends_with("server"))
}

#[test]
fn nothing_is_found_where_it_was_when_it_was_compiled() {
    let at_compile_time = ["CARGO_MANIFEST_DIR", "CARGO_BIN_EXE_", "CARGO_TARGET_TMPDIR"]
        .map(|name| format!("env!(\"{name}"));
    for (folder, file, text) in test_sources() {
        let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let found = code.find(|line| at_compile_time.iter().any(|call| line.contains(call)));
        assert_eq!(found, None, "{}: see harness::own, scratch and repository", file.display());
        let script = folder.join("build.rs");
        assert!(!script.exists(), "{}: look when the tests run", script.display());
    }
}
