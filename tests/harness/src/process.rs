//! What the system says about a running process. Only Linux says it in a simple way, in /proc
//! (proc(5)); elsewhere every answer but its memory is `None`.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Returns whether a program can be started, and is content with these arguments.
pub fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Resident memory, in bytes. `None` where neither /proc nor `ps` tells it.
pub fn resident_memory(process: u32) -> Option<u64> {
    let kibibytes = status_field(process, "VmRSS:").or_else(|| {
        let output = Command::new("ps").args(["-o", "rss=", "-p", &process.to_string()]).output();
        String::from_utf8(output.ok()?.stdout).ok()?.trim().parse().ok()
    })?;
    Some(kibibytes * 1024)
}

/// How many threads there are.
pub fn threads(process: u32) -> Option<u64> {
    status_field(process, "Threads:")
}

/// How many files and sockets are open.
pub fn open_descriptors(process: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{process}/fd")).ok()?.count())
}

/// Processor time used so far, by the program and by the kernel for it, to a hundredth of a second.
pub fn processor_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The fields after the name, which is in parentheses and may itself hold anything: utime and
    // stime are the 14th and the 15th of all, in ticks of which there are 100 in a second.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_millis((user + system) * 10))
}

fn status_field(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// How often each thread has been scheduled, by its number, where all of them sleep. `None` while
/// one runs, or would run if it had a processor: on a busy machine that may take a while, in which
/// nothing is scheduled although there is something to do.
pub fn sleeping_threads(process: u32) -> Option<BTreeMap<u32, u64>> {
    let mut threads = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let folder = thread.ok()?.path();
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        // The state stands after the name, which is in parentheses. S is an interruptible sleep.
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

/// How many connections wait for the server that listens at `address`, which is an IPv4 address, to
/// accept them.
pub fn backlog(address: SocketAddr) -> Option<u64> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, queues) = (fields.get(1)?, fields.get(3)?, fields.get(4)?);
        let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
        let listens = *state == "0A" && port == address.port();
        // The second number is what waits to be received: of a listener, connections.
        listens.then(|| u64::from_str_radix(queues.split_once(':')?.1, 16).ok())?
    })
}
