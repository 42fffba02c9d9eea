//! Finds out whether `node` and `strace` are there, so that the tests that need them count as ignored
//! where they are not.

use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(node, strace)");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-changed=build.rs");
    let version = Command::new("node").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let major = version
        .unwrap_or_default()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|n| n.parse().ok());
    if major.is_some_and(|major: u32| major >= 20) {
        println!("cargo::rustc-cfg=node");
    }

    // It may be there, and forbidden to trace, as in some containers.
    let traced = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status();
    if traced.is_ok_and(|status| status.success()) {
        println!("cargo::rustc-cfg=strace");
    }
}
