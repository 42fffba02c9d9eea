//! Serves the built book to a browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::{fs, thread};

/// Serves the files in `folder` to one client after the other, as long as this process runs.
pub fn serve(folder: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    let folder = folder.to_path_buf();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let folder = folder.clone();
            thread::spawn(move || answer(client, &folder));
        }
    });
    address
}

/// Answers one request, and closes.
fn answer(client: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut request = BufReader::new(client.try_clone()?.take(64 * 1024));
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
    let path = path.split(['?', '#']).next().unwrap_or("");
    let kinds = [
        ("html", "text/html"),
        ("css", "text/css"),
        ("js", "text/javascript"),
        ("json", "application/json"),
        ("svg", "image/svg+xml"),
    ];
    let kind = kinds.iter().find(|(end, _)| path.ends_with(&format!(".{end}")));
    let kind = kind.map_or("application/octet-stream", |(_, kind)| kind);
    let (status, body) = match fs::read(folder.join(path)) {
        Ok(body) if !path.contains("..") => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let mut client = client;
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    client.write_all(&body)
}
