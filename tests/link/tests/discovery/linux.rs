//! Runs the tests, each in a network of its own, in which the ports are 3000 as in the book.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::thread;
use std::time::Instant;

use harness::lan::{Machine, Switch, lan};
use harness::{
    DEADLINE, Program, lesson, prints_in_the_end, resident_memory, wait_until, while_repeating,
};
use lesson_discovery_server::{LONGEST, Message};
use needs::NAMESPACE;
use predicates::str::contains;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Protocol, Socket, Type};

const SERVER: &str = "lesson-discovery-server";
const CLIENT: &str = "lesson-discovery-client";

/// Calls `function` on `machine`. A socket that it returns stays there.
fn inside<T: Send>(machine: &Machine, function: impl FnOnce() -> T + Send) -> T {
    let namespace = File::open(machine.namespace()).expect("a network namespace");
    let call = move || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("the right to enter it");
        function()
    };
    // Only a thread of its own goes there.
    thread::scope(|scope| scope.spawn(call).join().expect("a thread that does not panic"))
}

fn server(machine: &Machine, arguments: &[&str]) -> Program {
    let mut command = machine.command(lesson(SERVER));
    command.args(arguments);
    Program::server_from(command)
}

/// Starts the client on `machine`.
fn client(machine: &Machine, arguments: &[&str]) -> Program {
    let mut command = machine.command(lesson(CLIENT));
    command.args(arguments);
    Program::start(command)
}

/// What the client prints for a chat.
fn chat(name: &str, ip: &str, port: u16) -> Vec<String> {
    vec![
        format!("发现聊天室：{name}（来自 {ip}）"),
        format!("cargo run -p lesson-broadcast-client -- {ip}:{port}"),
    ]
}

needs::test!(NAMESPACE: a_chat_on_another_machine_is_found_by_broadcast);
fn a_chat_on_another_machine_is_found_by_broadcast() {
    let (_switch, [serves, asks]) = lan();
    let server = server(&serves, &["0.0.0.0:3000"]);
    prints_in_the_end(chat("聊天室", "192.0.2.1", 3000), || client(&asks, &[]));
    server.wait_for_line("192.0.2.2 在找聊天室");
}

/// What the client on `asks` prints for a chat on `serves`, which it has reached over IPv6. Both have the
/// network at an interface of this name.
fn chat_over_ipv6(name: &str, asks: &Machine, serves: &Machine, interface: &str) -> Vec<String> {
    let addresses = serves.run(&format!("ip -6 -oneline address show dev {interface} scope link"));
    let (_, rest) = addresses.split_once("inet6 ").expect("an address of IPv6");
    let ip = rest.split('/').next().expect("an address");
    let link = asks.run(&format!("ip -oneline link show dev {interface}"));
    let index = link.split(':').next().expect("the number of the interface");
    vec![
        format!("发现聊天室：{name}（来自 {ip}）"),
        format!("cargo run -p lesson-broadcast-client -- \"[{ip}%{index}]:3000\""),
    ]
}

needs::test!(NAMESPACE: a_chat_on_another_machine_is_found_by_multicast_of_ipv6_and_joined);
fn a_chat_on_another_machine_is_found_by_multicast_of_ipv6_and_joined() {
    let (_switch, [serves, asks]) = lan();
    asks.run("ip -4 address flush dev eth0"); // so that there is no other way
    let mut chat_server = serves.command(lesson("lesson-broadcast-server"));
    chat_server.arg("[::]:3000");
    let chat_server = Program::server_from(chat_server);
    let _server = server(&serves, &["[::]:3000", "--name", "三班"]);
    lesson("lesson-broadcast-client");
    prints_in_the_end(chat_over_ipv6("三班", &asks, &serves, "eth0"), || {
        let mut client = client(&asks, &["--join"]);
        client.close_stdin();
        client
    });
    chat_server.wait_for_line("有客户端退出了");
}

