//! Finds out whether Node and nats-server are there, so that the tests that need them count as
//! ignored where they are not.

use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(node, nats_server)");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-changed=build.rs");
    for (program, name) in [("node", "node"), ("nats-server", "nats_server")] {
        let asked = Command::new(program).arg("--version").output();
        if asked.is_ok_and(|output| output.status.success()) {
            println!("cargo::rustc-cfg={name}");
        }
    }
}
