//! Finds the project's folder, and the packages in it, when a program runs.
//!
//! `env!("CARGO_MANIFEST_DIR")` would be the folder at compile time. Cargo does not recompile when
//! a folder has been moved or copied with its `target`, so a program that relied on it would look
//! into a folder that is gone, or write into somebody else's.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cargo_metadata::{Metadata, MetadataCommand};

/// Returns the root folder of the project, the one with `Cargo.toml` and `lessons/`.
///
/// # Panics
///
/// If there is no such folder. A program that a person starts should call [`find`] first and report
/// the error.
pub fn repository() -> &'static Path {
    static REPOSITORY: LazyLock<PathBuf> =
        LazyLock::new(|| find().unwrap_or_else(|problem| panic!("{problem}")));
    &REPOSITORY
}

/// Returns the packages of the workspace, as cargo sees them.
///
/// # Errors
/// If cargo cannot be run or does not understand a manifest. The message is cargo's.
pub fn workspace() -> Result<&'static Metadata, String> {
    static WORKSPACE: LazyLock<Result<Metadata, String>> = LazyLock::new(|| {
        let manifest = repository().join("Cargo.toml");
        let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec();
        metadata.map_err(|error| format!("cargo cannot describe the workspace: {error}"))
    });
    WORKSPACE.as_ref().map_err(String::clone)
}

/// Looks for the project's root folder, first in and above the package that cargo runs or tests,
/// then in and above the current folder. The location of the program itself does not matter,
/// because clones may share one `CARGO_TARGET_DIR`.
///
/// # Errors
///
/// If it is in neither. The message says where to start the program instead.
pub fn find() -> Result<PathBuf, String> {
    // Cargo sets this variable for what it runs (The Cargo Book, "Environment Variables").
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = env::current_dir().ok();
    let places = [package, here.clone()];
    places.iter().flatten().find_map(|place| above(place)).ok_or_else(|| {
        let here = here.unwrap_or_default();
        format!(
            "cannot find the project: there is no folder with Cargo.toml and lessons in it, neither \
             {} nor one above it. Go to your clone (cd) and try again",
            here.display()
        )
    })
}

fn above(place: &Path) -> Option<PathBuf> {
    let is_it =
        |folder: &&Path| folder.join("lessons").is_dir() && folder.join("Cargo.toml").is_file();
    place.ancestors().find(is_it).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_found_from_within_it_and_not_from_elsewhere() {
        let package =
            PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests"));
        let root = above(&package).expect("the package lies in the project");
        assert!(root.join("tests/checkout").is_dir(), "{}", root.display());
        assert_eq!(above(&root.join("lessons")), Some(root.clone()));
        assert_eq!(above(&root), Some(root.clone()));
        assert_eq!(above(root.ancestors().last().expect("the root of the file system")), None);
        assert_eq!(find(), Ok(root));
    }
}