needs::test!(NAMESPACE: over_ipv6_every_network_is_asked_and_every_network_is_answered);
fn over_ipv6_every_network_is_asked_and_every_network_is_answered() {
    let (_switch, [serves, asks]) = lan();
    let (other_switch, elsewhere) = (Switch::new(), Machine::new());
    other_switch.plug(&elsewhere, 1, 3);
    other_switch.plug(&asks, 1, 4);
    asks.run("ip -4 address flush dev eth0; ip -4 address flush dev eth1");
    let servers = [&serves, &elsewhere].map(|machine| server(machine, &["[::]:3000"]));
    let mut expected = chat_over_ipv6("聊天室", &asks, &serves, "eth0");
    expected.extend(chat_over_ipv6("聊天室", &asks, &elsewhere, "eth1"));
    prints_in_the_end(expected, || client(&asks, &[]));
    drop(servers);

    let _server = server(&asks, &["[::]:3000"]);
    for (machine, interface) in [(&serves, "eth0"), (&elsewhere, "eth1")] {
        let expected = chat_over_ipv6("聊天室", machine, &asks, interface);
        prints_in_the_end(expected, || client(machine, &[]));
    }
}

/// A datagram as it is on the wire, with a sender's address of our choice.
fn forged(from: Ipv4Addr, to: Ipv4Addr, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let length = |length: usize| u16::try_from(length).expect("a short packet").to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(length(28 + payload.len()));
    // No fragments, 64 hops, UDP; the kernel fills the checksum in.
    packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(ports.0.to_be_bytes());
    packet.extend(ports.1.to_be_bytes());
    packet.extend(length(8 + payload.len()));
    packet.extend([0, 0]); // no checksum, which UDP over IPv4 allows
    packet.extend(payload);
    packet
}

/// A socket of `machine` that sends packets as they are.
fn raw(machine: &Machine) -> Socket {
    inside(machine, || {
        Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255)))
            .expect("the right, which is root's")
    })
}

/// Plays a server on `machine`: waits for a question, and returns it with the asker's address.
fn question_at(machine: &Machine) -> (UdpSocket, u64, SocketAddr) {
    let socket = inside(machine, || UdpSocket::bind("0.0.0.0:3000").expect("a free port"));
    let (id, asker) = next_question(&socket);
    (socket, id, asker)
}

fn next_question(socket: &UdpSocket) -> (u64, SocketAddr) {
    socket.set_read_timeout(Some(DEADLINE)).expect("set a time-out");
    let mut buffer = [0; LONGEST + 1];
    let (length, asker) = socket.recv_from(&mut buffer).expect("a question");
    assert_eq!(length, LONGEST);
    match Message::parse(&buffer[..length]) {
        Some(Message::Who { id }) => (id, asker),
        other => panic!("no question: {other:?}"),
    }
}

needs::test!(NAMESPACE: all_who_serve_a_chat_are_found);
fn all_who_serve_a_chat_are_found() {
    let (_switch, [one, two, asks]) = lan();
    let _one = server(&one, &["0.0.0.0:3000", "--name", "one"]);
    let _two = server(&two, &["0.0.0.0:3000", "--name", "two", "--chat", "3001"]);
    let (one, two) = (chat("one", "192.0.2.1", 3000), chat("two", "192.0.2.2", 3001));
    prints_in_the_end([one, two.clone()].concat(), || client(&asks, &[]));
    // A question to one address is answered there alone.
    prints_in_the_end(two, || client(&asks, &["192.0.2.2:3000"]));
}

needs::test!(NAMESPACE: every_network_of_the_client_is_asked);
fn every_network_of_the_client_is_asked() {
    let (_switch, [serves, asks]) = lan();
    let (other_switch, elsewhere) = (Switch::new(), Machine::new());
    other_switch.plug(&elsewhere, 1, 3);
    other_switch.plug(&asks, 1, 4);
    let _servers = [&serves, &elsewhere, &asks].map(|machine| server(machine, &["0.0.0.0:3000"]));
    let addresses = ["127.0.0.1", "192.0.2.1", "192.0.2.2", "198.51.100.3", "198.51.100.4"];
    let expected = addresses.map(|ip| chat("聊天室", ip, 3000)).concat();
    prints_in_the_end(expected, || client(&asks, &[]));
}

needs::test!(NAMESPACE: a_server_on_loopback_or_on_one_address_hears_no_broadcast);
fn a_server_on_loopback_or_on_one_address_hears_no_broadcast() {
    let (_switch, [serves, asks]) = lan();
    let nobody = "nobody has answered within a second; asked: 127.0.0.1:3000, 192.0.2.255:3000, ";
    let only_here = server(&serves, &[]);
    only_here.wait_for_stderr(contains("only this machine may ask (0.0.0.0:3000: everybody)"));
    let mut asked = client(&asks, &[]);
    assert_eq!(asked.wait_for_exit().code(), Some(1));
    assert!(asked.stderr().contains(nobody), "{}", asked.stderr());
    drop(only_here);

    let at_one_address = server(&serves, &["192.0.2.1:3000"]);
    at_one_address.wait_for_stderr(contains("only clients that are told 192.0.2.1 may ask"));
    let mut asked = client(&asks, &[]);
    assert_eq!(asked.wait_for_exit().code(), Some(1));
    prints_in_the_end(chat("聊天室", "192.0.2.1", 3000), || client(&asks, &["192.0.2.1:3000"]));
}

