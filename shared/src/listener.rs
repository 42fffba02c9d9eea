//! A listening socket as a classroom needs it, and what to do when `accept` fails.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, TcpKeepalive, Type};

use crate::ctrl_c::ends_the_process;
use crate::failure::cannot_listen;
use crate::note;
use crate::output::start_printers;

/// The maximum number of clients that have connected but have not been accepted yet.
///
/// A class of thirty never needs it, but a burst of a thousand joins does. The system may cap it:
/// Linux at `net.core.somaxconn` (4096 since Linux 5.4, listen(2)), macOS at `kern.ipc.somaxconn`
/// (128).
const BACKLOG: i32 = 4096;

/// How long a connection may be silent before the system asks the peer whether it is still there,
/// and how long it waits between probes. A laptop that is shut or unplugged sends nothing when it
/// leaves, so without these probes (SO_KEEPALIVE, RFC 1122, 4.2.3.6) a thread would wait for it
/// forever.
///
/// After three unanswered probes, that is after 90 s, a peer counts as vanished. Linux does not
/// count them, because it has a time limit of the same length (see `VANISHED_AFTER`).
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_QUESTIONS: u32 = 3;

/// The same limit for a peer that vanishes while data is on its way to it. In that case the system
/// does not probe, but retransmits: on Linux for a quarter of an hour (tcp_retries2 in tcp(7)),
/// unless it is given a limit (TCP_USER_TIMEOUT, RFC 5482). macOS and Windows have no option of
/// that name; macOS gives up after some minutes, Windows after half a minute.
///
/// With this limit set, Linux applies it to a silent connection as well, instead of counting probes
/// (tcp_keepalive_timer in its net/ipv4/tcp_timer.c).
///
/// Linux also ends the connection to a peer that is there, but has had no room for that long while
/// data waits for it: a suspended program, for example. That is the chat's policy as well: a reader
/// that accepts nothing for 90 s while data waits for it is disconnected, and
/// [`note_disconnected`](crate::note_disconnected) reports that.
#[cfg(target_os = "linux")]
const VANISHED_AFTER: Duration = Duration::from_secs(90);

/// Listens on `address`, which is `HOST:PORT`, and reports it on stderr. Returns the listener and
/// the address it is really bound to, which differs for port 0.
///
/// Like [`TcpListener::bind`], it lets the port be reused as soon as a server has ended. In
/// addition, a burst of joins fits into the backlog, and peers that vanish without a word are
/// noticed.
///
/// # Errors
///
/// If the host is unknown, or the address cannot be bound. The message says what to try next.
pub fn listen(address: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listen_on_any_of(address).map_err(|error| cannot_listen(address, error))?;
    let bound = announce(&listener)?;
    Ok((listener, bound))
}

/// Does the same as [`listen`] for a server that telnet cannot use, and names `client` instead, which
/// is a command that takes `HOST:PORT`.
///
/// # Errors
/// Those of [`listen`].
pub fn listen_for(client: &str, address: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listen_on_any_of(address).map_err(|error| cannot_listen(address, error))?;
    let connect = |ip, port| format!("{client} {}", SocketAddr::new(ip, port));
    let bound = announce_with(&listener, connect)?;
    Ok((listener, bound))
}

/// Listens on the first address that works, because a name may stand for several (`localhost` for
/// `::1` and `127.0.0.1`).
fn listen_on_any_of(address: &str) -> io::Result<TcpListener> {
    let mut outcome = Err(io::Error::new(ErrorKind::NotFound, "the host has no address"));
    for candidate in address.to_socket_addrs()? {
        outcome = listen_on(candidate);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // After a server has ended, its old connections stay in TIME_WAIT for a while and keep the port
    // busy. On Unix, SO_REUSEADDR overrides that. On Windows it is not needed, and would let two
    // servers share one port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    notice_vanished_peers(&socket);
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Makes the system notice peers that vanish. Accepted sockets inherit this from the listener.
///
/// Each option is set on its own, and may be refused: Windows has TCP_KEEPCNT only since version
/// 1703. A server that notices a vanished peer later is better than no server.
fn notice_vanished_peers(socket: &Socket) {
    let times = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL);
    let _ = socket.set_tcp_keepalive(&times);
    let _ = socket.set_tcp_keepalive(&times.with_retries(KEEPALIVE_QUESTIONS));
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(VANISHED_AFTER));
}

/// Reports on stderr where `listener` listens and how to connect to it. Returns the address it is
/// bound to.
///
/// From now on the program is a server: see [`become_server`].
///
/// # Errors
///
/// If the system does not tell the address, or the signal handler cannot be installed.
pub fn announce(listener: &TcpListener) -> anyhow::Result<SocketAddr> {
    announce_with(listener, with_telnet)
}

