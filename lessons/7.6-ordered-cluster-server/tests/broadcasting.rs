//! An edge is a chat room, as every chat server is, although everything that is said goes through NATS.

harness::chat_room_tests!(needs NATS_SERVER: "lesson-ordered-cluster-server");

fn main() -> std::process::ExitCode {
    needs::run()
}
