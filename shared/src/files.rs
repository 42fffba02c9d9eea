//! A file that nobody else may read.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a file for reading and writing, and creates it if it does not exist. Only its owner may
/// read it (and root), whoever could before.
///
/// Windows has no such mode. A new file inherits the rights of its folder there, and a folder in
/// `C:\Users\NAME` belongs to NAME alone.
///
/// # Errors
/// If the file cannot be opened, or belongs to somebody else.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    platform::open(&mut options, path)
}

#[cfg(unix)]
mod platform {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    const OWNER_ALONE: u32 = 0o600;

    pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        let file = options.mode(OWNER_ALONE).open(path)?; // the mode of a new file
        file.set_permissions(Permissions::from_mode(OWNER_ALONE))?; // and of one that was there
        Ok(file)
    }
}

#[cfg(not(unix))]
mod platform {
    use super::*;

    pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        options.open(path)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::{env, process};

    #[test]
    fn only_the_owner_may_read_it_whether_it_is_new_or_not() {
        let path = env::temp_dir().join(format!("private-{}", process::id()));
        for before in [None, Some(0o644)] {
            if let Some(mode) = before {
                fs::write(&path, "secret").expect("a file");
                fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
            }
            let file = open_private(&path).expect("a private file");
            let mode = file.metadata().expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "it was {before:?}");
        }
        assert_eq!(fs::read_to_string(&path).expect("what was in it"), "secret");
        fs::remove_file(&path).expect("removed");
    }
}
