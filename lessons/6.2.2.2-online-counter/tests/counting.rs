//! Tests what the online counter prints and sends.

use harness::{Peer, Program, own};

const LESSON: &str = "lesson-online-counter";

fn expect_own_address(client: &mut Peer) {
    let port = client.port();
    client.expect(format!("remoteAddress127.0.0.1\nremotePort{port}"));
}

#[test]
fn the_counter_goes_up_and_down() {
    let server = Program::server(own(LESSON));
    let first = server.connect();
    server.wait_for_line("welcome,当前在线人数：1");
    let second = server.connect();
    server.wait_for_line("welcome,当前在线人数：2");
    drop(first);
    server.wait_for_line("有客户端退出了,当前在线人数：1");
    second.reset();
    server.wait_for_line("有客户端退出了,当前在线人数：0");

    let lines = [
        &format!("server listening at port {}", server.address().port()),
        "welcome,当前在线人数：1",
        "welcome,当前在线人数：2",
        "有客户端退出了,当前在线人数：1",
        "有客户端退出了,当前在线人数：0",
    ];
    assert_eq!(server.lines(), lines);
}

#[test]
fn each_client_is_told_its_own_address_and_nothing_more() {
    let server = Program::server(own(LESSON));
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        expect_own_address(client);
    }
    for client in &mut clients {
        client.assert_open_and_silent();
        client.half_close();
        assert_eq!(client.read_to_end(), b"");
    }
}

#[test]
fn many_who_come_and_go_at_once_are_all_counted() {
    let server = Program::server(own(LESSON));
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| expect_own_address(&mut server.connect()));
        }
    });
    let lines = server.first_lines(101); // where it listens, 50 clients that connect and 50 that leave
    assert_eq!(lines.iter().filter(|line| line.starts_with("welcome")).count(), 50);
    let counts = lines[1..].iter().map(|line| line.rsplit('：').next().expect("a count"));
    let counts: Vec<i32> = counts.map(|count| count.parse().expect("a number")).collect();
    let steps = counts.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    assert!(steps.into_iter().all(|step| step == 1), "each line counts one: {counts:?}");
}
