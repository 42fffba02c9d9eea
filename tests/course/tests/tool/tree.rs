//! A small course in a folder of its own, for tests of `cargo exercise` that compile nothing. Instead of
//! cargo there is a script, which judges a program by the words in it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The words in an answer, by which the script judges it.
pub const RIGHT: &str = "// solves it\n";
pub const WRONG: &str = "// does not solve it\n";
pub const REJECTED: &str = "// the compiler rejects it\n";
pub const NO_CARGO: &str = "// cargo fails\n";
pub const SAVED_MEANWHILE: &str = "// saved while it is compiled\n";
pub const SAVED_AGAIN_AND_AGAIN: &str = "// saved again and again\n";
pub const CRASHES_THE_CHECK: &str = "// the check crashes\n";
pub const LACKS_SOMETHING: &str = "// the check lacks something\n";

const CARGO: &str = r#"#!/bin/sh
root=$(dirname "$0")
if [ "$1" = metadata ]; then
    exec cat "$root/metadata.json"
fi
while [ $# -gt 0 ]; do
    case $1 in
        test) is_test=yes ;;
        --workspace) is_for_all=yes ;;
        --manifest-path) package=$(dirname "$2") ;;
    esac
    shift
done
target() {
    printf '"package_id":"x","target":{"name":"%s","kind":["bin"],"crate_types":["bin"],"src_path":"x"}' "$1"
}
program() {
    printf '{"reason":"compiler-artifact",%s,"profile":{"opt_level":"0","debug_assertions":true,' "$(target "$1")"
    printf '"overflow_checks":true,"test":false},"features":[],"filenames":[],"executable":"%s","fresh":false}\n' "$2"
}
answer() {
    if grep -q 'saved while' "$2"; then
        echo '// solves it' > "$2"
    elif grep -q 'saved again' "$2"; then
        echo >> "$2"
    fi
    if grep -q 'cargo fails' "$2"; then
        echo 'error: the disk is full' >&2
    elif grep -q 'compiler rejects' "$2"; then
        printf '{"reason":"compiler-message",%s,"message":{"message":"no","level":"error",' "$(target "$1")"
        printf '"code":{"code":"E0001"},"spans":[],"children":[],"rendered":"error: no\\n --> main.rs"}}\n'
        echo 'error: could not compile' >&2
    else
        program "$1" "$2"
    fi
}
echo '   Compiling something v0.1.0' >&2
if [ "$is_test" ]; then
    program exercises "$root/check"
elif [ "$is_for_all" ]; then
    for member in "$package"/*/; do
        answer "$(sed -n 's/^name = "\(.*\)"/\1/p' "${member}Cargo.toml" | head -n 1)" "${member}main.rs"
    done
else
    answer "$(basename "$package")" "$package/main.rs"
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

/// The folders of the lessons, and the names of their exercises.
pub const EXERCISES: [(&str, &str); 4] = [
    ("6.1-alpha", "first"),
    ("6.1-alpha", "second"),
    ("7.1-beta-client", "third"),
    ("7.1-beta-server", "fourth"),
];

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
            tree.write(file, "[workspace]\n");
        }
        let mut packages = vec![tree.package("shared", "shared")];
        for (lesson, exercise) in EXERCISES {
            let folder = format!("lessons/{lesson}/exercises/{exercise}");
            tree.write(&format!("lessons/{lesson}/src/main.rs"), STARTER);
            tree.write(&format!("{folder}/task.md"), TASK);
            tree.write(&format!("{folder}/solution.diff"), SOLUTION);
            packages.push(tree.package(lesson, &format!("lessons/{lesson}")));
        }
        let metadata = format!(
            r#"{{"packages":[{}],"workspace_members":[],"workspace_root":"{}","target_directory":"x","version":1}}"#,
            packages.join(","),
            tree.root.display()
        );
        tree.write("metadata.json", metadata);
        for (file, script) in [("cargo", CARGO), ("check", CHECK)] {
            tree.write(&format!("{file}.sh"), script);
            // Another process writes the script. The system refuses to run a file while a descriptor for
            // writing is open, and a child that another test has just forked may still have ours.
            let mut shell = Command::new("sh");
            shell.args(["-c", "cp \"$0.sh\" \"$0\" && chmod +x \"$0\""]).arg(tree.root.join(file));
            assert!(shell.status().is_ok_and(|status| status.success()), "cannot copy {file}.sh");
        }
        tree
    }

    /// Returns a package as `cargo metadata` describes it.
    fn package(&self, name: &str, folder: &str) -> String {
        let manifest = self.root.join(folder).join("Cargo.toml");
        let shared = format!(
            r#"{{"name":"shared","req":"*","kind":null,"optional":false,"uses_default_features":true,"features":[],"path":"{}"}}"#,
            self.root.join("shared").display()
        );
        format!(
            r#"{{"name":"{name}","version":"0.1.0","id":"{name}","dependencies":[{shared}],"targets":[],"features":{{}},"manifest_path":"{}"}}"#,
            manifest.display()
        )
    }

    /// Returns the folder of the answer to the exercise `first`.
    pub fn first(&self) -> PathBuf {
        self.root.join("answers/first")
    }

    /// Puts an answer to the exercise `first` where `cargo exercise` makes it.
    pub fn answer(&self, content: impl AsRef<[u8]>) {
        self.write("answers/first/main.rs", content);
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        write(&self.root.join(file), content);
    }

    /// Prepares `cargo exercise` with these arguments.
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

/// The outcome of a run.
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
