//! Where nats-server is missing, the tests that need it count as ignored.

use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(nats_server)");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-changed=build.rs");
    if Command::new("nats-server").arg("--version").output().is_ok() {
        println!("cargo::rustc-cfg=nats_server");
    }
}
