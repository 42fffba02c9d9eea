//! Says what happens in each transcript. Ctrl-C is a signal here, and the texts of the system's
//! errors are those of Linux.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use harness::{
    Peer, Program, against_every_plain_chat_server, lesson, refusing, scratch, with_part_7,
};
use needs::{NAMESPACE, NODE};
use snapbox::{Data, assert_data_eq};

needs::test!(NAMESPACE: first_server);
fn first_server() {
    needs::in_own_network("linux::first_server", || {
        let mut session = Session::default();
        session.run(1, "cargo run -p lesson-first-server");
        let port_3000 = SocketAddr::from((Ipv4Addr::LOCALHOST, 3000));
        session.server = Some(port_3000);
        session.record(2, "$ nc 127.0.0.1 3000");
        session.terminals.insert(2, Terminal::Netcat(Peer::when_it_listens(port_3000)));
        session.receive_line(2);
        session.type_line(2, "Anna");
        session.receive_line(2);
        session.receive_line(2);
        session.netcat(2);
        session.receive_line(2);
        session.netcat(3);
        session.ctrl_c(2);
        session.see(1, 1);
        session.is("first-server");
    });
}

needs::test!(listening_events);
fn listening_events() {
    let mut session = Session::default();
    session.serve(1, "cargo run -p lesson-listening-events", 3000);
    session.see(1, 2);
    // The same story as in the recording that the page plays.
    session.join(2, "cargo run -p lesson-listening-events");
    session.see(2, 2);
    session.netcat(3);
    session.see(1, 1);
    session.ctrl_c(3);
    session.ctrl_c(1);
    session.see(1, 1);
    session.is("listening-events");
}

needs::test!(listening_events_port_in_use);
fn listening_events_port_in_use() {
    let mut session = Session::default();
    session.serve(1, "cargo run -p lesson-listening-events", 3000);
    session.see(1, 2);
    session.join(2, "cargo run -p lesson-listening-events");
    session.see(2, 2);
    session.serve(2, "cargo run -p lesson-listening-events -- 3001", 3001);
    session.see(2, 2);
    session.is("listening-events-port-in-use");
}

needs::test!(socket_events);
fn socket_events() {
    let mut session = Session::default();
    session.run(1, "cargo run -p lesson-socket-events");
    let lines = session.see(1, 8);
    // `localhost` stands for one address on some systems, but for two on others.
    session.mask(rest(&lines[0], "stands for "), "1 address(es): [127.0.0.1:50001]");
    session.mask(number(&lines[0], "localhost:"), "50001");
    session.mask(number(&lines[1], "from port "), "50002");
    session.mask(rest(&lines[3], "gave up after "), "100 ms of silence");
    session.mask(rest(&lines[4], "writing as many again took "), "3000 µs");
    session.mask(number(&lines[4], "drain: "), "4000000");
    session.mask(number(&lines[7], "and all "), "8000000");
    session.is("socket-events");
}

needs::test!(greeting);
fn greeting() {
    let mut session = Session::default();
    session.serve(1, "cargo run -p lesson-greeting", 3000);
    session.see(1, 2);
    session.netcat(2);
    session.see(1, 2);
    session.receive(2, "hello");
    session.ctrl_c(2);
    session.ctrl_c(1);
    session.see(1, 1);
    session.is("greeting");
}

needs::test!(online_counter);
fn online_counter() {
    let mut session = Session::default();
    session.serve(1, "cargo run -p lesson-online-counter", 3000);
    session.see(1, 2);
    for terminal in [2, 3] {
        let port = session.netcat(terminal);
        session.see(1, 1);
        session.receive(terminal, &format!("remoteAddress127.0.0.1\nremotePort{port}"));
    }
    session.ctrl_c(2);
    session.see(1, 1);
    session.ctrl_c(3);
    session.see(1, 1);
    session.is("online-counter");
}

needs::test!(two_way_talk);
fn two_way_talk() {
    let mut session = Session::default();
    session.serve(1, "cargo run -p lesson-bidirectional-server", 3000);
    session.see(1, 2);
    session.join(2, "cargo run -p lesson-bidirectional-client");
    session.see(2, 1);
    session.see(1, 1);
    session.see(2, 1);
    session.netcat(3);
    session.type_line(3, "have you eaten?");
    session.see(1, 1);
    session.receive(3, "我吃的小豆包"); // I had bean-paste buns
    session.ctrl_c(1);
    session.is("two-way-talk");
}

