//! The TLS server is a chat room, as every chat server is, to clients that encrypt.

harness::chat_room_tests!("lesson-tls-server");
