// ANCHOR: header
//! The door for browsers: it hands out the page, and turns a request for a WebSocket into a visitor.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{State, WebSocketUpgrade};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use lesson_async_server::Room;
use shared::{LONGEST_LINE, complain, pause_for};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{self, AbortHandle};
use tokio::time::{sleep, timeout};

use super::visitor::Visitor;
// ANCHOR_END: header

// ANCHOR: bounds
/// How long a browser may take to begin a request, and then until it has the whole answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many requests are answered at the same time. One more takes the place of an unfinished one. A
/// WebSocket counts only until it is open.
const MOST_REQUESTS: usize = 128;

/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// How many bytes a page's task reads at a time, as in 7.4.
const READ_BUFFER: usize = 4096;
// ANCHOR_END: bounds

// ANCHOR: open
/// Serves browsers without end.
///
/// # Errors
/// If the listener cannot be used with tokio.
pub async fn open(listener: std::net::TcpListener, room: Arc<Room>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut requests = Vec::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                make_place(&mut requests, peer);
                let request = task::spawn(answer(stream, peer, Arc::clone(&room)));
                requests.push((peer, request.abort_handle()));
            }
            Err(error) => sleep(pause_for(&error)).await,
        }
    }
}

/// Makes place for a request of `newcomer`. When all places are taken, the oldest request of its own
/// address gives way, so that one machine cannot keep others out. An honest request is done in no time.
fn make_place(requests: &mut Vec<(SocketAddr, AbortHandle)>, newcomer: SocketAddr) {
    requests.retain(|(_, request)| !request.is_finished());
    if requests.len() == MOST_REQUESTS {
        let is_own = |(peer, _): &(SocketAddr, AbortHandle)| peer.ip() == newcomer.ip();
        let (peer, oldest) = requests.remove(requests.iter().position(is_own).unwrap_or(0));
        oldest.abort();
        complain(format_args!("{peer} has made way: {MOST_REQUESTS} requests are not finished"));
    }
}

/// Answers one request. `axum::serve` would do it in a line, but would wait without limit for a request
/// that is never finished.
async fn answer(stream: TcpStream, peer: SocketAddr, room: Arc<Room>) {
    let _ = stream.set_nodelay(true); // as in 7.4
    // A browser opens a spare connection in advance, and may never say anything on it.
    if timeout(PATIENCE, stream.peek(&mut [0])).await.is_err() {
        return;
    }
    let router = Router::new()
        .route("/", get(page))
        .route("/room", get(join))
        .with_state(Door { room, peer })
        .fallback(async || (StatusCode::NOT_FOUND, "There is nothing here. The page is at /\n"));
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    match timeout(PATIENCE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => complain(format_args!("{peer} has sent a bad request: {error}")),
        Err(_) => complain(format_args!("{peer} has not finished its request in {PATIENCE:?}")),
    }
}
// ANCHOR_END: open

// ANCHOR: page
const PAGE: &str = include_str!("page.html");

/// What a request needs to know.
#[derive(Clone)]
struct Door {
    room: Arc<Room>,
    peer: SocketAddr,
}

/// Hands out the page, and forbids it everything that it does not do itself.
async fn page(headers: HeaderMap) -> Response {
    let Some(host) = host(&headers) else {
        return (StatusCode::BAD_REQUEST, OTHER_NAME).into_response();
    };
    // The page's own script and style bear this number, and nothing else may run. A hash of random keys
    // is random, as in 8.1.
    let [first, second] = [(); 2].map(|()| RandomState::new().hash_one(()));
    let nonce = format!("{first:016x}{second:016x}");
    // Since 2022, browsers count a WebSocket to here as 'self'. Older ones need its address, but a policy
    // cannot hold one of IPv6.
    let socket = if host.starts_with('[') { String::new() } else { format!("ws://{host}") };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; \
         connect-src 'self' {socket}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [
        (CONTENT_SECURITY_POLICY, policy.as_str()),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(PAGE.replace("NONCE", &nonce))).into_response()
}
// ANCHOR_END: page

// ANCHOR: origin
const OTHER_NAME: &str = "Open the page at the address that the server's terminal shows.\n";

/// Returns the address that the browser has used, if it is a number or `localhost`. A name could be
/// anybody's: its owner may point it at this machine, and then its pages would count as ours (DNS
/// rebinding).
fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(HOST)?.to_str().ok()?;
    // A browser leaves out port 80.
    let split = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let (name, port) = split.unwrap_or((host, "80"));
    let number = if name == "localhost" { "127.0.0.1" } else { name };
    format!("{number}:{port}").parse::<SocketAddr>().is_ok().then_some(host)
}

/// Returns whether a request comes from our page. A browser tells the truth about that, whatever the page
/// wants. A program that is not a browser may leave it out, or lie.
fn is_from_our_page(headers: &HeaderMap) -> bool {
    let Some(host) = host(headers) else { return false };
    headers
        .get(ORIGIN)
        .is_none_or(|origin| origin.as_bytes() == format!("http://{host}").as_bytes())
}
// ANCHOR_END: origin

// ANCHOR: join
/// Opens a WebSocket into the room.
async fn join(
    State(Door { room, peer }): State<Door>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_from_our_page(&headers) {
        complain(format_args!("{peer} comes from a foreign page, so it does not get in"));
        return (StatusCode::FORBIDDEN, OTHER_NAME).into_response();
    }
    upgrade
        .max_message_size(LONGEST_LINE)
        .max_frame_size(LONGEST_LINE)
        .read_buffer_size(READ_BUFFER) // otherwise 128 KiB, for each page
        .on_upgrade(move |socket| Visitor::new(room, peer).visit(socket))
}
// ANCHOR_END: join
