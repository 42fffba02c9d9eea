//! Runs tests that need something a machine may lack: Node, nats-server, root's rights.
//!
//! Rust's own test harness has to know at compile time which tests to ignore, but that would be
//! wrong as soon as somebody installs what was missing. So the test targets that use this crate set
//! `harness = false` in their Cargo.toml, register each test with [`test!`], and check at run time:
//!
//! ```ignore
//! needs::test!(NODE: a_client_in_node_is_answered);
//! fn a_client_in_node_is_answered() { /* ... */ }
//!
//! fn main() -> std::process::ExitCode {
//!     needs::run()
//! }
//! ```
//!
//! The command line is that of any other test (`--exact`, `--ignored`, `--list`, a part of a name).
//! In such a target `#[test]` would do nothing, so a test of the package `programs` forbids it.

use std::env;
use std::process::{Command, ExitCode, Stdio};
use std::sync::LazyLock;

use harness::runs;
use libtest_mimic::{Arguments, Trial};

#[doc(hidden)]
pub use inventory;

/// Something that a test needs and that a machine may lack.
pub struct Need {
    /// The name of the need, as an ignored test prints it.
    what: &'static str,
    /// Whether the need is met, which is checked once, when the first test asks.
    is_there: LazyLock<bool>,
}

impl Need {
    /// Describes a need, and how to find out whether it is met.
    pub const fn new(what: &'static str, is_there: fn() -> bool) -> Need {
        Need { what, is_there: LazyLock::new(is_there) }
    }
}

/// Node.js in a version that runs the lessons' Node programs.
pub static NODE: Need = Need::new("Node 20 or newer", || {
    let version = printed("node", &["--version"]);
    let major = version.trim_start_matches('v').split('.').next().map(str::parse::<u32>);
    matches!(major, Some(Ok(20..)))
});

/// The server that joins the edges of a cluster.
pub static NATS_SERVER: Need = Need::new("nats-server", || runs("nats-server", &["--version"]));

/// GNU telnet, and the `script` of util-linux, which starts it in a pseudo terminal.
pub static TELNET: Need = Need::new("GNU telnet, and script of util-linux", || {
    printed("telnet", &["--version"]).contains("GNU inetutils")
        && printed("script", &["--version"]).contains("util-linux")
});

/// OpenSSL, which is on the other end of TLS.
pub static OPENSSL: Need = Need::new("openssl", || runs("openssl", &["version"]));

/// The right to make a network namespace, which root has, and `ip` to set it up.
pub static NAMESPACE: Need = Need::new("Linux, `ip`, and root", || {
    runs("unshare", &["--net", "ip", "link", "set", "lo", "up"])
});

/// Runs a test in a network namespace of its own, so that a program with a fixed port finds that
/// port free. Takes the name of the test as on the command line, because it starts the test's
/// program again inside. The test needs [`NAMESPACE`].
pub fn in_own_network(name: &str, test: fn()) {
    const INSIDE: &str = "NEEDS_IN_OWN_NETWORK";
    if env::var_os(INSIDE).is_some() {
        return test();
    }
    let script = "ip link set lo up; exec \"$0\" \"$@\"";
    let output = Command::new("unshare")
        .args(["--net", "sh", "-e", "-c", script])
        .arg(env::current_exe().expect("the path of this test"))
        .args(["--exact", name])
        .env(INSIDE, "1")
        .output()
        .expect("unshare");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("1 passed"), "no test is called {name}: {printed}");
}

/// strace, with the right to trace, which some containers withhold.
pub static STRACE: Need = Need::new("strace, and the right to trace", || {
    runs("strace", &["-f", "-o", "/dev/null", "true"])
});

/// tcpdump, with the right to capture, which only root has unless the system is configured
/// otherwise.
pub static TCPDUMP: Need = Need::new("tcpdump, and root", || {
    printed("tcpdump", &["--version"]).contains("libpcap") && printed("id", &["-u"]).trim() == "0"
});

/// Returns what a program prints to stdout, or nothing if it cannot be started.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// A registered test. Made by [`test!`].
#[doc(hidden)]
pub struct Test {
    pub path: &'static str,
    pub needs: &'static [&'static Need],
    pub run: fn(),
}

inventory::collect!(Test);

/// Registers a function as a test, with the [`Need`]s without which it is ignored, if any:
/// `test!(runs)`, `test!(NODE: runs_in_node)`, `test!(NODE, NATS_SERVER: runs_in_both)`.
#[macro_export]
macro_rules! test {
    ($test:ident) => {
        $crate::test!([] $test);
    };
    ($($need:path),+: $test:ident) => {
        $crate::test!([$($need),+] $test);
    };
    ([$($need:path),*] $test:ident) => {
        $crate::inventory::submit! {
            $crate::Test {
                path: concat!(module_path!(), "::", stringify!($test)),
                needs: &[$(&$need),*],
                run: $test,
            }
        }
    };
}

/// Runs the registered tests of this target that the command line selects.
pub fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // libtest reads this variable, but libtest-mimic does not.
    let threads = env::var("RUST_TEST_THREADS").ok().and_then(|threads| threads.parse().ok());
    arguments.test_threads = arguments.test_threads.or(threads);
    let mut trials: Vec<Trial> = inventory::iter::<Test>().map(trial).collect();
    trials.sort_by(|one, other| one.name().cmp(other.name()));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(test: &'static Test) -> Trial {
    // Without the name of the target, as libtest prints it.
    let name = test.path.split_once("::").map_or(test.path, |(_, name)| name);
    let trial = Trial::test(name, || {
        (test.run)();
        Ok(())
    });
    let missing: Vec<&str> =
        test.needs.iter().filter(|need| !*need.is_there).map(|need| need.what).collect();
    match missing.is_empty() {
        true => trial,
        false => {
            trial.with_kind(format!("needs {}", missing.join(", and "))).with_ignored_flag(true)
        }
    }
}
