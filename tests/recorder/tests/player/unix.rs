//! What is looked at, in which order.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::OnceLock;

use recorder::recording::{Mark, Recording};
use serde_json::{Value, json};

use crate::browser::{Page, serve};

static BROWSER: needs::Need = needs::Need::new("chromium and mdbook", || {
    recorder::tools::browser().is_some() && recorder::tools::mdbook()
});

/// Where a player is.
fn figure(name: &str) -> String {
    format!("document.querySelector('figure[data-recording=\"{name}\"]')")
}

needs::test!(BROWSER: every_player_steps_to_its_end_and_back_without_a_complaint);
fn every_player_steps_to_its_end_and_back_without_a_complaint() {
    let mut page = Page::open(1600, 900);
    for (file, name) in players() {
        open(&mut page, &file, &name, 1);
        let last = recording(&name).steps.len();
        for step in (1..=last).chain((1..last).rev()) {
            if step > 1 || page.evaluate(&step_of(&name)) != "1" {
                let forward = page.evaluate(&format!("{}.dataset.step < {step}", figure(&name)));
                let class = if forward == true { "forward" } else { "back" };
                page.evaluate(&format!("{}.querySelector('.{class}').click()", figure(&name)));
            }
            assert_eq!(page.evaluate(&step_of(&name)), step.to_string(), "{file}: {name}");
        }
        let steps = page.evaluate(&format!("{}.dataset.steps", figure(&name)));
        assert_eq!(steps, last.to_string(), "{file}: {name}");
    }
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

needs::test!(BROWSER: marks_arrows_and_terminals_are_what_the_recording_says);
/// At three steps of each recording: a third of the way, two thirds, and the end.
fn marks_arrows_and_terminals_are_what_the_recording_says() {
    let mut page = Page::open(1600, 900);
    for (file, name) in players() {
        let recording = recording(&name);
        let count = recording.steps.len();
        for step in [count / 3, 2 * count / 3, count] {
            open(&mut page, &file, &name, step);
            let at = format!("{file}#{name}={step}");
            let seen = page.evaluate(&format!("({LOOK})({})", figure(&name)));
            assert_eq!(seen["marks"], marks(&recording, step), "the marks of {at}");
            assert_eq!(seen["arrows"], arrows(&recording, step), "the arrows of {at}");
            assert_eq!(seen["terminals"], terminals(&recording, step), "the terminals of {at}");
            let because =
                recording.steps[step - 1].because.map_or(json!([]), |arrow| json!([arrow]));
            assert_eq!(seen["causes"], because, "the arrow that made the call return, {at}");
            let caption = recording.steps[step - 1].caption.replace(['`', '*'], "");
            assert_eq!(seen["caption"], caption, "the caption of {at}");
        }
    }
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

/// What a person sees of a player.
const LOOK: &str = r"(figure) => {
    const visible = (node) => !node.hidden;
    const arrows = [...figure.querySelectorAll('.arrow')];
    return {
        marks: [...figure.querySelectorAll('.mark')].map((mark) => {
            const source = mark.closest('.source').querySelector('header').textContent;
            const line = mark.closest('.line').querySelector('.line-number').textContent;
            const call = mark.lastChild.textContent === ' waits' ? mark.childNodes[1].textContent : mark.lastChild.textContent;
            const waits = mark.classList.contains('waits');
            return `${mark.dataset.terminal} ${mark.dataset.thread} ${source}:${line}${call} ${waits}`;
        }).sort(),
        arrows: arrows.filter(visible).map((arrow) => `${arrow.dataset.from} ${arrow.dataset.flags} ${arrow.dataset.to}`),
        causes: arrows.flatMap((arrow, index) => arrow.classList.contains('cause') ? [index + 1] : []),
        terminals: [...figure.querySelectorAll('.terminal pre')].map((screen) =>
            [...screen.children].filter(visible).map((shown) => shown.textContent).join('')),
        caption: figure.querySelector('.caption').textContent,
    };
}";

needs::test!(BROWSER: keys_go_through_the_steps_and_turn_no_page);
fn keys_go_through_the_steps_and_turn_no_page() {
    let mut page = Page::open(1600, 900);
    open(&mut page, "6.2.2.1-greeting", "greeting", 3);
    let last = recording("greeting").steps.len().to_string();
    let keys = [("ArrowRight", "4"), ("ArrowRight", "5"), ("ArrowLeft", "4"), ("Home", "1")];
    let more = [("ArrowLeft", "1"), ("End", &*last), ("ArrowRight", &*last)];
    for (key, step) in keys.into_iter().chain(more) {
        page.press(key);
        assert_eq!(page.evaluate(&step_of("greeting")), step, "after {key}");
        let path = page.evaluate("location.pathname");
        assert_eq!(path, "/6.2.2.1-greeting.html", "after {key}");
    }
    // The space bar plays, from the beginning if it was at the end, until it is pressed again.
    page.press(" ");
    page.wait_for(&format!("{} === '2'", step_of("greeting")));
    page.press(" ");
    let label = format!("{}.querySelector('.play').getAttribute('aria-label')", figure("greeting"));
    assert_eq!(page.evaluate(&label), "Play");
    // Whoever has not touched the player, but has it in full view, steps through it too.
    page.evaluate("document.activeElement.blur()");
    let before = page.evaluate(&format!("Number({})", step_of("greeting")));
    page.press("ArrowRight");
    let after = page.evaluate(&format!("Number({})", step_of("greeting")));
    assert_eq!(after.as_f64(), before.as_f64().map(|step| step + 1.0));
}

needs::test!(BROWSER: on_a_phone_nothing_overflows_sideways);
fn on_a_phone_nothing_overflows_sideways() {
    let mut page = Page::open(420, 800);
    for ((file, name), phone) in
        players().into_iter().flat_map(|one| [(one.clone(), 420), (one, 360)])
    {
        page.resize(phone, 800);
        let count = recording(&name).steps.len();
        for step in [1, count / 2, count] {
            open(&mut page, &file, &name, step);
            let width = page.evaluate("document.documentElement.scrollWidth");
            assert!(
                width.as_u64() <= Some(phone.into()),
                "{file}#{name}={step} is {width} pixels wide"
            );
            let wide = format!(
                "[...{}.querySelectorAll('*')].filter((node) => node.getBoundingClientRect().right > innerWidth).map((node) => node.className)",
                figure(&name)
            );
            // What is scrolled away inside a box of its own does not count, and there is none.
            assert_eq!(page.evaluate(&wide), json!([]), "{file}#{name}={step}");
        }
    }
}

needs::test!(BROWSER: without_javascript_the_transcript_is_there);
fn without_javascript_the_transcript_is_there() {
    let mut page = Page::open(1600, 900);
    page.without_javascript();
    page.go(&format!("http://{}/6.2.2.1-greeting.html", book()));
    let text = page.evaluate("document.querySelector('main').innerText");
    let transcript = harness::repository().join("book/src/transcripts/greeting.txt");
    let transcript = fs::read_to_string(transcript).expect("the transcript");
    let text = text.as_str().unwrap_or_default();
    for line in transcript.lines() {
        assert!(text.contains(line.trim()), "the page without JavaScript lacks {line:?}");
    }
    let height = page.evaluate(&format!("{}.offsetHeight", figure("greeting")));
    assert_eq!(height, 0, "an empty player takes room");
}

needs::test!(BROWSER: a_link_to_a_step_opens_it_and_steps_are_in_the_address);
fn a_link_to_a_step_opens_it_and_steps_are_in_the_address() {
    let mut page = Page::open(1600, 900);
    open(&mut page, "6.2.2.1-greeting", "greeting", 7);
    let top = page.evaluate(&format!("{}.getBoundingClientRect().top", figure("greeting")));
    assert!((0.0..450.0).contains(&top.as_f64().unwrap_or(-1.0)), "the player begins at {top}");
    page.press("ArrowRight");
    assert_eq!(page.evaluate("location.hash"), "#greeting=8");
    // The second player of a page opens as well, and the first stays where it was.
    open(&mut page, "6.3.2-broadcast", "broadcast-cut-character", 5);
    assert_eq!(page.evaluate(&step_of("broadcast")), "1");
    // Followed within the page.
    page.evaluate("location.hash = '#broadcast=9'");
    page.wait_for(&format!("{} === '9'", step_of("broadcast")));
    // A step that does not exist is the nearest one that does.
    page.evaluate("location.hash = '#broadcast=999999'");
    let last = recording("broadcast").steps.len();
    page.wait_for(&format!("{} === '{last}'", step_of("broadcast")));
}

/// Opens a page at a step of a player, and waits until that is shown.
fn open(page: &mut Page, file: &str, name: &str, step: usize) {
    page.go(&format!("http://{}/{file}.html#{name}={step}", book()));
    page.wait_for(&format!("{} === '{step}'", step_of(name)));
}

fn step_of(name: &str) -> String {
    format!("{}.dataset.step", figure(name))
}

/// Every player of the book: the page, without its extension, and the recording.
fn players() -> Vec<(String, String)> {
    let pages = fs::read_dir(harness::repository().join("book/src")).expect("the book");
    let mut players = Vec::new();
    for path in pages.map(|page| page.expect("a page").path()) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let page = path.file_stem().unwrap_or_default().to_string_lossy();
        for figure in text.split("<figure class=\"player\" data-recording=\"").skip(1) {
            let name = figure.split('"').next().unwrap_or("");
            players.push((page.to_string(), name.to_string()));
        }
    }
    players.sort();
    assert!(players.len() > 8, "the book has players");
    players
}

