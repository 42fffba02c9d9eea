//! Describes the lessons as their packages do, and starts them.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

use cargo_metadata::{Metadata, Package, Target};
use checkout::repository;
use socket2::{Domain, Socket, Type};

/// A lesson.
#[derive(Debug)]
pub struct Lesson {
    /// The name of its folder, such as `6.2.2.1-greeting`.
    pub name: String,
    /// The path of that folder.
    pub folder: PathBuf,
    /// The number of its section, such as `6.2.2.1`.
    pub section: String,
    /// Its package, such as `lesson-greeting`.
    pub package: String,
    /// The name of its program.
    pub binary: String,
    /// What it shows, as its Cargo.toml says.
    pub summary: String,
}

/// Returns all lessons, in reading order.
pub fn lessons() -> &'static [Lesson] {
    static LESSONS: LazyLock<Vec<Lesson>> = LazyLock::new(|| {
        let lessons = workspace().packages.iter().filter_map(Lesson::of);
        let mut lessons: Vec<Lesson> = lessons.collect();
        lessons.sort_by(|one, other| one.name.cmp(&other.name));
        assert!(!lessons.is_empty(), "there is no lesson in {}/lessons", repository().display());
        lessons
    });
    &LESSONS
}

/// Returns the lessons that are run and keep the contract. Part 7 is included only when the whole
/// workspace is tested.
pub fn lessons_under_test() -> impl Iterator<Item = &'static Lesson> {
    let lessons = lessons().iter().filter(|lesson| lesson.keeps_the_contract());
    lessons.filter(|lesson| cfg!(feature = "part-7") || lesson.section.starts_with('6'))
}

impl Lesson {
    /// Returns whether it takes an address, explains itself and has exercises. The first server
    /// does not, because a beginner types it, so it is a dozen lines of std.
    pub fn keeps_the_contract(&self) -> bool {
        self.package != "lesson-first-server"
    }

    /// Returns the lesson in `package`, if the package is in a folder of `lessons/`.
    fn of(package: &Package) -> Option<Lesson> {
        let folder = package.manifest_path.parent()?;
        let name = folder.strip_prefix(workspace().workspace_root.join("lessons")).ok()?.as_str();
        Some(Lesson {
            name: name.to_string(),
            folder: folder.into(),
            section: name.split_once('-')?.0.to_string(),
            package: package.name.to_string(),
            binary: package.targets.iter().find(|target| Target::is_bin(target))?.name.clone(),
            summary: package.description.clone().unwrap_or_default(),
        })
    }
}

/// Returns the packages of the workspace, as cargo sees them.
pub fn workspace() -> &'static Metadata {
    checkout::workspace().unwrap_or_else(|problem| panic!("{problem}"))
}

/// Returns the binary of the lesson in `package`, and builds it if necessary. A lesson's own tests
/// use [`own`](crate::own) instead.
pub fn lesson(package: &str) -> PathBuf {
    static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    if let Some(path) = built.get(package) {
        return path.clone();
    }
    let binary = escargot::CargoBuild::new().package(package).run();
    let path = binary
        .unwrap_or_else(|error| panic!("cannot build {package}: {error}"))
        .path()
        .to_path_buf();
    built.insert(package.to_string(), path.clone());
    path
}

/// Returns the program of an example of the lesson in `package`, and builds it if necessary.
pub fn example(package: &str, name: &str) -> PathBuf {
    let built = escargot::CargoBuild::new().package(package).example(name).run();
    let built = built.unwrap_or_else(|error| panic!("cannot build the example {name}: {error}"));
    built.path().to_path_buf()
}

/// Runs `script`, such as `6.2.2.1-greeting/node/server.js`, with Node.
pub fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(repository().join("lessons").join(script));
    command
}

/// Returns an address of this machine that refuses every connection for as long as the socket is
/// kept, because the socket occupies the port without listening.
pub fn refusing() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    let address = socket.local_addr().expect("its address").as_socket().expect("an IP address");
    (socket, address)
}

/// Runs the program at `path` with calls that fail as strace's option `inject` says (strace(1)): each
/// fails before the kernel has seen it. The calls of each thread are counted by themselves.
pub fn with_failing(calls: &[&str], path: &Path) -> Command {
    let mut command = Command::new("strace");
    // With -D it is strace that runs in the background, so that the program is ours to end.
    command.args(["-D", "-f", "-qq", "-o", "/dev/null"]);
    for calls in calls {
        command.arg("-e").arg(format!("inject={calls}"));
    }
    command.arg(path);
    command
}

/// Runs the program at `path` with a limit that the shell's `ulimit` sets, such as `-n 20`.
#[cfg(unix)]
pub fn with_limit(limit: &str, path: &Path) -> Command {
    in_a_shell(&format!("ulimit {limit} && exec \"$0\" \"$@\""), path)
}

/// Runs the program at `path` with a stdout that has no room for anything (full(4)).
#[cfg(target_os = "linux")]
pub fn with_full_stdout(path: &Path) -> Command {
    in_a_shell("exec \"$0\" \"$@\" > /dev/full", path)
}

#[cfg(unix)]
fn in_a_shell(line: &str, path: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]).arg(path);
    command
}
