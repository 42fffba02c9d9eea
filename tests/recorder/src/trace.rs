//! Traces what the threads of a program ask of the system, with strace.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

use anyhow::{Context, Result};

/// The system calls to trace: all by which the lessons wait, talk, leave or start threads.
const CALLS: &str = "trace=network,read,write,close,futex,clock_nanosleep,openat,epoll_wait,readv,\
                     writev,clone,clone3";

/// The time in seconds from which a call counts as a wait.
pub const A_WAIT: f64 = 0.02;

/// A system call.
#[derive(Debug, Clone)]
pub struct SystemCall {
    /// The time at which it began, in seconds since 1970.
    pub start: f64,
    /// The time at which it returned, or `None` if it never did.
    pub end: Option<f64>,
    /// A time by which it had certainly returned: before the thread's next call.
    pub latest: f64,
    pub name: String,
    /// The arguments as strace writes them.
    pub arguments: String,
    /// The value that it returned, as strace writes it.
    pub value: String,
    /// The program's own functions that led to it, the innermost first, each with its symbol and
    /// the offset of the return address in the program's file.
    pub stack: Vec<(String, u64)>,
}

/// A thread and its calls, in order.
pub struct Thread {
    pub id: u32,
    pub calls: Vec<SystemCall>,
    /// The time at which it ended, if it did.
    pub ended: Option<f64>,
}

/// Returns the command that runs `program` under strace, which writes into `folder`.
///
/// `-D` makes strace a child of the program instead of its parent, so that the caller controls the
/// program itself. `-ff` writes a file for each thread, so nothing is interleaved. `env` is for
/// recording in the background, because a shell makes its background jobs ignore Ctrl-C.
pub fn traced(program: &Path, folder: &Path) -> Command {
    let mut strace = Command::new("env");
    strace.args(["--default-signal=INT", "strace"]);
    strace.args(["-D", "-ff", "-ttt", "-T", "-yy", "-x", "-k", "-s", "400", "-e", "signal=none"]);
    strace.args(["-e", CALLS, "-o"]).arg(folder.join("trace")).arg(program);
    strace
}

/// Returns the traces in `folder`, one for each thread.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Reads what strace has written: first the main thread's trace, then the others in the order in
/// which they were started, because the order in which they begin to run is chance.
pub fn read(folder: &Path, program: &Path) -> Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for file in files(folder) {
        let id = file.extension().and_then(|id| id.to_str()?.parse().ok());
        let id = id.with_context(|| format!("{} is not a trace", file.display()))?;
        let text = fs::read_to_string(&file).context("cannot read a trace")?;
        let ended = text.lines().find(|line| line.contains(" +++ ")).and_then(|line| {
            line.split(' ').next()?.parse().ok() // exited, or killed
        });
        threads.push(Thread { id, calls: parse(&text, &program.to_string_lossy(), ended), ended });
    }
    let calls = threads.iter().flat_map(|thread| &thread.calls);
    let starts = calls.filter(|call| call.name.starts_with("clone"));
    let started: HashMap<u32, f64> =
        starts.filter_map(|call| Some((call.number()?.try_into().ok()?, call.start))).collect();
    let started = |thread: &Thread| started.get(&thread.id).copied().unwrap_or(0.0);
    threads.sort_by(|one, other| started(one).total_cmp(&started(other)));
    Ok(threads)
}

/// Returns when the process ended by itself, and its exit status.
pub fn exited(folder: &Path, process: u32) -> Option<(f64, String)> {
    let text = fs::read_to_string(folder.join(format!("trace.{process}"))).ok()?;
    let (time, rest) = text.lines().find_map(|line| line.split_once(" +++ exited with "))?;
    Some((time.parse().ok()?, rest.trim_end_matches(" +++").into()))
}

fn parse(text: &str, program: &str, ended: Option<f64>) -> Vec<SystemCall> {
    let mut calls: Vec<SystemCall> = Vec::new();
    for line in text.lines() {
        if let Some(frame) = line.strip_prefix(" > ") {
            let call = calls.last_mut();
            if let (Some(call), Some(frame)) = (call, own_frame(frame, program)) {
                call.stack.push(frame);
            }
            continue;
        }
        let Some(call) = system_call(line) else { continue };
        match calls.last_mut() {
            // A signal interrupted it, and the system restarts it.
            Some(last) if last.value.starts_with("? ERESTART") && last.name == call.name => {
                *last = SystemCall { start: last.start, ..call };
            }
            _ => calls.push(call),
        }
    }
    for call in &mut calls {
        if call.value.starts_with('?') {
            call.end = None;
        }
    }
    // strace measures the length of a call from a moment after the time that it writes: soon after
    // on a quiet machine, but on a loaded one only when strace gets a processor again. So the end
    // is later, but before the thread's next action, which follows immediately when something has
    // woken it.
    for index in 0..calls.len() {
        let next = calls.get(index + 1).map(|next| next.start).or(ended);
        let call = &mut calls[index];
        let Some(end) = call.end else { continue };
        call.latest = next.unwrap_or(f64::MAX).min(end + 1.0);
        call.end = match next {
            Some(next) if end - call.start > A_WAIT => Some(next),
            _ => Some(call.latest.min(end + 0.0003)),
        };
    }
    calls
}

