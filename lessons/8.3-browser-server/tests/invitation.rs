//! What the terminal shows, and what a phone's camera makes of it. Each test is in a network of its own, so
//! that the default ports are free, and nothing is open to the real one.

use std::net::TcpListener;
use std::process::Command;

use harness::{Program, own, wait_until};
use needs::NAMESPACE;
use predicates::str::contains;
use rqrr::PreparedImage;

const LESSON: &str = "lesson-browser-server";

/// Starts the server as a person does.
fn server(arguments: &[&str]) -> Program {
    let mut command = Command::new(own(LESSON));
    command.args(arguments);
    let server = Program::server_from(command);
    server.wait_for_stderr(contains("join with a browser: "));
    server
}

needs::test!(NAMESPACE: a_phone_that_reads_the_code_opens_the_page);
fn a_phone_that_reads_the_code_opens_the_page() {
    needs::in_own_network("a_phone_that_reads_the_code_opens_the_page", || {
        for command in [
            "link add lan type veth peer name other",
            "address add 192.168.1.20/24 dev lan",
            "link set lan up",
            "link set other up",
        ] {
            let status = Command::new("ip").args(command.split(' ')).status();
            assert!(status.is_ok_and(|status| status.success()), "ip {command}");
        }
        // A cable that has just been plugged in is not up immediately, and no address counts before.
        wait_until("the network is up", || {
            let link = Command::new("ip").args(["link", "show", "dev", "lan"]).output();
            link.is_ok_and(|link| String::from_utf8_lossy(&link.stdout).contains("state UP"))
        });
        let server = server(&["0.0.0.0:3000"]);
        server.wait_for_stderr(contains("join with a browser: http://192.168.1.20:8080/\n"));
        server.wait_for_stderr(contains("▀▀▀▀▀▀▀\n"));
        assert_eq!(seen_by_a_camera(&server.stderr()), "http://192.168.1.20:8080/");
        assert!(
            server.stdout().lines().eq(["server listening at port 3000"]),
            "{}",
            server.stdout()
        );
    });
}

/// Decodes the code that is drawn on a terminal with light characters on a dark ground.
fn seen_by_a_camera(screen: &str) -> String {
    let rows: Vec<Vec<char>> = screen
        .lines()
        .filter(|line| line.chars().count() > 20 && line.chars().all(|c| " ▀▄█".contains(c)))
        .map(|line| line.chars().collect())
        .collect();
    let is_light = |x: usize, y: usize| match rows[y / 2][x] {
        '█' => true,
        '▀' => y % 2 == 0,
        '▄' => y % 2 == 1,
        _ => false,
    };
    const PIXELS: usize = 4; // for each module
    let (width, height) = (rows[0].len() * PIXELS, rows.len() * 2 * PIXELS);
    let mut image = PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        if is_light(x / PIXELS, y / PIXELS) { 255 } else { 0 }
    });
    let codes = image.detect_grids();
    let [code] = &codes[..] else { panic!("{} codes in {screen}", codes.len()) };
    code.decode().expect("a code that can be read").1
}

needs::test!(NAMESPACE: without_a_network_it_says_so);
fn without_a_network_it_says_so() {
    needs::in_own_network("without_a_network_it_says_so", || {
        let server = server(&["0.0.0.0:3000"]);
        let said = "join with a browser: http://127.0.0.1:8080/\n(this machine is in no network, ";
        server.wait_for_stderr(contains(said));
        assert!(!server.stderr().contains('█'), "a phone cannot reach that");
    });
}

needs::test!(NAMESPACE: without_arguments_it_is_at_3000_and_8080_for_this_machine_alone);
fn without_arguments_it_is_at_3000_and_8080_for_this_machine_alone() {
    let name = "without_arguments_it_is_at_3000_and_8080_for_this_machine_alone";
    needs::in_own_network(name, || {
        let server = server(&[]);
        assert_eq!(server.address().to_string(), "127.0.0.1:3000");
        server.wait_for_stderr(contains(
            "join with a browser: http://127.0.0.1:8080/\n(only on this machine; ",
        ));
        assert!(!server.stderr().contains('█'), "a phone cannot reach that");
    });
}

needs::test!(NAMESPACE: a_taken_port_is_replaced_unless_it_was_asked_for);
fn a_taken_port_is_replaced_unless_it_was_asked_for() {
    needs::in_own_network("a_taken_port_is_replaced_unless_it_was_asked_for", || {
        let _somebody = TcpListener::bind("127.0.0.1:8080").expect("a free port");
        let elsewhere = server(&[]);
        assert!(!elsewhere.stderr().contains(":8080/"), "{}", elsewhere.stderr());
        drop(elsewhere);
        let mut refused = Program::start({
            let mut command = Command::new(own(LESSON));
            command.args(["--page", "8080"]);
            command
        });
        assert_eq!(refused.wait_for_exit().code(), Some(1));
        let said = refused.stderr();
        assert!(said.contains("cannot listen on 127.0.0.1:8080: "), "{said}");
    });
}

fn main() -> std::process::ExitCode {
    needs::run()
}
