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

/// How many clients may have connected without having been accepted yet.
///
/// A class of thirty never needs it; a burst of a thousand joins does. The system may cap it: Linux
/// at `net.core.somaxconn` (4096 since Linux 5.4, listen(2)), macOS at `kern.ipc.somaxconn` (128).
const BACKLOG: i32 = 4096;

/// How long a connection may be silent before the system asks the peer whether it is still there,
/// and how long it waits between questions. A laptop that was shut or unplugged sends nothing when
/// it leaves: without these questions (SO_KEEPALIVE, RFC 1122, 4.2.3.6) a thread would wait for it
/// for ever.
///
/// With three questions unanswered, a peer that has vanished is noticed after 90 s. Linux does not
/// count them, because it has a limit in time (see `VANISHED_AFTER`), which is as long.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_QUESTIONS: u32 = 3;

/// The same time for a peer that vanishes while something is on its way to it. Then the system does
/// not ask, it repeats what it has sent, on Linux for a quarter of an hour (tcp_retries2 in tcp(7)),
/// unless it is told how long (TCP_USER_TIMEOUT, RFC 5482). macOS and Windows have no such option
/// under that name, and give up after some minutes, or half a minute.
///
/// Linux then goes by this limit in a silent connection too, and not by the number of questions
/// (tcp_keepalive_timer in its net/ipv4/tcp_timer.c).
///
/// Linux also ends the connection to a peer that is there but has had no room for so long, while
/// something waits for it: a program that is suspended, for example. That is the chat's policy, too: a
/// reader that takes in nothing for 90 s while something waits for it is disconnected.
/// [`note_disconnected`](crate::note_disconnected) says so.
#[cfg(target_os = "linux")]
const VANISHED_AFTER: Duration = Duration::from_secs(90);

/// Listens on `address`, which is `HOST:PORT`, and says so on stderr. Returns the listener and the
/// address it is really bound to, which differs for port 0.
///
/// Like [`TcpListener::bind`] it lets the port be taken again as soon as a server has ended. Beyond
/// that, a burst of joins finds room in the backlog, and peers that vanish without a word are
/// noticed.
///
/// # Errors
/// Where the host is unknown or the address cannot be had: the message says what to try next.
pub fn listen(address: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listen_on_any_of(address).map_err(|error| cannot_listen(address, error))?;
    let bound = announce(&listener)?;
    Ok((listener, bound))
}

/// A name may stand for several addresses (`localhost` for `::1` and `127.0.0.1`): the first that
/// works is used.
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
    // After a server has ended, its old connections rest in TIME_WAIT for a while and keep the
    // port. On Unix SO_REUSEADDR sets that aside. On Windows it is not needed, and would let
    // two servers share one port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    notice_vanished_peers(&socket);
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Makes the system notice peers that vanish. Accepted sockets inherit this from the listener.
///
/// Each option is asked for on its own, and may be refused: Windows has had TCP_KEEPCNT since version
/// 1703 only. A server that notices a vanished peer later is better than no server.
fn notice_vanished_peers(socket: &Socket) {
    let times = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL);
    let _ = socket.set_tcp_keepalive(&times);
    let _ = socket.set_tcp_keepalive(&times.with_retries(KEEPALIVE_QUESTIONS));
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(VANISHED_AFTER));
}

/// Says on stderr where `listener` listens and how to connect to it. Returns the address it is
/// bound to.
///
/// From here on the program is a server, see [`become_server`].
///
/// # Errors
/// If the system does not tell the address, or the signal handler cannot be installed.
pub fn announce(listener: &TcpListener) -> anyhow::Result<SocketAddr> {
    let bound = listener
        .local_addr()
        .map_err(|error| anyhow::anyhow!("cannot find out the address of the listener: {error}"))?;
    become_server()?;
    note!("{}", announcement(bound, &lan_addresses(bound.ip())));
    Ok(bound)
}

/// Makes the program a server: from here on it never waits for its terminal
/// ([`print_line!`](crate::print_line)), and Ctrl-C and SIGTERM end it ([`CtrlC`](crate::CtrlC)).
///
/// # Errors
/// If the signal handler cannot be installed.
pub fn become_server() -> anyhow::Result<()> {
    ends_the_process()?;
    start_printers();
    Ok(())
}

/// `others` are the addresses at which other machines reach the listener, where there are several.
fn announcement(bound: SocketAddr, others: &[IpAddr]) -> String {
    let port = bound.port();
    let (ip, more) = match others {
        [] => (reachable(bound).ip(), &[][..]),
        [first, more @ ..] => (*first, more),
    };
    let more: String = more.iter().map(|ip| format!("; or to {ip}")).collect();
    format!(
        "listening on {bound}: connect with telnet {ip} {port} (or nc {ip} {port}){more}, stop \
         with Ctrl-C"
    )
}

/// The addresses at which other machines reach a listener that is bound to `bound`, where that means
/// every address of this machine. None where it is one address, or where there is no network.
fn lan_addresses(bound: IpAddr) -> Vec<IpAddr> {
    if !bound.is_unspecified() {
        return Vec::new();
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces.iter().filter(|interface| !interface.is_loopback());
    // A link-local IPv6 address is of no use without the name of an interface.
    addresses.map(|interface| interface.ip()).filter(IpAddr::is_ipv4).collect()
}

/// An address at which this machine reaches a listener bound to `bound`: `0.0.0.0` and `::` mean
/// every address of this machine, and one cannot connect to "every address".
pub(crate) fn reachable(mut bound: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() {
        bound.set_ip(match bound.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    bound
}

/// How long it takes until the server tries again: short enough for a person not to
/// mind, long enough to use no processor time.
const PAUSE: Duration = Duration::from_millis(100);

/// After this long without trouble, the next trouble is news again.
const QUIET: Duration = Duration::from_secs(60);

/// What else helps. Windows has no such command, and hardly such limits.
const HIGHER_LIMITS: &str = if cfg!(unix) { ", or with higher limits (see ulimit -a)" } else { "" };

static LAST_TROUBLE: Mutex<Option<Instant>> = Mutex::new(None);

/// What a server does when `accept`, or the start of a thread, has failed: waits for as long as
/// [`pause_for`] says, so that the server can go on. One for which there was no thread has been let
/// go of, and so its connection is closed.
pub fn pause_after(error: &io::Error) {
    thread::sleep(pause_for(error));
}

/// For how long a server takes in nobody when that has failed with `error`: 0.1 s.
///
/// The usual cause is that file descriptors or threads have run out. `accept` then fails at once,
/// and would again: a loop without a pause would take a whole processor. Clients that have
/// connected meanwhile wait in the backlog. Says so on stderr, once until there has been no trouble
/// for a minute.
///
/// Where *memory* runs out, which a limit on address space (`ulimit -v`) can bring about, nothing in
/// here helps: a failed allocation ends the process.
///
/// A client that left before it was accepted (`ECONNABORTED` in accept(2)) is no trouble, under
/// whatever name a system reports it: then it is no time at all.
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
        drop((accepted, listener)); // The server closes first: its side of the connection rests in TIME_WAIT.
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
            announcement(bound.parse().expect("an address"), others)
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
