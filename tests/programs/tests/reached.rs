//! Tests what a client has really reached: one of several servers of a name, or itself.

use std::net::TcpListener;
use std::process::Command;

use harness::{Peer, Program, lesson, with_part_7};
use needs::NAMESPACE;
use predicates::str::contains;

with_part_7! {
    {
        const CLIENTS: [&str; 3] =
            ["lesson-bidirectional-client", "lesson-broadcast-client", "lesson-framed-client"];
    }
    {
        const CLIENTS: [&str; 2] = ["lesson-bidirectional-client", "lesson-broadcast-client"];
    }
}

needs::test!(a_client_that_was_given_a_name_says_which_address_it_has_reached);
fn a_client_that_was_given_a_name_says_which_address_it_has_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    for package in CLIENTS {
        let reached = |typed: String| {
            let mut command = Command::new(lesson(package));
            command.arg(typed);
            let client = Program::start(command);
            (client, Peer::accepted_by(&listener))
        };
        let (client, _server) = reached(format!("localhost:{}", address.port()));
        client.wait_for_stderr(contains(format!("connected to {address}\n")));

        let (mut client, server) = reached(address.to_string());
        drop(server);
        client.wait_for_exit();
        assert!(!client.stderr().contains("connected to"), "{}", client.stderr());
    }
}

needs::test!(NAMESPACE: a_client_that_is_connected_to_itself_says_so);
fn a_client_that_is_connected_to_itself_says_so() {
    // The system has only this one port for clients, so the client gets the port that it calls.
    let script = "ip link set lo up
        echo 23504 23504 > /proc/sys/net/ipv4/ip_local_port_range
        exec \"$0\" 127.0.0.1:23504";
    for package in CLIENTS {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-e", "-c", script]).arg(lesson(package));
        let mut client = Program::start(command);
        let _ = client.try_type(b"hello?\n"); // it may have ended already
        assert_eq!(client.wait_for_exit().code(), Some(1), "{package}");
        let error = client.stderr();
        assert!(error.starts_with("Error: no server listens on 127.0.0.1:23504: "), "{error}");
        assert!(error.contains("\nStart the server first, in another terminal: cargo run -p "));
        assert_eq!(client.stdout(), "", "its own words must not come back as another client's");
    }
}

fn main() -> std::process::ExitCode {
    needs::run()
}
