//! Holds the few rules of English that a test can hold, over the pages, the tasks, the wrong answers,
//! the comments, what the lessons print, and the diagnoses of the checks.
//! CONTRIBUTING.md has the others.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use harness::repository;

/// Words that are not English, or that readers misunderstand, each with what to write instead.
const AVOIDED: [(&str, &str); 16] = [
    ("for ever", "forever, or: without limit"),
    ("be they", "whether they are"),
    (", be it", "even if it is"),
    ("and be it", "even if it is"),
    ("all the same", "anyway, nevertheless"),
    ("in the place of", "instead of"),
    ("some tens of", "dozens of"),
    ("mostly", "usually"),
    ("shall", "should, will"),
    ("in the same moment", "at the same moment"),
    ("no utf-8", "not UTF-8"),
    ("believes to be", "believes that it is"),
    ("also when", "even if"),
    ("also where", "even if"),
    ("also if", "even if"),
    ("at the soonest", "at the earliest, or: at least"),
];

/// Words that neither a check nor a lesson tells a learner, each with what to write instead.
const IN_NO_MESSAGE: [(&str, &str); 5] = [
    ("was to ", "should have"),
    ("were to ", "should have"),
    ("` came", "it received"),
    (" at once", "immediately, at the same time, or: in one piece"),
    ("time(s)", "checker::shown_times"),
];

/// Words that do not end a sentence, because they belong beside what they add.
const TRAILING: [&str; 2] = [", too", ", also"];

/// Words with which a sentence asks. A statement that begins with them looks like a question.
const ASKING: [&str; 3] = ["Who ", "Whoever ", "Whose "];

#[test]
fn avoided_words_and_headless_sentences_do_not_come_back() {
    let mut faults: Vec<(PathBuf, String)> = Vec::new();
    for file in texts(repository()) {
        let text = fs::read_to_string(&file).expect("a source or a page is text");
        let paragraphs = match file.extension().and_then(OsStr::to_str) {
            Some("md") => paragraphs(prose(&text).map(Some)),
            Some("diff") => paragraphs(explanation(&text).chain(text.lines().map(comment))),
            _ => paragraphs(text.lines().map(comment)),
        };
        let name = file.strip_prefix(repository()).expect("a file of the project").to_path_buf();
        faults.extend(
            paragraphs.iter().flat_map(|text| wrong(text)).map(|what| (name.clone(), what)),
        );
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn each_fault_is_found_and_nothing_else() {
    for text in [
        "It waits for ever.",
        "It ends. Who is late waits.",
        "All lines, be they old.",
        "It waits, too: it is late.",
        "At the soonest it ends.",
    ] {
        assert_eq!(wrong(text).len(), 1, "{text}");
    }
    for text in [
        "It waits forever.",
        "## Who is there",
        "It ends. **Who is late?** Nobody.",
        "The one who is late.",
        "It comes, too early, on the next one.",
    ] {
        assert_eq!(wrong(text), [""; 0], "{text}");
    }
    let source = "let a = 1; // It waits for\n// ever.\n//\n// It\nlet b = 2;\n// ends.";
    let found = paragraphs(source.lines().map(comment));
    assert_eq!(found, ["It waits for ever.", "It", "ends."]);
}

#[test]
fn learners_are_told_nothing_in_a_strangers_english() {
    let tells_learners = |file: &PathBuf| {
        let folder = file.parent().unwrap_or(file);
        ["tests/exercises.rs", "tests/decoder/mod.rs"].iter().any(|end| file.ends_with(end))
            || folder.ends_with("tests/checker/src")
            || folder.ends_with("src")
                && file.components().any(|part| part.as_os_str() == "lessons")
    };
    let files: Vec<PathBuf> = texts(repository()).into_iter().filter(tells_learners).collect();
    assert!(files.len() > 60, "{files:#?}");
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source is text");
        for line in text.lines().filter_map(|line| line.split("// ").next()) {
            let words = IN_NO_MESSAGE.iter().filter(|(words, _)| line.contains(words));
            faults.extend(words.map(|(words, better)| {
                format!("{}: {words:?}, write {better:?}: {line}", file.display())
            }));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Returns what is wrong with a paragraph. A heading may be a question without a mark.
fn wrong(paragraph: &str) -> Vec<String> {
    let plain: String = paragraph.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let spaced = format!(" {} ", plain.to_lowercase().replace(['.', ';', ':', '*', ')', '('], " "));
    let words = AVOIDED.iter().filter(|(words, _)| {
        let ends = [' ', ',', '?', '!'].map(|end| format!("{words}{end}"));
        let begins = if words.starts_with(',') { "" } else { " " };
        ends.iter().any(|words| spaced.contains(&format!("{begins}{words}")))
    });
    let words = words.map(|(words, better)| format!("{words:?}, write {better:?}: {paragraph}"));
    let closed = format!("{plain}.");
    let trailing = TRAILING.iter().filter(|words| {
        ['.', ';', ':', ')'].iter().any(|end| closed.contains(&format!("{words}{end}")))
    });
    let trailing = trailing.map(|words| format!("{words:?}, write \"as well\": {paragraph}"));
    let sentences = plain.split_inclusive(['.', '!', '?']).filter(|sentence| {
        let begin = sentence.trim_start_matches(|c: char| !c.is_alphabetic());
        !sentence.starts_with('#')
            && !sentence.ends_with('?')
            && ASKING.iter().any(|word| begin.starts_with(word))
    });
    let sentences = sentences.map(|sentence| format!("not a question: {sentence}"));
    words.chain(trailing).chain(sentences).collect()
}

/// Joins lines to paragraphs. `None` and a blank line end one, and a row or an item begins one.
fn paragraphs<'a>(lines: impl Iterator<Item = Option<&'a str>>) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in lines {
        let line = line.unwrap_or_default().trim();
        if line.is_empty() || line.starts_with(['|', '#', '-', '>', '*']) {
            paragraphs.push(String::new());
        }
        if let (Some(last), false) = (paragraphs.last_mut(), line.is_empty()) {
            let space = if last.is_empty() { "" } else { " " };
            *last += &format!("{space}{line}");
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// Returns the comment in a line of Rust, if there is one.
fn comment(line: &str) -> Option<&str> {
    let (_, comment) = line.split_once("//").filter(|(code, _)| !code.ends_with([':', '"']))?;
    Some(comment.trim_start_matches(['/', '!']))
}

/// Returns the lines of Markdown that are not in a fenced block.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Returns the lines of a difference that say what is wrong with an answer. They come before the hunks.
/// `Rejected with:` quotes a diagnosis.
fn explanation(text: &str) -> impl Iterator<Item = Option<&str>> {
    let lines = text.lines().take_while(|line| !line.starts_with("--- "));
    lines.filter(|line| !line.starts_with("Rejected with: ")).map(Some)
}

/// Returns all pages, tasks and sources below a folder, without what git ignores.
fn texts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ignored = ["target", "answers", "node_modules"].contains(&&*name);
        !name.starts_with('.') && !ignored && !path.ends_with("book/book")
    };
    let texts = entries.filter(is_ours).flat_map(|path| match path.is_dir() {
        true => texts(&path),
        false => vec![path],
    });
    let is_text = |path: &PathBuf| {
        let end = path.extension().and_then(OsStr::to_str);
        end.is_some_and(|end| ["md", "rs", "js", "diff"].contains(&end))
    };
    texts.filter(is_text).collect()
}
