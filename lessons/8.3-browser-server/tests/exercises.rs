//! The exercises of this lesson, and what each asks of a learner's program.

use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use checker::{Actor, Attempt, Outcome, Running, quoted};
use harness::port_that_stays_free;

checker::exercises! {
    browser_server in "8.3-browser-server" {
        not_found: "easy, 20 minutes: Say what was not found",
        teacher_speaks: "medium, 25 minutes: The teacher speaks",
    }
}

// --- not_found ---

/// Paths that mean something else if they are not written with care.
const PATHS: [&str; 7] = [
    "/missing.html",
    "/<b>bold</b>",
    "/<img/src=x/onerror=alert(1)>",
    "/a&lt;b",
    "/&amp;&#60;",
    "/你好", // hello
    "/\"'>",
];

fn not_found(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let (status, _) = get(attempt, &server, "/")?;
    if status != "200" {
        return Err(format!(
            "a browser asked for `/` and should have received status 200, but it received {status}"
        ));
    }
    for path in PATHS {
        let (status, page) = get(attempt, &server, path)?;
        if status != "404" {
            return Err(format!(
                "a browser asked for `{path}` and should have received status 404, but it \
                 received {status}"
            ));
        }
        let shown = shown(&page);
        let tags = path.matches(['<', '>']).count();
        if tags > 0 && page.contains(path) {
            return Err(format!(
                "a browser asked for `{path}`, and that became a part of the page's markup: {page}"
            ));
        }
        if !shown.contains(path) {
            return Err(format!(
                "a browser asked for `{path}`, and the page should show just that, but a browser \
                 shows `{shown}` for this page: {page}"
            ));
        }
    }
    Ok(())
}

/// Asks for a path, and returns the status and the page.
fn get(attempt: &Attempt, server: &Running, path: &str) -> Outcome<(String, String)> {
    let mut browser = server.connect("a browser")?;
    browser.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))?;
    let failed =
        |error| format!("a browser asked for `{path}`, but could not read the answer: {error}");
    let mut stream = browser.stream();
    stream.set_read_timeout(Some(attempt.patience())).map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed)?;
    let answer = String::from_utf8(answer)
        .map_err(|error| format!("the answer for `{path}` is not UTF-8: {error}"))?;
    let Some((head, page)) = answer.split_once("\r\n\r\n") else {
        let answer = quoted(answer.as_bytes());
        return Err(format!("the answer for `{path}` has no blank line after its head: {answer}"));
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    let bytes = page.len();
    match length {
        Some(length) if length != bytes.to_string() => Err(format!(
            "the page for `{path}` has {bytes} bytes, but its Content-Length says {length}"
        )),
        _ => {
            let status = head.split(' ').nth(1).unwrap_or_default();
            Ok((status.to_string(), page.to_string()))
        }
    }
}

/// Returns the text that a browser shows of a page, more or less.
fn shown(page: &str) -> String {
    let mut text = String::new();
    for (number, piece) in page.split('<').enumerate() {
        text += match number {
            0 => piece,
            _ => piece.split_once('>').map_or("", |(_, after)| after),
        };
    }
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    let mut shown = String::new();
    while let Some(at) = text.find('&') {
        shown += &text[..at];
        text = text.split_off(at);
        let named = entities.iter().find(|(entity, _)| text.starts_with(entity));
        let end = text.find(';').map_or(1, |end| end + 1);
        let (length, character) = match (named, numbered(&text[..end])) {
            (Some((entity, character)), _) => (entity.len(), character.to_string()),
            (_, Some(character)) => (end, character.to_string()),
            _ => (1, "&".to_string()),
        };
        shown += &character;
        text = text.split_off(length);
    }
    shown + &text
}

/// Returns the character of an entity such as `&#60;` or `&#x3c;`.
fn numbered(entity: &str) -> Option<char> {
    let number = entity.strip_prefix("&#")?.strip_suffix(';')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code)
}

// --- teacher_speaks ---

fn teacher_speaks(attempt: &Attempt) -> Outcome {
    let door = port_that_stays_free();
    let server = attempt.serve_with(&["--page", &door.to_string()])?;
    let (mut client, mut other) = (server.connect("a client")?, server.connect("another client")?);
    client.send("hello\n")?;
    other.did("was in the room when somebody spoke, while nothing was typed at the server");
    let port = client.address().port();
    other.expect_line(&format!("{port}:hello"))?;
    let mut page = page(attempt, door)?;

    client.did("was in the room when `good morning` was typed, while nobody else said anything");
    server.type_line("  good morning ")?;
    client.expect_line_to_the_byte("teacher:good morning")?;
    page_hears(attempt, &mut page, "teacher:good morning\n")?;

    client.did("was in the room when a blank line, ` `, and then `你好` were typed");
    for typed in ["", "  ", "你好"] {
        // hello
        server.type_line(typed)?;
    }
    client.expect_line("teacher:你好").map_err(|finding| match finding.contains("\"teacher:") {
        true => format!("a blank line was passed on: {finding}"),
        false => format!("a second line was not passed on: {finding}"),
    })?;
    page_hears(attempt, &mut page, "teacher:你好\n")?;

    server.close_stdin();
    client.did("spoke after the input had ended");
    let failed =
        |finding| format!("the input had ended, and the room should go on, but: {finding}");
    // A second, in which also a busy machine has told the program that its input has ended.
    for _ in 0..20 {
        client.send("still here\n").map_err(failed)?;
        other.find_line(&format!("{port}:still here")).map_err(failed)?;
        thread::sleep(Duration::from_millis(50));
    }
    page_hears(attempt, &mut page, &format!("{port}:still here\n")).map_err(failed)
}

/// Opens a WebSocket, as a page does.
fn page(attempt: &Attempt, door: u16) -> Outcome<Actor> {
    let stream = TcpStream::connect(("127.0.0.1", door))
        .map_err(|error| format!("a page could not connect to port {door}: {error}"))?;
    let mut page = Actor::over(stream, "a page", "joined");
    page.set_patience(attempt.patience());
    page.send(
        "GET /room HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )?;
    page_hears(attempt, &mut page, "\r\n\r\n")?; // the end of the head
    Ok(page)
}

/// Waits until a page has received this line. The lines before it in its frame do not matter.
fn page_hears(attempt: &Attempt, page: &mut Actor, line: &str) -> Outcome {
    let mut heard = Vec::new();
    attempt.eventually(|| {
        heard.extend(page.take_what_has_come());
        let text = String::from_utf8_lossy(&heard);
        match text.contains(line) {
            true => Ok(()),
            false => Err(format!(
                "a page should have received {line:?}, but it received {}",
                quoted(&heard)
            )),
        }
    })
}
