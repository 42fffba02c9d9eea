//! Tests that the player asks what happens next: at the right steps, by mouse and by keyboard, and
//! only once.

use std::fs;

use browser::Page;
use recorder::prediction::predictions;
use serde_json::json;

use crate::site::{BROWSER, address, figure, file, open, players, recording, step_of, turn_to};

/// Returns the contents of the box for questions and answers: nothing, a question, or an answer.
const BOX: &str = "(figure) => {
    const box = figure.querySelector('.ask');
    const texts = (what) => [...box.querySelectorAll(what)].map((one) => one.textContent);
    return box.hidden ? null : {
        question: texts('.question').join(),
        options: texts('.choices button span'),
        happens: texts('.happens').join(),
        does_not: texts('.does-not').join(),
    };
}";

needs::test!(BROWSER: each_question_is_asked_before_its_step_and_answered_by_it);
fn each_question_is_asked_before_its_step_and_answered_by_it() {
    let mut page = Page::open(1400, 900);
    for (file, name) in players() {
        let book = harness::repository().join("book/src");
        let included = format!("{{{{#include recordings/{name}.md}}}}");
        let page_text = fs::read_to_string(book.join(format!("{file}.md"))).expect("the page");
        if !page_text.contains(&included) {
            continue; // the start page plays without asking
        }
        let recording = recording(&name);
        let text = book.join("recordings").join(format!("{name}.md"));
        let text = fs::read_to_string(&text).expect("the questions");
        let seen = format!("({BOX})({})", figure(&name));
        open(&mut page, &file, &name, 1);
        for question in predictions(&text).expect("questions") {
            let step = question.asked_before(&recording).expect("a step");
            turn_to(&mut page, &name, step - 1);
            let at = format!("{file}#{name}={step}");
            page.evaluate("document.activeElement.blur()"); // it is enough that the player is in view
            let asks =
                page.evaluate(&format!("{}.querySelector('.choices') !== null", figure(&name)));
            assert_eq!(asks, false, "before {at}");
            page.press("ArrowRight");
            let asked = page.evaluate(&seen);
            assert_eq!(page.evaluate(&step_of(&name)), (step - 1).to_string(), "at {at}");
            let plain = |markdown: &String| markdown.replace(['`', '*'], "").replace('\'', "’");
            let options: Vec<String> = question.options.iter().map(plain).collect();
            assert_eq!(asked["options"], json!(options), "at {at}");
            let words = format!("What happens next? {}", plain(&question.question));
            assert_eq!(asked["question"], words, "at {at}");
            page.press(&question.right.to_string());
            let answered = page.evaluate(&seen);
            assert_eq!(page.evaluate(&step_of(&name)), step.to_string(), "at {at}");
            let happens = answered["happens"].as_str().unwrap_or_default();
            assert!(happens.starts_with(&format!("✓ You said: {}", options[question.right - 1])));
            assert_eq!(answered["does_not"], "", "at {at}");
        }
    }
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

needs::test!(BROWSER: a_wrong_option_is_explained_and_one_may_pass);
fn a_wrong_option_is_explained_and_one_may_pass() {
    let mut page = Page::open(1400, 900);
    let name = "listening-events";
    let seen = format!("({BOX})({})", figure(name));
    open(&mut page, "6.2.1-listening-events", name, 4);
    // By the buttons, which a screen reader and a finger use as well.
    let click = |what: &str| format!("{}.querySelector('{what}').click()", figure(name));
    page.evaluate(&click(".forward"));
    page.evaluate(&click(".choices button"));
    let answered = page.evaluate(&seen);
    assert_eq!(page.evaluate(&step_of(name)), "5");
    let (wrong, right) = (answered["does_not"].as_str(), answered["happens"].as_str());
    assert!(wrong.is_some_and(|text| text.starts_with("✗ You said: It waits")), "{answered}");
    assert!(wrong.is_some_and(|text| text.contains("A port isn’t a queue.")), "{answered}");
    assert!(right.is_some_and(|text| text.starts_with("✓ What happens: bind")), "{answered}");
    // An answer is shown only at its own step, and the question is not asked again.
    page.press("ArrowLeft");
    assert_eq!(page.evaluate(&seen), json!(null));
    page.press("ArrowRight");
    assert_eq!(page.evaluate(&seen), answered);
    page.press("ArrowRight");
    assert_eq!(page.evaluate(&step_of(name)), "6");
    // Going forward once more passes, and shows no answer. So does the last button.
    page.press("ArrowRight");
    assert_eq!(page.evaluate(&step_of(name)), "6", "it asks");
    page.press("ArrowRight");
    assert_eq!(page.evaluate(&step_of(name)), "7", "it goes on");
    assert_eq!(page.evaluate(&seen), json!(null));
    page.evaluate("location.hash = '#listening-events=13'");
    page.wait_for(&format!("{} === '13'", step_of(name)));
    page.press("ArrowRight");
    page.evaluate(&click(".choices li:last-child button"));
    assert_eq!(page.evaluate(&step_of(name)), "14", "it passes");
    assert_eq!(page.evaluate(&seen), json!(null));
    // While it asks, it does not play, and the play button passes.
    open(&mut page, "6.2.1-listening-events", name, 13);
    page.press(" ");
    page.wait_for(&format!("{}.querySelector('.choices') !== null", figure(name)));
    let label = format!("{}.querySelector('.play').getAttribute('aria-label')", figure(name));
    assert_eq!(page.evaluate(&label), "Play");
    page.press(" ");
    page.wait_for(&format!("{} === '14'", step_of(name)));
    // A screen reader announces what appears in the box.
    let live = format!("{}.querySelector('.ask').getAttribute('aria-live')", figure(name));
    assert_eq!(page.evaluate(&live), "polite");
    // Nothing is remembered outside the page.
    let stored =
        "JSON.stringify([Object.keys(localStorage), Object.keys(sessionStorage), document.cookie])";
    let stored = page.evaluate(stored);
    assert!(!stored.to_string().contains("listening"), "{stored}");
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

needs::test!(BROWSER: without_javascript_the_questions_are_in_the_page_and_their_answers_folded);
fn without_javascript_the_questions_are_in_the_page_and_their_answers_folded() {
    let mut page = Page::open(1400, 900);
    let shown = "[...document.querySelectorAll('.prediction')].map((one) => [
        one.offsetHeight > 0,
        one.querySelectorAll('details:not([open]) ol li').length === one.querySelectorAll(':scope > ol li').length,
    ])";
    page.go(&address("6.2.1-listening-events"));
    page.wait_for(&format!("{} === '1'", step_of("listening-events")));
    assert_eq!(page.evaluate(shown), json!(vec![[false, true]; 3]), "the player has them");
    page.go(&address("print"));
    let printed = page.evaluate(&format!("{shown}.every(([seen, folded]) => seen && folded)"));
    assert_eq!(printed, true, "on paper");
    page.without_javascript();
    page.go(&file("6.2.1-listening-events"));
    assert_eq!(page.evaluate(shown), json!(vec![[true, true]; 3]), "without JavaScript");
}
