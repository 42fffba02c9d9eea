//! Tests every server lesson against clients that do what no client should. After each of them, two
//! honest clients must still be served.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;

use harness::{
    Peer, Program, against_every_server, expect_service, is_chat_server, lesson, open_descriptors,
    resident_memory, threads, wait_until,
};
use predicates::prelude::*;

against_every_server! {
    one_byte_at_a_time
    a_character_over_three_segments
    half_close
    reset
    connect_and_leave_500_times
    every_byte_there_is
    telnet_negotiation
    megabytes_without_a_newline
    never_reads
    white_space_only
    a_second_instance_on_the_port
    stdout_closed
    restart_at_once_with_clients_connected
}

fn server(package: &str) -> Program {
    Program::server(lesson(package))
}

/// Sends each byte of `text` in a segment of its own, as far as we can cause that: before the next
/// byte, waits until the server has answered, or until another client's line has gone round. Nobody
/// may see a broken half of a character.
fn send_byte_by_byte(package: &str, server: &Program, text: &str) {
    let mut listener = server.connect();
    let (mut client, mut other) = (server.connect(), server.connect());
    for (number, byte) in text.bytes().enumerate() {
        client.send([byte]);
        if package == "lesson-bidirectional-server" {
            client.expect("我吃的小豆包");
        } else if is_chat_server(package) {
            other.send(format!("{number}\n"));
            client.skip_to(format!("{}:{number}\n", other.port()));
        }
    }
    if is_chat_server(package) {
        client.send("\n");
        // It may have arrived as one message or as several, with the other client's between them.
        let label = format!("{}:", client.port());
        let mut heard = String::new();
        while heard != text {
            heard += listener.line().strip_prefix(&label).unwrap_or_default();
            assert!(text.starts_with(&heard), "of {text:?}, {heard:?} arrived");
        }
    }
    expect_service(package, server);
    assert!(!server.stdout().contains('\u{fffd}'), "no broken halves on the screen");
}

fn one_byte_at_a_time(package: &str) {
    send_byte_by_byte(package, &server(package), "Hello,服务器!");
}

fn a_character_over_three_segments(package: &str) {
    let server = server(package);
    send_byte_by_byte(package, &server, "你");
    if package == "lesson-bidirectional-server" {
        server.wait_for_line("你");
    }
}

fn half_close(package: &str) {
    let server = server(package);
    let mut client = server.connect();
    client.send("and that is all");
    client.half_close();
    client.read_to_end();
    expect_service(package, &server);
}

fn reset(package: &str) {
    let server = server(package);
    server.connect().reset();
    let mut client = server.connect();
    client.send("before the reset");
    client.reset();
    expect_service(package, &server);
}

fn connect_and_leave_500_times(package: &str) {
    let server = server(package);
    expect_service(package, &server);
    // Those two may still be counted here, but they are only two, and 500 more follow.
    let process = server.process_id();
    let before = (open_descriptors(process), threads(process));
    for number in 0..500 {
        let mut client = server.connect();
        match number % 3 {
            0 => drop(client),
            1 => client.reset(),
            _ => client.half_close(),
        }
    }
    expect_service(package, &server);
    wait_until("the descriptors and threads of clients that have left are free again", || {
        open_descriptors(process) <= before.0 && threads(process) <= before.1
    });
}

fn every_byte_there_is(package: &str) {
    let server = server(package);
    let all: Vec<u8> = (0..=255).collect();
    let mut listener = server.connect();
    let mut client = server.connect();
    client.send(&all);
    client.send(b"\0\xc3\x28\xed\xa0\x80\xf0\x9f\xff");
    client.half_close();
    client.read_to_end();
    if is_chat_server(package) {
        let port = format!("{}:", client.port());
        // The newline, the tenth byte, separates two messages. White space around it is removed,
        // and so is the last byte, which begins a command of telnet.
        let second = &all[14..255];
        listener.expect([port.as_bytes(), &all[..9], b"\n", port.as_bytes(), second].concat());
    }
    expect_service(package, &server);
    let harmful = predicate::function(|text: &str| {
        text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
    });
    assert!(!harmful.eval(&server.stdout()), "a control character has reached the screen");
}

