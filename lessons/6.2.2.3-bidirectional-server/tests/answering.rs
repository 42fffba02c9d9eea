//! Tests what the two-way server prints and answers.

use harness::{Program, own};
use predicates::str::contains;

const LESSON: &str = "lesson-bidirectional-server";
const ANSWER: &str = "我吃的小豆包";

#[test]
fn each_piece_of_data_is_shown_and_answered() {
    let server = Program::server(own(LESSON));
    let mut client = server.connect();
    for question in ["你吃了吗", "hello", "还要吗\r\n"] {
        client.send(question);
        client.expect(ANSWER);
    }
    client.half_close();
    assert_eq!(client.read_to_end(), b"");
    server.wait_for_line("还要吗");
    let listening = format!("server listening at port {}", server.address().port());
    assert_eq!(server.lines(), [listening.as_str(), "你吃了吗", "hello", "还要吗"]);
}

#[test]
fn two_conversations_do_not_wait_for_each_other() {
    let server = Program::server(own(LESSON));
    let (mut first, mut second) = (server.connect(), server.connect());
    second.send("second");
    second.expect(ANSWER);
    first.send("first");
    first.expect(ANSWER);
}

#[test]
fn a_character_in_three_segments_is_shown_whole() {
    let server = Program::server(own(LESSON));
    let mut client = server.connect();
    for byte in "你".bytes() {
        client.send([byte]);
        client.expect(ANSWER); // so the next byte is a piece of its own
    }
    server.wait_for_line("你");
    assert_eq!(server.lines().len(), 2, "{:?}", server.lines());
}

#[test]
fn a_character_that_never_ends_is_told_when_the_client_leaves() {
    let server = Program::server(own(LESSON));
    let mut client = server.connect();
    client.send(b"half \xe4\xbd");
    client.expect(ANSWER);
    server.wait_for_line("half ");
    client.half_close();
    server.wait_for_line("\u{fffd}");
}

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    let server = Program::server(own(LESSON));
    let mut client = server.connect();
    client.send("\x1b[2Jgone\x07");
    server.wait_for_stdout(contains("␛[2Jgone␇"));
    assert!(!server.stdout().contains('\x1b'));
}

#[test]
fn a_line_end_cut_in_two_is_still_one() {
    let server = Program::server(own(LESSON));
    let mut client = server.connect();
    for piece in ["hello\r", "\nyou\r", "\n", "there\r\n"] {
        client.send(piece);
        client.expect(ANSWER); // so the next one is a piece of its own
    }
    // A lone CR at the end is dropped.
    client.send("end\r");
    client.half_close();
    client.wait_until_closed();
    server.connect().send("and then");
    server.wait_for_line("and then");
    assert_eq!(server.lines()[1..], ["hello", "you", "there", "end", "and then"]);
}
