//! Runs cargo, and keeps its own noise away from the learner.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{self, PathBuf};
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::thread;

use cargo_metadata::diagnostic::DiagnosticLevel;
use cargo_metadata::{CompilerMessage, Message};

use crate::progress::number_of;
use crate::repository;

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Built {
    /// The path of the program.
    pub program: PathBuf,
    /// The compiler's warnings, or nothing.
    pub warnings: String,
}

/// Why there is no program.
#[derive(Clone, Debug)]
pub enum NotBuilt {
    /// The compiler found something wrong in the file, and says this.
    Rejected(String),
    /// Cargo did not get as far as that, and says this.
    Failed(String),
}

impl NotBuilt {
    /// Returns the message for the learner.
    pub fn into_message(self) -> String {
        match self {
            NotBuilt::Rejected(said) => format!("the compiler rejects the answer:\n\n{said}"),
            NotBuilt::Failed(said) => format!("cargo could not compile the answer:\n\n{said}"),
        }
    }
}

/// A function that is told each step of a compilation, such as `crate 7: tokio`.
pub type Told<'a> = &'a (dyn Fn(&str) + Sync);

/// Where cargo puts what it compiles.
///
/// Clones may share one `CARGO_TARGET_DIR`. To cargo their answers and checks are the same targets, so it
/// would take another clone's program if that is newer than this clone's files. That's why each clone
/// gets a folder of its own in there.
pub fn target() -> PathBuf {
    let Some(target) = env::var_os("CARGO_TARGET_DIR") else {
        return repository().join("target");
    };
    // Relative to where the command was typed, as cargo takes it.
    let target = path::absolute(&target).unwrap_or_else(|_| PathBuf::from(target));
    if target.starts_with(repository()) {
        return target;
    }
    let clone = number_of(repository().as_os_str().as_encoded_bytes());
    target.join(format!("clone-{clone:016x}"))
}

/// Prepares a call of cargo, whose messages [`Output::of`] understands.
pub fn cargo(what: &str, colour: bool) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.current_dir(repository()).env("CARGO_TARGET_DIR", target()).stdin(Stdio::null());
    let ansi = if colour { "json-diagnostic-rendered-ansi" } else { "json" };
    cargo.args([what, "--color=never", &format!("--message-format={ansi}")]);
    cargo
}

/// The results of a call of cargo.
#[derive(Default)]
pub struct Output {
    /// The compiled programs by their names.
    programs: HashMap<String, PathBuf>,
    diagnostics: Vec<Diagnostic>,
    /// Cargo's own messages, without the steps that it takes.
    pub said: String,
}

/// A message of the compiler about one place in one target.
struct Diagnostic {
    target: String,
    text: String,
    /// Whether the message rejects the source. A full disk or a missing linker has neither place nor code.
    is_error_in_source: bool,
}

impl Output {
    /// Runs cargo to its end.
    pub fn of(mut cargo: Command, told: Told) -> Result<Output, String> {
        let child = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child =
            child.map_err(|error| format!("cannot run {:?}: {error}", cargo.get_program()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (output, said) = thread::scope(|scope| {
            let said = scope.spawn(|| stderr.map_or(String::new(), |stderr| listen(stderr, told)));
            (stdout.map(Output::read).unwrap_or_default(), said.join().unwrap_or_default())
        });
        let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
        let said = if said.is_empty() { format!("cargo ended with {status}") } else { said };
        Ok(Output { said, ..output })
    }

    fn read(stdout: ChildStdout) -> Output {
        let mut output = Output::default();
        for message in Message::parse_stream(BufReader::new(stdout)).map_while(Result::ok) {
            match message {
                Message::CompilerArtifact(artifact) => {
                    let program =
                        artifact.executable.map(|path| (artifact.target.name, path.into()));
                    output.programs.extend(program);
                }
                Message::CompilerMessage(message) => output.diagnostics.extend(diagnostic(message)),
                _ => {}
            }
        }
        output
    }

    /// Returns the program called `name`, or why there is none.
    pub fn program(&self, name: &str) -> Result<Built, NotBuilt> {
        let about_it = || self.diagnostics.iter().filter(|one| one.target == name);
        let texts = |of: &mut dyn Iterator<Item = &Diagnostic>| {
            of.map(|one| one.text.trim()).collect::<Vec<_>>().join("\n\n")
        };
        let said_of_it = texts(&mut about_it());
        if let Some(program) = self.programs.get(name) {
            return Ok(Built { program: program.clone(), warnings: said_of_it });
        }
        if about_it().any(|one| one.is_error_in_source) {
            return Err(NotBuilt::Rejected(said_of_it));
        }
        let all = texts(&mut self.diagnostics.iter());
        Err(NotBuilt::Failed(format!("{}\n\n{all}", self.said).trim().to_string()))
    }
}

/// Passes on the steps that cargo takes, and returns whatever else it says.
fn listen(stderr: ChildStderr, told: Told) -> String {
    let mut others = String::new();
    let mut crates = 0;
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let (verb, rest) = line.trim_start().split_once(' ').unwrap_or_default();
        match verb {
            "Compiling" => {
                crates += 1;
                told(&format!("crate {crates}: {}", rest.split(' ').next().unwrap_or_default()));
            }
            "Blocking" => told("another cargo is compiling, and this one waits for it"),
            // A step's verb is at the right of the first twelve columns.
            _ if line.starts_with(' ') && line.find(verb) == Some(12 - verb.len().min(12)) => {
                told(line.trim());
            }
            _ => others += &format!("{line}\n"),
        }
    }
    others.trim().to_string()
}

fn diagnostic(CompilerMessage { target, message, .. }: CompilerMessage) -> Option<Diagnostic> {
    let is_about_source = !message.spans.is_empty() || message.code.is_some();
    let is_count =
        message.message.starts_with("aborting due to") || message.message.ends_with(" emitted");
    if is_count && !is_about_source {
        return None; // only the number of the others
    }
    let is_error_in_source = message.level == DiagnosticLevel::Error && is_about_source;
    Some(Diagnostic { target: target.name, text: message.rendered?, is_error_in_source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_in_the_source_rejects_it() {
        let rejects = |level: &str, code: &str, spans: &str, text: &str| {
            let line = format!(
                r#"{{"reason":"compiler-message","package_id":"x","target":{{"name":"x","kind":["bin"],"src_path":"/x.rs"}},"message":{{"message":"{text}","rendered":"{text}","level":"{level}","code":{code},"spans":{spans},"children":[]}}}}"#
            );
            let message = Message::parse_stream(line.as_bytes()).next().expect("a message");
            match message.expect("it can be read") {
                Message::CompilerMessage(message) => {
                    diagnostic(message).map(|diagnostic| diagnostic.is_error_in_source)
                }
                other => panic!("{other:?}"),
            }
        };
        let place = r#"[{"file_name":"main.rs","byte_start":0,"byte_end":1,"line_start":1,"line_end":1,"column_start":1,"column_end":2,"is_primary":true,"text":[],"label":null,"suggested_replacement":null,"suggestion_applicability":null,"expansion":null}]"#;
        assert_eq!(rejects("error", "null", place, "no"), Some(true));
        assert_eq!(
            rejects("error", r#"{"code":"E0601","explanation":null}"#, "[]", "no main"),
            Some(true)
        );
        assert_eq!(rejects("warning", "null", place, "no"), Some(false));
        assert_eq!(rejects("error", "null", "[]", "linker `cc` not found"), Some(false));
        assert_eq!(rejects("error", "null", "[]", "aborting due to 1 previous error"), None);
    }
}
