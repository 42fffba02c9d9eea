//! Finds out whether `node`, `nats-server`, `tcpdump` and `strace` are there, so that the tests that
//! need them count as ignored where they are not.

use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(node, nats_server, strace, tcpdump)");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-changed=build.rs");
    let version = printed("node", "--version");
    let major = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    if major.is_some_and(|major: u32| major >= 20) {
        println!("cargo::rustc-cfg=node");
    }
    if !printed("nats-server", "--version").is_empty() {
        println!("cargo::rustc-cfg=nats_server");
    }
    // Only root may capture, unless the system was set otherwise.
    if printed("tcpdump", "--version").contains("libpcap") && printed("id", "-u").trim() == "0" {
        println!("cargo::rustc-cfg=tcpdump");
    }
    // It may be there, and forbidden to trace, as in some containers.
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status();
    if traced.is_ok_and(|status| status.success()) {
        println!("cargo::rustc-cfg=strace");
    }
}

/// What a command prints, or nothing where it is not there.
fn printed(command: &str, argument: &str) -> String {
    let output = Command::new(command).arg(argument).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
