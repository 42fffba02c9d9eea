//! Finds the faults of the book that can be found without mdBook: sources that are not shown, links
//! that lead nowhere, commands that name no package, chapters out of form, sums that do not add up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use harness::{lessons, workspace};

/// The second-level headings of a chapter about a program.
const FORM: [&str; 9] = [
    "What you will see",
    "The idea",
    "Node and Rust",
    "The source",
    "What happened on the wire",
    "What can go wrong",
    "Try it",
    "Exercises",
    "Recap",
];

/// Checks that `mdbook serve` rebuilds the book when anything changes that its pages include.
#[test]
fn every_folder_that_a_page_includes_from_is_watched() {
    let settings = read(root().join("book/book.toml"));
    let mut problems = Vec::new();
    for (name, page) in &pages() {
        for include in includes(&page.text) {
            let Some(outside) = include.strip_prefix("../../") else { continue };
            let folder = outside.split('/').next().unwrap_or_default();
            let is_watched = settings.lines().any(|line| {
                line.starts_with("extra-watch-dirs = ")
                    && line.contains(&format!("\"../{folder}\""))
            });
            if !is_watched {
                problems.push(format!("{name} includes {include}, but ../{folder} is not watched"));
            }
        }
    }
    assert_none(problems);
}

/// A lesson may have several chapters, which show its lines with different questions in mind.
#[test]
fn every_line_of_every_lesson_is_in_one_of_its_chapters() {
    let pages = pages();
    let mut problems = Vec::new();
    for lesson in lessons() {
        let source = format!("lessons/{}/src/main.rs", lesson.name);
        let mut included: Vec<&str> = Vec::new();
        for page in pages.values() {
            for include in includes(&page.text) {
                if let Some(anchor) = include.strip_prefix(&format!("../../{source}")) {
                    included.push(anchor.trim_start_matches(':'));
                }
            }
        }
        if included.is_empty() {
            problems.push(format!("no page of the book includes {source}"));
        } else if !included.contains(&"") {
            problems.extend(
                lines_outside(&read(root().join(&source)), &included)
                    .into_iter()
                    .map(|(number, line)| format!("{source}:{number} is on no page: {line}")),
            );
        }
    }
    assert_none(problems);
}

#[test]
fn every_include_finds_its_file_and_anchor() {
    let mut problems = Vec::new();
    for (name, page) in &pages() {
        for include in includes(&page.text) {
            let (file, anchor) = include.split_once(':').unwrap_or((include, ""));
            let path = book().join(file);
            if !path.is_file() {
                problems.push(format!("{name} includes {file}, which does not exist"));
            } else if !anchor.is_empty() {
                let text = read(path);
                for mark in ["ANCHOR: ", "ANCHOR_END: "] {
                    let mark = format!("{mark}{anchor}");
                    // In Markdown, the mark is in a comment.
                    let lines = text.lines().map(|line| line.trim().trim_end_matches(" -->"));
                    if lines.filter(|line| line.ends_with(&mark)).count() != 1 {
                        problems.push(format!("{name} includes {include}: not one line {mark:?}"));
                    }
                }
            }
        }
    }
    assert_none(problems);
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let ids: HashMap<&str, BTreeSet<String>> =
        pages.iter().map(|(name, page)| (name.as_str(), ids(&page.expanded))).collect();
    let mut problems = Vec::new();
    for (name, page) in &pages {
        for link in links(&page.expanded).iter().filter(|link| !link.contains("://")) {
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { name.as_str() } else { file };
            let known = match ids.get(target) {
                Some(ids) => fragment.is_empty() || ids.contains(fragment),
                None => !target.ends_with(".md") && book().join(target).is_file(),
            };
            if !known {
                problems.push(format!("{name} links to {link}, which does not exist"));
            }
        }
    }
    assert_none(problems);
}

#[test]
fn every_picture_is_shown_and_can_be_read_aloud() {
    let mut problems = Vec::new();
    let mut shown = BTreeSet::new();
    for (name, page) in &pages() {
        for line in prose(&page.expanded) {
            for (before, after) in splits(&line, "](pictures/") {
                let picture = after.split_once(')').map_or(after, |(picture, _)| picture);
                shown.insert(picture.to_string());
                let alternative = before.rsplit_once("![").map_or("", |(_, text)| text);
                if alternative.split_whitespace().count() < 5 {
                    problems.push(format!("{name}: {picture} has no text that stands for it"));
                }
            }
        }
    }
    let pictures = files(&book().join("pictures"), "svg");
    for picture in &pictures {
        let text = read(book().join("pictures").join(picture));
        if !(text.contains("<title>") && text.contains("<desc>") && text.contains("viewBox=")) {
            problems.push(format!("{picture} needs a <title>, a <desc> and a viewBox"));
        }
    }
    assert_none(problems);
    assert_same("shown", &shown, &pictures);
}

