//! Finds what cargo has built when a test runs. `env!("CARGO_BIN_EXE_…")` and
//! `env!("CARGO_TARGET_TMPDIR")` would be paths from the compilation, which are wrong once a folder
//! has been moved or copied with its `target`.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::PathBuf;

/// Returns the program `name` of the package whose test calls this. Cargo has built it before the
/// package's tests.
pub fn own(name: &str) -> PathBuf {
    // Cargo 1.94 and later set this variable for the tests that they run.
    if let Some(path) = env::var_os(format!("CARGO_BIN_EXE_{name}")) {
        return path.into();
    }
    // Earlier ones put the tests into the folder `deps` beside their programs.
    profile_folder().join(format!("{name}{EXE_SUFFIX}"))
}

/// Returns a folder in `target` for the files of tests.
pub fn scratch() -> PathBuf {
    let folder = profile_folder().join("scratch");
    fs::create_dir_all(&folder)
        .unwrap_or_else(|error| panic!("cannot make the folder {}: {error}", folder.display()));
    folder
}

/// Returns `target/debug`, or its counterpart for another profile or system.
fn profile_folder() -> PathBuf {
    let test = env::current_exe().expect("the path of the test");
    let deps = test.parent().expect("a test lies in a folder");
    deps.parent().expect("which lies in the profile's").to_path_buf()
}