needs::test!(stdin_echo);
fn stdin_echo() {
    let mut session = Session::default();
    session.run(1, "cargo run -p lesson-stdin-echo");
    for text in ["hello", "    the spaces before this are trimmed", "你好"] {
        session.type_line(1, text);
        session.see(1, 1);
    }
    session.ctrl_d(1);
    session.is("stdin-echo");
}

against_every_plain_chat_server! {
    broadcast
}

against_every_plain_chat_server! {
    needs NODE:
    broadcast_with_node
}

/// Lets each newcomer speak immediately, because the clients that are already there receive it.
fn broadcast(package: &str) {
    let mut session = Session::default();
    session.serve_chat(1, package);
    session.netcat(2);
    session.join(3, "cargo run -p lesson-broadcast-client");
    session.type_line(3, "hello, who is here?");
    session.receive_line(2);
    session.join(4, "cargo run -p lesson-broadcast-client");
    session.type_line(4, "你好"); // hello
    session.receive_line(2);
    session.see(3, 1);
    session.type_line(2, "good morning from nc");
    session.see(3, 1);
    session.see(4, 1);
    session.ctrl_d(4);
    session.see(4, 1);
    session.see(1, 1);
    session.type_line(2, "one of us has gone");
    session.see(3, 1);
    session.stop_chat(1);
    session.see(3, 1);
    session.is("broadcast");
}

fn broadcast_with_node(package: &str) {
    let mut session = Session::default();
    session.serve_chat(1, package);
    session.netcat(2);
    session.join(3, "node lessons/6.3.2-broadcast-client/node/client.js");
    session.type_line(3, "hello from Node");
    session.receive_line(2);
    session.join(4, "cargo run -p lesson-broadcast-client");
    session.type_line(4, "hello from Rust");
    session.receive_line(2);
    session.see(3, 2); // console.log adds a newline to the one that has arrived
    session.stop_chat(1);
    session.see(4, 1);
    session.is("broadcast-with-node");
}

