//! A stage on which programs run step by step, while every call and every segment is recorded.

use std::collections::HashMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use harness::{DEADLINE, Peer, Program};
use predicates::prelude::predicate;
use socket2::{Domain, Socket, Type};

use crate::capture::{Capture, Segment};
use crate::place::{self, Place};
use crate::trace;

/// How many looks in a row, one every 10 ms, must find no activity before the stage counts as
/// quiet. It counts looks instead of time, because on a loaded machine the programs may not have
/// had time to do anything.
const QUIET_LOOKS: usize = 15;

/// The address that a server listens on. The stage has a network of its own, so the port is free.
const SERVER: &str = "127.0.0.1:3000";

/// Several terminals, the programs in them, and what has been done in them so far.
pub struct Stage {
    folder: PathBuf,
    /// The folder of the programs that were built for recording.
    programs: PathBuf,
    capture: Capture,
    terminals: Vec<Played>,
    actions: Vec<Action>,
    began: f64,
}

/// An action of a person at a terminal.
pub struct Action {
    /// The time in seconds since 1970.
    pub time: f64,
    /// The number of the terminal, from 1.
    pub terminal: usize,
    pub deed: Deed,
}

/// The kinds of actions.
pub enum Deed {
    /// Runs this command.
    Runs(String),
    /// Runs this command, and stops it with Ctrl-Z before it reads anything.
    RunsAndStops(String),
    /// Types this line.
    Types(String),
    /// Sends bytes, described by these words.
    Sends(String),
    /// Does nothing, because this is a note for the reader.
    Notes(String),
    /// Presses Ctrl-D.
    EndsInput,
    /// Presses Ctrl-C, and the program has something to do before it ends.
    Interrupts,
    /// Presses Ctrl-C, and so ends the program.
    Ends,
    /// Lets a stopped program read all that has arrived, up to the end or to an error.
    ReadsAll { arrived: usize, error: Option<ErrorKind> },
    /// Lets a stopped program read on.
    ReadsOn,
}

impl Deed {
    /// Returns what appears on the terminal because it was typed.
    pub fn typed(&self) -> String {
        match self {
            Deed::Runs(command) => format!("$ {command}\n"),
            Deed::RunsAndStops(command) => format!("$ {command}\n^Z\n"),
            Deed::Types(line) => format!("{line}\n"),
            Deed::Sends(_) | Deed::Notes(_) => String::new(),
            Deed::EndsInput => "^D\n".into(),
            Deed::Interrupts | Deed::Ends => "^C\n".into(),
            Deed::ReadsAll { .. } | Deed::ReadsOn => "$ fg\n".into(),
        }
    }
}

struct Played {
    title: String,
    player: Player,
}

enum Player {
    Program {
        path: PathBuf,
        program: Box<Program>,
        killed: Option<Killed>,
    },
    /// The accepting end of the connections of the preceding program, which talks to itself.
    End,
    /// A client whose program is not of interest, so it is played here.
    Netcat {
        peer: Option<Peer>,
        port: u16,
        shows: bool,
    },
}

/// A program that Ctrl-C ended, because it does not handle the signal.
struct Killed {
    time: f64,
    stood: Places,
}

/// The lines where each thread stands, innermost first.
type Places = HashMap<u32, Vec<Place>>;

/// Everything that was recorded, unprocessed.
pub struct Run {
    pub terminals: Vec<Ended>,
    pub actions: Vec<Action>,
    pub segments: Vec<Segment>,
    /// The time at which everything was quiet at the end.
    pub end: f64,
}

/// A terminal at the end.
pub struct Ended {
    pub title: String,
    /// The program that ran in it and was traced, if any.
    pub traced: Option<Traced>,
    /// The port of an nc, and whether it shows what arrives.
    pub netcat: Option<(u16, bool)>,
    /// Whether it is not a terminal, but the accepting end of a program that talks to itself.
    pub is_an_end: bool,
}

/// A program that was traced.
pub struct Traced {
    pub path: PathBuf,
    pub threads: Vec<trace::Thread>,
    /// The places of the threads that were still waiting at the end.
    pub still_waiting: Places,
    /// The time at which Ctrl-C ended it, in case the trace does not tell.
    pub killed: Option<f64>,
    /// When it ended by itself, and its exit status.
    pub exited: Option<(f64, String)>,
}