fn telnet_negotiation(package: &str) {
    let server = server(package);
    let mut client = server.connect();
    client.send(b"\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0");
    client.send("hello\r\n");
    expect_service(package, &server);
}

fn megabytes_without_a_newline(package: &str) {
    // Nobody needs to see them on the screen.
    let server = with_closed_stdout(&lesson(package), "127.0.0.1:0");
    expect_service(package, &server);
    let before = resident_memory(server.process_id());
    let mut client = server.connect();
    let answers = client.stream().try_clone().expect("a second handle");
    let reader = thread::spawn(move || Peer::over(answers).wait_until_closed());
    // 6.3.2 slows down such a fast client: after ten minutes it would still be reading fifty
    // megabytes. 7.6 waits for NATS after every 64 KiB, which takes time on a busy machine. What it
    // keeps of a line is bounded by `Lines`, which has its own tests.
    let megabytes = match package {
        "lesson-broadcast-server" => 1,
        "lesson-ordered-cluster-server" => 20,
        _ => 50,
    };
    for _ in 0..megabytes {
        client.send([b'x'; 1024 * 1024]);
    }
    client.half_close();
    reader.join().expect("the server ends what the client has ended");
    if let (Some(before), Some(after)) = (before, resident_memory(server.process_id())) {
        let grown = after.saturating_sub(before);
        assert!(grown < 16 * 1024 * 1024, "the memory has grown by {grown} bytes");
    }
    expect_service(package, &server);
}

fn never_reads(package: &str) {
    let server = server(package);
    let client = server.connect();
    client.stream().set_nonblocking(true).expect("writes that do not wait");
    // Sends until the server stops accepting, because its answers are not read, or until 8 MiB are
    // sent. In a chat others receive it, so it sends no more than the clients that check the
    // service next can handle.
    let most = if is_chat_server(package) { 256 } else { 8 * 1024 };
    for _ in 0..most {
        if (&mut client.stream()).write(&[b'x'; 1024]).is_err() {
            break;
        }
    }
    expect_service(package, &server);
}

fn white_space_only(package: &str) {
    let server = server(package);
    let mut listener = server.connect();
    let mut client = server.connect();
    client.send(" \t\r\n\n\n \x0b\x0c\r\n\u{3000}\u{a0}\u{2028}\u{feff}\r\n");
    client.send("\n");
    client.half_close();
    client.read_to_end();
    if is_chat_server(package) {
        let mut other = server.connect();
        other.send("not blank");
        listener.expect(format!("{}:not blank\n", other.port()));
    }
    expect_service(package, &server);
}

fn a_second_instance_on_the_port(package: &str) {
    let first = server(package);
    let address = first.address().to_string();
    let mut second = Program::start({
        let mut command = Command::new(lesson(package));
        command.arg(&address);
        command
    });
    assert_eq!(second.wait_for_exit().code(), Some(1));
    assert_eq!(second.stdout(), "");
    let error = second.stderr();
    assert!(error.contains(&format!("cannot listen on {address}: ")), "{error}");
    assert!(error.contains("pass another port"), "{error}");
    expect_service(package, &first);
}

fn stdout_closed(package: &str) {
    let server = with_closed_stdout(&lesson(package), "127.0.0.1:0");
    expect_service(package, &server);
    expect_service(package, &server);
    expect_nothing_but_the_address(&server);
}

/// Checks that the server has printed on stderr where it listens, and nothing more. (An edge of 7.5
/// also says that there is no NATS, one of 7.6 that it has found it, the server of 8.2 where its
/// certificate is, and that of 8.3 where its page is.)
fn expect_nothing_but_the_address(server: &Program) {
    let said = server.stderr();
    let is_more = |line: &&str| {
        let more = [
            "NATS",
            "nats",
            "joined the other edges",
            "certificate: ",
            "join with a browser",
            "(only on this",
        ];
        more.iter().any(|more| line.contains(more))
    };
    let lines = said.lines().filter(|line| !is_more(line)).count();
    assert_eq!(lines, 1, "{said}");
}

