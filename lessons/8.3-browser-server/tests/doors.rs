//! The door for browsers, with peers by hand: honest ones, slow ones, and ones that send what no browser
//! would.

use std::array;
use std::io::{BufReader, Read, Write};
#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use both::{page_of, server};
use harness::{
    DEADLINE, Peer, Program, open_descriptors, resident_memory, threads, timed_out, wait_until,
};
use predicates::str::contains;
#[cfg(target_os = "linux")]
use socket2::{Domain, Socket, Type};
use websocket::{
    BINARY, CLOSE, LAST, PING, PONG, TEXT, WebSocket, connect, head, request, upgrade,
};

mod both;
mod websocket;

#[test]
fn lines_and_pages_are_in_one_room() {
    let server = server(0, 0);
    let door = page_of(&server);
    let (mut page, mut other) = (WebSocket::join(&door), WebSocket::join(&door));
    let mut client = server.connect();
    page.say("你好");
    client.expect(format!("{}:你好\n", page.number));
    other.expect(&format!("{}:你好\n", page.number));
    client.send("from a terminal\n");
    for page in [&mut page, &mut other] {
        page.expect(&format!("{}:from a terminal\n", client.port()));
    }
    page.say("  a paste\r\n \n\t\nof two lines  ");
    client.expect(format!("{0}:a paste\n{0}:of two lines\n", page.number));
    // Over TCP anybody may say any bytes, but a browser would close the connection over them.
    client.send(b"half \xe4\xbd\n");
    other.expect(&format!("{0}:a paste\n{0}:of two lines\n", page.number));
    other.expect(&format!("{}:half \u{fffd}\n", client.port()));
    page.send_frame(LAST | CLOSE, &1000_u16.to_be_bytes()).expect("the server reads");
    page.wait_until_closed();
    server.wait_for_lines(1, "有客户端退出了");
    drop(other); // without a word
    server.wait_for_lines(2, "有客户端退出了");
    client.assert_open_and_silent();
    assert!(!server.stderr().contains("disconnected"), "{}", server.stderr());
}

#[test]
fn a_message_in_fragments_is_one_message_and_the_longest_arrives_whole() {
    let server = server(0, 0);
    let mut page = WebSocket::join(&page_of(&server));
    let mut client = server.connect();
    // The cut goes through a character, and somebody pings in between.
    page.send_frame(TEXT, b"one \xe4\xbd").expect("the server reads");
    page.send_frame(LAST | PING, b"in between").expect("the server reads");
    page.send_frame(LAST, b"\xa0 message").expect("the server reads");
    client.expect(format!("{}:one 你 message\n", page.number));
    assert_eq!(page.frame(), Some((PONG, b"in between".to_vec())));
    let longest = "x".repeat(64 * 1024);
    page.say(&longest);
    client.expect(format!("{}:{longest}\n", page.number));
    client.send(format!("{longest}\n"));
    page.expect(&format!("{}:{longest}\n", client.port()));
}

/// A page and a client who hear each other, while something happens to the server.
struct Room {
    server: Program,
    door: String,
    page: WebSocket,
    client: Peer,
}

impl Room {
    fn with_a_page_and_a_client() -> Room {
        let server = server(0, 0);
        let door = page_of(&server);
        let (page, client) = (WebSocket::join(&door), server.connect());
        let mut room = Room { server, door, page, client };
        room.is_undisturbed();
        room
    }

    /// Asserts that the two hear each other, and nothing else.
    fn is_undisturbed(&mut self) {
        self.page.say("undisturbed?");
        self.client.expect(format!("{}:undisturbed?\n", self.page.number));
        self.client.send("undisturbed\n");
        self.page.expect(&format!("{}:undisturbed\n", self.client.port()));
    }
}

/// Asserts that the memory of a process is less than `bound` bytes above what it was, where the system
/// tells it.
fn has_not_grown_by(bound: u64, before: Option<u64>, process: u32) {
    if let (Some(before), Some(after)) = (before, resident_memory(process)) {
        assert!(after < before + bound, "the memory has grown from {before} to {after}");
    }
}

