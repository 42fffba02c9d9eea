//! The door for lines is a chat room, as every chat server is.

harness::chat_room_tests!("lesson-browser-server");
