//! A small course in a folder of its own, for tests of `cargo exercise` that compile nothing: instead
//! of cargo there is a script, which judges a program by the words in it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The words in an answer, and what comes of it.
pub const RIGHT: &str = "// solves it\n";
pub const WRONG: &str = "// does not solve it\n";
pub const REJECTED: &str = "// the compiler rejects it\n";
pub const NO_CARGO: &str = "// cargo fails\n";
pub const SAVED_MEANWHILE: &str = "// saved while it is compiled\n";
pub const SAVED_AGAIN_AND_AGAIN: &str = "// saved again and again\n";
pub const CRASHES_THE_CHECK: &str = "// the check crashes\n";
pub const LACKS_SOMETHING: &str = "// the check lacks something\n";

const CARGO: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        test) is_test=yes ;;
        --bin) name=$2 ;;
        --manifest-path) package=$(dirname "$2") ;;
    esac
    shift
done
program() { printf '{"target":{"name":"%s"},"executable":"%s"}\n' "$1" "$2"; }
answer() {
    if grep -q 'saved while' "$2"; then
        echo '// solves it' > "$2"
    elif grep -q 'saved again' "$2"; then
        echo >> "$2"
    fi
    if grep -q 'cargo fails' "$2"; then
        echo 'error: the disk is full' >&2
    elif grep -q 'compiler rejects' "$2"; then
        printf '{"target":{"name":"%s"},"message":{"rendered":"error: no\\n --> answer.rs","level":"error"}}\n' "$1"
        echo 'error: could not compile' >&2
    else
        program "$1" "$2"
    fi
}
root=$(dirname "$0")
echo '   Compiling something v0.1.0' >&2
if [ "$is_test" ]; then
    program exercises "$root/check"
elif [ "$package" ]; then
    sed -n 's/^path = "\(copy.*\)"/\1/p' "$package/Cargo.toml" | while read -r path; do
        answer "$(basename "$(dirname "$path")")" "$package/$path"
    done
else
    answer "$name" "$(echo "$root"/lessons/*/exercises/"$name"/answer.rs)"
fi
"#;

const CHECK: &str = r#"#!/bin/sh
if grep -q 'check crashes' "$EXERCISE_PROGRAM"; then
    printf 'something is \033[2Jbroken\n'
    exit 101
elif grep -q 'check lacks' "$EXERCISE_PROGRAM"; then
    printf 'exercise report: not checked\nthe check itself needs something\n' >&2
elif grep -q '^// solves it' "$EXERCISE_PROGRAM"; then
    echo 'exercise report: solved' >&2
else
    printf 'exercise report: wrong\nnothing came\n' >&2
fi
"#;

/// Removed when it is dropped.
pub struct Tree {
    pub root: PathBuf,
}

impl Tree {
    /// Writes a course of four exercises: `first` and `second` of 6.1, and one for each lesson of 7.1.
    pub fn new() -> Tree {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = env::temp_dir().join(format!("a course {}-{number}", process::id()));
        let tree = Tree { root };
        for file in ["Cargo.toml", "Cargo.lock"] {
            tree.write(file, "[workspace.dependencies]\n");
        }
        for (lesson, exercise) in [
            ("6.1-alpha", "first"),
            ("6.1-alpha", "second"),
            ("7.1-beta-client", "third"),
            ("7.1-beta-server", "fourth"),
        ] {
            let folder = format!("lessons/{lesson}/exercises/{exercise}");
            tree.write(&format!("lessons/{lesson}/src/main.rs"), STARTER);
            tree.write(&format!("{folder}/answer.rs"), STARTER);
            tree.write(&format!("{folder}/task.md"), TASK);
            tree.write(&format!("{folder}/solution.diff"), SOLUTION);
        }
        for (file, script) in [("cargo", CARGO), ("check", CHECK)] {
            tree.write(&format!("{file}.sh"), script);
            // Another process writes what is to be run. As long as a descriptor for writing is open, and
            // a child that another test has just forked may have ours, the system refuses to run it.
            let mut shell = Command::new("sh");
            shell.args(["-c", "cp \"$0.sh\" \"$0\" && chmod +x \"$0\""]).arg(tree.root.join(file));
            assert!(shell.status().is_ok_and(|status| status.success()), "cannot copy {file}.sh");
        }
        tree
    }

    /// The folder of the exercise `first`.
    pub fn first(&self) -> PathBuf {
        self.root.join("lessons/6.1-alpha/exercises/first")
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        write(&self.root.join(file), content);
    }

    /// `cargo exercise` with these arguments, not yet started.
    pub fn exercise(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(harness::own("exercise"));
        command.args(arguments).current_dir(&self.root);
        command.env("CARGO_MANIFEST_DIR", &self.root).env("CARGO", self.root.join("cargo"));
        command.env_remove("CARGO_TARGET_DIR");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.exercise(arguments).output().expect("the program starts"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root); // what is left is in a folder for temporary files
    }
}

pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for it");
    fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

pub const STARTER: &str = "fn main() {\n    begin();\n}\n";

const SOLUTION: &str = "--- starter.rs\n+++ solution.rs\n@@\n-    begin();\n+    finish();\n";

pub const SOLVED: &str = "fn main() {\n    finish();\n}\n";

const TASK: &str = "### A title

*easy, 10 minutes*

<details><summary>Hint 1</summary>one</details>
<details><summary>Hint 2</summary>two</details>
";
