//! Finds out whether a link can be made here, so that the tests that need one count as ignored
//! where it cannot.

#[cfg(target_os = "linux")]
#[path = "src/device.rs"]
#[allow(dead_code, reason = "the library uses the rest")]
mod device;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(link)");
    println!("cargo::rerun-if-env-changed=USER");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/device.rs");
    #[cfg(target_os = "linux")]
    match device::become_root().and_then(|()| device::open(1500)) {
        Ok(_) => println!("cargo::rustc-cfg=link"),
        // Seen with `cargo build -vv`.
        Err(error) => println!("the tests on a link are ignored: {error:#}"),
    }
}
