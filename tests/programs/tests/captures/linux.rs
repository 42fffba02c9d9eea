//! Says what happens in each capture, and runs the capture.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, thread};

use harness::{Program, lesson, repository, wait_until, with_part_7};
use needs::TCPDUMP;
use predicates::function::function;
use predicates::str::contains;

needs::test!(TCPDUMP: listening_events);
fn listening_events() {
    let server = serve("lesson-listening-events");
    let wire = Wire::tapped(server.address().port(), "");
    let client = server.connect();
    server.wait_for_lines(1, "有客户端连接上来了"); // a client has connected
    drop(client);
    wire.wait_for("[F.]", 2);
    wire.is("listening-events");
}

needs::test!(TCPDUMP: socket_events);
fn socket_events() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = free.expect("a free port").port();
    let wire = Wire::tapped(port, " and tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0");
    let mut command = Command::new(lesson("lesson-socket-events"));
    command.arg(format!("127.0.0.1:{port}"));
    let mut program = Program::start(command);
    assert!(program.wait_for_exit().success());
    wire.wait_for("[F", 2);
    wire.is("socket-events");
}

needs::test!(TCPDUMP: greeting);
fn greeting() {
    let server = serve("lesson-greeting");
    let wire = Wire::tapped(server.address().port(), "");
    let mut client = server.connect();
    client.expect("hello");
    wire.wait_for("ack 6, ", 1);
    client.send("good morning\n");
    wire.wait_for("ack 14, ", 1);
    drop(client);
    wire.wait_for("[F.]", 2);
    wire.is("greeting");
}

needs::test!(TCPDUMP: online_counter);
fn online_counter() {
    let server = serve("lesson-online-counter");
    let wire = Wire::tapped(server.address().port(), "");
    let clients = [1, 2].map(|count| {
        let mut client = server.connect();
        client.expect(format!("remoteAddress127.0.0.1\nremotePort{}", client.port()));
        wire.wait_for("ack 39, ", count);
        client
    });
    wire.is("online-counter");
    drop(clients);
}

needs::test!(TCPDUMP: two_way_talk);
fn two_way_talk() {
    let mut server = serve("lesson-bidirectional-server");
    let wire = Wire::tapped(server.address().port(), "");
    let mut command = Command::new(lesson("lesson-bidirectional-client"));
    command.arg(server.address().to_string());
    let mut client = Program::start(command);
    client.wait_for_stdout(contains("我吃的小豆包")); // I had bean-paste buns
    wire.wait_for("ack 19, ", 1);
    server.press_ctrl_c();
    server.wait_for_exit();
    client.wait_for_exit();
    wire.wait_for("[F.]", 2);
    wire.is("two-way-talk");
}

needs::test!(TCPDUMP: the_filter_for_data_finds_every_byte);
/// 7.2 counts segments with data. PSH would not do, because not all segments of a long write have
/// it.
fn the_filter_for_data_finds_every_byte() {
    const SENT: usize = 1_000_000;
    let page = read(repository().join("book/src/7.2-shared-log.md"));
    let filter = page.split_once("'src port 3000 and ").expect("the page has a filter").1;
    let filter = filter.split_once('\'').expect("it ends").0;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let mut command = Command::new("tcpdump");
    command.arg("--snapshot-length=128"); // the headers, because whole segments would not all fit
    let wire = Wire::tapped_by(command, address.port(), &format!(" and {filter}"));
    let mut client = TcpStream::connect(address).expect("a connection");
    let (mut server, _) = listener.accept().expect("the client");
    thread::spawn(move || server.write_all(&vec![b'x'; SENT]));
    let received = io::copy(&mut client, &mut io::sink()).expect("an orderly end");
    assert_eq!(received, SENT as u64);
    let length = |line: &str| line.rsplit_once("length ")?.1.parse().ok();
    let lengths = |text: &str| {
        let segments = text.lines().filter(|line| !line.contains(PROBE));
        segments.map(length).map(Option::unwrap_or_default).collect()
    };
    wire.tcpdump.wait_for_stdout(function(|text: &str| {
        let lengths: Vec<usize> = lengths(text);
        assert!(!lengths.contains(&0), "a segment without data: {text}");
        lengths.iter().sum::<usize>() == SENT
    }));
}

