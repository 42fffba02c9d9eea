//! Writes the names of people, who may be called anything, in a table, in a line and as a file.

use std::collections::HashSet;

/// Returns `text` as a cell of a table (RFC 4180). A spreadsheet takes text that begins like a formula for
/// one, unless an apostrophe comes before it.
pub fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_string() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// Returns lines without anything that could command a terminal.
pub fn harmless(lines: &str) -> String {
    let commands = |character: char| character.is_control() && !"\n\t".contains(character);
    lines.replace(commands, "\u{fffd}")
}

/// Returns `text` without anything that could end a line or command a terminal.
pub fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Returns the name of a file for this learner's verdicts. No other learner has it, not even on a system to
/// which `anna` and `Anna` are the same.
pub fn file_name(who: &str, taken: &mut HashSet<String>) -> String {
    const LONGEST: usize = 60; // in bytes of UTF-8 up to 240: systems allow 255
    let harmless = |character: char| match character {
        _ if character.is_control() => '_',
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        _ => character,
    };
    let name: String = who.chars().map(harmless).take(LONGEST).collect();
    let mut file = format!("{name}.txt");
    for number in 2.. {
        if taken.insert(file.to_lowercase()) {
            break;
        }
        file = format!("{name} ({number}).txt");
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_cell() {
        assert_eq!(cell("王小明（一班）"), "王小明（一班）");
        assert_eq!(cell("Wei, Zhang"), "\"Wei, Zhang\"");
        assert_eq!(cell("the \"first\""), "\"the \"\"first\"\"\"");
        assert_eq!(cell("two\nlines"), "\"two\nlines\"");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("-anna"), "'-anna");
    }

    #[test]
    fn a_name_cannot_command_a_terminal() {
        assert_eq!(on_one_line("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(harmless("a\x1b[2Jb\n\tc"), "a\u{fffd}[2Jb\n\tc");
    }

    #[test]
    fn each_learner_has_a_file() {
        let mut taken = HashSet::new();
        let files = ["anna", "Anna", "a?b", "a*b"].map(|who| file_name(who, &mut taken));
        assert_eq!(files, ["anna.txt", "Anna (2).txt", "a_b.txt", "a_b (2).txt"]);
        assert!(file_name(&"名".repeat(200), &mut taken).len() < 250);
    }
}
