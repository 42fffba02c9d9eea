//! nats-server, as a test starts it, kills it and starts it again at the same port.

use std::mem;
use std::net::{TcpListener, UdpSocket};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU16, Ordering};

use predicates::str::contains;

use crate::Program;

/// Where no NATS is: nothing ever listens at port 1.
pub const NO_NATS: &str = "127.0.0.1:1";

/// A nats-server with a port of its own on 127.0.0.1, running or not. It is killed when the value is
/// dropped.
pub struct Nats {
    port: u16,
    arguments: Vec<String>,
    program: Option<Program>,
}

impl Nats {
    /// One that is not running yet, and will be started with these further arguments.
    pub fn new(arguments: &[&str]) -> Nats {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Nats { port: port_that_stays_free(), arguments, program: None }
    }

    /// One that is running.
    pub fn running() -> Nats {
        let mut nats = Nats::new(&[]);
        nats.start();
        nats
    }

    /// `HOST:PORT` for its clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it, and waits until it is ready.
    pub fn start(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]).args(&self.arguments);
        let program = Program::start(command);
        program.wait_for_stderr(contains("Server is ready"));
        self.program = Some(program);
    }

    /// Its process, while it is running.
    pub fn program(&self) -> &Program {
        self.program.as_ref().expect("it has been started")
    }

    /// Kills it, which it can do nothing about.
    pub fn kill(&mut self) {
        self.program = None;
    }
}

/// A port below those that the system gives away by itself (from 32768 on Linux, from 49152
/// elsewhere), so that nobody takes it while no server listens there. The port of the same number
/// that UDP has says so to the other processes that ask here: this one keeps it until it ends.
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
