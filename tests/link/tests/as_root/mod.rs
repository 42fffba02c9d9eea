//! Runs a test as root, of the system or of a user namespace, because a link needs that.

use std::env;
use std::process::Command;

use harness::own;

/// Runs `test` as a user who may make a link. Another user can become root only while there are no
/// threads, so in that case the test called `name` is run again by itself, behind the command
/// `link`.
pub fn as_root(name: &str, test: impl FnOnce()) {
    if link::is_root() {
        return test();
    }
    let output = Command::new(own("link"))
        .arg("--")
        .arg(env::current_exe().expect("the path of this program"))
        .args([name, "--exact", "--include-ignored", "--nocapture"])
        .output()
        .expect("the command link");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "there is no test {name}: {said}");
}