fn restart_at_once_with_clients_connected(package: &str) {
    let mut first = server(package);
    let address = first.address().to_string();
    let clients: Vec<Peer> = (0..5).map(|_| first.connect()).collect();
    expect_service(package, &first);
    first.kill();
    let mut command = Command::new(lesson(package));
    command.arg(&address);
    let second = Program::server_from(command);
    expect_service(package, &second);
    drop(clients);
}

fn with_closed_stdout(program: &Path, address: &str) -> Program {
    let mut command = Command::new(program);
    command.arg(address);
    Program::with_closed_stdout(command).listening()
}

/// Tests that only Linux allows.
#[cfg(target_os = "linux")]
mod on_linux {
    use super::*;
    use harness::{
        against_every_chat_server, backlog, processor_time, sleeping_threads, with_full_stdout,
        with_limit,
    };
    use std::time::{Duration, Instant};

    against_every_server! {
        two_hundred_idle_clients
        out_of_file_descriptors
        out_of_threads
        stdout_on_a_full_disk
    }

    against_every_chat_server! {
        reset_while_somebody_speaks
    }

    /// Lets a second pass. This is not a hope that something happens meanwhile, but a check that
    /// nothing does.
    fn for_a_second() {
        thread::sleep(Duration::from_secs(1));
    }

    fn two_hundred_idle_clients(package: &str) {
        let server = server(package);
        let process = server.process_id();
        let idle: Vec<Peer> = (0..200).map(|_| server.connect()).collect();
        expect_service(package, &server);
        if package.ends_with("cluster-server") {
            return; // 7.5 looks for NATS once a second, and 7.6 asks it whether the stream has grown
        }
        let mut asleep = None;
        wait_until("all threads have gone to sleep", || {
            // Twice, because a thread that we have looked at may be woken by one that we have not.
            asleep = sleeping_threads(process);
            asleep.is_some() && asleep == sleeping_threads(process)
        });
        for_a_second();
        let now = sleeping_threads(process);
        assert_eq!(now, asleep, "a thread has run although nothing happened");
        drop(idle);
        expect_service(package, &server);
    }

    /// Connects more clients than there is room for. The server has to report that once, wait
    /// without using the processor, and serve again when there is room.
    fn too_many(package: &str, mut command: Command) {
        command.arg("127.0.0.1:0");
        let server = Program::server_from(command);
        let (address, process) = (server.address(), server.process_id());
        server.first_lines(1); // by now it has all that it needs at first
        let in_use = || (open_descriptors(process), threads(process));
        let in_use_by_nobody = in_use();
        let mut clients: Vec<Peer> = (0..60).map(|_| server.connect()).collect();
        server.wait_for_stderr(predicate::str::contains("cannot take in another client for now: "));

        let (start, before) = (Instant::now(), processor_time(process));
        for_a_second();
        let used = processor_time(process).zip(before).map(|(after, before)| after - before);
        let used = used.expect("Linux tells the processor time");
        assert!(used < start.elapsed() / 4, "it has used {used:?} for waiting");
        // On a busy machine, a server that never sleeps would not get more than that.
        wait_until("it sleeps between attempts", || sleeping_threads(process).is_some());
        if is_chat_server(package) {
            // The first clients are in, and are served as if nothing were wrong.
            clients[1].send("still here\n");
            let message = format!("{}:still here\n", clients[1].port());
            clients[0].expect(message);
        }

        drop(clients);
        // A client that connects before most of them have been accepted and dropped may be refused.
        // (A server may need more than at its very beginning: tokio's runtime takes eight
        // descriptors.)
        wait_until("there is room again", || {
            let (descriptors, threads) = in_use();
            backlog(address) == Some(0)
                && descriptors <= in_use_by_nobody.0.map(|number| number + 8)
                && threads <= in_use_by_nobody.1.map(|number| number + 8)
        });
        expect_service(package, &server);
        let said = server.stderr().matches("cannot take in another client").count();
        assert_eq!(said, 1, "{}", server.stderr());
    }

    fn out_of_file_descriptors(package: &str) {
        too_many(package, with_limit("-n 20", &lesson(package)));
    }

