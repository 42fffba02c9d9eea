//! Tests what a player shows at its steps, how keys move it, and how it looks on a screen of any
//! size.

use std::collections::BTreeMap;
use std::fs;

use browser::Page;
use recorder::recording::{Mark, Recording, Step};
use serde_json::{Value, json};

use crate::site::{BROWSER, address, figure, open, players, recording, step_of, turn_to};

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
                let click = format!("{}.querySelector('.{class}').click()", figure(&name));
                page.evaluate(&click);
                if page.evaluate(&format!("{}.querySelector('.choices') !== null", figure(&name)))
                    == true
                {
                    page.evaluate(&click); // passes
                }
            }
            assert_eq!(page.evaluate(&step_of(&name)), step.to_string(), "{file}: {name}");
        }
        let steps = page.evaluate(&format!("{}.dataset.steps", figure(&name)));
        assert_eq!(steps, last.to_string(), "{file}: {name}");
    }
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

needs::test!(BROWSER: marks_arrows_and_terminals_are_what_the_recording_says);
/// Looks at three steps of each recording: a third of the way, two thirds, and the end.
fn marks_arrows_and_terminals_are_what_the_recording_says() {
    let mut page = Page::open(1600, 900);
    for (file, name) in players() {
        let recording = recording(&name);
        let count = recording.steps.len();
        open(&mut page, &file, &name, 1);
        for step in [count / 3, 2 * count / 3, count] {
            turn_to(&mut page, &name, step);
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

/// Returns what a person sees of a player.
const LOOK: &str = r"(figure) => {
    const visible = (node) => !node.hidden;
    const arrows = [...figure.querySelectorAll('.arrow')];
    return {
        marks: [...figure.querySelectorAll('.mark')].map((mark) => {
            const source = mark.closest('.source').querySelector('header .title').textContent;
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
    // The space bar plays until it is pressed again, from the beginning if it was at the end.
    page.press(" ");
    page.wait_for(&format!("{} === '2'", step_of("greeting")));
    page.press(" ");
    let label = format!("{}.querySelector('.play').getAttribute('aria-label')", figure("greeting"));
    assert_eq!(page.evaluate(&label), "Play");
    // A reader who has not touched the player steps through it as well, and turns no page, as long
    // as a part of it is in view.
    turn_to(&mut page, "greeting", 2);
    for top in [100, 850, -600] {
        page.evaluate("document.activeElement.blur()");
        let scroll =
            "scrollBy({ behavior: 'instant', top: FIGURE.getBoundingClientRect().top - TOP })";
        page.evaluate(
            &scroll.replace("FIGURE", &figure("greeting")).replace("TOP", &top.to_string()),
        );
        for (key, step) in [("ArrowRight", "3"), ("ArrowLeft", "2")] {
            page.press(key);
            let shown = page.evaluate(&step_of("greeting"));
            assert_eq!(shown, step, "after {key}, {top} pixels below the top of the window");
        }
        assert_eq!(page.evaluate("location.pathname"), "/6.2.2.1-greeting.html");
    }
}

needs::test!(BROWSER: code_is_not_cut_and_nothing_lies_on_it);
fn code_is_not_cut_and_nothing_lies_on_it() {
    let mut page = Page::open(1400, 900);
    for (width, height) in [(1400, 900), (380, 800)] {
        page.resize(width, height);
        for (file, name) in players() {
            let count = recording(&name).steps.len();
            open(&mut page, &file, &name, 1);
            for step in [1, count / 3, 2 * count / 3, count] {
                turn_to(&mut page, &name, step);
                let at = format!("{file}#{name}={step}, {width} pixels wide");
                let cut = page.evaluate(&format!("({CUT})({})", figure(&name)));
                assert_eq!(cut, json!([]), "lines that are cut at {at}");
                let covered = page.evaluate(&format!("({COVERED})({})", figure(&name)));
                assert_eq!(covered, json!([]), "lines that are covered at {at}");
            }
        }
    }
}

/// Lists the lines of code that do not fit into their boxes.
const CUT: &str = "(figure) => [...figure.querySelectorAll('.line code')].filter((code) =>
    code.scrollWidth > code.clientWidth + 1 || getComputedStyle(code).textOverflow === 'ellipsis'
        || code.getBoundingClientRect().right > code.closest('.lines').getBoundingClientRect().right)
    .map((code) => code.textContent)";

/// Lists the lines of code that a badge covers.
const COVERED: &str = "(figure) => {
    const isSeen = (badge) => {
        const [own, box] = [badge, badge.closest('.lines, .source')].map((node) => node.getBoundingClientRect());
        return own.bottom > box.top && own.top < box.bottom;
    };
    const badges = [...figure.querySelectorAll('.mark, .elsewhere')].filter(isSeen).map((badge) => badge.getBoundingClientRect());
    return [...figure.querySelectorAll('.line code')].filter((code) => {
        const box = code.closest('.lines').getBoundingClientRect();
        const range = document.createRange();
        range.selectNodeContents(code);
        const seen = [...range.getClientRects()].filter(({ top, bottom }) => top >= box.top && bottom <= box.bottom);
        return seen.some((text) => badges.some((badge) => text.left < badge.right - 1 && text.right > badge.left + 1
            && text.top < badge.bottom - 3 && text.bottom > badge.top + 3));
    }).map((code) => code.textContent);
}";

needs::test!(BROWSER: on_a_phone_the_source_is_below_the_terminals);
fn on_a_phone_the_source_is_below_the_terminals() {
    let mut page = Page::open(380, 800);
    for (file, name) in players() {
        open(&mut page, &file, &name, recording(&name).steps.len() / 2);
        let places = format!(
            "['.terminals', '.sources', '.wire'].map((part) => {}.querySelector(part).getBoundingClientRect()).map(({{ top, bottom }}) => [top, bottom])",
            figure(&name)
        );
        let places: Vec<[f64; 2]> =
            serde_json::from_value(page.evaluate(&places)).expect("three places");
        let [terminals, sources, wire] = places[..] else { panic!("{places:?}") };
        if recording(&name).sources.is_empty() {
            assert_eq!(sources, [0.0, 0.0], "{file}: {name}: an empty source");
            assert!(wire[0] >= terminals[1], "{file}: {name}: the wire is last");
            continue;
        }
        let gap = sources[0] - terminals[1];
        assert!((0.0..20.0).contains(&gap), "{file}: {name}: {gap} pixels between them");
        assert!(wire[0] >= sources[1] || wire == [0.0, 0.0], "{file}: {name}: the wire is last");
    }
}

needs::test!(BROWSER: a_program_that_wakes_itself_up_has_not_the_colour_of_a_client);
fn a_program_that_wakes_itself_up_has_not_the_colour_of_a_client() {
    let mut page = Page::open(1400, 900);
    let colours = format!(
        "(() => {{
            const colour = (what, which) => getComputedStyle({}.querySelector(what))[which];
            return [colour('.arrow:is(.fresh, .cause)', 'color'), colour('.line.event', 'backgroundColor')];
        }})()",
        figure("listening-events")
    );
    let steps = recording("listening-events").steps;
    let accepted = |port: &str| {
        let accepts = |step: &&Step| {
            step.calls.iter().any(|call| call.name == "accept" && call.value == port)
        };
        1 + steps.iter().position(|step| accepts(&step)).expect("a step in which it is accepted")
    };
    let mut shown = |step: usize| {
        open(&mut page, "6.2.1-listening-events", "listening-events", step);
        page.evaluate(&colours)
    };
    let (client, itself) = (shown(accepted("50001")), shown(accepted("50002")));
    for part in 0..2 {
        assert_ne!(client[part], itself[part], "{client} and {itself}");
    }
}

