//! Reads the questions that a player asks before it continues: what happens next?
//!
//! `book/src/recordings/NAME.md` holds those of the recording `NAME`, in a file of their own so
//! that recording again does not touch them. The pages include the file, so the questions are also
//! there on paper and without JavaScript, and `book/player.js` takes them from the page. Each is a
//! `<section>`:
//!
//! - `data-before` is a list of patterns. A step fits each of them, one after the other, and the
//!   player stops before the step that fits the last one.
//! - `data-then`, if there is one, is a list of patterns that later steps fit, one after the other.
//! - `data-never`, if there is one, is a pattern that no step fits from the question to its answer.
//! - `data-right` is the number of the right option.
//!
//! The question, its options, and the reason for each option are Markdown.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::recording::Recording;

/// A question about what happens next in a recording.
pub struct Prediction {
    /// The name of the recording.
    pub recording: String,
    /// The question, in Markdown.
    pub question: String,
    /// The options to choose from, in Markdown.
    pub options: Vec<String>,
    /// The reason why each option is right or wrong.
    pub reasons: Vec<String>,
    /// The number of the right option, from 1.
    pub right: usize,
    before: Vec<Value>,
    then: Vec<Value>,
    never: Option<Value>,
}

/// Reads the questions in the file of one recording.
pub fn predictions(file: &str) -> Result<Vec<Prediction>> {
    let sections = file.split("<section class=\"prediction\"").skip(1);
    sections.map(|section| prediction(section).with_context(|| section.to_string())).collect()
}

fn prediction(section: &str) -> Result<Prediction> {
    let (tag, text) = section.split_once(">\n").context("the section has no text")?;
    let (text, reasons) = text
        .split_once("<details><summary>The answer</summary>")
        .context("the section has no answer")?;
    let attribute = |name, quote: char| {
        let (_, after) = tag.split_once(&format!("{name}={quote}"))?;
        Some(after.split_once(quote)?.0)
    };
    let pattern = |name| attribute(name, '\'').map(serde_json::from_str).transpose();
    let patterns = |name| -> Result<Vec<Value>> {
        let list = pattern(name).with_context(|| format!("{name} is no JSON"))?;
        Ok(list.unwrap_or(Value::Array(Vec::new())).as_array().context("no list")?.clone())
    };
    let right = attribute("data-right", '"').context("no option is the right one")?;
    Ok(Prediction {
        recording: attribute("data-recording", '"').context("it has no recording")?.to_string(),
        question: text.lines().find(|line| !line.is_empty()).unwrap_or_default().to_string(),
        options: numbered(text),
        reasons: numbered(reasons),
        right: right.parse().context("data-right is not a number")?,
        before: patterns("data-before")?,
        then: patterns("data-then")?,
        never: pattern("data-never").context("data-never is not JSON")?,
    })
}

/// Returns the entries of a numbered list.
fn numbered(text: &str) -> Vec<String> {
    let entries = text.lines().filter_map(|line| line.split_once(". "));
    let numbered = entries.filter(|(number, _)| number.parse::<usize>().is_ok());
    numbered.map(|(_, entry)| entry.to_string()).collect()
}

impl Prediction {
    /// Returns the number of the step before which the player asks, from 1.
    pub fn asked_before(&self, recording: &Recording) -> Result<usize> {
        let steps = steps(recording)?;
        let fits = one_after_the_other(&steps, 0, &self.before).context("data-before")?;
        Ok(fits.context("data-before is empty")? + 1)
    }

