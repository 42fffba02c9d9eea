//! Applies a difference as `diff -u` writes it.
//!
//! A hunk is found by its lines, and not by the numbers behind `@@`: those may be wrong or missing,
//! so that a difference survives a change elsewhere in the file, and can be written by hand.

/// Returns the file that `difference` says it starts from: what follows `--- ` before the first hunk.
pub fn base(difference: &str) -> Option<&str> {
    let header = difference.lines().take_while(|line| !line.starts_with("@@"));
    let from = header.filter_map(|line| line.strip_prefix("--- ")).next()?;
    from.split_whitespace().next()
}

/// Returns `text` with every hunk of `difference` applied.
///
/// # Errors
/// If a hunk fits nowhere, or in more than one place.
pub fn apply(text: &str, difference: &str) -> Result<String, String> {
    let mut lines: Vec<&str> = text.lines().collect();
    for hunk in hunks(difference) {
        let (old, new) = (side(&hunk, '-'), side(&hunk, '+'));
        let fits = |start: &usize| lines[*start..].starts_with(&old);
        let places: Vec<usize> = (0..=lines.len()).filter(fits).collect();
        match places[..] {
            [start] => drop(lines.splice(start..start + old.len(), new)),
            [] => return Err(format!("these lines are not there:\n{}", old.join("\n"))),
            _ => return Err(format!("these lines are there more than once:\n{}", old.join("\n"))),
        }
    }
    Ok(lines.join("\n") + "\n")
}

fn hunks(difference: &str) -> Vec<Vec<&str>> {
    let mut hunks: Vec<Vec<&str>> = Vec::new();
    for line in difference.lines() {
        if line.starts_with("@@") {
            hunks.push(Vec::new());
        } else if let Some(hunk) = hunks.last_mut() {
            hunk.push(line);
        }
    }
    hunks
}

/// Returns the lines that both sides have, and those marked as being on this one.
fn side<'a>(hunk: &[&'a str], mark: char) -> Vec<&'a str> {
    let on_this_side = |line: &&'a str| match line.strip_prefix([' ', mark]) {
        Some(text) => Some(text),
        None if line.is_empty() => Some(""), // an editor has removed the space at the end
        None => None,
    };
    hunk.iter().filter_map(on_this_side).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one\ntwo\n\nthree\ntwo\n";

    #[test]
    fn hunks_are_found_by_their_lines() {
        let difference =
            "Why.\n--- solution.rs\n+++ x\n@@ -9 +9 @@\n one\n-two\n+2\n@@\n\n-three\n";
        assert_eq!(base(difference), Some("solution.rs"));
        assert_eq!(apply(TEXT, difference).as_deref(), Ok("one\n2\n\ntwo\n"));
    }

    #[test]
    fn a_hunk_must_fit_in_just_one_place() {
        let missing = apply(TEXT, "@@\n-four\n").expect_err("there is no such line");
        assert!(missing.contains("not there:\nfour"), "{missing}");
        let ambiguous = apply(TEXT, "@@\n-two\n").expect_err("there are two such lines");
        assert!(ambiguous.contains("more than once:\ntwo"), "{ambiguous}");
    }

    #[test]
    fn no_hunk_means_no_difference() {
        assert_eq!(apply(TEXT, "--- ../../src/main.rs\n").as_deref(), Ok(TEXT));
    }
}
