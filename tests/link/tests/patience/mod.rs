//! Checks how long a server waits for a client that has vanished.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{Socket, TcpKeepalive};

/// The limit that the servers promise.
const NOTICED_WITHIN: Duration = Duration::from_secs(90);

/// Checks that a server's patience with `client` is as long as promised, and shortens it to a few
/// seconds. What happens then is the same, but the test need not wait that long.
pub fn shorten(server: u32, client: Ipv4Addr) {
    for connection in connections(server, client) {
        // With no data in flight, this is the time until the first probe and between probes, which
        // nobody answers.
        assert!(connection.keepalive().expect("SO_KEEPALIVE"), "it may be silent forever");
        let first = connection.tcp_keepalive_time().expect("TCP_KEEPIDLE");
        let between = connection.tcp_keepalive_interval().expect("TCP_KEEPINTVL");
        let questions = connection.tcp_keepalive_retries().expect("TCP_KEEPCNT");
        assert!(
            first + between * questions <= NOTICED_WITHIN,
            "{first:?}, {questions} {between:?}"
        );

        // With data in flight, the system retransmits instead of probing.
        let again = connection.tcp_user_timeout().expect("TCP_USER_TIMEOUT");
        let again = again.expect("a limit to retransmission");
        assert!(again <= NOTICED_WITHIN, "{again:?}");

        let second = Duration::from_secs(1);
        let short = TcpKeepalive::new().with_time(second).with_interval(second);
        connection.set_tcp_keepalive(&short).expect("a shorter time");
        connection.set_tcp_user_timeout(Some(3 * second)).expect("a shorter time");
    }
}

/// Returns the sockets by which a process that we have started is connected to `peer`: the sockets
/// themselves, as if they had been inherited (pidfd_getfd(2)). The caller should drop them soon,
/// because no connection ends while any process has its socket.
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
            // A socket that has been closed meanwhile is no longer there.
            pidfd_getfd(&process_descriptor, number, PidfdGetfdFlags::empty()).ok()
        })
        .map(Socket::from)
        .filter(is_to_peer)
        .collect();
    assert!(!sockets.is_empty(), "the process has no connection to {peer}");
    sockets
}
