//! What a person sees, types and hears.

use std::process::Command;
use std::time::{Duration, Instant};

use browser::Page;
use harness::{Program, repository, wait_until};
use needs::{Need, TELNET};
use predicates::str::contains;
use serde_json::json;

use crate::both::{page_of, server, server_at};

static BROWSER: Need = Need::new("chromium", || browser::installed().is_some());

/// The width and height of a phone, and of a wide screen, in pixels.
const PHONE: (u32, u32) = (380, 700);
const WIDE: (u32, u32) = (1280, 800);

/// Lists the lines on the page, each as its class, its number and its text.
const LINES: &str = "[...document.querySelectorAll('#room li')].map((line) =>
    [line.className, line.querySelector('.number')?.textContent ?? '', line.querySelector('.text').textContent])";

/// Opens the page of a server, and waits until it is in the room. Returns the number that others see.
fn join(page: &mut Page, server: &Program) -> String {
    page.go(&format!("http://{}/", page_of(server)));
    wait_for_state(page, "open");
    page.evaluate("me.textContent.match(/\\d+/)[0]").as_str().expect("a number").to_string()
}

fn wait_for_state(page: &mut Page, state: &str) {
    page.wait_for(&format!("document.documentElement.dataset.state === '{state}'"));
}

/// Types a message and presses Enter.
fn say(page: &mut Page, text: &str) {
    page.type_text(text);
    page.press("Enter");
}

fn wait_for_lines(page: &mut Page, lines: &[[&str; 3]]) {
    page.wait_for(&format!("JSON.stringify({LINES}) === {}", json!(json!(lines).to_string())));
}

needs::test!(BROWSER, TELNET: two_pages_and_somebody_with_telnet_are_in_one_room);
fn two_pages_and_somebody_with_telnet_are_in_one_room() {
    let server = server(0, 0);
    let mut telnet = Command::new("telnet");
    telnet.args([server.address().ip().to_string(), server.address().port().to_string()]);
    let mut telnet = Program::start(telnet);
    telnet.wait_for_stdout(predicates::str::contains("Connected"));
    let [mut phone, mut wide] = Page::open_all([PHONE, WIDE]);
    let (phones, wides) = (join(&mut phone, &server), join(&mut wide, &server));

    say(&mut phone, "大家好 from a phone");
    telnet.wait_for_line(format!("{phones}:大家好 from a phone"));
    wait_for_lines(&mut wide, &[["", &phones, "大家好 from a phone"]]);
    wait_for_lines(&mut phone, &[["mine", "You", "大家好 from a phone"]]);

    say(&mut wide, "and a wide screen");
    telnet.wait_for_line(format!("{wides}:and a wide screen"));
    telnet.type_line("and a terminal");
    phone.wait_for("document.querySelectorAll('#room li').length === 3");
    let heard = phone.evaluate(LINES);
    assert_eq!(heard[1], json!(["", wides, "and a wide screen"]));
    assert_eq!(heard[2][2], "and a terminal");
    assert_eq!(
        [phone.complaints.clone(), wide.complaints.clone()],
        [vec![], vec![] as Vec<String>]
    );
    drop(phone);
    server.wait_for_lines(1, "有客户端退出了");
}

