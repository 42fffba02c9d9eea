//! Asks the system about a running process. Only Linux answers in a simple way, in /proc (proc(5)).
//! Elsewhere every answer but the memory is `None`.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Returns whether a program can be started and succeeds with these arguments.
pub fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Returns the resident memory in bytes, or `None` if neither /proc nor `ps` tells it.
pub fn resident_memory(process: u32) -> Option<u64> {
    let kibibytes = status_field(process, "VmRSS:").or_else(|| {
        let output = Command::new("ps").args(["-o", "rss=", "-p", &process.to_string()]).output();
        String::from_utf8(output.ok()?.stdout).ok()?.trim().parse().ok()
    })?;
    Some(kibibytes * 1024)
}

/// Returns how many bytes of addresses are in use, with or without memory behind them. Linux only.
pub fn virtual_memory(process: u32) -> Option<u64> {
    Some(status_field(process, "VmSize:")? * 1024)
}

/// Returns the number of threads.
pub fn threads(process: u32) -> Option<u64> {
    status_field(process, "Threads:")
}

/// Returns the number of open files and sockets.
pub fn open_descriptors(process: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{process}/fd")).ok()?.count())
}

/// Returns the processor time used so far, in user and kernel mode, to a hundredth of a second.
pub fn processor_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // These are the fields after the name, which is in parentheses and may itself hold anything.
    // utime and stime are the 14th and the 15th of all fields, in ticks of a hundredth of a second.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

fn status_field(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Returns how often each thread, by its number, has been scheduled, if all of them sleep. Returns
/// `None` while one runs or is ready to run: on a busy machine a thread may be ready for a while
/// without being scheduled.
pub fn sleeping_threads(process: u32) -> Option<BTreeMap<u32, u64>> {
    let mut threads = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let folder = thread.ok()?.path();
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // The state follows the name, which is in parentheses. S is an interruptible sleep.
        let asleep = stat.rsplit(')').next()?.trim_start().starts_with('S');
        // Run time, waiting time, and the number of time slices.
        let schedstat = fs::read_to_string(folder.join("schedstat")).ok()?;
        let times = schedstat.split_whitespace().nth(2)?.parse().ok()?;
        if !asleep {
            return None;
        }
        threads.insert(folder.file_name()?.to_str()?.parse().ok()?, times);
    }
    Some(threads)
}

/// Returns how many connections wait to be accepted by the server that listens at `address`, which
/// is an IPv4 address.
pub fn backlog(address: SocketAddr) -> Option<u64> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, queues) = (fields.get(1)?, fields.get(3)?, fields.get(4)?);
        let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
        let listens = *state == "0A" && port == address.port();
        // The second number is what waits to be received. For a listener, that is connections.
        listens.then(|| u64::from_str_radix(queues.split_once(':')?.1, 16).ok())?
    })
}
