//! Finds the line of a program for an address, or for a waiting thread, with elfutils.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A file, from the root of the repository, and a line in it.
pub type Place = (String, u32);

/// The lines of a program that was compiled with line tables.
pub struct Lines {
    /// The lines, by the offset of the return address in the program's file.
    known: HashMap<u64, Place>,
}

impl Lines {
    /// Looks up all `offsets` with one command.
    pub fn of(program: &Path, offsets: &[u64]) -> Result<Lines> {
        let mapping = mapping(&fs::read(program).context("cannot read the program")?);
        // A return address is the address of the instruction after the call, so the call ends
        // before it.
        let addresses = offsets.iter().map(|offset| format!("{:#x}", mapping(*offset) - 1));
        let output = Command::new("eu-addr2line").arg("-e").arg(program).args(addresses).output();
        let output = output.context("cannot run eu-addr2line")?;
        ensure!(output.status.success(), "eu-addr2line: {}", utf8(&output.stderr));
        let lines = utf8(&output.stdout);
        let places = lines.lines().map(place);
        let known =
            offsets.iter().zip(places).filter_map(|(offset, place)| Some((*offset, place?)));
        Ok(Lines { known: known.collect() })
    }

    /// Returns the line of an offset, if it is one of the project's.
    pub fn at(&self, offset: u64) -> Option<&Place> {
        self.known.get(&offset)
    }
}

/// Returns where the threads of a running program stand: for each thread's number the lines,
/// innermost first.
pub fn of_threads(process: u32) -> Result<HashMap<u32, Vec<Place>>> {
    let output = Command::new("eu-stack").args(["-s", "-p", &process.to_string()]).output();
    let text = utf8(&output.context("cannot run eu-stack")?.stdout);
    let mut threads: HashMap<u32, Vec<Place>> = HashMap::new();
    let mut current = 0;
    for line in text.lines() {
        match line.strip_prefix("TID ") {
            Some(id) => current = id.trim_end_matches(':').parse().unwrap_or(0),
            None => threads.entry(current).or_default().extend(place(line.trim())),
        }
    }
    Ok(threads)
}

/// A file whose functions only hand a call on, each in one line. The caller's line says more.
const HANDS_ON: &str = "lessons/7.4-async-server/src/connection.rs";

/// Parses `FILE:LINE:COLUMN` of a lesson or a measuring program. Shortens the file's name so that
/// it begins at the repository's root.
fn place(text: &str) -> Option<Place> {
    let mut parts = text.split(':');
    let (file, line) = (parts.next()?, parts.next()?.parse().ok()?);
    let begin = file.find("lessons/").or_else(|| file.find("tests/measure/"))?;
    let file = &file[begin..];
    (file != HANDS_ON).then(|| (file.to_string(), line))
}

/// Returns a function that turns an offset in a program's file into an address in memory, because
/// strace writes offsets, but line tables have addresses. The program headers of an ELF file
/// (elf(5)) map one to the other.
fn mapping(elf: &[u8]) -> impl Fn(u64) -> u64 + use<> {
    let number = |at: usize, length: usize| -> u64 {
        let bytes = elf.get(at..at + length).unwrap_or(&[]);
        bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (headers, size, count) = (number(0x20, 8), number(0x36, 2), number(0x38, 2));
    let loaded: Vec<(u64, u64, u64)> = (0..count)
        .map(|index| (headers + index * size) as usize)
        .filter(|at| number(*at, 4) == 1)
        .map(|at| (number(at + 8, 8), number(at + 32, 8), number(at + 16, 8)))
        .collect();
    move |offset| {
        let inside =
            loaded.iter().find(|(begin, size, _)| (*begin..begin + size).contains(&offset));
        inside.map_or(offset, |(begin, _, address)| offset - begin + address)
    }
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
