//! Reads what /proc tells about the server's process, on Linux (proc(5)). On other systems, and for
//! a server on another machine, nothing is known.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// The resources that all the servers' processes together have used so far.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    /// Processor time in user and kernel mode, to a hundredth of a second.
    pub processor: Duration,
    /// Resident memory, in bytes.
    pub memory: u64,
    /// The maximum resident memory so far, in bytes.
    pub most_memory: u64,
}

/// Returns what the processes have used, if the system tells.
pub fn usage(processes: &BTreeSet<u32>) -> Option<Usage> {
    let mut usage = Usage::default();
    for process in processes {
        usage.processor += processor_time(*process)?;
        usage.memory += memory(*process, "VmRSS:")?;
        usage.most_memory += memory(*process, "VmHWM:")?;
    }
    (!processes.is_empty()).then_some(usage)
}

fn processor_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // These are the fields after the name, which is in parentheses and may itself hold anything.
    // utime and stime are the 14th and the 15th of all fields, in ticks of a hundredth of a second.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

fn memory(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Returns how many descriptors the process may have.
pub fn descriptor_limit(process: u32) -> Option<usize> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns the process that listens at `address`, if it is on this machine and we may know it.
pub fn listening_at(address: SocketAddr) -> Option<u32> {
    if !is_ours(address) {
        return None;
    }
    let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let inode = sockets.iter().flatten().flat_map(|table| table.lines()).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
        let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        const LISTENING: &str = "0A";
        (port == address.port() && state == LISTENING).then(|| fields.nth(5))?
    })?;
    let name = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(|process: &u32| {
        let descriptors = fs::read_dir(format!("/proc/{process}/fd"));
        descriptors.is_ok_and(|mut all| {
            all.any(|entry| {
                let link = entry.and_then(|entry| fs::read_link(entry.path()));
                link.is_ok_and(|link| link.to_str() == Some(&name))
            })
        })
    })
}

/// Returns whether the address is one of this machine, because then we would also send from it.
fn is_ours(address: SocketAddr) -> bool {
    let from = || {
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.connect(address)?; // sends nothing
        socket.local_addr()
    };
    address.ip().is_loopback() || from().is_ok_and(|from| from.ip() == address.ip())
}