with_part_7! {{
    use harness::lan::lan;
    use needs::STRACE;

    needs::test!(TCPDUMP: framed);
    fn framed() {
        let picture = harness::scratch().join("signature.png");
        fs::write(&picture, b"\x89PNG\r\n\x1a\n").expect("the file can be written");
        let server = serve("lesson-framed-server");
        let wire = Wire::tapped_with(&["-x"], server.address().port());
        let _listener = server.connect();
        let mut command = Command::new(lesson("lesson-framed-client"));
        command.arg(server.address().to_string()).arg("--file").arg(picture);
        let mut client = Program::start(command);
        client.wait_for_exit();
        wire.wait_for("[F", 2);
        wire.wait_for("ack 19, ", 1); // by the listener
        wire.is("framed");
    }

    needs::test!(STRACE: event_loop_calls);
    /// Records the system calls of the event loop when a second client joins and sends a line.
    fn event_loop_calls() {
        let trace = harness::scratch().join("event-loop.strace");
        let mut command = Command::new("strace");
        command.args(["-D", "-qq", "-e", "trace=epoll_wait,accept4,recvfrom,writev", "-o"]);
        command.arg(&trace).arg(lesson("lesson-event-loop-server")).arg("127.0.0.1:0");
        let server = Program::server_from(command);
        let wait_for = |mark: &str| {
            wait_until(mark, || fs::read_to_string(&trace).is_ok_and(|text| text.contains(mark)));
        };
        let first_is_in = "events=EPOLLOUT, data={u32=0, u64=0}}], 1024, -1) = 1\n";
        let _listener = server.connect();
        wait_for(first_is_in);
        let mut speaker = server.connect();
        wait_for("events=EPOLLOUT, data={u32=1, u64=1}}], 1024, -1) = 1\n");
        speaker.send("hello\n");
        wait_for("8192, 0, NULL, NULL) = -1 EAGAIN");
        let port = speaker.port();
        drop(speaker); // so that the wait for what comes next ends
        wait_for("RDHUP");
        let trace = read(trace);
        let (_, calls) = trace.split_once(first_is_in).expect("the first client joins");
        let (calls, _) = calls.split_once("RDHUP").expect("it waits, and the speaker leaves");
        let (calls, _) = calls.rsplit_once(" [{").expect("what the wait returns");
        calls_are("event-loop-calls", calls, port);
    }

    /// Compares system calls with the file that the book includes.
    fn calls_are(name: &str, calls: &str, port: u16) {
        // An address in memory differs each time.
        let mut pieces = calls.split("0x");
        let mut seen = pieces.next().unwrap_or_default().to_string();
        for piece in pieces {
            seen = seen + "0x..." + piece.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        }
        is_the_file(name, &(seen.replace(&port.to_string(), "50002") + "\n"));
    }

    fn is_the_file(name: &str, seen: &str) {
        let file = repository().join("book/src/captures").join(name).with_extension("txt");
        if env::var_os("SNAPSHOTS").is_some_and(|wish| wish == "overwrite") {
            fs::write(&file, seen).expect("the file can be written");
        }
        assert_eq!(seen, read(file));
    }

    needs::test!([TCPDUMP, needs::NAMESPACE] discovery);
    /// A client asks a network of two machines, and the server on the other one answers.
    fn discovery() {
        let (_switch, [serves, asks]) = lan();
        let mut command = serves.command(lesson("lesson-discovery-server"));
        command.arg("0.0.0.0:3000");
        let _server = Program::server_from(command);
        let mut command = serves.command("tcpdump");
        command.args(["-i", "eth0", "-n", "-t", "-l", "--immediate-mode", "-x"]);
        command.arg("arp or udp port 3000");
        let mut tcpdump = Program::start(command);
        tcpdump.wait_for_stderr(contains("listening on"));
        let mut client = Program::start(asks.command(lesson("lesson-discovery-client")));
        assert!(client.wait_for_exit().success());
        let is_over = |text: &str| {
            let three = |mark: &str| text.matches(mark).count() >= 3;
            three("192.0.2.1.3000 > ") && three(" > 192.0.2.255.3000") && three("IP6 ")
        };
        tcpdump.wait_for_stdout(function(is_over));
        tcpdump.press_ctrl_c();
        tcpdump.wait_for_exit();
        datagrams_are("discovery", &tcpdump.stdout());
    }

    needs::test!(browser);
    /// A page opens a WebSocket and says something, and somebody with telnet answers.
    fn browser() {
        let server = serve("lesson-browser-server");
        server.wait_for_stderr(contains("join with a browser: "));
        let said = server.stderr();
        let (_, door) = said.split_once("join with a browser: http://").expect("the address");
        let (door, _) = door.split_once('/').expect("its end");
        let mut page = TcpStream::connect(door).expect("the door is open");
        let port = page.local_addr().expect("an address").port();
        let mut listener = server.connect();
        let mut shown = String::new();
        let request = format!(
            "GET /room HTTP/1.1\r\nHost: {door}\r\nOrigin: http://{door}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        page.write_all(request.as_bytes()).expect("the server reads");
        shown += &with_direction('>', &request);
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.extend(exactly(&mut page, 1));
        }
        shown += &with_direction('<', &String::from_utf8_lossy(&answer));
        let clients = [port.to_string(), listener.port().to_string()];
        let receives = |page: &mut TcpStream, shown: &mut String| {
            let frame = exactly(page, 2);
            let frame = [&frame[..], &exactly(page, frame[1].into())].concat();
            *shown += &format!("<\n{}", shown_bytes(frame, &clients));
        };
        receives(&mut page, &mut shown);
        // The mask of RFC 6455, section 5.7.
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let masked = b"hello".iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let frame: Vec<u8> = [0x81, 0x85].into_iter().chain(mask).chain(masked).collect();
        page.write_all(&frame).expect("the server reads");
        shown += &format!(">\n{}", shown_bytes(frame, &[]));
        listener.expect(format!("{port}:hello\n"));
        listener.send("hi\r\n");
        receives(&mut page, &mut shown);
        let shown = shown.replace(door, "192.168.1.20:8080");
        conversation_is("browser", &shown);
    }

    fn exactly(stream: &mut TcpStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        io::Read::read_exact(stream, &mut bytes).expect("the server sends");
        bytes
    }

    /// Returns lines with their direction, and with the date that is on the RFC.
    fn with_direction(direction: char, head: &str) -> String {
        let lines = head.trim_end().lines().map(|line| match line.starts_with("date: ") {
            true => "date: Mon, 12 Dec 2011 08:00:00 GMT",
            false => line,
        });
        lines.map(|line| format!("{direction} {line}\n")).collect()
    }

    /// Compares what was sent and received with the file that the book includes.
    fn conversation_is(name: &str, seen: &str) {
        is_the_file(name, seen);
    }

    /// Compares datagrams, with the text that they carry, with the file that the book includes. Those
    /// of IPv6 come last: they are sent by a thread of their own.
    fn datagrams_are(name: &str, seen: &str) {
        let (mut v4, mut v6) = (String::new(), String::new());
        for packet in packets(seen) {
            let (line, dump) = packet.split_once('\n').unwrap_or((&packet, ""));
            let text = carried_text(dump);
            // The number of the question is random.
            let number = text.split(' ').nth(2).unwrap_or_default().to_string();
            let mut shown = format!("{line}\n");
            if line.contains(" UDP, ") {
                for row in text.as_bytes().chunks(64) {
                    shown += &format!("    {}\n", String::from_utf8_lossy(row).trim_end());
                }
                shown = shown.replace(&number, "00c0ffee00c0ffee");
            }
            if line.starts_with("IP6 ") { v6 += &shown } else { v4 += &shown }
        }
        is_the_file(name, &with_shown_ends(&(v4 + &v6)));
    }

    /// What tcpdump prints of each packet: a line, and below it the bytes.
    fn packets(seen: &str) -> Vec<String> {
        let mut packets: Vec<String> = Vec::new();
        for line in seen.lines().filter(|line| !line.is_empty()) {
            match packets.last_mut() {
                Some(packet) if line.starts_with('\t') => *packet += &format!("\n{line}"),
                _ => packets.push(line.to_string()),
            }
        }
        packets
    }

    /// The text of a datagram, which is behind the headers of IP and UDP.
    fn carried_text(dump: &str) -> String {
        let packet = bytes(dump);
        let ip = match packet.first() {
            Some(first) if first >> 4 == 4 => usize::from(first & 15) * 4,
            _ => 40,
        };
        String::from_utf8_lossy(packet.get(ip + 8..).unwrap_or_default()).into_owned()
    }

    /// The addresses and ports of the client, which differ from run to run, as the book shows them. In
    /// the book, the network is 192.168.1.0/24.
    fn with_shown_ends(text: &str) -> String {
        let mut ports: Vec<String> = Vec::new();
        let mut shown_word = |word: &str| {
            let end = word.trim_end_matches([',', ':']);
            let (address, port) = end.rsplit_once('.').unwrap_or((end, ""));
            let shown = match address {
                "192.0.2.2" => format!("192.168.1.21.{}", shown_port(port, &mut ports)),
                "192.0.2.1" => format!("192.168.1.20.{port}"),
                "192.0.2.255" => format!("192.168.1.255.{port}"),
                "192.0.2" => format!("192.168.1.2{}", if port == "1" { 0 } else { 1 }),
                _ if address.starts_with("fe80:") => {
                    format!("fe80::21.{}", shown_port(port, &mut ports))
                }
                _ if end.split(':').count() == 6 => "0a:00:00:00:00:21".to_string(),
                _ => end.to_string(),
            };
            // At the end of the line, or in the middle of it.
            shown + &word[end.len()..]
        };
        let lines = text.lines().map(|line| match line.starts_with(' ') {
            true => line.to_string(),
            false => line.split(' ').map(&mut shown_word).collect::<Vec<String>>().join(" "),
        });
        lines.map(|line| line + "\n").collect()
    }

    /// 50001 for the first port that is seen, and so on.
    fn shown_port(port: &str, ports: &mut Vec<String>) -> usize {
        let place = ports.iter().position(|known| known == port).unwrap_or_else(|| {
            ports.push(port.to_string());
            ports.len() - 1
        });
        50001 + place
    }

    /// What somebody says in the chat of 6.3.2, and in the encrypted one.
    const SECRET: &str = "the exam is about sockets";

    needs::test!(TCPDUMP: tls_readable);
    fn tls_readable() {
        let (wire, _chat) = a_line_goes_by("lesson-broadcast-server", "lesson-broadcast-client");
        wire.records_are("tls-readable", 4);
    }

    needs::test!(TCPDUMP: tls_unreadable);
    fn tls_unreadable() {
        let (wire, _chat) = a_line_goes_by("lesson-tls-server", "lesson-tls-client");
        wire.records_are("tls-unreadable", 4);
    }

    /// Shows the bytes, and each segment that is sent again with the same numbers again.
    const RECORDS: [&str; 2] = ["-x", "-S"];

    /// Records how one of two clients says something, and the other one hears it.
    fn a_line_goes_by(server: &str, client: &str) -> (Wire, [Program; 3]) {
        let server = serve(server);
        let clients = [(); 2].map(|()| {
            let mut command = Command::new(lesson(client));
            command.arg(server.address().to_string());
            Program::start(command)
        });
        let [mut speaker, listener] = clients;
        speaker.type_line("is anybody there?"); // until then, the listener may not have joined
        wait_until("the listener is there", || {
            let heard = listener.stdout().contains("is anybody there?");
            if !heard {
                speaker.type_line("is anybody there?");
            }
            heard
        });
        // It may have asked more than once, and the rest may still be on its way.
        speaker.type_line("good");
        listener.wait_for_stdout(contains(":good\n"));
        let wire = Wire::tapped_with(&RECORDS, server.address().port());
        speaker.type_line(SECRET);
        listener.wait_for_stdout(contains(SECRET));
        wire.wait_for("Flags [P.]", 2);
        (wire, [server, speaker, listener])
    }

    needs::test!(TCPDUMP: tls_handshake);
    fn tls_handshake() {
        let server = serve("lesson-tls-server");
        let wire = Wire::tapped_with(&RECORDS, server.address().port());
        let mut command = Command::new(lesson("lesson-tls-client"));
        command.arg(server.address().to_string());
        let mut client = Program::start(command);
        client.wait_for_stderr(contains("the server has proved"));
        wire.wait_for("Flags [P.]", 4); // the last one is that of the tickets
        client.close_stdin();
        client.wait_for_exit();
        wire.wait_for("[F", 2);
        wire.records_are("tls-handshake", 2);
    }

    impl Wire {
        /// Compares what was sent with the file that the book includes: who has sent which records of
        /// TLS, or which text. What is encrypted differs each time, and the length of a signature too.
        /// Shows so many rows of each segment.
        fn records_are(mut self, name: &str, rows: usize) {
            self.tcpdump.press_ctrl_c();
            self.tcpdump.wait_for_exit();
            let mut seen = String::new();
            let mut segments = std::collections::HashSet::new();
            let (mut below, mut is_again) = (0, false);
            for line in self.shown(&self.tcpdump.stdout()).lines() {
                if line.starts_with(' ') {
                    below += 1;
                    match below - rows.min(below) {
                        _ if is_again => {}
                        0 => seen += &format!("{line}\n"),
                        1 => seen += "    ...\n",
                        _ => {}
                    }
                    continue;
                }
                below = 0;
                let (ends, rest) = line.split_once(": ").expect("who sends to whom");
                // On a busy machine TCP may repeat a segment.
                let numbers = parts(rest).into_iter().find(|part| {
                    part.starts_with("seq ") && part.contains(':')
                });
                is_again = numbers.is_some_and(|seq| !segments.insert(format!("{ends} {seq}")));
                if is_again {
                    continue;
                }
                let kept = parts(rest).into_iter().filter(|part| {
                    !part.starts_with("seq ") && !part.starts_with("ack ")
                });
                let rest = kept.collect::<Vec<_>>().join(", ");
                if rest != "Flags [.], length 0" {
                    seen += &format!("{ends}: {rest}\n");
                }
            }
            let file = repository().join("book/src/captures").join(name).with_extension("txt");
            let known = fs::read_to_string(&file).unwrap_or_default();
            if env::var_os("SNAPSHOTS").is_some_and(|wish| wish == "overwrite")
                && records(&known) != records(&seen)
            {
                fs::write(&file, &seen).expect("the file can be written");
            }
            assert_eq!(records(&seen), records(&read(file)), "what was captured now:\n{seen}");
            assert_eq!(seen.contains("exam"), name == "tls-readable", "{seen}");
        }
    }

    /// Returns what was sent in each direction: the flags, and the text or the type of the first record.
    fn records(capture: &str) -> Vec<String> {
        let mut records: Vec<String> = Vec::new();
        for line in capture.lines() {
            if !line.starts_with(' ') {
                records.push(line.split(", length").next().unwrap_or_default().to_string());
            } else if let Some(record) = records.last_mut().filter(|record| record.ends_with(']')) {
                let text = line.trim_end();
                let is_tls = text.trim_start().get(3..5) == Some("03");
                *record += if is_tls { &text[..9] } else { text };
            }
        }
        records.sort(); // the two directions are independent of each other
        records
    }

    impl Wire {
        fn tapped_with(options: &[&str], port: u16) -> Wire {
            let mut command = Command::new("tcpdump");
            command.args(options);
            Wire::tapped_by(command, port, "")
        }
    }
} {} }

