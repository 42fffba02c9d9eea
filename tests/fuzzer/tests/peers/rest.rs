//! Checks that everything is as it was once everybody has left.

use std::thread;
use std::time::Duration;

use harness::{Program, open_descriptors, processor_time, sleeping_threads, threads, wait_until};

/// The resources that a process uses. `None` if the system does not tell, and only Linux does.
pub struct InUse {
    descriptors: Option<usize>,
    threads: Option<u64>,
}

impl InUse {
    /// Returns what `process` uses now.
    pub fn by(process: u32) -> InUse {
        InUse { descriptors: open_descriptors(process), threads: threads(process) }
    }

    /// Waits until `process` uses no more than this.
    pub fn wait_for(&self, process: u32) {
        let what = format!(
            "the server has {:?} descriptors and {:?} threads again",
            self.descriptors, self.threads
        );
        wait_until(&what, || {
            let now = InUse::by(process);
            now.descriptors <= self.descriptors && now.threads <= self.threads
        });
    }
}

/// Waits until no thread of the server has run for a second. Only Linux tells how often a thread
/// has run.
pub fn come_to_rest(package: &str, process: u32) {
    const A_WHILE: Duration = Duration::from_secs(1);
    if !cfg!(target_os = "linux") {
        return;
    }
    if package.ends_with("cluster-server") {
        // 7.5 looks for NATS once a second, and 7.6 asks it whether the stream has grown, so they
        // run, but not for long.
        return wait_until("the server uses the processor for a tenth of the time", || {
            let before = processor_time(process);
            thread::sleep(A_WHILE);
            let used = processor_time(process).zip(before).map(|(after, before)| after - before);
            used.is_some_and(|used| used < A_WHILE / 10)
        });
    }
    wait_until("no thread of the server has run for a second", || {
        let before = sleeping_threads(process);
        thread::sleep(A_WHILE);
        before.is_some() && before == sleeping_threads(process)
    });
}

/// Checks what the server has printed after that many clients have connected and left. The `honest`
/// ones have done nothing that the server may complain about.
pub fn check_screen(package: &str, server: &Program, connections: usize, honest: &[String]) {
    let complaints = server.stderr();
    for word in ["panicked", "cannot take in another client"] {
        assert!(!complaints.contains(word), "{word:?} is on stderr");
    }
    let accused = honest.iter().find(|address| complaints.contains(*address));
    assert!(accused.is_none(), "stderr speaks of the honest client at {accused:?}");
    // On other systems, a client that leaves early enough has never been there.
    if cfg!(target_os = "linux") && package != "lesson-bidirectional-server" {
        let lines_for_each = match package {
            "lesson-greeting" | "lesson-online-counter" => 2,
            _ => 1,
        };
        let expected = 1 + connections * lines_for_each;
        server.first_lines(expected);
        let printed = server.lines();
        assert_eq!(printed.len(), expected, "lines on stdout for {connections} connections");
        if package == "lesson-online-counter" {
            let nobody = "有客户端退出了,当前在线人数：0"; // a client has left, now online: 0
            assert_eq!(printed.last().map(String::as_str), Some(nobody));
        }
    }
}

/// Stops the server as a user does.
#[cfg(unix)]
pub fn check_end(_: &str, mut server: Program) {
    server.press_ctrl_c();
    let status = server.wait_for_exit();
    // If the program has no handler, the signal ends it, and it has no exit code.
    assert!(matches!(status.code(), None | Some(0 | 130)), "it ends with {status}");
}

/// Does nothing, because no process can send another a Ctrl-C here.
#[cfg(not(unix))]
pub fn check_end(_: &str, _: Program) {}