with_part_7! {{
    use std::fs;
    use std::time::Duration;

    use harness::lan::{Machine, lan};
    use harness::{Nats, wait_until};

    needs::test!(framed);
    fn framed() {
        let mut session = Session::default();
        session.serve(1, "cargo run -p lesson-framed-server", 3000);
        session.see(1, 2);
        // Not shown: a listener that knows when the first client is in the room.
        let server = session.server.expect("a server to listen to");
        let mut listener = Peer::over(TcpStream::connect(server).expect("a connection"));
        session.join(2, "cargo run -p lesson-framed-client");
        session.type_line(2, "who is here?");
        listener.skip_to("who is here?");
        session.join(3, "cargo run -p lesson-framed-client");
        session.type_line(3, "I have a picture for you");
        session.see(2, 1);
        session.shell(4, r"printf '\211PNG\r\n\032\n' > picture.png");
        session.join(4, "cargo run -p lesson-framed-client -- --file picture.png");
        session.see(2, 1);
        session.see(3, 1);
        session.see(4, 1);
        session.see(1, 1);
        session.ctrl_c(1);
        session.see(2, 1);
        session.see(3, 1);
        session.is("framed");
    }

    needs::test!(farewell);
    fn farewell() {
        let mut session = Session::default();
        session.serve(1, "cargo run -p lesson-async-server", 3000);
        session.see(1, 2);
        session.netcat(2);
        for (terminal, text) in [(3, "hello"), (4, "good evening")] {
            session.join(terminal, "cargo run -p lesson-broadcast-client");
            session.type_line(terminal, text);
            session.receive_line(2);
        }
        session.see(3, 1);
        session.ctrl_c(2);
        session.see(1, 1);
        session.ctrl_c(1);
        session.see(3, 2);
        session.see(4, 2);
        session.see(1, 2);
        session.see_exit_status(1);
        session.is("farewell");
    }

    needs::test!(tls);
    fn tls() {
        let mut session = Session::default();
        session.serve_tls(1, "cargo run -p lesson-tls-server");
        // Not shown: a listener that knows when somebody is in the room.
        let mut hidden = session.program(1).connect();
        for (terminal, text) in [(2, "你好"), (3, "the exam is about sockets")] {
            session.join(terminal, "cargo run -p lesson-tls-client");
            session.see(terminal, 1);
            session.type_line(terminal, text); // hello
            hidden.line();
        }
        session.see(2, 1);
        let port = session.netcat(4);
        session.mask(&port.to_string(), "50002");
        session.type_line(4, "hello?");
        session.receive_line(4);
        session.see(1, 1);
        session.ctrl_d(3);
        session.see(3, 1);
        session.see(1, 1);
        session.terminals.clear(); // how it ends is in another transcript
        session.is("tls");
    }

    needs::test!(tls_refused);
    fn tls_refused() {
        let mut session = Session::default();
        let _ = fs::remove_file(scratch().join("other.pem"));
        let _ = fs::remove_file(scratch().join("other.key"));
        let _ours = Program::server(lesson("lesson-tls-server")); // which has its certificate
        session.serve_tls(1, "cargo run -p lesson-tls-server -- --certificate other.pem");
        session.join(2, "cargo run -p lesson-tls-client");
        let lines = session.see(2, 1);
        let lines = [lines, session.see(1, 1)].concat();
        session.mask(number(&lines[1], "refused 127.0.0.1:"), "50001");
        session.terminals.clear();
        session.is("tls-refused");
    }

    impl Session {
        /// Runs a server that has a certificate, and sees what it prints at first.
        fn serve_tls(&mut self, terminal: u8, command_line: &str) {
            let (mut command, arguments) = self.begin(terminal, command_line);
            command.args(arguments);
            self.serve_by(terminal, command, 3000);
            let lines = self.see(terminal, 3);
            self.mask(&format!("{}/", root().display()), "");
            let fingerprint = rest(&lines[1], "(SHA-256 ");
            self.mask(fingerprint.trim_end_matches(')'), "5A:1E:(...):C0:DE");
        }

        fn program(&self, terminal: u8) -> &Program {
            match self.terminals.get(&terminal) {
                Some(Terminal::Running { program, .. }) => program,
                _ => panic!("no program runs in terminal {terminal}"),
            }
        }
    }

    needs::test!(needs::NATS_SERVER: cluster);
    fn cluster() {
        let mut nats = Nats::new(&[]);
        let mut session = Session::default();
        session.start_nats(1, "nats-server", &mut nats);
        let east = session.serve_edge(2, "cluster", "east", 3001, &nats);
        let west = session.serve_edge(3, "cluster", "west", 3002, &nats);
        // Not shown: two listeners that know when a line has reached their edge.
        let mut hidden = [east, west]
            .map(|edge| Peer::over(TcpStream::connect(edge).expect("a connection")));
        session.server = Some(east);
        session.netcat(4);
        session.type_line(4, "good morning from the east");
        hidden.iter_mut().for_each(|listener| listener.skip_to("from the east\n"));
        session.server = Some(west);
        session.join_shown(5, "cargo run -p lesson-broadcast-client", 3002);
        session.type_line(5, "hello from the west");
        session.receive_line(4);
        session.type_line(4, "你好"); // hello
        session.see(5, 1);
        session.netcat(6);
        session.type_line(6, "we hear you here, too");
        session.receive_line(4);
        session.see(5, 1);

        session.record(1, "^C");
        nats.kill();
        session.see(2, 3);
        session.see(3, 3);
        session.type_line(4, "can you still hear me?");
        hidden[0].skip_to("can you still hear me?\n");
        session.start_nats(1, "nats-server", &mut nats);
        session.see(2, 1);
        session.see(3, 1);
        session.see(5, 1);
        session.receive_line(6);
        session.terminals.clear(); // how it ends is in another transcript
        session.is("cluster");
    }

    needs::test!(needs::NATS_SERVER: ordered_cluster);
    fn ordered_cluster() {
        let mut nats = with_jetstream("ordered");
        let mut session = Session::default();
        session.start_nats(1, "nats-server -js -sd ordered", &mut nats);
        let east = session.serve_edge(2, "ordered-cluster", "east", 3001, &nats);
        let west = session.serve_edge(3, "ordered-cluster", "west", 3002, &nats);
        session.server = Some(east);
        session.netcat(4);
        session.netcat(6);
        session.server = Some(west);
        session.join_shown(5, "cargo run -p lesson-broadcast-client", 3002);
        session.type_line(5, "hello from the west");
        session.receive_line(4);
        session.receive_line(6);
        session.type_line(4, "你好"); // hello
        session.receive_line(6);
        session.see(5, 1);

        session.record(1, "^C");
        nats.kill();
        session.see(2, 2);
        session.see(3, 2);
        session.type_line(4, "can you hear me?");
        session.start_nats(1, "nats-server -js -sd ordered", &mut nats);
        session.see(2, 1);
        session.see(3, 1);
        session.receive_line(6);
        session.see(5, 1);
        session.terminals.clear();
        session.is("ordered-cluster");
    }

    needs::test!(needs::NATS_SERVER: stream_by_hand);
    /// Shows that what an edge publishes in the stream is a message that everybody can subscribe
    /// to.
    fn stream_by_hand() {
        let mut nats = with_jetstream("by-hand");
        nats.start();
        let mut hidden = Session::default();
        let east = hidden.serve_edge(1, "ordered-cluster", "east", 3001, &nats);
        let connect = || Peer::over(TcpStream::connect(east).expect("a connection"));
        let (mut speaker, mut listener) = (connect(), connect());

        let server = Some(nats.address().parse().expect("an address"));
        let mut session = Session { server, ..Session::default() };
        session.netcat(1);
        session.mask(&format!("nc {}", nats.address().replace(':', " ")), "nc 127.0.0.1 4222");
        session.peer(1).line(); // its greeting is in another transcript
        session.type_line(1, "SUB ordered.* 1");
        session.receive_line(1);
        for text in ["hello\n", "good morning\n"] {
            speaker.send(text);
            listener.skip_to(text);
            let head = session.peer(1).line();
            session.record(1, &head);
            let inbox = head.split(' ').nth(3).expect("a subject for the answer");
            session.mask(inbox, "_INBOX.x7mT...");
            (0..2).for_each(|_| session.receive_line(1));
        }
        session.terminals.clear();
        session.is("stream-by-hand");
    }

    /// Creates a nats-server that keeps streams in a folder of this name.
    fn with_jetstream(name: &str) -> Nats {
        let folder = scratch().join(format!("transcript-{name}"));
        let _ = fs::remove_dir_all(&folder); // from the last time
        Nats::new(&["-js", "-sd", folder.to_str().expect("a name that is text")])
    }

    needs::test!(needs::NATS_SERVER: nats_by_hand);
    /// Shows that what goes over NATS is text, which anybody can subscribe to and read.
    fn nats_by_hand() {
        let nats = Nats::running();
        let mut hidden = Session::default();
        let east = hidden.serve_edge(1, "cluster", "east", 3001, &nats);
        let mut speaker = Peer::over(TcpStream::connect(east).expect("a connection"));

        let mut session = Session::default();
        session.mask(&nats.address(), "127.0.0.1:4222");
        session.server = Some(nats.address().parse().expect("an address"));
        session.netcat(1);
        session.mask(&format!("nc {}", nats.address().replace(':', " ")), "nc 127.0.0.1 4222");
        let info = session.peer(1).line();
        session.record(1, &format!("{}...", &info[..info.find(',').expect("several fields")]));
        session.mask(rest(&info, "server_id\":").split(',').next().expect("its name"), "\"NAQ...\"");
        session.type_line(1, "SUB chat.said.* 1");
        session.receive_line(1);
        for text in ["hello", "你好\nand good morning"] {
            speaker.send(format!("{text}\n"));
            session.receive_message(1);
            (0..text.lines().count() + 1).for_each(|_| session.receive_line(1)); // and its end
        }
        session.terminals.clear();
        session.is("nats-by-hand");
    }

    /// How the machines of a [`lan`] are shown.
    const SHOWN: [(&str, &str); 4] = [
        ("192.0.2.1", "192.168.1.20"),
        ("192.0.2.2", "192.168.1.21"),
        ("192.0.2.3", "192.168.1.66"),
        ("192.0.2.255", "192.168.1.255"),
    ];

    needs::test!(needs::NAMESPACE: discovery);
    fn discovery() {
        let (_switch, [serves, asks]) = lan();
        let mut session = Session::on_a_lan();
        session.run_on(&serves, 1, "cargo run -p lesson-broadcast-server -- 0.0.0.0:3000");
        session.see(1, 2);
        session.run_on(&serves, 2, "cargo run -p lesson-discovery-server -- 0.0.0.0:3000");
        session.see(2, 2);
        session.find(&asks, 3, "cargo run -p lesson-discovery-client", 1);
        session.see(2, 3);
        session.run_on(&serves, 4, "cargo run -p lesson-broadcast-client");
        wait_until("the client on the serving machine is in the room", || {
            !serves.run("ss -Htn state established sport = :3000").is_empty()
        });
        session.find(&asks, 3, "cargo run -p lesson-discovery-client -- --join", 1);
        session.see(2, 3);
        session.type_line(3, "hello from the back row");
        session.see(4, 1);
        session.type_line(4, "你好"); // hello
        session.see(3, 1);
        session.ctrl_d(3);
        session.see(3, 1);
        session.see(1, 1);
        session.terminals.clear(); // how it ends is in another transcript
        session.is("discovery");
    }

    needs::test!(needs::NAMESPACE: discovery_nobody);
    fn discovery_nobody() {
        let (_switch, [asks]) = lan();
        let mut session = Session::on_a_lan();
        let link = asks.run("ip -oneline link show dev eth0");
        let index = link.split(':').next().expect("the number of the interface");
        session.mask(&format!("%{index}"), "%2");
        session.run_on(&asks, 1, "cargo run -p lesson-discovery-client");
        session.see(1, 2);
        session.is("discovery-nobody");
    }

    needs::test!(needs::NAMESPACE: discovery_impostor);
    /// Nobody has to forge anything for that: any server may give its chat any name.
    fn discovery_impostor() {
        let (_switch, [serves, asks, lies]) = lan();
        let mut session = Session::on_a_lan();
        session.run_on(&serves, 1, "cargo run -p lesson-discovery-server -- 0.0.0.0:3000");
        session.see(1, 2);
        let lie = "--name 聊天室（来自192.0.2.1） --chat 6666"; // chat room (from 192.0.2.1)
        let line = format!("cargo run -p lesson-discovery-server -- {lie} 0.0.0.0:3000");
        session.run_on(&lies, 2, &line);
        session.see(2, 2);
        session.find(&asks, 3, "cargo run -p lesson-discovery-client", 2);
        session.terminals.clear();
        session.is("discovery-impostor");
    }

    needs::test!(needs::NAMESPACE: discovery_forged);
    /// A machine that gives itself the address of another one.
    fn discovery_forged() {
        let (_switch, [serves, asks, lies]) = lan();
        let mut session = Session::on_a_lan();
        session.run_on(&serves, 1, "cargo run -p lesson-discovery-server -- 0.0.0.0:3000");
        session.see(1, 2);
        for line in ["ip -4 address flush dev eth0", "ip address add 192.0.2.1/24 dev eth0"] {
            session.record(2, &format!("$ sudo {line}"));
            lies.run(line);
        }
        let line = "cargo run -p lesson-discovery-server -- --chat 6666 0.0.0.0:3000";
        session.run_on(&lies, 2, line);
        session.see(2, 2);
        session.find(&asks, 3, "cargo run -p lesson-discovery-client", 2);
        session.terminals.clear();
        session.is("discovery-forged");
    }

    needs::test!(needs::NAMESPACE: browser);
    fn browser() {
        let (_switch, [serves]) = lan();
        // The address is in the code, so it has to be the one that the book shows.
        for line in ["ip -4 address flush dev eth0", "ip address add 192.168.1.20/24 dev eth0"] {
            serves.run(line);
        }
        let mut session = Session::default();
        session.run_on(&serves, 1, "cargo run -p lesson-browser-server -- 0.0.0.0:3000");
        session.see(1, 20); // three lines, and the code
        session.is("browser");
    }

    impl Session {
        fn on_a_lan() -> Session {
            let mut session = Session::default();
            SHOWN.into_iter().for_each(|(actual, shown)| session.mask(actual, shown));
            session
        }

        /// Runs a client that finds so many chats. Their answers may come in any order. A busy machine may
        /// answer later than the client waits, and then another client is run.
        fn find(&mut self, machine: &Machine, terminal: u8, command_line: &str, chats: usize) {
            let before = self.transcript.clone();
            loop {
                self.run_on(machine, terminal, command_line);
                let Some(Terminal::Running { program, lines_seen }) =
                    self.terminals.get_mut(&terminal)
                else {
                    panic!("no program runs in terminal {terminal}");
                };
                wait_until("all chats are found, or the client gives up", || {
                    program.lines().len() == 2 * chats || program.ends_within(Duration::ZERO).is_some()
                });
                let lines = program.lines();
                *lines_seen = lines.len();
                if lines.len() == 2 * chats && !lines[0].starts_with("Error: ") {
                    let mut chats: Vec<&[String]> = lines.chunks(2).collect();
                    chats.sort_by_key(|chat| chat[1].clone());
                    return chats.into_iter().flatten().for_each(|line| self.record(terminal, line));
                }
                self.terminals.remove(&terminal);
                self.transcript = before.clone();
            }
        }

        /// Runs a program on a machine, just as `command_line` says.
        fn run_on(&mut self, machine: &Machine, terminal: u8, command_line: &str) {
            let (command, arguments) = self.begin(terminal, command_line);
            let mut there = machine.command(command.get_program());
            there.args(arguments).current_dir(scratch());
            let program = Program::on_one_screen(there);
            self.terminals.insert(terminal, Terminal::Running { program, lines_seen: 0 });
        }

        /// Receives the head of a message with lines, and its line of numbers. Skips messages
        /// without lines, because one may arrive at any time.
        fn receive_message(&mut self, terminal: u8) {
            loop {
                let head = self.peer(terminal).line().trim_end().to_string();
                let numbers = self.peer(terminal).line();
                if head.ends_with(&format!(" {}", numbers.len() + 1)) {
                    assert_eq!(self.peer(terminal).line().trim_end(), "", "the end of a message without lines");
                    continue;
                }
                let (run, _) = numbers.split_once(' ').expect("two numbers");
                // A run has up to twenty digits, so the length of the message differs with it.
                let (_, length) = head.rsplit_once(' ').expect("a length");
                let length: usize = length.parse().expect("a number");
                let shown = "1234567890123456789";
                let length_shown = length + shown.len() - run.len();
                self.record(terminal, &head.replace(&length.to_string(), &length_shown.to_string()));
                self.record(terminal, &numbers.replace(run, shown));
                return;
            }
        }

        /// Starts nats-server. Shows only the last of the many lines that it prints.
        fn start_nats(&mut self, terminal: u8, command_line: &str, nats: &mut Nats) {
            self.record(terminal, &format!("$ {command_line}"));
            nats.start();
            let log = nats.program().stderr();
            let ready = log.lines().find(|line| line.contains("Server is ready"));
            self.record(terminal, &format!("... [INF] {}", rest(ready.expect("it is"), "[INF] ")));
        }

        /// Runs an edge, and waits until it has joined the others.
        fn serve_edge(
            &mut self,
            terminal: u8,
            kind: &str,
            name: &str,
            shown: u16,
            nats: &Nats,
        ) -> SocketAddr {
            let line = format!("cargo run -p lesson-{kind}-server -- --name {name} {shown}");
            let mut command = self.begin(terminal, &line).0;
            command.args(["--name", name, "--nats", &nats.address()]);
            self.mask(&nats.address(), "127.0.0.1:4222");
            self.server = None;
            self.serve_by(terminal, command, shown);
            self.see(terminal, 3);
            self.server.expect("the edge's address")
        }

        /// Runs a client of the server that is shown at this port.
        fn join_shown(&mut self, terminal: u8, command_line: &str, shown: u16) {
            self.join(terminal, command_line);
            let end = self.transcript.pop();
            self.transcript += &format!(" -- {shown}");
            self.transcript.extend(end);
        }

        /// Runs a shell command that prints nothing, in the folder in which all programs run.
        fn shell(&mut self, terminal: u8, command_line: &str) {
            self.leave(terminal);
            self.record(terminal, &format!("$ {command_line}"));
            let status = Command::new("sh").args(["-c", command_line]).current_dir(scratch()).status();
            assert!(status.expect("a shell").success(), "{command_line}");
        }

        /// Asks the shell for the exit status of the program.
        fn see_exit_status(&mut self, terminal: u8) {
            let Some(Terminal::Running { program, .. }) = self.terminals.get_mut(&terminal) else {
                panic!("no program runs in terminal {terminal}");
            };
            let status = program.wait_for_exit().code().expect("an exit status");
            self.leave(terminal);
            self.record(terminal, "$ echo $?");
            self.record(terminal, &status.to_string());
        }
    }
} {} }