fn serve(package: &str) -> Program {
    Program::server(lesson(package))
}

/// How tcpdump shows a datagram that is sent only to see whether tcpdump shows it.
const PROBE: &str = ": UDP, length 0";

/// The capture of the loopback interface.
struct Wire {
    port: u16,
    tcpdump: Program,
}

impl Wire {
    fn tapped(port: u16, filter: &str) -> Wire {
        Wire::tapped_by(Command::new("tcpdump"), port, filter)
    }

    fn tapped_by(mut command: Command, port: u16, filter: &str) -> Wire {
        command.args(["-i", "lo", "-n", "-t", "-l", "--immediate-mode"]);
        // The same number may be a client's port at another of the machine's addresses.
        let both_ends = "src host 127.0.0.1 and dst host 127.0.0.1";
        let probe = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let own = probe.local_addr().expect("its address");
        let probes = format!("udp port {}", own.port());
        command.arg(format!("({both_ends} and tcp port {port}{filter}) or {probes}"));
        let tcpdump = Program::start(command);
        // On a busy machine it has missed a handshake, although it said that it was listening.
        wait_until("tcpdump shows what is sent", || {
            probe.send_to(b"", own).expect("loopback takes it");
            thread::sleep(Duration::from_millis(10));
            tcpdump.stdout().contains(PROBE)
        });
        Wire { port, tcpdump }
    }