needs::test!(BROWSER: the_page_works_over_ipv6_and_by_the_name_localhost);
fn the_page_works_over_ipv6_and_by_the_name_localhost() {
    let mut page = Page::open(WIDE.0, WIDE.1);
    let server = server_at("[::1]:0", 0);
    let mut listener = server.connect();
    let port = page_of(&server).rsplit_once(':').expect("a port").1.to_string();
    for host in ["[::1]", "localhost"] {
        page.go(&format!("http://{host}:{port}/"));
        wait_for_state(&mut page, "open");
        say(&mut page, host);
        assert!(listener.line().ends_with(&format!(":{host}")));
    }
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

needs::test!(BROWSER: what_others_say_is_text_and_never_markup);
fn what_others_say_is_text_and_never_markup() {
    let server = server(0, 0);
    let mut page = Page::open(PHONE.0, PHONE.1);
    join(&mut page, &server);
    let mut attacker = server.connect();
    let attacks = [
        "<img src=x onerror=window.hacked=1>",
        "<script>window.hacked=1</script>",
        "<a href=\"javascript:hacked=1\">click</a> &lt;b&gt; `${hacked=1}`",
        "42:I am somebody else",
    ];
    attacker.send(attacks.join("\n") + "\n");
    let number = attacker.port().to_string();
    let lines = attacks.map(|text| ["", number.as_str(), text]);
    wait_for_lines(&mut page, &lines);
    let markup = "document.querySelectorAll('#room :not(li, span)').length + (window.hacked ?? 0)";
    assert_eq!(page.evaluate(markup), 0);
    assert!(page.complaints.is_empty(), "{:#?}", page.complaints);
}

needs::test!(BROWSER: even_markup_in_the_page_could_neither_run_nor_call_home);
/// Plays somebody who has found a hole in the page.
fn even_markup_in_the_page_could_neither_run_nor_call_home() {
    let server = server(0, 0);
    let mut page = Page::open(PHONE.0, PHONE.1);
    join(&mut page, &server);
    page.evaluate(
        "window.refused = [];
         addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
         document.body.insertAdjacentHTML('beforeend', `
             <img src='data:,' onerror='window.hacked = 1'>
             <img src='http://127.0.0.1:1/stolen'>
             <iframe src='http://127.0.0.1:1/'></iframe>
             <p style='color: red'>`);
         document.body.append(Object.assign(document.createElement('script'), { text: 'window.hacked = 1' }));
         new WebSocket('ws://127.0.0.1:1/').onerror = () => {};
         fetch('http://127.0.0.1:1/').catch(() => {});",
    );
    for directive in [
        "script-src-attr",
        "script-src-elem",
        "style-src-attr",
        "img-src",
        "frame-src",
        "connect-src",
    ] {
        page.wait_for(&format!("refused.includes('{directive}')"));
    }
    assert_eq!(page.evaluate("window.hacked ?? 0"), 0);
}

needs::test!(BROWSER: pages_come_back_by_themselves_and_keep_what_was_typed);
fn pages_come_back_by_themselves_and_keep_what_was_typed() {
    let mut first = server(0, 0);
    let (address, door) = (first.address(), page_of(&first));
    let mut page = Page::open(PHONE.0, PHONE.1);
    join(&mut page, &first);
    page.type_text("half a thou");
    first.press_ctrl_c();
    wait_for_state(&mut page, "lost");
    assert!(first.wait_for_exit().success(), "the page has said goodbye");
    wait_for_lines(&mut page, &[["note", "", "The server has closed."]]);
    page.type_text("ght");
    page.press("Enter");
    let told = page.evaluate("state.textContent");
    assert_eq!(told, "Not connected, so your message has not been sent. It is still in the box.");

    page.wait_for("failures >= 3"); // so it tries again, after longer and longer pauses

    let port = door.rsplit_once(':').expect("a port").1.parse().expect("a number");
    let second = server(address.port(), port);
    wait_for_state(&mut page, "open");
    assert_eq!(page.evaluate("document.getElementById('words').value"), "half a thought");
    let back = "Connected again. What was said meanwhile is not here.";
    page.wait_for(&format!(
        "document.querySelector('#room li:last-child .text').textContent === '{back}'"
    ));
    let mut listener = second.connect();
    page.press("Enter");
    assert!(listener.line().ends_with(":half a thought"));
    assert_eq!(page.evaluate("document.getElementById('words').value"), "");

    // A browser may throw a page away while its phone is in a pocket.
    page.type_text("a draft");
    join(&mut page, &second);
    assert_eq!(page.evaluate("document.getElementById('words').value"), "a draft");
}

needs::test!(BROWSER: a_phone_that_locks_its_screen_is_noticed_and_comes_back);
fn a_phone_that_locks_its_screen_is_noticed_and_comes_back() {
    let server = server(0, 0);
    let mut page = Page::open(PHONE.0, PHONE.1);
    join(&mut page, &server);
    page.suspend();
    server.wait_for_lines(1, "有客户端退出了");
    server.wait_for_stderr(contains("it has vanished, or does not read"));
    page.resume();
    page.wait_for("document.querySelectorAll('#room .note').length === 1");
    wait_for_state(&mut page, "open");
    say(&mut page, "I am back");
    let mut listener = server.connect();
    wait_until("a second message is heard", || {
        say(&mut page, "I am back");
        listener.line().ends_with(":I am back")
    });
}

needs::test!(BROWSER: a_phone_that_finds_its_network_again_need_not_wait);
fn a_phone_that_finds_its_network_again_need_not_wait() {
    let mut first = server(0, 0);
    let (address, door) = (first.address(), page_of(&first));
    let mut page = Page::open(PHONE.0, PHONE.1);
    join(&mut page, &first);
    first.press_ctrl_c();
    wait_for_state(&mut page, "lost");
    assert!(first.wait_for_exit().success());
    let port = door.rsplit_once(':').expect("a port").1.parse().expect("a number");
    page.wait_for("(clearTimeout(retry), socket === undefined)"); // the next attempt never comes
    let _second = server(address.port(), port);
    page.evaluate("dispatchEvent(new Event('online'))");
    wait_for_state(&mut page, "open");
}

needs::test!(BROWSER: a_server_that_has_vanished_is_noticed);
/// Suspends the server, so that the connection stays open and nothing arrives.
fn a_server_that_has_vanished_is_noticed() {
    let server = server(0, 0);
    let mut page = Page::open(PHONE.0, PHONE.1);
    join(&mut page, &server);
    let start = Instant::now();
    server.suspend();
    wait_for_state(&mut page, "lost");
    assert!(
        start.elapsed() > Duration::from_secs(10),
        "a server sends something every ten seconds"
    );
    server.resume();
    wait_for_state(&mut page, "open");
}

needs::test!(BROWSER: it_shows_what_was_said_last_unless_somebody_reads_further_up);
fn it_shows_what_was_said_last_unless_somebody_reads_further_up() {
    let server = server(0, 0);
    let mut page = Page::open(PHONE.0, PHONE.1);
    join(&mut page, &server);
    let mut other = server.connect();
    let last = "room.lastElementChild?.querySelector('.text').textContent";
    let is_at_the_end = "room.scrollTop + room.clientHeight >= room.scrollHeight - 1";
    other.send((0..600).map(|number| format!("line {number}\n")).collect::<String>());
    page.wait_for(&format!("{last} === 'line 599'"));
    assert_eq!(page.evaluate("room.childElementCount"), 500, "older lines are forgotten");
    assert_eq!(page.evaluate(is_at_the_end), true);
    page.evaluate("room.scrollTop /= 2");
    other.send("one more\n");
    page.wait_for(&format!("{last} === 'one more'"));
    assert_eq!(page.evaluate(is_at_the_end), false, "the reader has lost the place");
    say(&mut page, "mine");
    page.wait_for(&format!("{last} === 'mine'"));
    assert_eq!(page.evaluate(is_at_the_end), true, "one's own words are shown");
}

needs::test!(BROWSER: it_fits_a_phone_whatever_is_said);
fn it_fits_a_phone_whatever_is_said() {
    let server = server(0, 0);
    let mut page = Page::open(PHONE.0, PHONE.1);
    for language in ["en-GB", "zh-CN"] {
        page.prefer_language(language);
        join(&mut page, &server);
        let mut other = server.connect();
        let long = [
            &"W".repeat(1000),
            &"聊".repeat(1000),
            "\u{202e}backwards",
            "a\tb",
            &"שלום ".repeat(99),
        ];
        other.send(long.join("\n") + "\n");
        page.wait_for("document.querySelectorAll('#room li').length === 5");
        page.type_text(&"x".repeat(500));
        let width = page.evaluate("document.documentElement.scrollWidth");
        assert_eq!(width, PHONE.0, "{language}: it scrolls sideways");
        let wide = "[...document.querySelectorAll('body *')].filter((node) =>
            node.getBoundingClientRect().right > innerWidth || node.scrollWidth > node.clientWidth
            && node.matches('#room, form, header')).map((node) => node.outerHTML.slice(0, 80))";
        assert_eq!(page.evaluate(wide), json!([]), "{language}");
        let box_is_in_view =
            "document.querySelector('form').getBoundingClientRect().bottom <= innerHeight";
        assert_eq!(page.evaluate(box_is_in_view), true, "{language}");
        page.evaluate("sessionStorage.clear()");
    }
}