needs::test!(refused);
fn refused() {
    let (_nobody_listens, address) = refusing();
    let mut session = Session { server: Some(address), ..Session::default() };
    session.mask(&address.port().to_string(), "3000");
    session.join(1, "cargo run -p lesson-broadcast-client");
    session.see(1, 2);
    session.is("refused");
}

needs::test!(not_an_address);
fn not_an_address() {
    let mut session = Session::default();
    session.run(1, "cargo run -p lesson-greeting -- abc");
    session.see(1, 1);
    session.is("not-an-address");
}

/// Several terminals side by side, and what has happened in them so far.
#[derive(Default)]
struct Session {
    transcript: String,
    terminals: BTreeMap<u8, Terminal>,
    /// The address of the server that was started first.
    server: Option<SocketAddr>,
    /// The texts that differ from run to run, and what the book shows instead of them.
    masks: Vec<(String, String)>,
}

enum Terminal {
    Running { program: Program, lines_seen: usize },
    Netcat(Peer),
}

impl Session {
    /// Runs a server on a free port, and shows it on port `shown`.
    fn serve(&mut self, terminal: u8, command_line: &str, shown: u16) {
        let command = self.begin(terminal, command_line).0;
        self.serve_by(terminal, command, shown);
    }

    fn serve_by(&mut self, terminal: u8, mut command: Command, shown: u16) {
        command.arg("127.0.0.1:0");
        let program = Program::server_on_one_screen(command);
        let address = program.address();
        self.terminals.insert(terminal, Terminal::Running { program, lines_seen: 0 });
        self.server.get_or_insert(address);
        self.mask(&address.port().to_string(), &shown.to_string());
    }

