//! Picks the lines of the programs that a recording shows.

use std::fs;

use anyhow::{Context, Result};

use crate::recording::{Source, Step};

/// Reads the lines that `steps` need of each file.
pub fn sources(files: &[String], steps: &[Step]) -> Result<Vec<Source>> {
    let source = |(index, file): (usize, &String)| {
        let marks = steps.iter().flat_map(|step| &step.threads);
        let marks = marks.filter(|mark| mark.source == index).map(|mark| mark.line);
        let prints =
            steps.iter().flat_map(|step| &step.screen).filter_map(|shown| shown.by.as_ref());
        let prints = prints.filter(|(_, source, _)| *source == index).map(|(_, _, line)| *line);
        let marked: Vec<u32> = marks.chain(prints).collect();
        let text = fs::read_to_string(harness::repository().join(file))
            .with_context(|| format!("cannot read {file}"))?;
        Ok(Source { file: file.clone(), lines: shown_lines(&text, &marked) })
    };
    files.iter().enumerate().map(source).collect()
}

/// Returns the items of a program in which a thread ever stands, line by line, without the anchors
/// of the book.
fn shown_lines(text: &str, marked: &[u32]) -> Vec<(u32, String)> {
    let lines: Vec<(u32, &str)> =
        (1..).zip(text.lines()).filter(|(_, line)| !line.trim().starts_with("// ANCHOR")).collect();
    let mut items: Vec<Vec<(u32, String)>> = vec![Vec::new()];
    let mut after_blank = false;
    for (number, line) in lines {
        let begins = after_blank && !line.is_empty() && !line.starts_with([' ', '}', ')']);
        if begins {
            items.push(Vec::new());
        }
        after_blank = line.is_empty();
        if let Some(item) = items.last_mut() {
            item.push((number, line.to_string()));
        }
    }
    items.retain(|item| item.iter().any(|(number, _)| marked.contains(number)));
    let mut shown = items.concat();
    while shown.last().is_some_and(|(_, line)| line.is_empty()) {
        shown.pop();
    }
    shown
}
