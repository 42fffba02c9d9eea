//! The sockets of another process.

use std::fs;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::Socket;

/// The connected sockets of a process that this one has started: the sockets themselves, as if they
/// had been inherited from it (pidfd_getfd(2)). The caller drops them soon, as no connection ends
/// while anybody has its socket.
pub fn connections_of(process: u32) -> Vec<Socket> {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    let process_descriptor = pidfd_open(id, PidfdFlags::empty()).expect("a running process");
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("proc(5)");
    descriptors
        .filter_map(|descriptor| descriptor.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|number| {
            // One that has been closed meanwhile is not there any more.
            pidfd_getfd(&process_descriptor, number, PidfdGetfdFlags::empty()).ok()
        })
        .map(Socket::from)
        .filter(|socket| socket.peer_addr().is_ok_and(|address| address.is_ipv4()))
        .collect()
}
