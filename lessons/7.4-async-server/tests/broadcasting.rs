//! The async server is a chat room, as every chat server is.

harness::chat_room_tests!("lesson-async-server");
