//! Ctrl-C and the end of a terminal are signals on these systems.

use std::process::Command;

use harness::{
    Peer, Program, against_every_server, is_chat_server, lesson, open_descriptors, threads,
    wait_until,
};

against_every_server! {
    a_stopped_terminal_stops_nothing_else
    ctrl_c_ends_it_at_a_stopped_terminal
    terminating_it_ends_it_in_good_order
    nohup_keeps_it_when_the_terminal_is_closed
}

/// More lines than a terminal accepts while nobody reads it.
const LEAVERS: usize = 600;

fn on_a_terminal(package: &str) -> Program {
    let mut command = Command::new(lesson(package));
    command.arg("127.0.0.1:0");
    Program::server_on_one_screen(command)
}

/// Stops the terminal of a server, and lets clients join and leave until there is no room left for
/// the lines that the server prints about them.
fn on_a_stopped_terminal(package: &str) -> Program {
    let server = on_a_terminal(package);
    server.stop_terminal();
    (0..LEAVERS).for_each(|_| server.connect().reset());
    server
}

fn is_served(package: &str, server: &Program) {
    let (mut one, mut other) = (server.connect(), server.connect());
    if is_chat_server(package) {
        // The one that joined last speaks, so the other has certainly joined.
        other.send("is anybody here?\n");
        one.skip_to(format!("{}:is anybody here?\n", other.port()));
    } else if package == "lesson-bidirectional-server" {
        one.send("hello");
        one.expect("我吃的小豆包"); // I had bean-paste buns
    }
    let leaves = |mut client: Peer| {
        client.half_close();
        client.wait_until_closed();
    };
    leaves(one);
    leaves(other);
}

fn a_stopped_terminal_stops_nothing_else(package: &str) {
    let server = on_a_terminal(package);
    let process = server.process_id();
    let resources = || [threads(process).map(|count| count as usize), open_descriptors(process)];
    let before = resources();
    server.stop_terminal();
    (0..LEAVERS).for_each(|_| server.connect().reset());
    is_served(package, &server);
    wait_until("threads and descriptors are free again", || {
        // tokio has a few of its own, but not one for each client that has left.
        resources().iter().zip(before).all(|(now, before)| *now <= before.map(|one| one + 30))
    });
    if package == "lesson-framed-server" || is_chat_server(package) {
        server.start_terminal();
        server.wait_for_lines(LEAVERS, "有客户端退出了"); // a client has left
    }
}

fn ctrl_c_ends_it_at_a_stopped_terminal(package: &str) {
    let mut server = on_a_stopped_terminal(package);
    server.press_ctrl_c();
    let ended = server.ends_within(harness::DEADLINE);
    assert!(ended.is_some(), "{package} does not end");
}

fn terminating_it_ends_it_in_good_order(package: &str) {
    let mut server = on_a_terminal(package);
    let mut client = server.connect();
    is_served(package, &server);
    server.terminate();
    assert!(server.wait_for_exit().success(), "{package}");
    client.wait_until_closed();
}

/// Tests that nohup(1) makes a program survive a closed terminal, because it then ignores SIGHUP.
fn nohup_keeps_it_when_the_terminal_is_closed(package: &str) {
    for keeps in [false, true] {
        let mut command = Command::new("sh");
        let ignores = if keeps { "trap '' HUP; " } else { "" };
        command.args(["-c", &format!("{ignores}exec \"$0\" \"$@\"")]);
        command.arg(lesson(package)).arg("127.0.0.1:0");
        let mut server = Program::server_from(command);
        server.hang_up();
        match keeps {
            true => is_served(package, &server),
            false => assert!(server.wait_for_exit().success(), "{package}"),
        }
    }
}