    /// Runs a chat server, and sees what it prints at first. All of them look the same, so the book
    /// shows them as the first one.
    fn serve_chat(&mut self, terminal: u8, package: &str) {
        self.serve(terminal, &format!("cargo run -p {package}"), 3000);
        self.mask(package, "lesson-broadcast-server");
        self.see(terminal, 2);
        let more = match package {
            "lesson-cluster-server" => 2,         // that there is no NATS
            "lesson-ordered-cluster-server" => 1, // that it has joined the others
            "lesson-browser-server" => 2,         // where its page is
            _ => 0,
        };
        let before = self.transcript.clone();
        self.see(terminal, more);
        self.transcript = before;
    }

    /// Runs a client of the server.
    fn join(&mut self, terminal: u8, command_line: &str) {
        let server = self.server.expect("a server to join");
        let (mut command, arguments) = self.begin(terminal, command_line);
        match command_line.starts_with("node ") {
            true => command.arg(server.port().to_string()),
            false => command.arg(server.to_string()),
        };
        command.args(arguments);
        let program = Program::on_one_screen(command);
        self.terminals.insert(terminal, Terminal::Running { program, lines_seen: 0 });
    }

    /// Runs a program exactly as `command_line` says.
    fn run(&mut self, terminal: u8, command_line: &str) {
        let (mut command, arguments) = self.begin(terminal, command_line);
        command.args(arguments);
        let program = Program::on_one_screen(command);
        self.terminals.insert(terminal, Terminal::Running { program, lines_seen: 0 });
    }

