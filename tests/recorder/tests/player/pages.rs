//! Tests the pages: as files, on a phone, on paper, in every theme, and searched for Chinese.

use browser::Page;
use serde_json::json;

use crate::site::{BROWSER, address, figure, file, pages, players, recording, step_of};

needs::test!(BROWSER: a_copy_that_is_opened_as_files_plays);
fn a_copy_that_is_opened_as_files_plays() {
    let mut page = Page::open(1400, 900);
    for (name, player) in players() {
        let last = recording(&player).steps.len();
        page.go(&format!("{}#{player}={last}", file(&name)));
        page.wait_for(&format!("{} === '{last}'", step_of(&player)));
    }
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

needs::test!(BROWSER: chinese_on_a_terminal_has_its_meaning);
fn chinese_on_a_terminal_has_its_meaning() {
    let mut page = Page::open(1400, 900);
    for (name, player) in players() {
        let last = recording(&player).steps.len();
        page.go(&format!("{}#{player}={last}", address(&name)));
        page.wait_for(&format!("{} === '{last}'", step_of(&player)));
        let without = format!(
            "[...{}.querySelectorAll('.terminal pre span')].filter((line) =>
                /\\p{{Script=Han}}/u.test(line.textContent) && !line.dataset.meaning).map((line) => line.textContent)",
            figure(&player)
        );
        assert_eq!(page.evaluate(&without), json!([]), "{name}: {player}");
    }
    let counted = "[...document.querySelectorAll('[data-meaning]')].map((line) => line.dataset.meaning).at(-1)";
    page.go(&address("6.2.2.2-online-counter"));
    page.wait_for(&format!("{} === '1'", step_of("online-counter")));
    assert_eq!(page.evaluate(counted), "A client has left, now online: 0.");
}

needs::test!(BROWSER: links_can_be_read_in_every_theme);
/// Checks for a contrast of 4.5:1, which WCAG 2.2 asks for in 1.4.3.
fn links_can_be_read_in_every_theme() {
    let mut page = Page::open(1400, 900);
    page.go(&address("6.2.1-listening-events"));
    page.wait_for(&format!("{} === '1'", step_of("listening-events")));
    for theme in ["light", "rust", "coal", "navy", "ayu"] {
        page.evaluate(&format!(
            "document.documentElement.classList.remove('light', 'rust', 'coal', 'navy', 'ayu');
             document.documentElement.classList.add('{theme}')"
        ));
        let faint = page.faint("main a:not(.header), #mdbook-sidebar a");
        assert_eq!(faint, json!([]), "links that are too faint in the theme {theme}");
    }
}

needs::test!(BROWSER: on_a_phone_tables_do_not_break_into_crumbs);
fn on_a_phone_tables_do_not_break_into_crumbs() {
    let mut page = Page::open(380, 800);
    for name in pages() {
        page.go(&file(&name));
        assert_eq!(page.evaluate(CRUMBS), json!([]), "{name}");
    }
}

/// Lists the cells of tables that hold fewer than 90 characters and yet take more than three lines.
const CRUMBS: &str = r"[...document.querySelectorAll('main :is(td, th)')].filter((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const lines = [];
    for (const { width, bottom } of range.getClientRects()) {
        if (width > 0 && !lines.some((line) => Math.abs(line - bottom) < 9)) lines.push(bottom);
    }
    return lines.length > 3 && cell.textContent.length < 90;
}).map((cell) => cell.textContent)";

needs::test!(BROWSER: on_paper_what_is_folded_is_left_out_or_printed_and_listings_stay_whole);
fn on_paper_what_is_folded_is_left_out_or_printed_and_listings_stay_whole() {
    let mut page = Page::open(720, 1000);
    page.print();
    page.go(&address("6.2.1-listening-events"));
    let bars = "[...document.querySelectorAll('main details')].filter((fold) =>
        fold.offsetHeight > 0 && fold.offsetHeight < 1.5 * fold.firstElementChild.offsetHeight).length";
    assert_eq!(page.evaluate(bars), 0, "bars with nothing in them");
    let printed = "['.node', '.answers'].map((one) => document.querySelector(`main details${one}`).offsetHeight > 100)";
    assert_eq!(page.evaluate(printed), json!([true, true]), "the Node version, and the answers");
    let hints =
        "[...document.querySelectorAll('main details:not(.node, .answers, .prediction details)')]
        .every((fold) => fold.offsetHeight === 0)";
    assert_eq!(page.evaluate(hints), true, "hints");
    let together = "[...document.querySelectorAll('main pre, main .beside')].every((one) =>
            getComputedStyle(one).breakInside === 'avoid')
        && [...document.querySelectorAll('main :is(h2, h3, p:has(+ pre))')].every((one) =>
            getComputedStyle(one).breakAfter === 'avoid')";
    assert_eq!(page.evaluate(together), true, "what stays on one page");
}

needs::test!(BROWSER: the_search_finds_chinese);
fn the_search_finds_chinese() {
    let mut page = Page::open(1400, 900);
    page.go(&file("start"));
    page.evaluate("document.getElementById('mdbook-search-toggle').click()");
    let searches = [
        ("有客户端退出了", "6.2.2.2 Online counter"),
        ("词汇表", "Glossary"),
        ("粘包", "7.1"),
        ("backlog", "6.2.1"),
    ];
    for (query, found) in searches {
        page.evaluate(&format!(
            "(() => {{
                const bar = document.getElementById('mdbook-searchbar');
                bar.value = '{query}';
                bar.dispatchEvent(new KeyboardEvent('keyup'));
            }})()"
        ));
        page.wait_for(&format!(
            "document.getElementById('mdbook-searchresults').textContent.includes('{found}')"
        ));
    }
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}
