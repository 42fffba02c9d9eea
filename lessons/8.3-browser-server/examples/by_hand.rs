//! A browser, answered by hand: HTTP is lines of text over TCP.
//!
//!     cargo run -p lesson-browser-server --example by_hand     (and open http://127.0.0.1:8080/)

// ANCHOR: by_hand
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_string());
    let listener = TcpListener::bind(address)?;
    let bound = listener.local_addr()?;
    eprintln!("listening on {bound}: open http://{bound}/ in a browser");
    loop {
        let (browser, peer) = listener.accept()?;
        thread::spawn(move || {
            if let Err(error) = answer(browser) {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// Reads a request up to the blank line that ends its head, and answers it.
fn answer(mut browser: TcpStream) -> io::Result<()> {
    browser.set_read_timeout(Some(Duration::from_secs(10)))?;
    let head = BufReader::new(browser.try_clone()?).take(16 * 1024);
    let mut lines = head.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    // For example: GET / HTTP/1.1
    let Some(request) = lines.next() else { return Ok(()) };
    let others: Vec<String> = lines.collect();
    println!("> {request}\n> {}\n", others.join("\n> "));

    let (status, page) = match request.split(' ').nth(1) {
        Some("/") => ("200 OK", "<!doctype html><title>Hello</title><h1>你好, browser!</h1>"), // hello
        _ => ("404 Not Found", "<!doctype html><title>Nothing</title><h1>Nothing here</h1>"),
    };
    let length = page.len(); // in bytes: this is how the browser knows where the page ends
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    browser.write_all((head + page).as_bytes())
}
// ANCHOR_END: by_hand