    /// Returns the program that a command line runs, and the arguments that it passes to it.
    fn begin(&mut self, terminal: u8, command_line: &str) -> (Command, Vec<String>) {
        self.leave(terminal);
        self.record(terminal, &format!("$ {command_line}"));
        let (program, arguments) = command_line.split_once(" -- ").unwrap_or((command_line, ""));
        let mut command = match program.split_once(' ') {
            Some(("node", script)) => {
                let mut node = Command::new("node");
                node.arg(root().join(script));
                node
            }
            _ => Command::new(lesson(rest(program, "cargo run -p "))),
        };
        command.current_dir(scratch());
        (command, arguments.split_whitespace().map(str::to_string).collect())
    }

    /// Connects to the server as `nc` does. Returns the client's port.
    fn netcat(&mut self, terminal: u8) -> u16 {
        self.leave(terminal);
        let server = self.server.expect("a server to connect to");
        self.record(terminal, &format!("$ nc 127.0.0.1 {}", server.port()));
        let peer = Peer::over(TcpStream::connect(server).expect("a connection to the server"));
        let port = peer.port();
        self.terminals.insert(terminal, Terminal::Netcat(peer));
        port
    }

    /// Waits until a program has printed `count` more lines. Returns them.
    fn see(&mut self, terminal: u8, count: usize) -> Vec<String> {
        let Some(Terminal::Running { program, lines_seen }) = self.terminals.get_mut(&terminal)
        else {
            panic!("no program runs in terminal {terminal}");
        };
        let lines = program.first_lines(*lines_seen + count).split_off(*lines_seen);
        *lines_seen += count;
        for line in &lines {
            self.record(terminal, line);
        }
        lines
    }