#[test]
fn every_command_names_something_that_exists() {
    let packages = &workspace().packages;
    let mut texts: Vec<(String, String)> =
        pages().into_iter().map(|(name, page)| (name, page.expanded)).collect();
    for file in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".ci/READ-ME-FIRST.txt"] {
        if let Ok(text) = fs::read_to_string(root().join(file)) {
            texts.push((file.into(), text));
        }
    }
    let mut problems = Vec::new();
    for (name, text) in &texts {
        for (_, command) in text.lines().flat_map(|line| splits(line, "cargo ")) {
            let mut package = None;
            // A command ends with the code, the command line, or its own options.
            let end = command.find(['`', '|', '&', ';', '(', ')']).unwrap_or(command.len());
            let words: Vec<&str> = command[..end].split_whitespace().collect();
            for option in words.windows(2).take_while(|option| option[0] != "--") {
                let [option, value] = [option[0], option[1]];
                let value = value.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
                let exists = match (option, package) {
                    _ if value == "NAME" => true,
                    ("-p" | "--package", _) => {
                        package = packages.iter().find(|package| package.name == value);
                        package.is_some()
                    }
                    ("--bin" | "--example" | "--test" | "--bench", Some(package)) => {
                        let kind = option.trim_start_matches('-').into();
                        let mut of_that_name =
                            package.targets.iter().filter(|target| target.name == value);
                        of_that_name.any(|target| target.kind.contains(&kind))
                    }
                    _ => true,
                };
                if !exists {
                    problems.push(format!("{name}: no {option} {value} in: cargo {command}"));
                }
            }
        }
    }
    assert_none(problems);
}

#[test]
fn every_chapter_has_its_form_and_its_time() {
    let mut problems = Vec::new();
    for (name, page) in &pages() {
        let has_a_program = has_a_program(page);
        let numbered = name.starts_with(|c: char| c.is_ascii_digit());
        if (numbered || has_a_program) && minutes(&page.text).is_none() {
            problems.push(format!("{name} has no line such as *Time: 15 minutes.*"));
        }
        let headings: Vec<String> = prose(&page.text)
            .filter_map(|line| line.strip_prefix("## ").map(str::to_string))
            .collect();
        if has_a_program && headings != FORM {
            problems.push(format!("{name} has the headings {headings:?}, not {FORM:?}"));
        }
    }
    assert_none(problems);
}

/// Checks that every page with a time ends like a chapter: with a recap of three points, each short
/// enough to be remembered. A link to the next page may follow.
#[test]
fn every_chapter_ends_with_a_recap_of_three_lines() {
    let mut problems = Vec::new();
    for (name, page) in pages().iter().filter(|(_, page)| minutes(&page.text).is_some()) {
        let Some((_, recap)) = page.text.split_once("\n## Recap\n\n") else {
            problems.push(format!("{name} has no recap"));
            continue;
        };
        let (points, rest) = recap.split_once("\n\n").unwrap_or((recap, ""));
        let points: Vec<&str> = points.lines().collect();
        let is_point = |line: &&str| line.starts_with("- ") && line.len() <= 130;
        if points.len() != 3 || !points.iter().all(is_point) {
            problems.push(format!("{name}: not three points of a line each: {points:#?}"));
        }
        if !(rest.is_empty() || rest.starts_with("Next: ") && rest.trim().lines().count() == 1) {
            problems.push(format!("{name} goes on after its recap: {rest}"));
        }
    }
    assert_none(problems);
}

/// Checks that the same page has a table with the meaning of every Chinese line that a transcript
/// shows, because half of the readers do not read Chinese.
#[test]
fn every_chinese_transcript_has_its_meaning_on_the_page() {
    let mut problems = Vec::new();
    for (name, page) in &pages() {
        let meanings: Vec<&str> = page
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "))
            .filter(|(_, meaning)| meaning.split_whitespace().any(|word| word.is_ascii()))
            .map(|(chinese, _)| chinese)
            .collect();
        for transcript in includes(&page.text).into_iter().filter(|i| i.starts_with("transcripts/"))
        {
            let text = read(book().join(transcript));
            let missing: BTreeSet<&str> = text
                .split(|c: char| !is_chinese(c))
                .filter(|chinese| !chinese.is_empty())
                .filter(|chinese| !meanings.iter().any(|meaning| meaning.contains(chinese)))
                .collect();
            if !missing.is_empty() {
                problems.push(format!("{name} does not say what {transcript} means: {missing:?}"));
            }
        }
    }
    assert_none(problems);
}

