//! Where the lessons are, and how to start them.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use socket2::{Domain, Socket, Type};

/// The binary of the lesson in `package`, built if need be. A lesson's own tests do not need it:
/// they have `env!("CARGO_BIN_EXE_lesson-...")`.
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

/// The folder that holds everything.
pub fn repository() -> &'static Path {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR"));
    harness.ancestors().nth(2).unwrap_or(harness)
}

/// The folder that holds everything of one lesson, such as `6.2.2.1-greeting`.
pub fn lesson_folder(name: &str) -> PathBuf {
    let folder = repository().join("lessons").join(name);
    assert!(folder.is_dir(), "there is no lesson in {}", folder.display());
    folder
}

/// Runs `script`, such as `6.2.2.1-greeting/node/server.js`, with Node.
pub fn node(script: &str) -> Command {
    let (lesson, file) = script.split_once('/').expect("LESSON/node/FILE");
    let mut command = Command::new("node");
    command.arg(lesson_folder(lesson).join(file));
    command
}

/// An address of this machine at which every connection is refused, as long as the socket is kept:
/// the port is taken, and nobody listens on it.
pub fn refusing() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    let address = socket.local_addr().expect("its address").as_socket().expect("an IP address");
    (socket, address)
}

/// Runs the program at `path` with a limit that the shell's `ulimit` sets, such as `-n 20`.
#[cfg(unix)]
pub fn with_limit(limit: &str, path: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]).arg(path);
    command
}