    /// Waits until exactly `text` has arrived at an nc.
    fn receive(&mut self, terminal: u8, text: &str) {
        self.peer(terminal).expect(text);
        for line in text.lines() {
            self.record(terminal, line);
        }
    }

    /// Waits until a line has arrived at an nc.
    fn receive_line(&mut self, terminal: u8) {
        let line = self.peer(terminal).line();
        self.record(terminal, &line);
    }

    fn peer(&mut self, terminal: u8) -> &mut Peer {
        match self.terminals.get_mut(&terminal) {
            Some(Terminal::Netcat(peer)) => peer,
            _ => panic!("no nc runs in terminal {terminal}"),
        }
    }

    fn type_line(&mut self, terminal: u8, text: &str) {
        self.record(terminal, &format!("> {text}"));
        match self.terminals.get_mut(&terminal) {
            Some(Terminal::Running { program, .. }) => program.type_line(text),
            Some(Terminal::Netcat(peer)) => peer.send(format!("{text}\n")),
            None => panic!("nothing runs in terminal {terminal}"),
        }
    }

    /// Ends the input in the terminal.
    fn ctrl_d(&mut self, terminal: u8) {
        self.record(terminal, "^D");
        match self.terminals.get_mut(&terminal) {
            Some(Terminal::Running { program, .. }) => program.close_stdin(),
            Some(Terminal::Netcat(peer)) => peer.half_close(),
            None => panic!("nothing runs in terminal {terminal}"),
        }
    }

