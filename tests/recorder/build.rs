//! Finds out what is there to record and to play with, so that the tests that need it count as
//! ignored where it is not.

#[path = "src/tools.rs"]
mod tools;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(can_record)");
    println!("cargo::rustc-check-cfg=cfg(browser)");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tools.rs");
    if cfg!(target_os = "linux") && tools::missing().is_empty() {
        println!("cargo::rustc-cfg=can_record");
    }
    if cfg!(unix) && tools::browser().is_some() && tools::mdbook() {
        println!("cargo::rustc-cfg=browser");
    }
}