#[test]
fn only_our_page_gets_in() {
    let mut room = Room::with_a_page_and_a_client();
    let door = room.door.clone();
    let port = door.rsplit_once(':').expect("a port").1;
    let status = |host: &str, origin: Option<&str>| {
        let answer = request(&mut BufReader::new(connect(&door)), &upgrade(host, origin));
        answer[0].split(' ').nth(1).expect("a status").to_string()
    };
    assert_eq!(status(&door, Some(&format!("http://{door}"))), "101");
    assert_eq!(status(&door, None), "101", "not a browser");
    let localhost = format!("localhost:{port}");
    assert_eq!(status(&localhost, Some(&format!("http://{localhost}"))), "101");
    for foreign in ["http://evil.example", "null", "", "http://127.0.0.1:1", "file://"] {
        assert_eq!(status(&door, Some(foreign)), "403", "{foreign:?}");
    }
    for alike in [format!("https://{door}"), format!("http://x.{door}"), format!("http://{door}0")]
    {
        assert_eq!(status(&door, Some(&alike)), "403", "{alike:?}");
    }
    // A browser leaves out port 80.
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        assert_eq!(status(host, Some(&format!("http://{host}"))), "101", "{host}");
    }
    for host in ["localhost:no number", "localhost.evil.example", "1.example", ""] {
        assert_eq!(status(host, Some(&format!("http://{host}"))), "403", "{host:?}");
    }
    // The owner of a name may point it at this machine. Then this is the origin of the owner's pages.
    let rebound = format!("evil.example:{port}");
    assert_eq!(status(&rebound, Some(&format!("http://{rebound}"))), "403");
    room.server.wait_for_stderr(contains("comes from a foreign page, so it does not get in"));
    let page = |host: &str| {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        request(&mut BufReader::new(connect(&door)), &head)[0].clone()
    };
    assert_eq!(page(&door), "HTTP/1.1 200 OK");
    assert_eq!(page(&rebound), "HTTP/1.1 400 Bad Request");
    room.is_undisturbed();
}

/// Sends a request, and returns the whole answer.
fn answer(door: &str, request: &str) -> String {
    let mut stream = connect(door);
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server closes the connection");
    answer
}

#[test]
fn the_page_forbids_itself_everything_that_it_does_not_do() {
    let server = server(0, 0);
    let door = page_of(&server);
    let [one, other] = [(); 2].map(|()| {
        let page = answer(&door, &format!("GET / HTTP/1.1\r\nHost: {door}\r\n\r\n"));
        let (_, after) = page.split_once("script-src 'nonce-").expect("a policy");
        let nonce = after.split('\'').next().expect("a nonce").to_string();
        assert_eq!(nonce.len(), 32);
        let (head, body) = page.split_once("\r\n\r\n").expect("a page");
        assert!(body.contains(&format!("<script nonce=\"{nonce}\">")), "{body}");
        let policy = format!(
            "content-security-policy: default-src 'none'; script-src 'nonce-{nonce}'; \
             style-src 'nonce-{nonce}'; img-src data:; connect-src 'self' ws://{door}; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        for header in [
            policy.as_str(),
            "cache-control: no-store",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
        ] {
            assert!(head.lines().any(|line| line == header), "{header} is not in {head}");
        }
        nonce
    });
    assert_ne!(one, other, "a nonce is used once");
}

#[test]
fn a_request_is_bounded_and_the_next_on_its_connection_is_not_answered() {
    let mut room = Room::with_a_page_and_a_client();
    let long = format!("GET / HTTP/1.1\r\nHost: {}\r\nX: {}", room.door, "x".repeat(20_000));
    let mut stream = BufReader::new(connect(&room.door));
    assert!(request(&mut stream, &long)[0].starts_with("HTTP/1.1 431 "));
    room.server.wait_for_stderr(contains("has sent a bad request: "));
    let whole = format!("GET /nothing HTTP/1.1\r\nHost: {}\r\n\r\n", room.door);
    let answers = answer(&room.door, &whole.repeat(2));
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    room.is_undisturbed();
}

#[test]
fn a_connection_in_reserve_may_say_nothing() {
    let server = server(0, 0);
    let door = page_of(&server);
    let (mut reserve, mut half) = (connect(&door), connect(&door));
    half.write_all(b"GET").expect("a socket");
    for stream in [&mut reserve, &mut half] {
        assert_eq!(stream.read(&mut [0]).expect("an orderly end"), 0);
    }
    let address = |stream: &TcpStream| stream.local_addr().expect("an address").to_string();
    server.wait_for_stderr(contains(format!("{} has not finished", address(&half))));
    assert!(!server.stderr().contains(&address(&reserve)), "{}", server.stderr());
}

