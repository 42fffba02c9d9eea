//! The servers that the ladder compares, and how to start each.

use std::io::{BufRead, BufReader, Read, copy, sink};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, fs, thread};

use anyhow::{Context, Error, bail, ensure};
use checkout::repository;

/// A server to be measured.
pub struct Candidate {
    /// The name in the table.
    pub name: &'static str,
    kind: Kind,
    /// The maximum number of clients to try, because each costs a thread or two.
    pub most_clients: usize,
}

#[derive(PartialEq)]
enum Kind {
    /// One of the barest loops, which crowd itself becomes with this option.
    Bare(&'static str),
    Lesson,
    Node,
    Nats,
}

/// The baseline for processor time when one person speaks. It writes once for each delivery.
pub const BARE_LOOP: &str = "the barest loop";

/// The baseline for processor time when all speak. It writes once to each reader.
pub const BATCHED_LOOP: &str = "the batched loop";

/// The server that the others should outperform.
pub const THREADS: &str = "lesson-broadcast-server";

/// All candidates, in the order of the tables.
pub const CANDIDATES: [Candidate; 8] = [
    Candidate { name: BARE_LOOP, kind: Kind::Bare("--bare-loop"), most_clients: 19_000 },
    Candidate { name: BATCHED_LOOP, kind: Kind::Bare("--batched-loop"), most_clients: 19_000 },
    Candidate { name: THREADS, kind: Kind::Lesson, most_clients: 5_000 },
    Candidate { name: "lesson-shared-log-server", kind: Kind::Lesson, most_clients: 5_000 },
    Candidate { name: "lesson-event-loop-server", kind: Kind::Lesson, most_clients: 19_000 },
    Candidate { name: "lesson-async-server", kind: Kind::Lesson, most_clients: 19_000 },
    Candidate { name: "Node", kind: Kind::Node, most_clients: 19_000 },
    NATS,
];

/// The server that the ladder compares ours with, which also joins the edges of a cluster.
pub const NATS: Candidate =
    Candidate { name: "nats-server", kind: Kind::Nats, most_clients: 19_000 };

/// An edge, which is one of the servers of a cluster.
pub const EDGE: Candidate =
    Candidate { name: "lesson-cluster-server", kind: Kind::Lesson, most_clients: 19_900 };

/// An edge of a cluster that has a single order.
pub const ORDERED_EDGE: Candidate =
    Candidate { name: "lesson-ordered-cluster-server", kind: Kind::Lesson, most_clients: 19_900 };

/// A running server, which is killed when this is dropped.
pub struct Running {
    process: Child,
    /// The address that it listens on.
    pub address: String,
}

impl Running {
    /// Returns its process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Candidate {
    /// Returns whether it speaks the protocol of nats-server.
    pub fn is_nats(&self) -> bool {
        self.kind == Kind::Nats
    }

    /// Checks that it exists and can be started. Builds it if it is a lesson.
    pub fn prepare(&self) -> anyhow::Result<()> {
        match self.kind {
            Kind::Bare(_) => Ok(()),
            Kind::Lesson => {
                let repository = checkout::find().map_err(Error::msg)?;
                let lessons = fs::read_dir(repository.join("lessons"))?.flatten();
                let ending = self.name.replacen("lesson", "", 1);
                let mut names = lessons.filter_map(|entry| entry.file_name().into_string().ok());
                ensure!(names.any(|name| name.ends_with(&ending)), "there is no such lesson yet");
                let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
                cargo.args(["build", "--quiet", "--package", self.name]);
                if !cfg!(debug_assertions) {
                    cargo.arg("--release");
                }
                let status = cargo.current_dir(repository).status().context("cannot run cargo")?;
                ensure!(status.success(), "it does not build");
                Ok(())
            }
            Kind::Node | Kind::Nats => {
                let program = if self.is_nats() { "nats-server" } else { "node" };
                let asked = Command::new(program).arg("--version").output();
                asked.map(drop).with_context(|| format!("{program} is not installed"))
            }
        }
    }

    /// Starts it on a free port of 127.0.0.1, and waits until it listens.
    pub fn start(&self) -> anyhow::Result<Running> {
        self.start_with(&[])
    }

    /// Does the same with additional arguments.
    pub fn start_with(&self, arguments: &[&str]) -> anyhow::Result<Running> {
        let mut command = match self.kind {
            Kind::Bare(_) => Command::new(env::current_exe()?),
            Kind::Lesson => Command::new(built(self.name)?),
            Kind::Node => Command::new("node"),
            Kind::Nats => Command::new("nats-server"),
        };
        match self.kind {
            Kind::Bare(option) => command.arg(option),
            Kind::Lesson => command.arg("127.0.0.1:0"),
            Kind::Node => {
                let server = "lessons/6.3.2-broadcast-server/node/server.js";
                command.arg(repository().join(server)).arg("0")
            }
            Kind::Nats => command.args(["-a", "127.0.0.1", "-p", "-1"]),
        };
        command.args(arguments).stdin(Stdio::null());
        let mut process = if self.is_nats() {
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
        } else {
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
        }
        .with_context(|| format!("cannot start {}", self.name))?;
        let stdout = process.stdout.take().map(|stdout| Box::new(stdout) as Box<dyn Read + Send>);
        let stderr = process.stderr.take().map(|stderr| Box::new(stderr) as Box<dyn Read + Send>);
        let mut running = Running { process, address: String::new() };
        let output = stdout.or(stderr).context("no pipe")?;
        running.address = format!("127.0.0.1:{}", port_it_says(BufReader::new(output))?);
        Ok(running)
    }
}

/// Returns where cargo has put the build: beside our own.
fn built(name: &str) -> anyhow::Result<PathBuf> {
    let ours = env::current_exe().context("cannot find crowd's own program")?;
    Ok(ours.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// Returns the port that a server prints when it listens. Reads and discards its later output.
fn port_it_says(mut output: impl BufRead + Send + 'static) -> anyhow::Result<u16> {
    for _ in 0..100 {
        let mut line = String::new();
        if output.read_line(&mut line)? == 0 {
            break;
        }
        if line.contains("istening") {
            let after =
                line.trim_end().rsplit(|character: char| !character.is_ascii_digit()).next();
            if let Some(Ok(port)) = after.map(str::parse) {
                thread::spawn(move || copy(&mut output, &mut sink()));
                return Ok(port);
            }
        }
    }
    bail!("it does not say where it listens")
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill(); // fails only if it has ended already
        let _ = self.process.wait();
    }
}
