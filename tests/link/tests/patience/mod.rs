//! How long a server waits for a client that has vanished.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{Socket, TcpKeepalive};

/// What the servers promise.
const NOTICED_WITHIN: Duration = Duration::from_secs(90);

/// Checks that a server's patience with `client` is as long as is promised, and makes it a few
/// seconds: what happens then is the same, but a test need not wait for so long.
pub fn shorten(server: u32, client: Ipv4Addr) {
    for connection in connections(server, client) {
        // With nothing under way: the time until the first question and that between questions,
        // to which there is no answer.
        assert!(connection.keepalive().expect("SO_KEEPALIVE"), "it may be silent for ever");
        let first = connection.tcp_keepalive_time().expect("TCP_KEEPIDLE");
        let between = connection.tcp_keepalive_interval().expect("TCP_KEEPINTVL");
        let questions = connection.tcp_keepalive_retries().expect("TCP_KEEPCNT");
        assert!(
            first + between * questions <= NOTICED_WITHIN,
            "{first:?}, {questions} {between:?}"
        );

        // With something under way, nothing is asked, but sent again and again.
        let again = connection.tcp_user_timeout().expect("TCP_USER_TIMEOUT");
        let again = again.expect("a limit to how long it is sent again");
        assert!(again <= NOTICED_WITHIN, "{again:?}");

        let second = Duration::from_secs(1);
        let short = TcpKeepalive::new().with_time(second).with_interval(second);
        connection.set_tcp_keepalive(&short).expect("a shorter time");
        connection.set_tcp_user_timeout(Some(3 * second)).expect("a shorter time");
    }
}

/// The sockets by which a process that this one has started is connected to `peer`: the sockets
/// themselves, as if they had been inherited (pidfd_getfd(2)). The caller drops them soon, as no
/// connection ends while anybody has its socket.
fn connections(process: u32, peer: Ipv4Addr) -> Vec<Socket> {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    let process_descriptor = pidfd_open(id, PidfdFlags::empty()).expect("a running process");
    let is_to_peer = |socket: &Socket| {
        let address = socket.peer_addr().ok().and_then(|address| address.as_socket_ipv4());
        address.is_some_and(|address| *address.ip() == peer)
    };
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("proc(5)");
    let sockets: Vec<Socket> = descriptors
        .filter_map(|descriptor| descriptor.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|number| {
            // One that has been closed meanwhile is not there any more.
            pidfd_getfd(&process_descriptor, number, PidfdGetfdFlags::empty()).ok()
        })
        .map(Socket::from)
        .filter(is_to_peer)
        .collect();
    assert!(!sockets.is_empty(), "the process has no connection to {peer}");
    sockets
}
