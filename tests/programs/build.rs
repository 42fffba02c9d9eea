//! Finds out whether `node` is there, so that the tests that need it count as ignored where it is
//! not.

use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(node)");
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
}