/// Checks that the tables of meanings give a line of Chinese the same meaning on every page.
#[test]
fn every_chinese_line_has_the_same_meaning_everywhere() {
    let pages = pages();
    let mut meanings: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for page in pages.values() {
        for (_, after) in splits(&page.text, "<div class=\"meanings\">") {
            let table = after.split("</div>").next().unwrap_or_default();
            let rows =
                table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
            for (chinese, meaning) in rows {
                meanings.entry(chinese).or_default().insert(meaning);
            }
        }
    }
    assert!(!meanings.is_empty(), "no page has a table of meanings");
    meanings.retain(|_, meanings| meanings.len() > 1);
    assert!(meanings.is_empty(), "lines with several meanings: {meanings:#?}");
}

/// Checks both names, so that a search for either one finds both.
#[test]
fn the_readme_and_the_book_have_one_title() {
    let readme = read(root().join("README.md"));
    let title = readme.lines().next().and_then(|line| line.strip_prefix("# "));
    let settings = read(root().join("book/book.toml"));
    let of_the_book = settings.lines().find_map(|line| line.strip_prefix("title = "));
    assert_eq!(title, of_the_book.map(|title| title.trim_matches('"')));
}

/// Checks that each row has a term, its Chinese name and its meaning, in the order of the terms.
#[test]
fn the_glossary_is_in_order() {
    let glossary = read(book().join("glossary.md"));
    let (_, table) = glossary.split_once("|---|---|---|\n").expect("a table of three columns");
    let mut terms = Vec::new();
    for row in table.lines() {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 3 && !cells.contains(&""), "not three cells: {row}");
        let letters = cells[0].to_lowercase();
        let words = letters.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        terms.push(words.map(str::to_string).collect::<Vec<_>>());
    }
    assert!(terms.is_sorted(), "not in order: {terms:?}");
}

/// Checks what 6.1.3 says about the memory of a client: about the same in Node and with threads,
/// and far less in the loops of part 7.
#[test]
fn what_is_said_of_memory_was_measured() {
    let measured = read(book().join("measured/ladder.md"));
    let (_, table) = measured.split_once("Memory that each client adds").expect("such a table");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(" | ").collect()).collect();
    let heads = rows.iter().find(|row| row[0] == "| clients").expect("a row of heads");
    let column = heads.iter().position(|head| *head == "1,000").expect("a thousand clients");
    let of = |server: &str| {
        let row = rows.iter().find(|row| row[0] == format!("| {server}")).expect(server);
        row[column].trim_end_matches(" KiB").parse::<f64>().expect("a number of KiB")
    };
    let (node, threads) = (of("Node"), of("lesson-broadcast-server"));
    assert!((0.5..2.0).contains(&(node / threads)), "Node {node} KiB, a thread {threads} KiB");
    for server in ["lesson-event-loop-server", "lesson-async-server"] {
        assert!(of(server) < threads.min(node) / 4.0, "{server}: {} KiB", of(server));
    }
}

/// Mistakes that the book has made before, each with the correct fact.
const CORRECTED: [(&str, &str); 16] = [
    ("how a program ends that crashes", "the kernel closes its sockets, usually with a FIN"),
    ("its eight events", "Node's socket has had four more since the source tutorial"),
    ("its four events", "Node's server has had a fifth since the source tutorial"),
    ("segments of 1,500 bytes", "packets have 1,500 bytes, and segments less"),
    ("listen: three system calls", "on Unix, setsockopt is the fourth"),
    ("tcp-push", "of the segments with data, only some have PSH"),
    ("finished connection", "it is established if it can be accepted, and over in TIME_WAIT"),
    ("sends it again after 0.2 s", "on Linux, and only if nothing was sent behind it"),
    ("repeats it after 0.2 s at the earliest", "a loss is noticed sooner if more was sent"),
    ("`Promise.all` | `join!`", "join! waits for all, and try_join! ends at the first error"),
    ("the package `nats`", "the client for Node is @nats-io/transport-node"),
    ("the whole difference", "threads, queues, errors and closing differ as well"),
    ("Only a length lets", "a mark that is escaped does so too"),
    ("Nobody can choose that number", "a client may bind its own port"),
    ("more than a hundred organizations", "a browser trusts dozens; their certificates are more"),
    (
        "both sides sign the whole handshake",
        "the client has no key to sign with; both send Finished",
    ),
];

