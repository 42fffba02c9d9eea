//! An edge is a chat room, as every chat server is, although everything that is said goes through NATS.

harness::chat_room_tests!(needs NATS_SERVER: "lesson-ordered-cluster-server");

#[cfg(unix)] // the harness cannot press Ctrl-C on Windows
mod alone {
    use std::process::Command;

    use harness::{NO_NATS, Program, own};
    use predicates::str::contains;

    needs::test!(without_nats_clients_come_and_go_and_are_told_why_nobody_answers);
    fn without_nats_clients_come_and_go_and_are_told_why_nobody_answers() {
        let mut command = Command::new(own("lesson-ordered-cluster-server"));
        command.args(["--nats", NO_NATS, "127.0.0.1:0"]);
        let mut server = Program::server_from(command);
        server.wait_for_stderr(contains(format!("cannot connect to NATS at {NO_NATS}")));
        let (mut listener, mut speaker, mut half_closes) =
            (server.connect(), server.connect(), server.connect());
        server.connect().reset();
        server.wait_for_lines(1, "有客户端退出了"); // a client has left
        for client in [&mut speaker, &mut half_closes] {
            client.send("can you hear me?\n");
        }
        half_closes.half_close();
        half_closes.wait_until_closed();
        server.wait_for_lines(2, "有客户端退出了");

        let please_wait = "消息还没有发出去，请稍等\n"; // nobody has heard this yet, please wait
        listener.expect(please_wait);
        speaker.expect(please_wait);
        server.press_ctrl_c();
        let farewell = "服务器关闭了\n"; // the server has closed
        listener.expect(farewell);
        speaker.expect(farewell);
        drop(listener); // the other one keeps nobody from ending
        assert_eq!(server.wait_for_exit().code(), Some(0));
        server.wait_for_stderr(contains("what was said here last has not come back"));
    }
}

fn main() -> std::process::ExitCode {
    needs::run()
}