fn recording(name: &str) -> Recording {
    let file = harness::repository().join("book/src/recordings").join(format!("{name}.json"));
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What the marks are after a number of steps, as `LOOK` tells them.
fn marks(recording: &Recording, step: usize) -> Value {
    let mut standing: BTreeMap<(usize, String), &Mark> = BTreeMap::new();
    for step in &recording.steps[..step] {
        for mark in &step.threads {
            standing.insert((mark.terminal, mark.thread.clone()), mark);
        }
        for ended in &step.ended {
            standing.remove(ended);
        }
    }
    let mut marks: Vec<String> = standing
        .values()
        .map(|mark| {
            let (file, line) = (&recording.sources[mark.source].file, mark.line);
            format!("{} {} {file}:{line} {} {}", mark.terminal, mark.thread, mark.call, mark.waits)
        })
        .collect();
    marks.sort();
    json!(marks)
}

fn arrows(recording: &Recording, step: usize) -> Value {
    let arrows = recording.steps[..step].iter().flat_map(|step| &step.wire);
    let arrows = arrows.map(|arrow| format!("{} {} {}", arrow.from, arrow.flags, arrow.to));
    json!(arrows.collect::<Vec<String>>())
}

fn terminals(recording: &Recording, step: usize) -> Value {
    let mut screens = vec![String::new(); recording.terminals.len()];
    for shown in recording.steps[..step].iter().flat_map(|step| &step.screen) {
        screens[shown.terminal - 1] += &shown.text;
    }
    json!(screens)
}

/// Builds the book and serves it, once for all tests.
fn book() -> SocketAddr {
    static BOOK: OnceLock<SocketAddr> = OnceLock::new();
    *BOOK.get_or_init(|| {
        let folder = harness::scratch().join("book");
        let mut mdbook = Command::new("mdbook");
        mdbook.arg("build").arg(harness::repository().join("book")).arg("--dest-dir").arg(&folder);
        let output = mdbook.output().expect("mdbook");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serve(&folder)
    })
}
