//! `cargo exercise` with real answers and the real cargo, in a copy of this project: half a minute or
//! more of compiling.
//!
//!     cargo test -p course --test answers -- --ignored
#![cfg(unix)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

use course::{all, repository};

const ANSWER: &str = "answers/number-the-clients";

/// A copy of this project, in a folder with a name that is hard to quote. It is removed when dropped.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn new() -> Copy {
        let root = env::temp_dir().join(format!("the \"copy\" #{} 你's", process::id()));
        fs::create_dir(&root).expect("a folder");
        let mut copy = Command::new("cp");
        copy.arg("-r").current_dir(repository());
        copy.args(["lessons", "shared", "tests", ".cargo", "Cargo.toml", "Cargo.lock"]).arg(&root);
        assert!(copy.status().is_ok_and(|status| status.success()), "cannot copy the project");
        Copy { root }
    }

    fn answer(&self, program: &str) {
        fs::write(self.root.join(ANSWER).join("main.rs"), program).expect("an answer");
    }

    fn exercise(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(harness::own("exercise"));
        command.args(arguments).current_dir(&self.root).env("CARGO_MANIFEST_DIR", &self.root);
        command.env_remove("CARGO_TARGET_DIR");
        command.output().expect("it starts")
    }

    /// Prepares a call of cargo in the folder of an answer.
    fn cargo(&self, answer: &str, arguments: &[&str]) -> Output {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(self.root.join(answer)).args(arguments);
        cargo.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_MANIFEST_DIR");
        cargo.output().expect("it starts")
    }

    fn solution(&self) -> String {
        let written = self.exercise(&["--solution", "number-the-clients"]);
        assert!(written.status.success(), "{written:?}");
        let file = self.root.join(ANSWER).join("solution.rs");
        fs::read_to_string(file).expect("the solution")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root); // what is left is in a folder for temporary files
    }
}

/// One test, since its parts take turns in the one copy.
#[test]
#[ignore = "slow: cargo test -p course --test answers -- --ignored"]
fn real_answers_are_checked() {
    let copy = Copy::new();
    an_answer_is_an_ordinary_package(&copy);
    an_answer_breaks_no_other(&copy);
    a_missing_header_is_no_warning(&copy);
    other_bytes_are_the_same_program(&copy);
    no_process_is_left_and_the_terminal_is_safe(&copy);
    errors_of_the_compiler_are_shown(&copy);
    a_class_is_checked(&copy);
}

fn an_answer_is_an_ordinary_package(copy: &Copy) {
    let lock = fs::read(copy.root.join("Cargo.lock")).expect("the lock file");
    for name in ["number-the-clients", "turns", "countdown"] {
        let made = copy.exercise(&[name]);
        assert!(
            text(&made.stdout).contains(&format!("Your file is answers/{name}/main.rs")),
            "{made:?}"
        );
    }
    let ran = copy.cargo(ANSWER, &["run", "-q", "--offline", "--", "--help"]);
    assert!(text(&ran.stdout).contains("four events"), "as its lesson: {ran:?}");
    assert!(copy.root.join("target/debug/number-the-clients").exists(), "one target for all");
    let tree = copy.cargo(ANSWER, &["tree", "--offline"]);
    assert!(text(&tree.stdout).contains("shared v"), "{tree:?}");
    for package in ["mio", "tokio", "lesson-"] {
        assert!(!text(&tree.stdout).contains(package), "{package} is not for part 6: {tree:?}");
    }
    let from_there = copy.cargo(ANSWER, &["exercise", "--hint", "number-the-clients"]);
    assert!(text(&from_there.stdout).contains("Hint 1 of 3"), "{from_there:?}");
    let checked = copy.exercise(&["number-the-clients"]);
    assert!(text(&checked.stdout).contains("✗ Number the clients"), "{checked:?}");
    assert_eq!(fs::read(copy.root.join("Cargo.lock")).expect("the lock file"), lock);
}

fn an_answer_breaks_no_other(copy: &Copy) {
    copy.answer(&copy.solution());
    fs::write(copy.root.join("answers/turns/main.rs"), "fn main() { 1 }").expect("an answer");
    fs::remove_file(copy.root.join("answers/countdown/main.rs")).expect("the answer");
    let all = copy.exercise(&["number-the-clients", "turns", "countdown"]);
    let shown = text(&all.stdout);
    assert!(shown.contains("✓ number-the-clients"), "{all:?}");
    assert!(shown.contains("✗ turns") && shown.contains("--> answers/turns/main.rs"), "{all:?}");
    assert!(shown.contains("· countdown"), "{all:?}");
}

fn a_missing_header_is_no_warning(copy: &Copy) {
    let solution = copy.solution();
    let bare: Vec<&str> = solution.lines().filter(|line| !line.starts_with("//!")).collect();
    copy.answer(&bare.join("\n"));
    let output = copy.exercise(&["number-the-clients"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!text(&output.stdout).contains("warn"), "{output:?}");
}

fn other_bytes_are_the_same_program(copy: &Copy) {
    copy.answer(&format!("\u{feff}{}", copy.solution().replace('\n', "\r\n")));
    let output = copy.exercise(&["number-the-clients"]);
    assert!(output.status.success(), "{output:?}");
}

const EVIL: &str = r#"
use std::{net::TcpListener, process::{Command, exit}};
fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    eprintln!("listening on {}", listener.local_addr().expect("an address"));
    let child = Command::new("sleep").arg("1000").spawn().expect("a child");
    let daemon = Command::new("setsid").args(["sleep", "1000"]).spawn().expect("a daemon");
    println!("\x1b[2Jchildren {} {}", child.id(), daemon.id());
    let _ = listener.accept();
    exit(3);
}
"#;

fn no_process_is_left_and_the_terminal_is_safe(copy: &Copy) {
    copy.answer(EVIL);
    let output = copy.exercise(&["number-the-clients"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!shown.contains('\x1b') && shown.contains("␛[2Jchildren"), "{shown}");
    let (_, processes) = shown.split_once("children ").expect("the children");
    let processes = processes.lines().next().unwrap_or_default().split(' ').take(2);
    for process in processes {
        let program = Path::new("/proc").join(process).join("exe");
        harness::wait_until(&format!("{process} has ended"), || !program.exists());
    }
}

fn errors_of_the_compiler_are_shown(copy: &Copy) {
    for (program, said) in [("", "`main` function not found"), ("fn main() { 1 }", "E0308")] {
        copy.answer(program);
        let output = copy.exercise(&["number-the-clients"]);
        let shown = text(&output.stdout);
        assert!(shown.contains("the compiler rejects the answer:\n\nerror"), "{output:?}");
        assert!(shown.contains(said), "{output:?}");
    }
}

fn a_class_is_checked(copy: &Copy) {
    let solution = copy.solution();
    for (name, program) in
        [("O'Brien, \"王\"", solution.as_str()), ("two\nlines", "fn main() { 1 }")]
    {
        let folder = copy.root.join("class").join(name).join("number-the-clients");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("main.rs"), program).expect("an answer");
    }
    let output = copy.exercise(&["--class", "class"]);
    let shown = text(&output.stdout);
    let count = all().len();
    assert!(shown.contains(&format!("  1 of {count}   O'Brien, \"王\"\n")), "{output:?}");
    assert!(shown.contains(&format!("  0 of {count}   two\u{fffd}lines\n")), "{output:?}");
    let file = copy.root.join("target/exercises/class/two_lines.txt");
    let found = fs::read_to_string(file).expect("what was found");
    assert!(found.contains("the compiler rejects the answer:\n\nerror[E0308]"), "{found}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