/// Parses `TIME NAME(ARGUMENTS) = VALUE <DURATION>`, whose end is missing while the call waits.
fn system_call(line: &str) -> Option<SystemCall> {
    let (time, rest) = line.split_once(' ')?;
    let start: f64 = time.parse().ok()?;
    let (name, rest) = rest.split_once('(')?;
    let whole = rest.rsplit_once(" = ").and_then(|(arguments, outcome)| {
        let (value, duration) = outcome.rsplit_once(" <")?;
        let duration: f64 = duration.trim_end_matches('>').parse().ok()?;
        Some((arguments.trim_end().trim_end_matches(')'), value, start + duration))
    });
    let (arguments, value, end) = match whole {
        Some((arguments, value, end)) => (arguments, value, Some(end)),
        None => (rest, "?", None),
    };
    Some(SystemCall {
        start,
        end,
        latest: f64::MAX,
        name: name.to_string(),
        arguments: arguments.to_string(),
        value: value.to_string(),
        stack: Vec::new(),
    })
}

/// Parses `FILE(SYMBOL+OFFSET) [ADDRESS]`, if the file is the program's.
fn own_frame(frame: &str, program: &str) -> Option<(String, u64)> {
    let rest = frame.strip_prefix(program)?.strip_prefix('(')?;
    let (symbol, address) = rest.rsplit_once(") [0x")?;
    let symbol = symbol.rsplit_once("+0x").map_or(symbol, |(symbol, _)| symbol);
    Some((symbol.to_string(), u64::from_str_radix(address.trim_end_matches(']'), 16).ok()?))
}

impl SystemCall {
    /// Returns the descriptor that it is about, if that is its first argument.
    pub fn descriptor(&self) -> Option<u32> {
        let end = self.arguments.find(|c: char| !c.is_ascii_digit())?;
        self.arguments[..end].parse().ok()
    }

    /// Returns the local port of the socket that it is about, and the peer's if it is connected.
    pub fn ports(&self) -> Option<(u16, Option<u16>)> {
        ports(&self.arguments)
    }

    /// Returns the number that it returned.
    pub fn number(&self) -> Option<i64> {
        let end = self.value.find(|c: char| !(c.is_ascii_digit() || c == '-'));
        self.value[..end.unwrap_or(self.value.len())].parse().ok()
    }

    /// Returns the name of the error, such as `EAGAIN`, if it failed.
    pub fn error(&self) -> Option<&str> {
        self.value.strip_prefix("-1 ")?.split(' ').next()
    }

    /// Returns the port in an address among the arguments.
    pub fn address_port(&self) -> Option<u16> {
        let (_, rest) = self.arguments.split_once("htons(")?;
        rest.split_once(')')?.0.parse().ok()
    }

    /// Returns whether a function whose name begins like this led to it.
    pub fn is_from(&self, function: &str) -> bool {
        self.stack.iter().any(|(symbol, _)| symbol.starts_with(function))
    }

    /// Returns the first string among the arguments.
    pub fn text(&self) -> Vec<u8> {
        let quoted = self.arguments.split_once(", \"").map_or("", |(_, rest)| rest);
        unescaped(quoted)
    }
}

/// Finds `<TCP:[HOST:PORT]>` or `<TCP:[HOST:PORT->HOST:PORT]>`.
pub fn ports(text: &str) -> Option<(u16, Option<u16>)> {
    let (_, rest) = text.split_once("<TCP:[")?;
    let inside = rest.split_once(']')?.0;
    let port = |address: &str| address.rsplit_once(':')?.1.parse().ok();
    match inside.split_once("->") {
        Some((own, peer)) => Some((port(own)?, Some(port(peer)?))),
        None => Some((port(inside)?, None)),
    }
}

/// Parses a string as strace writes it, up to its closing quotation mark.
fn unescaped(quoted: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = quoted.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'"', _) => break,
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap_or("");
                bytes.extend(u8::from_str_radix(digits, 16));
                rest = after;
            }
            (b'\\', [b'0'..=b'7', ..]) => {
                let octal = |byte: &&u8| (b'0'..=b'7').contains(*byte);
                let digits: Vec<u8> = after.iter().take_while(octal).take(3).copied().collect();
                let value =
                    digits.iter().fold(0u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
                bytes.push(value as u8);
                rest = &after[digits.len()..];
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'v' => 0x0b,
                    b'f' => 0x0c,
                    other => *other,
                });
                rest = after;
            }
            (plain, _) => bytes.extend(iter::once(plain)),
        }
    }
    bytes
}