    /// Waits until `count` segments that contain `mark` have been captured.
    fn wait_for(&self, mark: &str, count: usize) {
        self.tcpdump.wait_for_stdout(function(|text: &str| text.matches(mark).count() >= count));
    }

    /// Compares the capture with the file that the book includes.
    fn is(mut self, name: &str) {
        // tcpdump prints what it has captured before it ends.
        self.tcpdump.press_ctrl_c();
        self.tcpdump.wait_for_exit();
        let seen = self.shown(&self.tcpdump.stdout());
        let file = repository().join("book/src/captures").join(name).with_extension("txt");
        if env::var_os("SNAPSHOTS").is_some_and(|wish| wish == "overwrite") {
            let known = fs::read_to_string(&file).unwrap_or_default();
            if essence(&known) != essence(&seen) {
                fs::create_dir_all(file.parent().expect("a folder")).expect("the folder");
                fs::write(&file, &seen).expect("the file can be written");
            }
        }
        let shown = read(file);
        assert_eq!(essence(&seen), essence(&shown), "what was captured now:\n{seen}");
    }

    /// Returns the lines as the book shows them.
    fn shown(&self, text: &str) -> String {
        let mut clients: Vec<String> = Vec::new();
        let mut shown = String::new();
        // A late acknowledgement of what was sent before we listened would be taken for the first client.
        let is_late = |packet: &&str| packet.contains("Flags [.], ack ");
        let packets = text.split("IP ").skip(1).filter(|packet| !packet.contains(PROBE));
        for packet in packets.skip_while(is_late) {
            let (line, dump) = packet.split_once('\n').unwrap_or((packet, ""));
            let (ends, rest) = line.split_once(": ").expect("who sends to whom");
            let ends: Vec<String> =
                ends.split(" > ").map(|end| self.shown_end(end, &mut clients)).collect();
            // Before a connection is established, tcpdump shows the numbers as they are: random.
            let connected = rest.starts_with("Flags [.]")
                || rest.starts_with("Flags [P")
                || rest.starts_with("Flags [F");
            let parts: Vec<&str> = parts(rest)
                .into_iter()
                .filter(|part| !part.starts_with("win ") && !part.starts_with("options "))
                .filter(|part| connected || part.starts_with("Flags") || part.starts_with("length"))
                .collect();
            shown += &format!("{}: {}\n", ends.join(" > "), parts.join(", "));
            shown += &shown_bytes(carried(dump), &clients);
        }
        shown
    }