fn announce_with(
    listener: &TcpListener,
    connect: impl Fn(IpAddr, u16) -> String,
) -> anyhow::Result<SocketAddr> {
    let bound = listener
        .local_addr()
        .map_err(|error| anyhow::anyhow!("cannot find out the address of the listener: {error}"))?;
    become_server()?;
    note!("{}", announcement(bound, &lan_addresses(bound.ip()), connect));
    Ok(bound)
}

/// Makes the program a server: from now on it never waits for its terminal
/// ([`print_line!`](crate::print_line)), and Ctrl-C and SIGTERM end it ([`CtrlC`](crate::CtrlC)).
///
/// # Errors
/// If the signal handler cannot be installed.
pub fn become_server() -> anyhow::Result<()> {
    ends_the_process()?;
    start_printers();
    Ok(())
}

fn with_telnet(ip: IpAddr, port: u16) -> String {
    format!("telnet {ip} {port} (or nc {ip} {port})")
}

/// Words the announcement. `others` are the addresses at which other machines reach the listener, and
/// `connect` words how to.
fn announcement(
    bound: SocketAddr,
    others: &[IpAddr],
    connect: impl Fn(IpAddr, u16) -> String,
) -> String {
    let port = bound.port();
    let (ip, more) = match others {
        [] => (reachable(bound).ip(), &[][..]),
        [first, more @ ..] => (*first, more),
    };
    let more: String = more.iter().map(|ip| format!("; or to {ip}")).collect();
    let connect = connect(ip, port);
    format!("listening on {bound}: connect with {connect}{more}, stop with Ctrl-C")
}

/// Returns the addresses at which other machines reach a listener that is bound to every address of
/// this machine. Empty if `bound` is a single address, or if there is no network.
fn lan_addresses(bound: IpAddr) -> Vec<IpAddr> {
    if !bound.is_unspecified() {
        return Vec::new();
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces.iter().filter(|interface| !interface.is_loopback());
    // A link-local IPv6 address is of no use without the name of an interface.
    addresses.map(|interface| interface.ip()).filter(IpAddr::is_ipv4).collect()
}

/// Returns an address at which this machine reaches a listener bound to `bound`. A listener may be
/// bound to every address (`0.0.0.0` or `::`), but a client has to connect to a single one.
pub(crate) fn reachable(mut bound: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() {
        bound.set_ip(match bound.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    bound
}

/// How long the server pauses before it tries again: too short to bother a person, long enough to
/// use hardly any processor time.
const PAUSE: Duration = Duration::from_millis(100);

/// How long there must be no trouble before the next trouble is reported again.
const QUIET: Duration = Duration::from_secs(60);

/// What else helps. Windows has no such command, and hardly any such limits.
const HIGHER_LIMITS: &str = if cfg!(unix) { ", or with higher limits (see ulimit -a)" } else { "" };

static LAST_TROUBLE: Mutex<Option<Instant>> = Mutex::new(None);

/// Waits for as long as [`pause_for`] says, after `accept` or the start of a thread has failed, so
/// that the server can continue. If no thread could be started for a client, its socket has been
/// dropped, so its connection is closed.
pub fn pause_after(error: &io::Error) {
    thread::sleep(pause_for(error));
}

/// Returns how long the server should stop accepting after `error`: 0.1 s.
///
/// The usual cause is that file descriptors or threads have run out. `accept` then fails
/// immediately, and would fail again, so a loop without a pause would use a whole processor.
/// Clients that connect meanwhile wait in the backlog. Reports the error on stderr, but not again
/// until there has been no trouble for a minute.
///
/// Nothing in here helps when *memory* runs out, which a limit on address space (`ulimit -v`) can
/// cause, because a failed allocation ends the process.
///
/// A client that left before it was accepted (`ECONNABORTED` in accept(2)) is no trouble, whatever
/// a system calls it, so the pause is zero.
pub fn pause_for(error: &io::Error) -> Duration {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, NotConnected};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | NotConnected) {
        return Duration::ZERO;
    }
    if is_news(
        Instant::now(),
        &mut LAST_TROUBLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()),
    ) {
        note!(
            "cannot take in another client for now: {error}\n\
             Those already here are still served; new ones when some have left{HIGHER_LIMITS}."
        );
    }
    PAUSE
}

