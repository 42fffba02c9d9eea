//! Opens a shell, or runs a command, behind a slow and lossy link:
//!
//!     cargo run -p link -- --delay 20 --loss 2
//!     cargo run -p link -- --delay 20 --loss 2 -- COMMAND ARGUMENTS

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus, exit};
use std::time::Duration;

use anyhow::Context;
use lexopt::{Arg, ValueExt};
use link::{Conditions, Link, become_root, is_root};
use shared::{Failure, note};

const HELP: &str = "\
Opens a shell behind a slow and lossy link, or runs a command there. Inside, you reach a server on
0.0.0.0:3000 at 192.0.2.2:3000 to 192.0.2.254:3000, each of which is another machine.

Usage: cargo run -p link -- [OPTIONS] [-- COMMAND [ARGUMENTS]]

  --delay MS      how long a packet takes, in each direction [default: 1]
  --loss PERCENT  how many packets get lost, in each direction [default: 0]
  --rate MBIT     Mbit/s, in each direction [default: as fast as this machine can]
  --queue KIB     how much waits for its turn if there is a rate; packets that find
                  no room are lost [default: 256]
  --mtu BYTES     the size of the largest packet [default: 1500]
  --seed NUMBER   another number, another series of losses [default: 1]
  -h, --help      print this help
  -V, --version   print the version

This works only on Linux. No packet leaves the machine, because it all happens in a network namespace.
";

/// The request on the command line.
struct Request {
    conditions: Conditions,
    /// The program and its arguments. Empty for a shell.
    command: Vec<OsString>,
}

fn main() -> Result<(), Failure> {
    let request = parse().unwrap_or_else(|problem| {
        note!("link: {problem} (see --help)");
        exit(2);
    });
    // Comes first, while there is only one thread.
    let in_user_namespace = !is_root();
    become_root()?;
    let _link = Link::new(request.conditions)?; // it ends with this process
    // Ctrl-C is for the program behind the link. When that ends, we end.
    ctrlc::set_handler(|| {}).context("cannot wait for Ctrl-C")?;
    let status = match request.command.split_first() {
        None => {
            introduce(in_user_namespace);
            let shell = env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
            run(&shell, &[])?
        }
        Some((program, arguments)) => run(program, arguments)?,
    };
    exit(exit_status(status))
}

/// Prints what to type now.
fn introduce(in_user_namespace: bool) {
    let user = if in_user_namespace { " --user --preserve-credentials" } else { "" };
    let process = std::process::id();
    note!("a server here:     cargo run -p lesson-broadcast-server -- 0.0.0.0:3000");
    note!("its clients:       cargo run -p lesson-broadcast-client -- 192.0.2.2:3000");
    note!("                   or 192.0.2.3 to 192.0.2.254: each is another machine");
    note!("another terminal:  nsenter --target {process}{user} --net");
    note!("                   or tmux -L link in this one");
}

fn run(program: &OsString, arguments: &[OsString]) -> anyhow::Result<ExitStatus> {
    Command::new(program)
        .args(arguments)
        .status()
        .with_context(|| format!("cannot run {}", Path::new(program).display()))
}

/// Returns the status that a shell would report: 128 plus the signal's number for a killed program.
fn exit_status(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    status.code().or(signal.map(|signal| 128 + signal)).unwrap_or(1)
}

/// Reads the command line. Ends the process for `--help` and `--version`.
fn parse() -> Result<Request, lexopt::Error> {
    let mut request = Request { conditions: Conditions::default(), command: Vec::new() };
    let conditions = &mut request.conditions;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("delay") => {
                conditions.delay =
                    Duration::from_secs_f64(number(&mut parser, 0.0, 10_000.0)? / 1000.0);
            }
            Arg::Long("loss") => conditions.loss = number(&mut parser, 0.0, 100.0)? / 100.0,
            Arg::Long("rate") => {
                conditions.rate = Some((number(&mut parser, 0.001, 100_000.0)? * 1e6) as u64);
            }
            Arg::Long("queue") => {
                conditions.queue = (number(&mut parser, 2.0, 1e6)? * 1024.0) as u64;
            }
            Arg::Long("mtu") => conditions.mtu = number(&mut parser, 576.0, 65535.0)? as u16,
            Arg::Long("seed") => conditions.seed = parser.value()?.parse()?,
            Arg::Short('h') | Arg::Long("help") => print_and_exit(HELP),
            Arg::Short('V') | Arg::Long("version") => {
                print_and_exit(&format!("link {}\n", env!("CARGO_PKG_VERSION")))
            }
            Arg::Value(program) => {
                request.command.push(program);
                request.command.extend(parser.raw_args()?);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(request)
}

/// Returns the value of an option, from `least` to `most`.
fn number(parser: &mut lexopt::Parser, least: f64, most: f64) -> Result<f64, lexopt::Error> {
    let number: f64 = parser.value()?.parse()?;
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(format!("{number} is not from {least} to {most}").into())
}

fn print_and_exit(text: &str) -> ! {
    shared::print_or_exit(text);
    exit(0)
}