    /// Returns an end as the book shows it: `127.0.0.1.50001` for the first client, and so on, and
    /// port 3000 for the server.
    fn shown_end(&self, end: &str, clients: &mut Vec<String>) -> String {
        let (ip, port) = end.rsplit_once('.').expect("an address and a port");
        if port == self.port.to_string() {
            return format!("{ip}.3000");
        }
        let place = clients.iter().position(|client| client == port).unwrap_or_else(|| {
            clients.push(port.to_string());
            clients.len() - 1
        });
        format!("{ip}.{}", 50001 + place)
    }
}

/// Returns the data of a segment: the packet that tcpdump shows in hexadecimal digits, without
/// headers.
fn carried(dump: &str) -> Vec<u8> {
    let packet = bytes(dump);
    let Some(version_and_words) = packet.first() else { return packet };
    let tcp = usize::from(version_and_words & 15) * 4;
    packet[tcp + usize::from(packet[tcp + 12] >> 4) * 4..].to_vec()
}

/// Returns the bytes of a packet that tcpdump shows in hexadecimal digits.
fn bytes(dump: &str) -> Vec<u8> {
    let digits = dump.lines().filter_map(|line| line.trim_start().strip_prefix("0x")?.get(6..));
    let digits: String = digits.flat_map(str::split_whitespace).collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("a byte");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Formats rows of bytes, as digits and as text. The clients' ports are shown as everywhere.
fn shown_bytes(mut bytes: Vec<u8>, clients: &[String]) -> String {
    for (port, shown) in clients.iter().zip(50001..) {
        for at in 0..bytes.len() {
            if bytes[at..].starts_with(port.as_bytes()) {
                bytes[at..at + port.len()].copy_from_slice(format!("{shown}").as_bytes());
            }
        }
    }
    let mut rows = String::new();
    for row in bytes.chunks(18) {
        let digits: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let text =
            row.iter().map(|byte| if (32..127).contains(byte) { *byte as char } else { '.' });
        rows += &format!("    {:53}  {}\n", digits.join(" "), text.collect::<String>());
    }
    rows
}

/// Splits at commas, but not at those in brackets.
pub(super) fn parts(rest: &str) -> Vec<&str> {
    let mut depth = 0;
    rest.split(|c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

/// Returns for each sender the segments that are more than an acknowledgement: flags and length. A
/// FIN may travel with the last data.
fn essence(capture: &str) -> Vec<(String, Vec<String>)> {
    let mut senders: Vec<(String, Vec<String>)> = Vec::new();
    let mut last = 0;
    for line in capture.lines() {
        if line.starts_with(' ') {
            senders[last].1.push(line.into());
            continue;
        }
        let (ends, rest) = line.split_once(": ").expect("who sends to whom");
        if rest.starts_with("Flags [.]") && rest.ends_with("length 0") {
            continue;
        }
        let parts = parts(rest);
        let segment = match parts[0] {
            "Flags [F.]" | "Flags [FP.]" => "FIN".to_string(),
            flags => format!("{flags}, {}", parts[parts.len() - 1]),
        };
        last = senders.iter().position(|(sender, _)| sender == ends).unwrap_or(senders.len());
        if last == senders.len() {
            senders.push((ends.to_string(), Vec::new()));
        }
        senders[last].1.push(segment);
    }
    senders.sort();
    senders
}

fn read(file: PathBuf) -> String {
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("cannot read {file:?}: {error}"))
}
