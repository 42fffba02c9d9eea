//! A link takes root: the system's, or that of a user namespace.

use std::env;
use std::process::Command;

use harness::own;

/// Runs `test` where it may make a link. Whoever is not root can only become it before there are
/// threads: then the test, whose name is `name`, is run again by itself, behind the command `link`.
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
