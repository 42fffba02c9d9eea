//! Starts a nats-server for a test, kills it, and starts it again at the same port.

use std::fs;
use std::mem;
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU16, Ordering};

use predicates::str::contains;

use crate::{Program, scratch};

/// An address without NATS, because nothing ever listens at port 1.
pub const NO_NATS: &str = "127.0.0.1:1";

/// A nats-server with a port of its own on 127.0.0.1, running or not. Kills the server when it is
/// dropped.
pub struct Nats {
    port: u16,
    arguments: Vec<String>,
    program: Option<Program>,
    /// The folder in which JetStream keeps its streams, if it is used.
    store: Option<PathBuf>,
}

impl Nats {
    /// Creates one that is not running yet. It will be started with these additional arguments.
    pub fn new(arguments: &[&str]) -> Nats {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Nats { port: port_that_stays_free(), arguments, program: None, store: None }
    }

    /// Does the same as [`Nats::new`], with JetStream. What it stores survives a restart, but is
    /// deleted when the value is dropped.
    pub fn with_jetstream(arguments: &[&str]) -> Nats {
        let mut nats = Nats::new(arguments);
        // Another process may have the same port in another network namespace.
        let store = scratch().join(format!("jetstream-{}-{}", process::id(), nats.port));
        let _ = fs::remove_dir_all(&store); // left by a test that was killed, if there is one
        nats.store = Some(store);
        nats
    }

    /// Creates one, and starts it.
    pub fn running() -> Nats {
        let mut nats = Nats::new(&[]);
        nats.start();
        nats
    }

    /// Starts three servers that know each other, each made by `server`, which gets its arguments.
    pub fn cluster_of_three(server: impl Fn(&[&str]) -> Nats) -> Vec<Nats> {
        let ports = [(); 3].map(|()| port_that_stays_free().to_string());
        let routes = ports.each_ref().map(|port| format!("nats://127.0.0.1:{port}"));
        let all = routes.join(",");
        let mut members: Vec<Nats> = ports
            .iter()
            .zip(&routes)
            .map(|(port, route)| {
                // The members of a cluster with JetStream need names.
                let name = ["-n", port, "--cluster_name", "chat"];
                server(&[&name[..], &["--cluster", route, "--routes", &all]].concat())
            })
            .collect();
        members.iter_mut().for_each(Nats::start);
        members
    }

    /// Returns `HOST:PORT` for its clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts the server, and waits until it is ready.
    pub fn start(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]).args(&self.arguments);
        if let Some(store) = &self.store {
            command.arg("-js").arg("-sd").arg(store);
        }
        let program = Program::start(command);
        program.wait_for_stderr(contains("Server is ready"));
        self.program = Some(program);
    }

    /// Returns the server's process, while it is running.
    pub fn program(&self) -> &Program {
        self.program.as_ref().expect("it has been started")
    }

    /// Kills the server, which it cannot prevent.
    pub fn kill(&mut self) {
        self.program = None;
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
        if let Some(store) = &self.store {
            let _ = fs::remove_dir_all(store); // fails if the server was never started
        }
    }
}

/// Returns a port below those that the system assigns (from 32768 on Linux, from 49152 elsewhere),
/// so that no process takes it while no server listens there. To reserve it among the processes
/// that call this function, it keeps the UDP port of the same number until this process ends.
pub fn port_that_stays_free() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = process::id() % 10_000;
    loop {
        let offset = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
        assert!(offset < 10_000, "there is no free port from 20,000 to 30,000");
        let port = 20_000 + (start + offset) % 10_000;
        let port = u16::try_from(port).expect("below 30,000");
        let Ok(sign) = UdpSocket::bind(("127.0.0.1", port)) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            mem::forget(sign);
            return port;
        }
    }
}
