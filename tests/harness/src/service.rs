//! Checks what each server lesson does for honest clients, to find out whether it still serves.

use std::thread;

use crate::{Peer, Program, is_chat_server};

/// Connects two honest clients to `server`, which is the program of `package`, and checks that they
/// receive what the lesson promises. Returns once the server has noticed that they have left.
///
/// # Panics
///
/// If they are not served, or if nothing in here describes what the lesson promises.
pub fn expect_service(package: &str, server: &Program) {
    let (mut first, mut second) = (server.connect(), server.connect());
    match package {
        "lesson-listening-events" => first.send("nobody answers this"),
        "lesson-greeting" => {
            first.send("nobody answers this");
            first.expect("hello");
            second.expect("hello");
        }
        "lesson-online-counter" => {
            for client in [&mut first, &mut second] {
                let port = client.port();
                client.expect(format!("remoteAddress127.0.0.1\nremotePort{port}"));
            }
        }
        "lesson-bidirectional-server" => {
            for client in [&mut first, &mut second] {
                client.send("你吃了吗");
                client.expect("我吃的小豆包");
            }
        }
        "lesson-framed-server" => {
            let framed = |text: &[u8]| [&(text.len() as u32).to_be_bytes(), text].concat();
            second.send(framed(b"hello"));
            first.expect(framed(format!("{}:hello", second.port()).as_bytes()));
            first.send(framed("你好".as_bytes()));
            second.expect(framed(format!("{}:你好", first.port()).as_bytes()));
        }
        _ => {
            assert!(is_chat_server(package), "{package}: what does an honest client see?");
            return expect_a_chat(first, second);
        }
    }
    for client in [&mut first, &mut second] {
        client.assert_open_and_silent();
        client.half_close();
        assert_eq!(client.read_to_end(), b"", "the server closes when the client leaves");
    }
}

/// Connects two clients to a chat room, and waits until both are in it: the first one has heard what
/// the second one has said. Behind a door that takes its time, as in 8.2, to have connected is not
/// enough.
pub fn two_in_the_room(server: &Program) -> (Peer, Peer) {
    let (mut first, mut second) = (server.connect(), server.connect());
    second.send("here we are\n");
    first.expect(format!("{}:here we are\n", second.port()));
    (first, second)
}

/// Expects that these two can chat. Messages of a misbehaving client may still be on their way to them,
/// so both read all the time, as honest clients do.
fn expect_a_chat(mut first: Peer, mut second: Peer) {
    let (hello, answer, end) = (
        format!("{}:hello\n", second.port()),
        format!("{}:你好\n", first.port()),
        format!("{}:goodbye\n", second.port()),
    );
    thread::scope(|scope| {
        scope.spawn(|| {
            first.skip_to(hello);
            first.send("你好\n");
            first.skip_to(end);
        });
        second.send("hello\n");
        second.skip_to(answer);
        second.send("goodbye\n");
    });
    for client in [&mut first, &mut second] {
        client.half_close();
        client.wait_until_closed();
    }
}