needs::test!(NAMESPACE: an_impostor_is_shown_with_its_own_address);
fn an_impostor_is_shown_with_its_own_address() {
    let (_switch, [serves, asks, lies]) = lan();
    let _server = server(&serves, &["0.0.0.0:3000"]);
    let name = "聊天室（来自 192.0.2.1）";
    let expected = [chat("聊天室", "192.0.2.1", 3000), chat(name, "192.0.2.3", 6666)].concat();
    prints_in_the_end(expected, || {
        let client = client(&asks, &[]);
        let (socket, id, asker) = question_at(&lies);
        let answer = Message::Here { id, port: 6666, name }.line();
        socket.send_to(answer.as_bytes(), asker).expect("it is sent");
        client
    });
}

needs::test!(NAMESPACE: an_answer_with_a_forged_sender_has_to_know_the_number_of_the_question);
fn an_answer_with_a_forged_sender_has_to_know_the_number_of_the_question() {
    let (_switch, [_serves, asks, lies]) = lan();
    let raw = raw(&lies);
    // Nothing in a datagram proves who has sent it.
    prints_in_the_end(chat("overheard", "192.0.2.1", 6666), || {
        let client = client(&asks, &[]);
        let (_socket, id, asker) = question_at(&lies);
        let IpAddr::V4(asker_ip) = asker.ip() else { panic!("{asker} is of IPv4") };
        for (id, name) in [(id ^ 1, "guessed"), (id, "overheard")] {
            let answer = Message::Here { id, port: 6666, name }.line();
            let ports = (3000, asker.port());
            let packet = forged([192, 0, 2, 1].into(), asker_ip, ports, answer.as_bytes());
            raw.send_to(&packet, &asker.into()).expect("it is sent");
        }
        client
    });
}

needs::test!(NAMESPACE: a_question_that_is_lost_is_asked_again);
fn a_question_that_is_lost_is_asked_again() {
    let (switch, [serves, asks, listens]) = lan();
    let server = server(&serves, &["0.0.0.0:3000"]);
    server.wait_for_line("server listening at port 3000"); // the last one before a question
    prints_in_the_end(chat("聊天室", "192.0.2.1", 3000), || {
        switch.cut(1);
        let asked = server.lines();
        let client = client(&asks, &[]);
        let (socket, id, _) = question_at(&listens);
        assert_eq!(server.lines(), asked, "the server has not heard this one");
        switch.restore(1);
        assert_eq!(next_question(&socket).0, id, "the same question");
        client
    });
}

needs::test!(NAMESPACE: a_datagram_of_many_packets_arrives_whole_and_does_no_harm);
fn a_datagram_of_many_packets_arrives_whole_and_does_no_harm() {
    let (_switch, [serves, asks]) = lan();
    let server = server(&serves, &["0.0.0.0:3000"]);
    let socket = inside(&asks, || UdpSocket::bind("0.0.0.0:0").expect("a free port"));
    let largest = vec![b'x'; 65_507];
    // Of its 45 packets, one may find no room on a busy machine, and then all are lost.
    wait_until("a datagram of 65,507 bytes has arrived", || {
        socket.send_to(&largest, "192.0.2.1:3000").expect("it is sent");
        server.stderr().contains("192.0.2.2 has sent 65507 bytes that ask nothing")
    });
    prints_in_the_end(chat("聊天室", "192.0.2.1", 3000), || client(&asks, &[]));
}