impl Stage {
    /// Creates a stage that uses `folder` for its files, and runs programs from `programs`.
    pub fn new(folder: &Path, programs: &Path) -> Result<Stage> {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).context("cannot make a folder for the traces")?;
        let capture = Capture::begin(&folder.join("segments.pcap"))?;
        let (folder, programs) = (folder.to_path_buf(), programs.to_path_buf());
        let (terminals, actions, began) = (Vec::new(), Vec::new(), now());
        Ok(Stage { folder, programs, capture, terminals, actions, began })
    }

    /// Runs a lesson in the next terminal.
    pub fn run(&mut self, package: &str, arguments: &[&str]) -> Result<usize> {
        let title = format!("cargo run -p {package}");
        self.run_file(package, &title, arguments)
    }

    /// Runs a measuring program in the next terminal.
    pub fn run_example(&mut self, name: &str) -> Result<usize> {
        let title = format!("cargo run -p measure --example {name}");
        self.run_file(&format!("examples/{name}"), &title, &[])
    }

    fn run_file(&mut self, file: &str, title: &str, arguments: &[&str]) -> Result<usize> {
        let number = self.terminals.len() + 1;
        self.act(number, Deed::Runs(title.into()))?;
        let folder = self.folder.join(number.to_string());
        fs::create_dir_all(&folder)?;
        let path = self.programs.join(file);
        let mut command = trace::traced(&path, &folder);
        command.args(arguments);
        let program = Box::new(Program::on_one_screen(command));
        self.terminals.push(Played {
            title: title.into(),
            player: Player::Program { path, program, killed: None },
        });
        Ok(number)
    }

    /// Shows the accepting end of a program that talks to itself as a separate end of the wire.
    pub fn accepting_end(&mut self, title: &str) {
        self.terminals.push(Played { title: title.into(), player: Player::End });
    }

    /// Connects in the next terminal, as nc does.
    pub fn netcat(&mut self) -> Result<usize> {
        self.connect(None)
    }

    /// Connects as nc does, but then does not read. Its receive buffer has `buffer` bytes.
    pub fn netcat_that_does_not_read(&mut self, buffer: usize) -> Result<usize> {
        self.connect(Some(buffer))
    }

    fn connect(&mut self, stopped_with_buffer: Option<usize>) -> Result<usize> {
        let title = "nc 127.0.0.1 3000".to_string();
        let number = self.terminals.len() + 1;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let deed = match stopped_with_buffer {
            Some(buffer) => {
                socket.set_recv_buffer_size(buffer)?;
                Deed::RunsAndStops(title.clone())
            }
            None => Deed::Runs(title.clone()),
        };
        self.act(number, deed)?;
        socket.connect(&SERVER.parse::<SocketAddr>()?.into()).context("nc cannot connect")?;
        let peer = Peer::over(TcpStream::from(socket));
        let (port, shows) = (peer.port(), stopped_with_buffer.is_none());
        let player = Player::Netcat { port, peer: Some(peer), shows };
        self.terminals.push(Played { title, player });
        Ok(number)
    }

    /// Waits until `text` is on the terminal. The program gets as much time as it needs, because a
    /// loaded machine may be slow.
    pub fn see(&mut self, terminal: usize, text: &str) -> Result<()> {
        match &mut self.played(terminal)?.player {
            Player::Program { .. } => {
                self.quiet()?;
                self.program(terminal)?.wait_for_stdout(predicate::str::contains(text));
            }
            Player::Netcat { peer: Some(peer), .. } => peer.skip_to(text),
            _ => bail!("nothing runs in terminal {terminal} any more"),
        }
        Ok(())
    }

    /// Types a line.
    pub fn type_line(&mut self, terminal: usize, line: &str) -> Result<()> {
        self.act(terminal, Deed::Types(line.into()))?;
        self.put(terminal, format!("{line}\n").as_bytes())
    }

    /// Sends `bytes` as they are. The words complete the sentence "… sends".
    pub fn send(&mut self, terminal: usize, bytes: &[u8], words: &str) -> Result<()> {
        self.act(terminal, Deed::Sends(words.into()))?;
        self.put(terminal, bytes)
    }

    /// Says something about what has happened, or has not.
    pub fn note(&mut self, terminal: usize, words: &str) -> Result<()> {
        self.act(terminal, Deed::Notes(words.into())).map(drop)
    }

    fn put(&mut self, terminal: usize, bytes: &[u8]) -> Result<()> {
        match &mut self.played(terminal)?.player {
            Player::Program { program, .. } => program.try_type(bytes)?,
            Player::Netcat { peer: Some(peer), .. } => peer.send(bytes),
            _ => bail!("nothing runs in terminal {terminal} any more"),
        }
        Ok(())
    }

    /// Ends the input.
    pub fn ctrl_d(&mut self, terminal: usize) -> Result<()> {
        self.act(terminal, Deed::EndsInput)?;
        match &mut self.played(terminal)?.player {
            Player::Program { program, .. } => program.close_stdin(),
            Player::Netcat { peer: Some(peer), .. } => peer.half_close(),
            _ => bail!("nothing runs in terminal {terminal} any more"),
        }
        Ok(())
    }

    /// Interrupts the program in the terminal, which ends it.
    pub fn ctrl_c(&mut self, terminal: usize) -> Result<()> {
        let time = self.act(terminal, Deed::Ends)?;
        match &mut self.played(terminal)?.player {
            Player::Program { program, killed, .. } => {
                // Once a program has ended, it is too late to ask where its threads stood.
                *killed = Some(Killed { time, stood: where_it_waits(program.process_id())? });
                program.press_ctrl_c();
            }
            Player::Netcat { peer, .. } => drop(peer.take()),
            Player::End => {}
        }
        Ok(())
    }

    /// Interrupts the program in the terminal, which has something to do before it ends.
    pub fn ctrl_c_wakes(&mut self, terminal: usize) -> Result<()> {
        self.act(terminal, Deed::Interrupts)?;
        self.program(terminal)?.press_ctrl_c();
        Ok(())
    }

    /// Waits until the program in the terminal has ended.
    pub fn ends(&mut self, terminal: usize) -> Result<()> {
        self.quiet()?;
        self.program(terminal)?.wait_for_exit();
        Ok(())
    }

    /// Lets the nc in the terminal read after all, up to the end or to an error.
    pub fn read_all(&mut self, terminal: usize) -> Result<()> {
        let time = self.quiet_time()?;
        let mut stream = self.netcat_in(terminal)?.stream();
        stream.set_read_timeout(Some(DEADLINE))?; // because the end may never arrive
        let mut buffer = vec![0; 64 * 1024];
        let mut arrived = 0;
        let error = loop {
            match stream.read(&mut buffer) {
                Ok(0) => break None,
                Ok(count) => arrived += count,
                Err(error) => break Some(error.kind()),
            }
        };
        self.actions.push(Action { time, terminal, deed: Deed::ReadsAll { arrived, error } });
        Ok(())
    }

    /// Lets the nc in the terminal read on, until it has seen `text`.
    pub fn read_on(&mut self, terminal: usize, text: &str) -> Result<()> {
        self.act(terminal, Deed::ReadsOn)?;
        self.netcat_in(terminal)?.skip_to(text);
        Ok(())
    }

    /// Waits until nothing happens any more: every recording file stays unchanged for a while, and
    /// no thread is on a processor.
    fn quiet(&self) -> Result<()> {
        let deadline = Instant::now() + 10 * DEADLINE;
        let (mut last, mut looks) = (0, 0);
        while looks < QUIET_LOOKS {
            if Instant::now() > deadline {
                bail!("timed out waiting until all is quiet");
            }
            let recorded = self.recorded();
            let quiet = recorded == last && !self.somebody_runs();
            (last, looks) = (recorded, if quiet { looks + 1 } else { 0 });
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Returns how many bytes have been recorded.
    fn recorded(&self) -> u64 {
        let traces = (1..=self.terminals.len()).map(|number| self.folder.join(number.to_string()));
        let files = traces.flat_map(|folder| trace::files(&folder));
        let files = files.chain([self.folder.join("segments.pcap")]);
        files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
    }

    fn somebody_runs(&self) -> bool {
        let programs = self.terminals.iter().any(|terminal| match &terminal.player {
            Player::Program { program, killed, .. } => {
                let process = program.process_id();
                let starts = || killed.is_none() && is_alive(process);
                runs(process) || tracer(process).map_or_else(starts, runs)
            }
            Player::Netcat { .. } | Player::End => false,
        });
        programs || runs(self.capture.process_id())
    }

    fn played(&mut self, terminal: usize) -> Result<&mut Played> {
        self.terminals.get_mut(terminal - 1).with_context(|| format!("no terminal {terminal}"))
    }

    fn program(&mut self, terminal: usize) -> Result<&mut Program> {
        match &mut self.played(terminal)?.player {
            Player::Program { program, .. } => Ok(program),
            Player::Netcat { .. } | Player::End => bail!("no program runs in terminal {terminal}"),
        }
    }

    fn netcat_in(&mut self, terminal: usize) -> Result<&mut Peer> {
        match &mut self.played(terminal)?.player {
            Player::Netcat { peer: Some(peer), .. } => Ok(peer),
            _ => bail!("no nc runs in terminal {terminal}"),
        }
    }

    /// Begins an action once everything is quiet. Returns the time.
    fn act(&mut self, terminal: usize, deed: Deed) -> Result<f64> {
        let time = self.quiet_time()?;
        self.actions.push(Action { time, terminal, deed });
        Ok(time)
    }

    /// Waits until everything is quiet. Returns the time.
    fn quiet_time(&self) -> Result<f64> {
        self.quiet()?;
        Ok(now())
    }

    /// Ends the recording, and then every program that is still running.
    pub fn end(self) -> Result<Run> {
        let end = self.quiet_time()?;
        let mut terminals = Vec::new();
        for (number, played) in (1..).zip(self.terminals) {
            let folder = self.folder.join(number.to_string());
            let is_an_end = matches!(played.player, Player::End);
            let mut ended = Ended { title: played.title, traced: None, netcat: None, is_an_end };
            match played.player {
                Player::Netcat { port, shows, .. } => ended.netcat = Some((port, shows)),
                Player::End => {}
                Player::Program { path, mut program, killed } => {
                    let (still_waiting, killed) = match killed {
                        Some(killed) => (killed.stood, Some(killed.time)),
                        None => (where_it_waits(program.process_id())?, None),
                    };
                    program.kill();
                    let threads = trace::read(&folder, &path)?;
                    let exited = trace::exited(&folder, program.process_id());
                    ended.traced = Some(Traced { path, threads, still_waiting, killed, exited });
                }
            }
            terminals.push(ended);
        }
        let mut segments = self.capture.end()?;
        segments.retain(|segment| (self.began..end).contains(&segment.time));
        Ok(Run { terminals, actions: self.actions, segments, end })
    }
}

/// Returns where the threads of a process stand. Only one program at a time may trace a process, so
/// strace has to go first. When it is killed, it detaches from the process, which stays as it is.
fn where_it_waits(process: u32) -> Result<Places> {
    let Some(tracer) = tracer(process) else { return Ok(HashMap::new()) };
    Command::new("kill").args(["-KILL", &tracer.to_string()]).status()?;
    harness::wait_until("strace lets go", || self::tracer(process).is_none());
    place::of_threads(process)
}

/// Returns the process that traces this one.
fn tracer(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    tracer.trim().parse().ok().filter(|tracer| *tracer != 0)
}

/// Returns whether a thread of the process does anything but wait for an event: it runs, waits for
/// a disk, or is stopped by its tracer, which will resume it.
fn runs(process: u32) -> bool {
    states(process).iter().any(|state| matches!(state, 'R' | 'D' | 't'))
}

/// Returns whether the process has not ended yet.
fn is_alive(process: u32) -> bool {
    states(process).iter().any(|state| !matches!(state, 'Z' | 'X'))
}

/// Returns the state of each thread of the process (proc(5)).
fn states(process: u32) -> Vec<char> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let state = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
        stat.rsplit(')').next()?.trim_start().chars().next()
    };
    threads.filter_map(state).collect()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