#[test]
fn no_corrected_mistake_is_made_again() {
    let mut problems = Vec::new();
    for (name, page) in &pages() {
        let text = page.expanded.split_whitespace().collect::<Vec<_>>().join(" ");
        let made = CORRECTED.iter().filter(|(mistake, _)| text.contains(mistake));
        problems.extend(made.map(|(mistake, right)| format!("{name}: \"{mistake}\": {right}")));
    }
    assert_none(problems);
}

/// Returns whether a character is Chinese, or punctuation that goes with Chinese.
fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{303f}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

/// Checks that the questions are numbered, and so are the answers, folded away below them.
#[test]
fn every_thing_to_try_has_its_answer() {
    let mut problems = Vec::new();
    for (name, page) in &pages() {
        let Some((_, section)) = page.text.split_once("\n## Try it\n") else { continue };
        let section = section.split("\n## ").next().unwrap_or_default();
        let (questions, answers) = section
            .split_once("<details class=\"answers\"><summary>Answers</summary>")
            .unwrap_or((section, ""));
        let numbers = |text: &str| -> Vec<u32> {
            text.lines().filter_map(|line| line.split_once(". ")?.0.parse().ok()).collect()
        };
        let (questions, answers) = (numbers(questions), numbers(answers));
        if questions.is_empty() || questions != answers {
            problems.push(format!("{name} has the questions {questions:?}, answers {answers:?}"));
        }
    }
    assert_none(problems);
}

/// Checks that every ss has a filter. Without one it lists the connections of the whole machine.
#[test]
fn every_listing_of_sockets_has_a_filter() {
    let mut problems = Vec::new();
    for (name, page) in &pages() {
        let commands = page.expanded.lines().filter(|line| line.trim_start().starts_with("ss -"));
        let commands =
            commands.chain(page.expanded.split('`').filter(|code| code.starts_with("ss -")));
        let unfiltered = commands.filter(|command| !command.contains("port = :300"));
        problems.extend(unfiltered.map(|command| format!("{name} has no filter in: {command}")));
    }
    assert_none(problems);
}

/// Checks the plans. A plan is a table: what, and how many minutes. A link to a chapter takes that
/// chapter's time, and the last line is the sum.
#[test]
fn the_teachers_plans_add_up() {
    let pages = pages();
    let plans = &pages.get("for-teachers.md").expect("the teachers' page").text;
    let mut problems = Vec::new();
    let (mut sum, mut sums) = (0, 0);
    for row in plans.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")) {
        let (what, time) = row.rsplit_once(" | ").expect("two columns");
        let Ok(time) = time.trim_matches('*').parse::<u32>() else { continue };
        if what.starts_with("**Together") {
            if time != sum {
                problems.push(format!("the plan says {time} minutes together, but it is {sum}"));
            }
            (sum, sums) = (0, sums + 1);
            continue;
        }
        sum += time;
        let link = links(what).first().cloned().unwrap_or_default();
        if pages.get(&link).is_some_and(|page| minutes(&page.text) != Some(time)) {
            problems.push(format!("the plan gives {link} {time} minutes, which it does not say"));
        }
    }
    let planned = links(plans);
    let left_out = pages
        .iter()
        .filter(|(name, page)| minutes(&page.text).is_some() && !planned.contains(name));
    problems.extend(left_out.map(|(name, _)| format!("{name} has a time, but is in no plan")));
    assert_none(problems);
    assert_eq!(
        (sum, sums),
        (0, 7),
        "a first lesson, five tables of courses and everything, each with its sum"
    );
}

/// Checks that a handout prints on one page: it has three questions and room to answer them. Its
/// programs and its exercise are checked as commands.
#[test]
fn every_chapter_with_a_program_has_a_handout() {
    let pages = pages();
    let chapters: BTreeSet<String> = pages
        .iter()
        .filter(|(name, page)| *name != "handouts.md" && has_a_program(page))
        .filter_map(|(_, page)| page.text.lines().find_map(|line| line.strip_prefix("# ")))
        .map(str::to_string)
        .collect();
    let handouts = &pages.get("handouts.md").expect("the handouts").text;
    let (titles, mut problems) = (splits(handouts, "<section class=\"handout\">\n\n## "), vec![]);
    let mut there = BTreeSet::new();
    for (_, after) in titles {
        let handout = after.split("</section>").next().unwrap_or_default();
        let title = handout.lines().next().unwrap_or_default();
        there.insert(title.to_string());
        let questions = handout.lines().filter(|line| line.contains(". ") && line.ends_with('?'));
        let (questions, room) = (questions.count(), handout.matches("class=\"write\"").count());
        if (questions, room) != (3, 4) || handout.lines().count() > 50 {
            problems.push(format!("{title}: {questions} questions, {room} lines to write on"));
        }
    }
    assert_none(problems);
    assert_same("handed out", &there, &chapters);
}