    fn stdout_on_a_full_disk(package: &str) {
        let mut command = with_full_stdout(&lesson(package));
        command.arg("127.0.0.1:0");
        let server = Program::server_from(command);
        expect_service(package, &server);
        expect_service(package, &server);
        expect_nothing_but_the_address(&server);
    }

    /// Tests that a client that leaves while a message is on its way to it counts as having left,
    /// not as disconnected.
    fn reset_while_somebody_speaks(package: &str) {
        let server = server(package);
        let leavers: Vec<Peer> = (0..50).map(|_| server.connect()).collect();
        let (mut listener, mut speaker) = (server.connect(), server.connect());
        let mut say = |text: &str| speaker.send(format!("{text}\n"));
        // The speaker came last, so everybody is there once it is.
        say("we are all here");
        listener.line();
        // A suspended server then finds both at the same time: the lines, and the resets.
        server.suspend();
        say("goodbye");
        leavers.into_iter().for_each(Peer::reset);
        server.resume();
        server.wait_for_lines(50, "有客户端退出了");
        say("they have gone");
        listener.skip_to("they have gone");
        expect_nothing_but_the_address(&server);
    }

    needs::test!(ctrl_c_works_without_a_free_file_descriptor);
    /// Tests that Ctrl-C works even though a waiting `accept` already holds the last descriptor.
    fn ctrl_c_works_without_a_free_file_descriptor() {
        for package in ["lesson-listening-events", "lesson-greeting"] {
            for left_over in 0..=2 {
                let mut command = with_limit("-n 20", &lesson(package));
                command.arg("127.0.0.1:0");
                let mut server = Program::server_from(command);
                server.first_lines(1); // from now on it handles Ctrl-C
                let used = open_descriptors(server.process_id()).expect("Linux tells");
                let clients: Vec<Peer> =
                    (0..20 - used - left_over).map(|_| server.connect()).collect();
                server.wait_for_lines(clients.len(), "有客户端连接上来了");
                server.press_ctrl_c();
                assert_eq!(server.wait_for_exit().code(), Some(0), "with {left_over} left over");
                server.wait_for_line("服务器关闭了");
            }
        }
    }

    needs::test!(ctrl_c_works_while_there_is_no_room_for_another_thread);
    fn ctrl_c_works_while_there_is_no_room_for_another_thread() {
        for package in ["lesson-listening-events", "lesson-greeting"] {
            let mut command = with_few_threads(&lesson(package));
            command.arg("127.0.0.1:0");
            let mut server = Program::server_from(command);
            let _clients: Vec<Peer> = (0..60).map(|_| server.connect()).collect();
            let shortage = "cannot take in another client for now: ";
            server.wait_for_stderr(predicate::str::contains(shortage));
            server.press_ctrl_c();
            assert_eq!(server.wait_for_exit().code(), Some(0));
        }
    }

    fn out_of_threads(package: &str) {
        let single = [
            "lesson-event-loop-server",
            "lesson-async-server",
            "lesson-tls-server",
            "lesson-browser-server",
        ];
        if single.contains(&package) || package.ends_with("cluster-server") {
            return not_a_thread_more(package);
        }
        too_many(package, with_few_threads(&lesson(package)));
    }

    /// Limits the threads by limiting address space, because each thread reserves some for its
    /// stack. There is room for ten of the size that they have here, and half of that is left for
    /// everything else: if memory itself runs out, the process is ended.
    fn with_few_threads(program: &Path) -> Command {
        let mut command = with_limit("-v 2752512", program); // KiB
        command.env("RUST_MIN_STACK", (256 * 1024 * 1024).to_string()); // bytes
        command.env("MALLOC_ARENA_MAX", "1"); // glibc reserves more with each thread otherwise
        command
    }

    /// Tests the servers that serve everybody with the threads that they have before the first
    /// client.
    fn not_a_thread_more(package: &str) {
        let server = server(package);
        server.first_lines(1);
        let before = threads(server.process_id());
        let clients: Vec<Peer> = (0..60).map(|_| server.connect()).collect();
        expect_service(package, &server);
        assert_eq!(threads(server.process_id()), before);
        drop(clients);
    }
}

fn main() -> std::process::ExitCode {
    needs::run()
}
