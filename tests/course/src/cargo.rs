//! Runs cargo, and keeps its own noise away from the learner.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{self, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::thread;

use crate::progress::number_of;
use crate::repository;

/// A program that the compiler has accepted.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it is.
    pub program: PathBuf,
    /// What the compiler warns of, or nothing.
    pub warnings: String,
}

/// Why there is no program.
#[derive(Clone, Debug)]
pub enum NotBuilt {
    /// The compiler finds something wrong in the file: what it says.
    Rejected(String),
    /// Cargo did not get as far as that: what it says.
    Failed(String),
}

impl NotBuilt {
    /// Returns what a learner is told.
    pub fn into_message(self) -> String {
        match self {
            NotBuilt::Rejected(said) => format!("the compiler rejects the answer:\n\n{said}"),
            NotBuilt::Failed(said) => format!("cargo could not compile the answer:\n\n{said}"),
        }
    }
}

/// Is told each step of a compilation, such as `crate 7: tokio`.
pub type Told<'a> = &'a (dyn Fn(&str) + Sync);

/// Where cargo puts what it compiles.
///
/// Clones may share one `CARGO_TARGET_DIR`. To cargo their answers and checks are the same targets, so
/// it would take another clone's program if that is newer than this clone's files: therefore each
/// clone gets a folder of its own in there.
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

/// A call of cargo, whose messages [`Output::of`] understands.
pub fn cargo(what: &str, colour: bool) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.current_dir(repository()).env("CARGO_TARGET_DIR", target()).stdin(Stdio::null());
    let ansi = if colour { "json-diagnostic-rendered-ansi" } else { "json" };
    cargo.args([what, "--color=never", &format!("--message-format={ansi}")]);
    cargo
}

/// What a call of cargo has brought.
pub struct Output {
    /// The compiled programs by their names.
    programs: HashMap<String, PathBuf>,
    diagnostics: Vec<Diagnostic>,
    /// What cargo itself says, without the steps that it takes.
    pub said: String,
}

/// What the compiler says about one place in one target.
struct Diagnostic {
    target: String,
    text: String,
    /// Whether this rejects the source. A full disk or a missing linker has neither place nor code.
    is_error_in_source: bool,
}

impl Output {
    /// Runs cargo to its end.
    pub fn of(mut cargo: Command, told: Told) -> Result<Output, String> {
        let child = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child =
            child.map_err(|error| format!("cannot run {:?}: {error}", cargo.get_program()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (messages, said) = thread::scope(|scope| {
            let said = scope.spawn(|| stderr.map_or(String::new(), |stderr| listen(stderr, told)));
            let mut messages = Vec::new();
            let _ = stdout.map(|mut stdout| stdout.read_to_end(&mut messages));
            (messages, said.join().unwrap_or_default())
        });
        let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
        let messages = String::from_utf8_lossy(&messages);
        Ok(Output {
            programs: messages.lines().filter_map(executable).collect(),
            diagnostics: messages.lines().filter_map(diagnostic).collect(),
            said: if said.is_empty() { format!("cargo ended with {status}") } else { said },
        })
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

/// Passes on the steps that cargo says it takes. Returns whatever else it says.
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
            // A step's verb stands at the right of the first twelve columns.
            _ if line.starts_with(' ') && line.find(verb) == Some(12 - verb.len().min(12)) => {
                told(line.trim());
            }
            _ => others += &format!("{line}\n"),
        }
    }
    others.trim().to_string()
}

/// The name and the path of the program in a message of cargo, which is a line of JSON.
fn executable(message: &str) -> Option<(String, PathBuf)> {
    Some((target_of(message)?, PathBuf::from(value(message, "executable")?)))
}

/// What the compiler says, in a message of cargo.
fn diagnostic(message: &str) -> Option<Diagnostic> {
    let text = value(message, "rendered")?;
    let bare = without_colour(&text);
    if bare.starts_with("error: aborting due to") || bare.trim_end().ends_with(" emitted") {
        return None; // only the number of the others
    }
    let is_error = message.contains("\"level\":\"error\"");
    let is_about_source = bare.contains("--> ") || message.contains("\"code\":{");
    let is_error_in_source = is_error && is_about_source;
    Some(Diagnostic { target: target_of(message)?, text, is_error_in_source })
}

fn target_of(message: &str) -> Option<String> {
    value(message.split_once("\"target\":")?.1, "name")
}

/// The string after `"key":` in JSON. Within a string there would be a backslash before the
/// quotation marks, so this is really a key.
fn value(json: &str, key: &str) -> Option<String> {
    let (_, rest) = json.split_once(&format!("\"{key}\":\""))?;
    let mut text = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => match characters.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'u' => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).ok()?;
                    text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

fn without_colour(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_have_any_characters() {
        let message = r#"{"target":{"kind":["bin"],"name":"say-goodbye"},"executable":"C:\\a \"b\"\u0007/\u4f60"}"#;
        let path = PathBuf::from("C:\\a \"b\"\u{7}/你");
        assert_eq!(executable(message), Some(("say-goodbye".to_string(), path)));
        let library = message.replace(r#""executable":"C:"#, r#""executable":null,"#);
        assert_eq!(executable(&library), None);
    }

    #[test]
    fn only_an_error_in_the_source_rejects_it() {
        let rejects = |level: &str, code: &str, text: &str| {
            diagnostic(&format!(
                r#"{{"target":{{"name":"x"}},"message":{{"rendered":"{text}","level":"{level}","code":{code}}}}}"#
            ))
            .map(|diagnostic| diagnostic.is_error_in_source)
        };
        let place = r"error: no\n --> answer.rs:1:1";
        assert_eq!(rejects("error", "null", place), Some(true));
        assert_eq!(rejects("error", r#"{"code":"E0601"}"#, "error: no main"), Some(true));
        assert_eq!(rejects("warning", "null", place), Some(false));
        assert_eq!(rejects("error", "null", "error: linker `cc` not found"), Some(false));
        assert_eq!(rejects("error", "null", "error: aborting due to 1 previous error"), None);
    }
}