needs::test!(NAMESPACE: a_flood_from_one_machine_is_answered_at_a_bounded_rate_and_others_as_before);
fn a_flood_from_one_machine_is_answered_at_a_bounded_rate_and_others_as_before() {
    let (_switch, [serves, asks, floods]) = lan();
    let server = server(&serves, &["0.0.0.0:3000"]);
    prints_in_the_end(chat("聊天室", "192.0.2.1", 3000), || client(&asks, &[]));
    let memory = || resident_memory(server.process_id()).expect("Linux tells it");
    let before = memory();
    let socket = inside(&floods, || UdpSocket::bind("0.0.0.0:0").expect("a free port"));
    socket.set_nonblocking(true).expect("a socket that does not wait");
    let question = Message::Who { id: 1 }.line();
    let mut answers = 0;
    let begun = Instant::now();
    let sent = while_repeating(
        |_| {
            let _ = socket.send_to(question.as_bytes(), "192.0.2.1:3000"); // it may find no room
            while socket.recv_from(&mut [0; LONGEST]).is_ok() {
                answers += 1;
            }
        },
        || {
            (0..3).for_each(|_| {
                prints_in_the_end(chat("聊天室", "192.0.2.1", 3000), || client(&asks, &[]))
            })
        },
    );
    let seconds = begun.elapsed().as_secs_f64();
    let most = 12.0 * (2.0 + seconds / 10.0) + 3.0 * seconds;
    assert!(answers >= 10 && f64::from(answers) <= most, "{answers} in {seconds} s");
    assert!(memory() < before + 4 * 1024 * 1024, "from {before} bytes to {}", memory());
    println!("{sent} questions in {seconds:.1} s, {answers} answers");
}

needs::test!(NAMESPACE: a_flood_of_questions_with_forged_senders_does_not_stop_the_server);
fn a_flood_of_questions_with_forged_senders_does_not_stop_the_server() {
    let (_switch, [serves, asks, floods]) = lan();
    let server = server(&serves, &["0.0.0.0:3000"]);
    let raw = raw(&floods);
    let question = Message::Who { id: 1 }.line();
    // Nobody has these addresses, so the server's system looks for them in vain.
    let packets = (10..250).map(|last| {
        forged([192, 0, 2, last].into(), [192, 0, 2, 1].into(), (5000, 3000), question.as_bytes())
    });
    let packets: Vec<Vec<u8>> = packets.collect();
    let to = SocketAddr::from(([192, 0, 2, 1], 3000)).into();
    let begun = Instant::now();
    let sent = while_repeating(
        |number| drop(raw.send_to(&packets[number % packets.len()], &to)),
        || {
            // With a smaller buffer, it is full of answers to nobody for as long as the flood lasts.
            let room = std::fs::read_to_string("/proc/sys/net/core/wmem_max").expect("a limit");
            match room.trim().parse::<usize>().expect("a number") >= 4 * 1024 * 1024 {
                true => (0..3).for_each(|_| {
                    prints_in_the_end(chat("聊天室", "192.0.2.1", 3000), || client(&asks, &[]))
                }),
                false => wait_until("the flood is there", || server.lines().len() > 240),
            }
        },
    );
    prints_in_the_end(chat("聊天室", "192.0.2.1", 3000), || client(&asks, &[]));
    println!("{sent} questions in {:.1} s", begun.elapsed().as_secs_f64());
}

needs::test!(NAMESPACE: without_any_network_it_says_so);
fn without_any_network_it_says_so() {
    let machine = Machine::without_loopback();
    let mut client = client(&machine, &[]);
    assert_eq!(client.wait_for_exit().code(), Some(1));
    assert_eq!(client.stdout(), "");
    let expected = "Error: cannot ask anybody: this machine is on no network\n\
                    Is its cable in, or its Wi-Fi on?\n";
    assert_eq!(client.stderr(), expected);
}

needs::test!(NAMESPACE: a_network_that_the_system_does_not_let_it_ask_is_named_and_the_others_are_asked);
fn a_network_that_the_system_does_not_let_it_ask_is_named_and_the_others_are_asked() {
    let (_switch, [serves, asks]) = lan();
    let _server = server(&serves, &["[::]:3000"]);
    for (kind, cause) in [("prohibit", "Permission denied"), ("unreachable", "No route to host")] {
        asks.run(&format!(
            "ip route del table local broadcast 192.0.2.255 dev eth0 || true
            ip route replace {kind} 192.0.2.255"
        ));
        let mut asked = client(&asks, &[]);
        asked.wait_for_exit();
        let said = asked.stderr();
        let complaint = said.lines().next().unwrap_or_default();
        let expected = format!("cannot ask 192.0.2.255:3000: {cause} ");
        assert!(complaint.starts_with(&expected), "{said}");
        assert_eq!(said.matches("cannot ask").count(), 1, "{said}");
        // Over IPv6 it is found nevertheless.
        wait_until("the other networks are asked", || {
            let mut client = client(&asks, &[]);
            client.wait_for_exit();
            client.stdout().contains("fe80::")
        });
    }
}