fn is_news(now: Instant, last_trouble: &mut Option<Instant>) -> bool {
    last_trouble.replace(now).is_none_or(|last| now.duration_since(last) >= QUIET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn port_0_becomes_a_free_port_that_accepts() {
        let (listener, bound) = listen("127.0.0.1:0").expect("listen");
        assert_ne!(bound.port(), 0);
        let client = TcpStream::connect(bound).expect("connect");
        let (_, peer) = listener.accept().expect("accept");
        assert_eq!(peer, client.local_addr().expect("local address"));
    }

    #[test]
    fn a_port_with_a_resting_connection_can_be_listened_on_again() {
        let (listener, bound) = listen("127.0.0.1:0").expect("listen");
        let client = TcpStream::connect(bound).expect("connect");
        let (accepted, _) = listener.accept().expect("accept");
        drop((accepted, listener)); // The server closes first, so its side stays in TIME_WAIT.
        drop(client);
        listen(&bound.to_string()).expect("listen again");
    }

    #[test]
    fn a_port_that_is_taken_is_refused_with_a_next_step() {
        let (_listener, bound) = listen("127.0.0.1:0").expect("listen");
        let error = listen(&bound.to_string()).expect_err("the port is taken").to_string();
        assert!(
            error.contains(&bound.to_string()) && error.contains("pass another port"),
            "{error}"
        );
    }

    #[test]
    fn accepted_sockets_ask_whether_a_silent_peer_is_still_there() {
        let (listener, bound) = listen("127.0.0.1:0").expect("listen");
        let _client = TcpStream::connect(bound).expect("connect");
        let (accepted, _) = listener.accept().expect("accept");
        let accepted = socket2::SockRef::from(&accepted);
        assert!(accepted.keepalive().expect("SO_KEEPALIVE"));
        #[cfg(target_os = "linux")]
        {
            assert_eq!(accepted.tcp_keepalive_time().ok(), Some(KEEPALIVE_AFTER));
            assert_eq!(accepted.tcp_keepalive_interval().ok(), Some(KEEPALIVE_INTERVAL));
            assert_eq!(accepted.tcp_keepalive_retries().ok(), Some(KEEPALIVE_QUESTIONS));
            assert_eq!(accepted.tcp_user_timeout().ok(), Some(Some(VANISHED_AFTER)));
        }
    }

    #[test]
    fn a_client_that_left_before_it_was_accepted_is_no_trouble() {
        use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, NotConnected};
        for kind in [ConnectionAborted, ConnectionReset, Interrupted, NotConnected] {
            assert_eq!(pause_for(&kind.into()), Duration::ZERO, "{kind}");
        }
        assert_eq!(pause_for(&io::Error::other("no file descriptor is left")), PAUSE);
    }

    #[test]
    fn every_address_is_reached_through_loopback() {
        let reached = |bound: &str| reachable(bound.parse().expect("an address")).to_string();
        assert_eq!(reached("0.0.0.0:3000"), "127.0.0.1:3000");
        assert_eq!(reached("[::]:3000"), "[::1]:3000");
        assert_eq!(reached("10.1.2.3:3000"), "10.1.2.3:3000");
    }

    #[test]
    fn a_class_is_told_the_address_on_its_network() {
        let announced = |bound: &str, others: &[IpAddr]| {
            announcement(bound.parse().expect("an address"), others, with_telnet)
        };
        let (first, second) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([198, 51, 100, 7]));
        assert_eq!(
            announced("0.0.0.0:3000", &[first, second]),
            "listening on 0.0.0.0:3000: connect with telnet 192.0.2.7 3000 (or nc 192.0.2.7 3000); \
             or to 198.51.100.7, stop with Ctrl-C"
        );
        assert!(announced("0.0.0.0:3000", &[]).contains("telnet 127.0.0.1 3000"));
        assert!(announced("[::1]:3000", &[]).contains("telnet ::1 3000"));
    }

    #[test]
    fn only_a_listener_on_every_address_has_others() {
        assert!(lan_addresses(Ipv4Addr::LOCALHOST.into()).is_empty());
        assert!(lan_addresses(Ipv4Addr::UNSPECIFIED.into()).iter().all(|ip| !ip.is_loopback()));
    }

    #[test]
    fn trouble_is_news_once_until_a_quiet_minute_has_passed() {
        let start = Instant::now();
        let mut last_trouble = None;
        assert!(is_news(start, &mut last_trouble));
        assert!(!is_news(start + QUIET / 2, &mut last_trouble));
        assert!(!is_news(start + QUIET, &mut last_trouble), "half a minute after the last trouble");
        assert!(is_news(start + QUIET * 2, &mut last_trouble));
    }
}