    /// Fails unless the recording does what the right option says.
    pub fn check(&self, recording: &Recording) -> Result<()> {
        let first = self.asked_before(recording)? - 1;
        ensure!(first > 0, "nothing comes before the step that it asks about");
        let steps = steps(recording)?;
        let last = one_after_the_other(&steps, first + 1, &self.then).context("data-then")?;
        let answer = &steps[first..=last.unwrap_or(first)];
        if let Some(never) = &self.never {
            let found = answer.iter().find(|step| fits(step, never));
            ensure!(found.is_none(), "this fits data-never: {}", found.unwrap_or(&Value::Null));
        }
        let right = self.options.get(self.right - 1).context("the right option is not there")?;
        let shown = words(&Value::from(answer).to_string());
        for word in words(right).iter().filter(|word| is_exact(word, right)) {
            ensure!(shown.contains(word), "the recording does not show {word}, as {right:?} says");
        }
        Ok(())
    }
}

fn steps(recording: &Recording) -> Result<Vec<Value>> {
    let steps = recording.steps.iter().map(serde_json::to_value);
    steps.collect::<Result<_, _>>().context("a step cannot be JSON")
}

/// Finds steps from the index `from` on that fit the patterns, and returns the last one's index.
fn one_after_the_other(steps: &[Value], from: usize, patterns: &[Value]) -> Result<Option<usize>> {
    let (mut next, mut last) = (from, None);
    for pattern in patterns {
        let found = (next..steps.len()).find(|index| fits(&steps[*index], pattern));
        let index =
            found.with_context(|| format!("no step from {} on fits {pattern}", next + 1))?;
        (next, last) = (index + 1, Some(index));
    }
    Ok(last)
}

/// Returns whether a value has everything that a pattern names. A list may have more, in any order.
fn fits(value: &Value, pattern: &Value) -> bool {
    match (value, pattern) {
        (Value::Object(value), Value::Object(pattern)) => pattern
            .iter()
            .all(|(key, pattern)| value.get(key).is_some_and(|value| fits(value, pattern))),
        (Value::Array(values), Value::Array(patterns)) => {
            patterns.iter().all(|pattern| values.iter().any(|value| fits(value, pattern)))
        }
        _ => value == pattern,
    }
}

/// Splits a text into its words and numbers, without the commas in 28,042.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && !"_,".contains(c));
    words.map(|word| word.replace(',', "")).filter(|word| !word.is_empty()).collect()
}

/// Returns whether a word of an option is a number or code, which the recording has to show.
fn is_exact(word: &str, option: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit()) || option.contains(&format!("`{word}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Step;

    const QUESTION: &str = r#"<section class="prediction" data-recording="some" data-right="2"
    data-before='[{"caption": "one"},
        {"ended": [[1, "main"]]}]'
    data-never='{"ended": [[2]]}'>

What happens?

1. It waits.
2. It returns 4,006.

<details><summary>The answer</summary>

1. Why should it?
2. **Right.** It does.

</details>
</section>
"#;

    fn recording(captions: &[&str]) -> Recording {
        let step = |caption: &&str| Step { caption: caption.to_string(), ..Step::default() };
        Recording { steps: captions.iter().map(step).collect(), ..Recording::default() }
    }

    #[test]
    fn a_question_is_asked_before_the_step_that_fits_and_the_right_option_is_compared() {
        let question = predictions(QUESTION).expect("a question").remove(0);
        assert_eq!((question.question.as_str(), question.right), ("What happens?", 2));
        assert_eq!(question.options, ["It waits.", "It returns 4,006."]);
        assert_eq!(question.reasons, ["Why should it?", "**Right.** It does."]);
        let mut run = recording(&["zero", "one", "two", "4006 of them"]);
        assert!(question.asked_before(&run).is_err());
        run.steps[3].ended = vec![(3, "other".into()), (1, "main".into())];
        assert_eq!(question.asked_before(&run).ok(), Some(4));
        question.check(&run).expect("the recording does it");
        run.steps[3].caption = "4007 of them".into();
        let error = question.check(&run).expect_err("4007 is not 4006");
        assert!(error.to_string().contains("does not show 4006"), "{error}");
        run.steps[3].caption = "4006".into();
        run.steps[3].ended.push((2, "main".into()));
        let error = question.check(&run).expect_err("it has ended");
        assert!(error.to_string().contains("data-never"), "{error}");
    }
}
