//! The async server is a chat room, as every chat server is.

harness::chat_room_tests!(env!("CARGO_BIN_EXE_lesson-async-server"));