#[test]
fn what_no_browser_sends_ends_only_the_connection_that_sends_it() {
    let mut room = Room::with_a_page_and_a_client();
    let bound = 64 * 1024;
    let over_the_bound = [head(LAST | TEXT, bound + 1), vec![0; 4]].concat();
    let hostile_length = [head(LAST | TEXT, u64::MAX >> 1), vec![0; 4]].concat();
    let fragment = [head(TEXT, 1024), vec![0; 4 + 1024]].concat();
    let more = [head(0, 1024), vec![0; 4 + 1024]].concat();
    let masked =
        |first, payload: &[u8]| [&head(first, payload.len() as u64)[..], &[0; 4], payload].concat();
    let attacks: [(&str, Vec<u8>); 11] = [
        ("a frame that is too long", over_the_bound),
        ("a hostile length", hostile_length),
        ("a message of too many fragments", [fragment, more.repeat(64)].concat()),
        ("invalid UTF-8", masked(LAST | TEXT, b"\xc0\xaf")),
        ("half a character", masked(LAST | TEXT, b"\xe4\xbd")),
        ("bytes", masked(LAST | BINARY, b"bytes")),
        ("a frame without a mask", vec![LAST | TEXT, 1, b'x']),
        ("a reserved bit", masked(LAST | 0x40 | TEXT, b"x")),
        ("an unknown opcode", masked(LAST | 3, b"x")),
        ("a ping in fragments", masked(PING, b"x")),
        ("no WebSocket at all", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ];
    let before = resident_memory(room.server.process_id());
    for (count, (what, attack)) in attacks.iter().enumerate() {
        let mut attacker = WebSocket::join(&room.door);
        attacker.send(attack).unwrap_or_else(|error| panic!("{what}: {error}"));
        attacker.wait_until_closed();
        room.server.wait_for_lines(count + 1, "有客户端退出了");
        let address = attacker.stream().local_addr().expect("an address");
        room.server.wait_for_stderr(contains(format!("disconnected {address}: ")));
        room.is_undisturbed();
    }
    has_not_grown_by(4 * 1024 * 1024, before, room.server.process_id());
}

#[test]
fn a_flood_of_pings_ends() {
    let mut room = Room::with_a_page_and_a_client();
    let mut pinger = WebSocket::join(&room.door);
    let flood = [head(LAST | PING, 125), vec![0; 4 + 125]].concat().repeat(100);
    let has_ended = (0..10_000).any(|_| pinger.send(&flood).is_err());
    assert!(has_ended, "a million pings have been read");
    room.server.wait_for_stderr(contains("it pings without end"));
    room.server.wait_for_lines(1, "有客户端退出了");
    room.is_undisturbed();
}

#[test]
fn requests_that_are_never_finished_end_after_ten_seconds() {
    let mut room = Room::with_a_page_and_a_client();
    let whole = upgrade(&room.door, None);
    let before = open_descriptors(room.server.process_id());
    // More of them than are answered at the same time.
    let mut halves: Vec<TcpStream> = (0..200)
        .map(|number| {
            let mut half = connect(&room.door);
            half.write_all(&whole.as_bytes()[..number % whole.len().min(150)]).expect("a socket");
            half
        })
        .collect();
    room.is_undisturbed();
    for half in &mut halves {
        // The end, or a reset, because the server has not read everything.
        let ended = match half.read(&mut [0]) {
            Ok(length) => length == 0,
            Err(error) => !timed_out(&error),
        };
        assert!(ended, "half a request is still open, or was answered");
    }
    room.server.wait_for_stderr(contains("has not finished its request in 10s"));
    room.is_undisturbed();
    WebSocket::join(&room.door);
    let now = || open_descriptors(room.server.process_id());
    wait_until("all descriptors are free again", || now() == before);
}

#[test]
fn half_requests_keep_nobody_out() {
    let mut room = Room::with_a_page_and_a_client();
    let page = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", room.door);
    let half = |mut stream: TcpStream| {
        stream.write_all(&page.as_bytes()[..20]).expect("a socket");
        stream
    };
    #[cfg(target_os = "linux")] // elsewhere, loopback has only one address
    let oldest = half(connect_from("127.0.0.2:0", &room.door));
    let halves: Vec<TcpStream> = (0..200).map(|_| half(connect(&room.door))).collect();
    WebSocket::join(&room.door);
    // If the newcomer had waited, then until the first hundred had run out of time.
    let is_open = |mut half: &TcpStream| {
        half.set_read_timeout(Some(Duration::from_millis(1))).expect("a time-out");
        half.read(&mut [0]).is_err_and(|error| timed_out(&error))
    };
    assert!(is_open(&halves[100]), "the newcomer had to wait");
    assert!(!is_open(&halves[0]), "more requests are open than are bounded");
    room.server.wait_for_stderr(contains("has made way: 128 requests are not finished"));
    #[cfg(target_os = "linux")]
    {
        // Only requests of the same address have made way.
        let answer = request(&mut BufReader::new(oldest), &page[20..]);
        assert_eq!(answer[0], "HTTP/1.1 200 OK");
    }
    room.is_undisturbed();
}

/// Connects to the door for browsers from another address of this machine.
#[cfg(target_os = "linux")]
fn connect_from(own: &str, door: &str) -> TcpStream {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address").into();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&address(own)).expect("an address of this machine");
    socket.connect(&address(door)).expect("the door is open");
    socket.set_read_timeout(Some(DEADLINE)).expect("a time-out");
    socket.into()
}

#[test]
fn ten_thousand_requests_for_pages_that_do_not_exist_cost_nothing() {
    let mut room = Room::with_a_page_and_a_client();
    let process = room.server.process_id();
    let before = (open_descriptors(process), threads(process));
    let memory = resident_memory(process);
    let door = room.door.clone();
    thread::scope(|scope| {
        let strangers = array::from_fn::<_, 4, _>(|thread| {
            let door = &door;
            scope.spawn(move || {
                for number in 0..2500 {
                    let head = format!(
                        "GET /wp-login-{thread}-{number}.php HTTP/1.1\r\nHost: {door}\r\n\r\n"
                    );
                    let answer = request(&mut BufReader::new(connect(door)), &head);
                    assert_eq!(answer[0], "HTTP/1.1 404 Not Found");
                }
            })
        });
        // On a busy machine this may take so long that a page that waited would count as vanished.
        while !strangers.iter().all(|stranger| stranger.is_finished()) {
            room.is_undisturbed();
        }
    });
    room.is_undisturbed();
    wait_until("all descriptors are free again", || {
        (open_descriptors(process), threads(process)) == before
    });
    has_not_grown_by(4 * 1024 * 1024, memory, process);
    let said = room.server.stderr();
    assert!(said.lines().count() < 10, "{said}");
}

#[test]
fn a_page_that_never_reads_is_disconnected_and_nobody_else_is() {
    let mut room = Room::with_a_page_and_a_client();
    let mut never_reads = WebSocket::join(&room.door);
    let mut speaker = room.server.connect();
    let memory = resident_memory(room.server.process_id());
    let line = "x".repeat(1000);
    let said = format!("{line}\n").repeat(1000);
    let heard = format!("{}:{line}\n", speaker.port()).repeat(1000);
    for _ in 0..32 {
        speaker.send(&said);
        room.page.expect(&heard);
        room.client.expect(&heard);
        room.client.forget();
        speaker.forget();
    }
    let address = never_reads.stream().local_addr().expect("an address");
    room.server.wait_for_stderr(contains(format!(
        "disconnected {address}: it does not read what it is sent"
    )));
    room.server.wait_for_lines(1, "有客户端退出了");
    room.is_undisturbed();
    never_reads.wait_until_closed();
    has_not_grown_by(16 * 1024 * 1024, memory, room.server.process_id());
}

#[test]
fn a_page_that_has_not_read_for_a_while_catches_up_in_whole_lines() {
    let mut room = Room::with_a_page_and_a_client();
    let line = format!("{}\n", "你好".repeat(100));
    let (port, lines) = (room.client.port(), 6 * 1024 * 1024 / line.len());
    room.client.send(line.repeat(lines));
    let mut other = room.server.connect();
    other.send("that was all\n");
    let all = format!("{}:that was all\n", other.port());
    room.client.expect(&all); // and now the page reads
    let said = format!("{port}:{line}").repeat(lines);
    let mut heard = String::new();
    while heard.len() < said.len() + all.len() {
        let text = room.page.text();
        assert!(text.ends_with('\n'), "half a line");
        heard += &text;
    }
    assert!(heard.replacen(&all, "", 1) == said, "something was lost");
}

#[test]
fn a_page_that_pastes_is_held_up_and_nothing_is_lost() {
    const LINES: usize = 20_000;
    /// How long the client does not read after each 100 KB. Without being held up, the page would be more
    /// than the log's 8 MiB ahead of it.
    const SLOWLY: Duration = Duration::from_millis(20);
    let mut room = Room::with_a_page_and_a_client();
    let mut paster = WebSocket::join(&room.door);
    let number = paster.number.clone();
    let line = |count: usize| format!("{count} {}", "x".repeat(1000));
    thread::scope(|scope| {
        scope.spawn(move || {
            for count in 0..LINES {
                paster.say(&line(count));
            }
            paster.send_frame(LAST | CLOSE, &[]).expect("the server reads");
            paster.wait_until_closed();
        });
        scope.spawn(|| {
            for count in 0..LINES {
                room.client.expect(format!("{number}:{}\n", line(count)));
                room.client.forget();
                if count % 100 == 0 {
                    thread::sleep(SLOWLY);
                }
            }
        });
        let mut heard = String::new();
        let mut next = 0;
        while next < LINES {
            heard += &room.page.text();
            let end = heard.rfind('\n').map_or(0, |newline| newline + 1);
            for said in heard[..end].lines() {
                assert_eq!(said, format!("{number}:{}", line(next)));
                next += 1;
            }
            heard.drain(..end);
        }
    });
    room.is_undisturbed();
}

#[test]
fn a_page_that_does_not_answer_a_ping_has_vanished() {
    let mut room = Room::with_a_page_and_a_client();
    let mut vanished = WebSocket::join(&room.door);
    let address = vanished.stream().local_addr().expect("an address");
    // The other page answers each ping while it waits for the leaver's line.
    let server = &room.server;
    thread::scope(|scope| {
        let left = scope.spawn(|| {
            let has_left = server.prints_lines_within(DEADLINE, 1, "有客户端退出了");
            server.connect().send("it has left\n"); // even if not, so that the page stops waiting
            has_left
        });
        assert!(room.page.text().ends_with(":it has left\n"));
        assert!(left.join().expect("no panic"), "nobody has left");
    });
    let said = format!("disconnected {address}: it has vanished, or does not read");
    room.server.wait_for_stderr(contains(said));
    assert!(room.client.line().ends_with(":it has left"));
    room.is_undisturbed();
    // It had two chances to answer. The browser does not show a ping to the page, so a blank line follows.
    let sent: Vec<_> = std::iter::from_fn(|| vanished.frame()).collect();
    let asked = [(PING, vec![]), (TEXT, vec![])];
    assert!(
        sent.len() >= 4 && sent.iter().zip(asked.iter().cycle()).all(|(a, b)| a == b),
        "{sent:?}"
    );
}

#[test]
fn two_hundred_pages_need_little_memory() {
    let mut room = Room::with_a_page_and_a_client();
    let before = resident_memory(room.server.process_id());
    let mut pages: Vec<WebSocket> = (0..200).map(|_| WebSocket::join(&room.door)).collect();
    let said = format!("{}\n", "x".repeat(10_000));
    let heard = format!("{}:{said}", room.client.port());
    room.client.send(&said);
    pages.iter_mut().chain([&mut room.page]).for_each(|page| page.expect(&heard));
    room.is_undisturbed();
    has_not_grown_by(200 * 32 * 1024, before, room.server.process_id());
}

#[test]
fn pages_that_come_and_go_leave_nothing_behind() {
    let mut room = Room::with_a_page_and_a_client();
    let process = room.server.process_id();
    let mut come_and_go = |count: usize| {
        for number in 0..count {
            WebSocket::join(&room.door).say("x");
            if number % 100 == 0 {
                room.client.forget();
                room.page.say("still here"); // and so not vanished
            }
        }
        resident_memory(process)
    };
    let (before, after) = (come_and_go(500), come_and_go(5000));
    room.server.wait_for_lines(5500, "有客户端退出了");
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after < before + 512 * 1024, "the memory has grown from {before} to {after}");
    }
}

#[cfg(unix)] // the harness cannot press Ctrl-C on Windows
#[test]
fn at_the_end_everybody_is_told_and_the_doors_are_closed() {
    let mut room = Room::with_a_page_and_a_client();
    room.server.press_ctrl_c();
    room.client.expect("服务器关闭了\n");
    room.page.expect("服务器关闭了\n");
    let going_away = 1001_u16.to_be_bytes().to_vec();
    assert_eq!(room.page.frame(), Some((CLOSE, going_away.clone())));
    assert!(TcpStream::connect(&room.door).is_err(), "the page could come back");
    // Bytes that are still on their way are read, because otherwise it would reset the connection.
    for _ in 0..100 {
        room.page.say("too late");
    }
    room.page.send_frame(LAST | CLOSE, &going_away).expect("the server reads");
    assert_eq!(room.page.frame(), None);
    assert_eq!(room.client.read_to_end(), b"");
    drop(room.client);
    assert_eq!(room.server.wait_for_exit().code(), Some(0));
    assert!(TcpStream::connect(&room.door).is_err());
}
