//! Checks which of the tools that recording and playing need are available.

use harness::runs;

/// Returns what is missing to record on this machine.
pub fn missing() -> Vec<&'static str> {
    let tools: [(&str, &[&str]); 7] = [
        ("strace", &["-V"]),
        ("eu-stack", &["--version"]),
        ("eu-addr2line", &["--version"]),
        ("tcpdump", &["--version"]),
        ("ip", &["-V"]),
        ("nats-server", &["--version"]),
        // Checks not only for the program, but also for the right to make a network.
        ("unshare", &["--net", "--mount", "true"]),
    ];
    let missing = tools.iter().filter(|(tool, arguments)| !runs(tool, arguments));
    missing.map(|(tool, _)| *tool).collect()
}

/// Returns whether the book can be built.
pub fn mdbook() -> bool {
    runs("mdbook", &["--version"])
}
