//! A server other than the one that a program expects.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A server that sends the same text to every client and then nothing more, until it is dropped.
pub struct StrangeServer {
    /// The address that it listens on.
    pub address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl StrangeServer {
    /// Starts one that sends this text, at `HOST:PORT`.
    pub fn that_says(what: &'static str, address: &str) -> StrangeServer {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let is_over = Arc::<AtomicBool>::default();
        let ends = Arc::clone(&is_over);
        thread::spawn(move || {
            let mut clients = Vec::new();
            for client in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let mut client = client.expect("a client");
                let _ = client.write_all(what.as_bytes());
                clients.push(client);
            }
        });
        StrangeServer { address, is_over }
    }
}

impl Drop for StrangeServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes `accept`, so that it notices
    }
}