#[test]
fn the_summary_lists_every_page_once() {
    let summary = read(book().join("SUMMARY.md"));
    let listed = links(&summary);
    let there: BTreeSet<String> = pages().into_keys().collect();
    assert_same("listed", &listed.iter().cloned().collect(), &there);
    assert_eq!(listed.len(), there.len(), "SUMMARY.md lists a page twice");
}

#[test]
fn every_transcript_is_recorded_and_shown() {
    let included: BTreeSet<String> = pages()
        .values()
        .flat_map(|page| includes(&page.text))
        .filter_map(|include| include.strip_prefix("transcripts/").map(str::to_string))
        .collect();
    let there = files(&book().join("transcripts"), "txt");
    assert_same("shown", &included, &there);

    assert_same("recorded", &recorded("transcripts/linux.rs", "session.is(\""), &there);
}

#[test]
fn every_capture_is_recorded_and_shown() {
    let included: BTreeSet<String> = pages()
        .values()
        .flat_map(|page| includes(&page.text))
        .filter_map(|include| include.strip_prefix("captures/").map(str::to_string))
        .collect();
    let there = files(&book().join("captures"), "txt");
    assert_same("shown", &included, &there);
    let mut captured = recorded("captures/linux.rs", "wire.is(\"");
    captured.append(&mut recorded("captures/linux.rs", "calls_are(\""));
    captured.append(&mut recorded("captures/linux.rs", "datagrams_are(\""));
    captured.append(&mut recorded("captures/linux.rs", "conversation_is(\""));
    captured.append(&mut recorded("captures/linux.rs", "records_are(\""));
    assert_same("recorded", &captured, &there);
}

/// Returns the files that a test writes: those whose names follow `call` in its source.
fn recorded(test: &str, call: &str) -> BTreeSet<String> {
    let source = read(root().join("tests/programs/tests").join(test));
    splits(&source, call)
        .filter_map(|(_, after)| Some(format!("{}.txt", after.split_once('"')?.0)))
        .collect()
}

#[test]
fn every_exercise_is_once_in_the_book() {
    let pages = pages();
    let included: Vec<&str> = pages.values().flat_map(|page| includes(&page.text)).collect();
    let mut problems = Vec::new();
    for lesson in lessons() {
        let exercises = format!("lessons/{}/exercises", lesson.name);
        for exercise in fs::read_dir(root().join(&exercises)).into_iter().flatten() {
            let exercise = exercise.expect("an exercise").file_name();
            let task = format!("{exercises}/{}/task.md", exercise.to_string_lossy());
            let include = format!("../../{task}");
            let times = included.iter().filter(|included| **included == include).count();
            if root().join(&task).is_file() && times != 1 {
                problems.push(format!("{times} pages of the book include {task}"));
            }
        }
    }
    assert_none(problems);
}

/// Checks that lesson output is recorded, never typed, because typed text does not change with the
/// program.
#[test]
fn no_transcript_is_typed_by_hand() {
    let mut problems = Vec::new();
    for (name, page) in &pages() {
        for line in page.text.lines() {
            let in_a_terminal = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
            let typed = in_a_terminal.is_some_and(|(number, _)| number.parse::<u8>().is_ok());
            let begins = ["$ cargo run -p lesson-", "Error: "];
            if typed || begins.iter().any(|begin| line.starts_with(begin)) {
                problems.push(format!("{name} has a transcript that is not included: {line}"));
            }
        }
    }
    assert_none(problems);
}

struct Page {
    /// The text as it is written.
    text: String,
    /// The text with the Markdown that it includes, such as the exercises' tasks.
    expanded: String,
}

fn has_a_program(page: &Page) -> bool {
    let mut includes = includes(&page.text).into_iter();
    includes.any(|file| file.starts_with("../../lessons/") && file.contains("/src/main.rs"))
}