needs::test!(BROWSER: on_a_phone_nothing_overflows_sideways);
fn on_a_phone_nothing_overflows_sideways() {
    let mut page = Page::open(420, 800);
    for ((file, name), phone) in
        players().into_iter().flat_map(|one| [(one.clone(), 420), (one, 360)])
    {
        page.resize(phone, 800);
        let count = recording(&name).steps.len();
        open(&mut page, &file, &name, 1);
        for step in [1, count / 2, count] {
            turn_to(&mut page, &name, step);
            let width = page.evaluate("document.documentElement.scrollWidth");
            assert!(
                width.as_u64() <= Some(phone.into()),
                "{file}#{name}={step} is {width} pixels wide"
            );
            let wide = format!(
                "[...{}.querySelectorAll('*')].filter((node) => node.getBoundingClientRect().right > innerWidth).map((node) => node.className)",
                figure(&name)
            );
            // Whatever is scrolled out of view inside a box of its own does not count, and there is
            // none.
            assert_eq!(page.evaluate(&wide), json!([]), "{file}#{name}={step}");
        }
    }
}

needs::test!(BROWSER: without_javascript_the_transcript_is_there);
fn without_javascript_the_transcript_is_there() {
    let mut page = Page::open(1600, 900);
    page.without_javascript();
    page.go(&address("6.2.2.1-greeting"));
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

needs::test!(BROWSER: what_no_transcript_shows_is_there_in_words);
/// Checks that the steps of a recording of messages can be read without JavaScript and on paper, but
/// do not take room below a player that shows them.
fn what_no_transcript_shows_is_there_in_words() {
    let mut page = Page::open(1400, 900);
    let heights =
        "[...document.querySelectorAll('.in-words')].map((one) => one.offsetHeight > 100)";
    let words = "[...document.querySelectorAll('.in-words li')].map((one) => one.textContent)";
    for (file, name) in [("7.5-cluster", "cluster"), ("7.6-ordered-cluster", "ordered-cluster")] {
        open(&mut page, file, name, 1);
        assert_eq!(page.evaluate(heights), json!([false]), "{name} with JavaScript");
        let plain = |step: &Step| step.caption.replace('`', "").replace('\'', "’");
        let captions: Vec<String> = recording(name).steps.iter().map(plain).collect();
        assert_eq!(page.evaluate(words), json!(captions), "{name}");
    }
    page.print();
    assert_eq!(page.evaluate(heights), json!([true]), "on paper");
    page.go(&address("print"));
    assert_eq!(page.evaluate(heights), json!([true, true]), "on paper, all pages");
    page.without_javascript();
    page.go(&address("7.5-cluster"));
    assert_eq!(page.evaluate(heights), json!([true]), "without JavaScript");
}

needs::test!(BROWSER: the_ends_of_a_wire_are_read_by_their_names);
/// Checks that a screen reader names an end of the wire that has no terminal.
fn the_ends_of_a_wire_are_read_by_their_names() {
    let mut page = Page::open(1400, 900);
    open(&mut page, "7.5-cluster", "cluster", 5);
    let spoken = format!(
        "[...{}.querySelectorAll('.arrow:not([hidden]) .spoken')].map((one) => one.textContent)",
        figure("cluster")
    );
    let expected = json!(["from 1 to east", "from east to 2", "from east to NATS"]);
    assert_eq!(page.evaluate(&spoken), expected);
}

needs::test!(BROWSER: a_link_to_a_step_opens_it_and_steps_are_in_the_address);
fn a_link_to_a_step_opens_it_and_steps_are_in_the_address() {
    let mut page = Page::open(1600, 900);
    open(&mut page, "6.2.2.1-greeting", "greeting", 7);
    let top = page.evaluate(&format!("{}.getBoundingClientRect().top", figure("greeting")));
    assert!((0.0..450.0).contains(&top.as_f64().unwrap_or(-1.0)), "the player begins at {top}");
    page.press("ArrowRight");
    assert_eq!(page.evaluate("location.hash"), "#greeting=8");
    // The second player of a page opens as well, but the first stays where it was.
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

/// Returns the marks after a number of steps, in the form of `LOOK`.
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
    let screens = screens.into_iter().zip(&recording.terminals);
    json!(
        screens
            .filter(|(_, end)| !end.is_only_an_end)
            .map(|(screen, _)| screen)
            .collect::<Vec<_>>()
    )
}
