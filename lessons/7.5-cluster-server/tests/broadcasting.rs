//! An edge is a chat room, as every chat server is, even without NATS.

harness::chat_room_tests!("lesson-cluster-server");
