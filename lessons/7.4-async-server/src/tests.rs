//! Runs the server in this process, with clients of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use tokio::runtime;
use tokio::sync::oneshot;

use super::*;

#[test]
fn at_the_end_a_client_hears_what_was_said_last_and_the_farewell_and_then_the_server_returns() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let (end, ended) = oneshot::channel::<()>();
    let server = thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(run(listener, ended))
    });
    let connect = || TcpStream::connect(address).expect("the server listens");
    let (mut speaker, mut listener) = (connect(), connect());
    let heard = format!("{}:hello\n", speaker.local_addr().expect("an address").port());
    // Repeat it until it is heard, because the listener may have joined a moment later.
    let mut first = [0];
    listener.set_nonblocking(true).expect("a socket");
    while listener.read(&mut first).is_err() {
        speaker.write_all(b"hello\n").expect("the server reads");
        thread::yield_now();
    }
    listener.set_nonblocking(false).expect("a socket");
    drop(end);
    let mut rest = String::new();
    listener.read_to_string(&mut rest).expect("an orderly end");
    let all = String::from_utf8_lossy(&first).into_owned() + &rest;
    let hellos = all.strip_suffix("服务器关闭了\n").expect("the farewell comes last");
    assert_eq!(hellos.replace(&heard, ""), "", "{all}");
    drop((speaker, listener));
    server.join().expect("no panic").expect("no error");
}