    /// Interrupts what runs in the terminal. A program may still print something.
    fn ctrl_c(&mut self, terminal: u8) {
        self.record(terminal, "^C");
        match self.terminals.get(&terminal) {
            Some(Terminal::Running { program, .. }) => program.press_ctrl_c(),
            Some(Terminal::Netcat(_)) => self.leave(terminal),
            None => panic!("nothing runs in terminal {terminal}"),
        }
    }

    /// Presses Ctrl-C for a chat server. They are all shown as one, so this is the abrupt end that
    /// most of them have. 7.4 would say goodbye, which is a transcript of its own.
    fn stop_chat(&mut self, terminal: u8) {
        self.record(terminal, "^C");
        match self.terminals.get_mut(&terminal) {
            Some(Terminal::Running { program, .. }) => program.kill(),
            _ => panic!("no program runs in terminal {terminal}"),
        }
    }

    /// Ends what runs in the terminal. It must not have shown anything that was not recorded.
    fn leave(&mut self, terminal: u8) {
        match self.terminals.remove(&terminal) {
            Some(Terminal::Running { mut program, lines_seen }) => {
                program.kill();
                program.wait_for_exit();
                let more = program.lines().split_off(lines_seen);
                assert!(more.is_empty(), "terminal {terminal} shows more: {more:#?}");
            }
            Some(Terminal::Netcat(mut peer)) => peer.assert_nothing_more(),
            None => {}
        }
    }

    /// Shows `shown` wherever the transcript has `actual`, unless that is a part of a longer
    /// number.
    fn mask(&mut self, actual: &str, shown: &str) {
        self.masks.push((actual.into(), shown.into()));
    }

    /// Compares the transcript with the file that the book includes.
    fn is(mut self, name: &str) {
        for terminal in Vec::from_iter(self.terminals.keys().copied()).into_iter().rev() {
            self.leave(terminal); // the clients before the server
        }
        for (port, shown) in client_ports(&self.transcript).iter().zip(50001..) {
            self.mask(port, &shown.to_string());
        }
        // In two steps, because the system may have chosen a port that is shown for another.
        let mut transcript = self.transcript;
        for (index, (actual, _)) in self.masks.iter().enumerate() {
            transcript = replace_whole(&transcript, actual, &format!("<mask {index}>"));
        }
        for (index, (_, shown)) in self.masks.iter().enumerate() {
            transcript = transcript.replace(&format!("<mask {index}>"), shown);
        }
        let file = root().join("book/src/transcripts").join(name).with_extension("txt");
        assert_data_eq!(transcript, Data::read_from(&file, None).raw());
    }

    fn record(&mut self, terminal: u8, line: &str) {
        self.transcript += format!("[{terminal}] {line}").trim_end();
        self.transcript.push('\n');
    }
}

/// Returns the ports that the system chose for clients, in the order in which they appear: after
/// `remotePort`, or before the `:` of a message.
fn client_ports(transcript: &str) -> Vec<String> {
    let mut ports = Vec::new();
    for line in transcript.lines() {
        let shown = line.split_once("] ").map_or("", |(_, shown)| shown);
        let port = match shown.strip_prefix("remotePort") {
            Some(port) => port,
            // At another edge, the port comes after the edge's name.
            None => {
                shown.split_once(':').and_then(|(label, _)| label.rsplit('/').next()).unwrap_or("")
            }
        };
        if port.parse::<u16>().is_ok() && !ports.iter().any(|known| known == port) {
            ports.push(port.to_string());
        }
    }
    ports
}

/// Replaces `actual` wherever it is not a part of a longer number.
fn replace_whole(text: &str, actual: &str, shown: &str) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(actual) {
        let (before, after) = (&rest[..at], &rest[at + actual.len()..]);
        let is_part = before.ends_with(|c: char| c.is_ascii_digit())
            || after.starts_with(|c: char| c.is_ascii_digit());
        replaced += before;
        replaced += if is_part { actual } else { shown };
        rest = after;
    }
    replaced + rest
}

/// Returns what follows `before` in the line.
fn rest<'a>(line: &'a str, before: &str) -> &'a str {
    line.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {line:?}")).1
}

/// Returns the number that follows `before` in the line.
fn number<'a>(line: &'a str, before: &str) -> &'a str {
    let rest = rest(line, before);
    &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())]
}

fn root() -> PathBuf {
    harness::repository().to_path_buf()
}