/// Returns all pages of the book by file name.
fn pages() -> BTreeMap<String, Page> {
    let names = files(&book(), "md").into_iter().filter(|name| name != "SUMMARY.md");
    names
        .map(|name| {
            let text = read(book().join(&name));
            let mut expanded = text.clone();
            for file in includes(&text).into_iter().filter(|include| include.ends_with(".md")) {
                let included = fs::read_to_string(book().join(file)).unwrap_or_default();
                expanded = expanded.replace(&format!("{{{{#include {file}}}}}"), &included);
            }
            (name, Page { text, expanded })
        })
        .collect()
}

/// Returns the includes of a page: `FILE` or `FILE:ANCHOR`.
fn includes(text: &str) -> Vec<&str> {
    splits(text, "{{#include ")
        .filter_map(|(_, after)| after.split_once("}}"))
        .map(|(include, _)| include.trim())
        .collect()
}

/// Returns the numbered lines of a source that are neither blank nor in one of the anchors.
fn lines_outside<'a>(source: &'a str, anchors: &[&str]) -> Vec<(usize, &'a str)> {
    let mut inside: BTreeSet<&str> = BTreeSet::new();
    let mut outside = Vec::new();
    for (number, line) in (1..).zip(source.lines()) {
        if let Some(anchor) = line.trim().strip_prefix("// ANCHOR: ") {
            inside.insert(anchor);
        } else if let Some(anchor) = line.trim().strip_prefix("// ANCHOR_END: ") {
            inside.remove(anchor);
        } else if !line.trim().is_empty() && !anchors.iter().any(|anchor| inside.contains(anchor)) {
            outside.push((number, line));
        }
    }
    outside
}

/// Returns the lines that are not in a fenced block.
fn prose(text: &str) -> impl Iterator<Item = String> {
    let mut fenced = false;
    text.lines().filter_map(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then(|| line.to_string())
    })
}

/// Returns the targets of the links and pictures in Markdown and in HTML.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        let line = without_code(&line);
        for (before, end) in [("](", ')'), ("href=\"", '"'), ("src=\"", '"'), ("]: ", ' ')] {
            if before == "]: " && !line.starts_with('[') {
                continue;
            }
            for (_, after) in splits(&line, before) {
                links.push(after.split(end).next().unwrap_or_default().to_string());
            }
        }
    }
    links
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Returns the ids that mdBook gives to headings, and those given by hand.
fn ids(text: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for line in prose(text) {
        for (_, after) in splits(&line, "id=\"") {
            ids.insert(after.split('"').next().unwrap_or_default().to_string());
        }
        let heading = line.trim_start_matches('#');
        if !line.starts_with('#') || !heading.starts_with(' ') {
            continue;
        }
        let id = id_of(heading);
        let taken = (0..).map(|n| if n == 0 { id.clone() } else { format!("{id}-{n}") });
        ids.extend(taken.into_iter().find(|id| !ids.contains(id)));
    }
    ids
}

/// Makes the id of a heading from its text, as mdBook 0.5 does.
fn id_of(heading: &str) -> String {
    let lower = heading.trim().to_lowercase();
    let kept = lower.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns `N` of the line `*Time: N minutes.*`.
fn minutes(text: &str) -> Option<u32> {
    text.lines()
        .find_map(|line| line.strip_prefix("*Time: ")?.strip_suffix(" minutes.*")?.parse().ok())
}

/// Returns the text before and after each occurrence of `mark` in `text`.
fn splits<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(mark).map(move |(at, _)| (&text[..at], &text[at + mark.len()..]))
}

/// Returns the names of the files in a folder that end in `extension`.
fn files(folder: &Path, extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries
        .map(|entry| PathBuf::from(entry.expect("a file").file_name()))
        .filter(|name| name.extension().is_some_and(|found| found == extension))
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {path:?}: {error}"))
}

fn root() -> PathBuf {
    harness::repository().to_path_buf()
}

fn book() -> PathBuf {
    root().join("book/src")
}

#[track_caller]
fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problem(s):\n{}", problems.len(), problems.join("\n"));
}

/// Asserts that the names and the existing files agree. `done` says what the names stand for, such
/// as "shown".
#[track_caller]
fn assert_same(done: &str, names: &BTreeSet<String>, there: &BTreeSet<String>) {
    let missing = names.difference(there).map(|name| format!("{name} is {done}, but not there"));
    let left_out = there.difference(names).map(|name| format!("{name} is there, but not {done}"));
    assert_none(missing.chain(left_out).collect());
}