needs::test!(BROWSER: it_speaks_the_language_of_its_reader);
fn it_speaks_the_language_of_its_reader() {
    let server = server(0, 0);
    let mut page = Page::open(PHONE.0, PHONE.1);
    let spoken = "[document.documentElement.lang, document.title, state.textContent,
        document.querySelector('button').textContent]";
    join(&mut page, &server);
    assert_eq!(page.evaluate(spoken), json!(["en", "Chat", "Connected", "Send"]));
    page.prefer_language("zh-TW");
    join(&mut page, &server);
    assert_eq!(page.evaluate(spoken), json!(["zh-CN", "聊天室", "已连接", "发送"]));
    page.prefer_language("fr-FR");
    join(&mut page, &server);
    assert_eq!(page.evaluate(spoken), json!(["en", "Chat", "Connected", "Send"]));
}

needs::test!(BROWSER: it_can_be_read_in_light_and_in_dark);
fn it_can_be_read_in_light_and_in_dark() {
    let server = server(0, 0);
    let mut page = Page::open(PHONE.0, PHONE.1);
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        page.prefer_colours(scheme);
        join(&mut page, &server);
        say(&mut page, "mine");
        server.connect().send("theirs\n");
        page.wait_for("document.querySelectorAll('#room li').length === 2");
        page.evaluate("show([line('note', '', 'a note')])");
        assert_eq!(page.faint("body :not(script, style, noscript)"), json!([]), "{scheme}");
        grounds.push(page.evaluate("getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(grounds[0], grounds[1], "both are the same");
}

needs::test!(BROWSER: the_keyboard_is_enough_and_a_screen_reader_is_told_everything);
fn the_keyboard_is_enough_and_a_screen_reader_is_told_everything() {
    let server = server(0, 0);
    let mut page = Page::open(WIDE.0, WIDE.1);
    join(&mut page, &server);
    // The box has the focus, so nobody has to look for it. Then the button and the room follow.
    let mut focused = Vec::new();
    for _ in 0..3 {
        focused
            .push(page.evaluate("document.activeElement.id || document.activeElement.localName"));
        page.press("Tab");
    }
    assert_eq!(focused[..2], ["words", "button"]);
    page.evaluate("document.getElementById('words').focus()");
    say(&mut page, "typed");
    page.wait_for("document.querySelectorAll('#room .mine').length === 1");
    assert_eq!(page.evaluate("document.activeElement.id"), "words", "the focus stays in the box");
    let outlined = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(page.evaluate(outlined), "solid", "the focus can be seen");
    // A long room can also be scrolled with the keys.
    assert_eq!(page.evaluate("room.tabIndex"), 0);

    let told = page.for_ears();
    for part in [["log", "What people say"], ["textbox", "Your message"], ["button", "Send"]] {
        assert!(told.iter().any(|node| node[..2] == part), "{part:?} in {told:#?}");
    }
    assert!(told.iter().any(|node| node[0] == "status"), "{told:#?}");
    assert_eq!(page.evaluate("room.getAttribute('aria-live')"), "polite");
}

needs::test!(BROWSER: the_book_shows_the_page_as_it_is);
/// Takes the pictures of the book when it is asked to renew what the book shows. A picture differs a little
/// with each browser and its fonts, so what is compared is the text in it.
fn the_book_shows_the_page_as_it_is() {
    let server = server(0, 0);
    let [mut phone, mut wide] = Page::open_all([PHONE, WIDE]);
    phone.prefer_language("zh-CN");
    wide.prefer_language("en-GB");
    wide.prefer_colours("dark");
    let (phones, wides) = (join(&mut phone, &server), join(&mut wide, &server));
    let mut telnet = server.connect();
    let wait = |page: &mut Page, count| {
        page.wait_for(&format!("document.querySelectorAll('#room li').length === {count}"));
    };
    say(&mut phone, "大家好！我没有安装任何东西。"); // Hello everybody! I have installed nothing.
    wait(&mut wide, 1);
    say(&mut wide, "Neither have I.");
    wait(&mut phone, 2);
    telnet.send("And I am still on telnet.\r\n");
    for page in [&mut phone, &mut wide] {
        wait(page, 3);
    }
    telnet.send("<img src=x onerror=alert(1)>\r\n");
    for page in [&mut phone, &mut wide] {
        wait(page, 4);
    }
    phone.type_text("那是"); // That is

    // The numbers are the system's choice.
    let shown = [(phones, "50001"), (wides, "50002"), (telnet.port().to_string(), "50003")];
    let mut text = String::new();
    for (page, name) in [(&mut phone, "phone"), (&mut wide, "wide")] {
        for (actual, shown) in &shown {
            page.evaluate(&format!(
                "[me, ...document.querySelectorAll('.number')].forEach((node) =>
                    node.textContent = node.textContent.replace('{actual}', '{shown}'))"
            ));
        }
        let lines = page.evaluate(
            "[me.textContent + '  ' + getComputedStyle(state, '::before').content.slice(1, 3) + state.textContent,
              ...[...document.querySelectorAll('#room li')].map((line) => [...line.children].map(
                (part) => part.textContent).join('  '))].map((line) => line.trim() + '\\n').join('')",
        );
        text += &format!("{name}\n{}\n", lines.as_str().expect("a text"));
        if std::env::var_os("SNAPSHOTS").is_some_and(|wish| wish == "overwrite") {
            let picture = repository().join(format!("book/src/screenshots/browser-{name}.png"));
            std::fs::write(picture, page.picture()).expect("the file can be written");
        }
    }
    let file = repository().join("book/src/screenshots/browser.txt");
    snapbox::assert_data_eq!(text, snapbox::Data::read_from(&file, None).raw());
}
