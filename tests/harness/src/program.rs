//! Runs a program as a process of its own.

use std::fmt::Display;
use std::io::{self, Write};
use std::iter;
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::{fd::OwnedFd, unix::net::UnixStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Once, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use predicates::Predicate;
use predicates::str::contains;

use crate::capture::Capture;
use crate::guard::Guard;
use crate::{DEADLINE, Deadline, NO_NATS, Nats, Peer, Tunnel};

/// A running program. Its output is captured, its input comes from the test, and it is
/// killed when the value is dropped. If a test fails, everything it has printed is shown.
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Capture,
    stderr: Capture,
    address: Option<SocketAddr>,
    /// A guard that ends everything the program has started, if that is wanted.
    guard: Option<Guard>,
    /// The nats-server of an edge of 7.6 that has one for itself. It ends after the edge.
    nats: Option<Box<Nats>>,
    /// True if this is the server of 8.2, for whose clients the tunnel encrypts.
    encrypts: bool,
    tunnel: OnceLock<Box<Tunnel>>,
}

impl Program {
    /// Starts a program, or any other command.
    pub fn start(command: Command) -> Program {
        Program::launch(command, true)
    }

    /// Starts a program that may do anything, such as a learner's answer. Everything that it starts
    /// ends with it, and it ends with this process.
    pub fn start_guarded(mut command: Command) -> Program {
        let mark = Guard::prepare(&mut command);
        let mut program = Program::start(command);
        // If this panics, the program is dropped, and therefore ends.
        let guard = Guard::over(&program.child, mark);
        program.guard = Some(guard.expect("a process that guards the program"));
        program
    }

    /// Starts a program whose stdout and stderr are the same, as on a terminal. What it prints to
    /// either appears in its stdout, in the order in which it was printed.
    #[cfg(unix)]
    pub fn on_one_screen(mut command: Command) -> Program {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let also_theirs = theirs.try_clone().expect("a second handle of a socket");
        command.stdout(OwnedFd::from(theirs)).stderr(OwnedFd::from(also_theirs));
        let mut program = Program::spawn(command);
        program.stdout = Capture::of(ours);
        program.stderr = program.stdout.clone();
        program
    }

    /// Starts a server as [`Program::on_one_screen`] does, and waits until it listens.
    #[cfg(unix)]
    pub fn server_on_one_screen(command: Command) -> Program {
        Program::on_one_screen(command).listening()
    }

    /// Starts the server at `path` on a free port of 127.0.0.1, and waits until it listens.
    pub fn server(path: impl AsRef<Path>) -> Program {
        let mut command = Command::new(path.as_ref());
        command.arg("127.0.0.1:0");
        Program::server_from(command)
    }

    /// Starts a server whose command includes its address, and waits until it listens.
    pub fn server_from(command: Command) -> Program {
        Program::start(command).listening()
    }

    /// Starts the client at `path`, and plays the server that it connects to.
    pub fn client(path: impl AsRef<Path>) -> (Program, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut command = Command::new(path.as_ref());
        command.arg(listener.local_addr().expect("a bound address").to_string());
        (Program::start(command), Peer::accepted_by(&listener))
    }

    /// Starts a program whose stdout is a pipe that is closed at the other end, so nobody reads it.
    pub fn with_closed_stdout(command: Command) -> Program {
        Program::launch(command, false)
    }

    fn launch(mut command: Command, read_stdout: bool) -> Program {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = Program::spawn(command);
        let stdout = program.child.stdout.take().expect("stdout is piped");
        if read_stdout {
            program.stdout = Capture::of(stdout);
        }
        program.stderr = Capture::of(program.child.stderr.take().expect("stderr is piped"));
        program
    }

    fn spawn(mut command: Command) -> Program {
        // A test holds the other end of every socket of its programs, and many tests run at the
        // same time, so the usual limits, 1024 on Linux and 256 on macOS, are too low.
        static RAISE_LIMIT: Once = Once::new();
        RAISE_LIMIT.call_once(|| drop(rlimit::increase_nofile_limit(u64::MAX)));
        // A shell makes its background jobs ignore Ctrl-C, and their children inherit that. But a
        // signal that we handle is not ignored in our children (execve(2)).
        static HEED_CTRL_C: Once = Once::new();
        HEED_CTRL_C.call_once(|| drop(ctrlc::set_handler(|| process::exit(130))));
        let nats = keep_apart(&mut command).map(Box::new);
        let encrypts = runs(&command, "lesson-tls-server");
        let name = Path::new(command.get_program()).file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let child = command.stdin(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Program {
            name,
            stdin: child.stdin.take(),
            stdout: Capture::of(io::empty()),
            stderr: Capture::of(io::empty()),
            child,
            address: None,
            guard: None,
            nats,
            tunnel: OnceLock::new(),
            encrypts,
        }
    }

    /// Waits until this server listens. An edge with its own nats-server has then joined it as
    /// well, and the server of 8.2 has said where its certificate is.
    pub fn listening(mut self) -> Program {
        let listens = self.listens_within(DEADLINE);
        assert!(listens.is_some(), "{} does not say where it listens", self.name);
        if self.nats.is_some() {
            self.wait_for_stderr(contains("joined the other edges"));
        }
        if self.encrypts {
            self.certificate(); // a test may stop the terminal before somebody connects
        }
        self
    }

    /// Reads the address that every server prints on stderr when it listens. Returns `None` if it
    /// does not do so in time, or ends.
    pub fn listens_within(&mut self, patience: Duration) -> Option<SocketAddr> {
        self.address = self.stderr.wait_until_within(patience, |text| {
            text.split("listening on ").skip(1).find_map(|after| {
                let end = after.find(|c: char| c.is_whitespace() || c == ',')?;
                after[..end].trim_end_matches(':').parse().ok()
            })
        });
        self.address
    }

    /// Returns the address that this server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("only a server that was started as one has an address")
    }

    /// Returns whether this is the server of 8.2.
    pub fn encrypts(&self) -> bool {
        self.encrypts
    }

    /// Returns where the server of 8.2 keeps its certificate, as it says itself.
    pub fn certificate(&self) -> PathBuf {
        let path = self.stderr.wait_until(|text| {
            let (_, after) = text.split_once("certificate: ")?;
            after.split_once(" (SHA-256 ").map(|(path, _)| path.into())
        });
        path.unwrap_or_else(|| panic!("{} does not say where its certificate is", self.name))
    }

    /// Connects a client to this server. For the server of 8.2, what it says is encrypted on the way.
    pub fn connect(&self) -> Peer {
        Peer::over(self.reach(self.address()))
    }

    /// Does the same as [`Program::connect`] at another of the server's addresses, and returns the
    /// socket.
    pub fn reach(&self, address: SocketAddr) -> TcpStream {
        if self.encrypts {
            let tunnel = || Box::new(Tunnel::trusting(&self.certificate()));
            return self.tunnel.get_or_init(tunnel).connect(address);
        }
        TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("cannot connect to {} at {address}: {error}", self.name))
    }

    /// Returns the process id.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Returns what has been printed to stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Returns what has been printed to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Returns the lines printed to stdout so far.
    pub fn lines(&self) -> Vec<String> {
        self.stdout().lines().map(str::to_string).collect()
    }

    /// Waits until stdout holds at least `count` whole lines, and returns the first `count`.
    pub fn first_lines(&self, count: usize) -> Vec<String> {
        let enough = |text: &str| {
            let lines: Vec<String> = whole_lines(text).take(count).map(str::to_string).collect();
            (lines.len() == count).then_some(lines)
        };
        self.stdout
            .wait_until(enough)
            .unwrap_or_else(|| panic!("{} does not print {count} line(s) on stdout", self.name))
    }

    /// Waits until stdout holds `line` as a whole line.
    pub fn wait_for_line(&self, line: impl Display) {
        self.wait_for_lines(1, line);
    }

    /// Waits until stdout holds `line` as a whole line at least `count` times.
    pub fn wait_for_lines(&self, count: usize, line: impl Display) {
        let line = line.to_string();
        assert!(
            self.prints_lines_within(DEADLINE, count, &line),
            "{} does not print {line:?} {count} time(s) on stdout",
            self.name
        );
    }

    /// Returns whether stdout holds `line` as a whole line at least `count` times within
    /// `patience`.
    pub fn prints_lines_within(&self, patience: Duration, count: usize, line: &str) -> bool {
        let enough = |text: &str| {
            (whole_lines(text).filter(|other| *other == line).count() >= count).then_some(())
        };
        self.stdout.wait_until_within(patience, enough).is_some()
    }

    /// Waits until stdout meets `expectation`.
    pub fn wait_for_stdout(&self, expectation: impl Predicate<str>) {
        self.stdout.wait_until(|text| expectation.eval(text).then_some(())).unwrap_or_else(|| {
            panic!("timed out waiting until the stdout of {} is such that {expectation}", self.name)
        });
    }

    /// Waits until stderr meets `expectation`.
    pub fn wait_for_stderr(&self, expectation: impl Predicate<str>) {
        self.stderr.wait_until(|text| expectation.eval(text).then_some(())).unwrap_or_else(|| {
            panic!("timed out waiting until the stderr of {} is such that {expectation}", self.name)
        });
    }

    /// Types `text` and Enter on the program's keyboard.
    pub fn type_line(&mut self, text: &str) {
        self.type_bytes(format!("{text}\n").as_bytes());
    }

    /// Writes bytes to the program's stdin as they are.
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        let typed = self.try_type(bytes);
        typed.unwrap_or_else(|error| panic!("{} does not read its stdin: {error}", self.name));
    }

    /// Writes bytes to the program's stdin. Fails if the program has ended, or has closed its
    /// stdin.
    pub fn try_type(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(bytes)
    }

    /// Writes bytes to the program's stdin.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] if the program has not read them in time, and then its stdin is
    /// lost. Otherwise the errors of [`Program::try_type`].
    pub fn try_type_within(&mut self, patience: Duration, bytes: &[u8]) -> io::Result<()> {
        let mut stdin = self.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let bytes = bytes.to_vec();
        let (done, is_done) = mpsc::channel();
        // A pipe holds little. If the program never reads, the thread ends with the program.
        thread::spawn(move || {
            let written = stdin.write_all(&bytes);
            let _ = done.send((stdin, written)); // after the time-out nobody waits any more
        });
        let deadline = Deadline::after(patience);
        let (stdin, written) = loop {
            match is_done.recv_timeout(deadline.left()) {
                Ok(done) => break done,
                Err(_) if deadline.is_over() => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => {}
            }
        };
        self.stdin = Some(stdin);
        written
    }

    /// Ends the program's input, as Ctrl-D on a terminal does.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Stops the terminal, as Ctrl-S does. After the next line or two, nobody reads what the
    /// program prints.
    pub fn stop_terminal(&self) {
        [&self.stdout, &self.stderr].into_iter().for_each(|output| output.stop(true));
    }

    /// Restarts a stopped terminal, as Ctrl-Q does.
    pub fn start_terminal(&self) {
        [&self.stdout, &self.stderr].into_iter().for_each(|output| output.stop(false));
    }

    /// Presses Ctrl-C.
    #[cfg(unix)]
    pub fn press_ctrl_c(&self) {
        self.signal("-INT");
    }

    /// Suspends the program, as Ctrl-Z does, until [`Program::resume`].
    #[cfg(unix)]
    pub fn suspend(&self) {
        self.signal("-STOP");
    }

    /// Resumes a suspended program.
    #[cfg(unix)]
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Closes the terminal of the program.
    #[cfg(unix)]
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// Asks the program to end, as kill(1), docker-stop(1) and systemd do.
    #[cfg(unix)]
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    #[cfg(unix)]
    fn signal(&self, signal: &str) {
        // Uses the shell's own `kill`, because small systems have no program of that name.
        let process = self.process_id().to_string();
        let status = Command::new("sh").args(["-c", "kill $0 $1", signal, &process]).status();
        let sent = status.is_ok_and(|status| status.success());
        assert!(sent, "cannot send {} a signal: kill {signal}", self.name);
    }

    /// Kills the program, which it cannot prevent.
    pub fn kill(&mut self) {
        self.guard = None; // first, while the system still knows the program
        let _ = self.child.kill(); // fails only if it has already ended
        let _ = self.child.wait();
    }

    /// Waits until the program ends by itself and all its output has been read.
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let status = self.ends_within(DEADLINE);
        let status = status.unwrap_or_else(|| panic!("{} does not end", self.name));
        let all_read = self.wait_for_output();
        assert!(all_read, "{} has ended, but its output has not", self.name);
        status
    }

    /// Waits until all the output of an ended program has been read. Returns whether that succeeds.
    pub fn wait_for_output(&self) -> bool {
        self.output_ends_within(DEADLINE)
    }

    /// Does the same as [`Program::wait_for_output`], with a deadline of the caller's choice,
    /// because something that the program has started may keep its output open.
    pub fn output_ends_within(&self, patience: Duration) -> bool {
        let deadline = Deadline::after(patience);
        [&self.stdout, &self.stderr].into_iter().all(|output| output.is_closed_by(deadline))
    }

    /// Waits until the program ends by itself. Returns `None` if it does not.
    pub fn ends_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Deadline::after(patience);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if !deadline.is_over() => thread::sleep(Duration::from_millis(5)),
                Ok(None) => return None,
                Err(error) => panic!("cannot wait for {}: {error}", self.name),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- stdout of {} ---\n{}", self.name, shortened(&self.stdout()));
            eprintln!("--- stderr of {} ---\n{}", self.name, shortened(&self.stderr()));
        }
    }
}

/// Waits until a program that `run` starts has printed exactly these lines to stdout, in any order.
/// This is for a program that waits for others for a fixed time, which may be too short on a busy
/// machine.
pub fn prints_in_the_end(mut expected: Vec<String>, mut run: impl FnMut() -> Program) {
    let deadline = Deadline::after(DEADLINE);
    expected.sort();
    loop {
        let mut program = run();
        program.wait_for_exit();
        let mut lines = program.lines();
        lines.sort();
        if lines == expected || deadline.is_over() {
            return assert_eq!(lines, expected);
        }
    }
}

/// Keeps an edge that is not told which NATS to join away from a nats-server that runs on this
/// machine. An edge of 7.5 serves its clients without NATS. One of 7.6 gets a nats-server of its
/// own, which is returned.
fn keep_apart(command: &mut Command) -> Option<Nats> {
    if command.get_args().any(|word| word == "--nats") {
        return None;
    }
    if runs(command, "lesson-ordered-cluster-server") {
        let mut nats = Nats::with_jetstream(&[]);
        nats.start();
        command.args(["--nats", &nats.address()]);
        return Some(nats);
    }
    if runs(command, "lesson-cluster-server") {
        command.args(["--nats", NO_NATS]);
    }
    None
}

/// Returns whether a command runs the program of `package`, by itself or by means of another.
fn runs(command: &Command, package: &str) -> bool {
    let mut words = iter::once(command.get_program()).chain(command.get_args());
    words.any(|word| word.to_string_lossy().contains(package))
}

/// Returns the lines that already have their newline, because the rest of the last one may still
/// arrive.
fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .map(|line| line.trim_end_matches('\r'))
}

/// Shortens a text, because a failure should show what happened, but not fifty megabytes of it.
pub fn shortened(text: &str) -> String {
    const ENDS: usize = 2000;
    let start = text.char_indices().nth(ENDS).map_or(text.len(), |(index, _)| index);
    let end = text.char_indices().nth_back(ENDS - 1).map_or(0, |(index, _)| index);
    if end <= start {
        return text.to_string();
    }
    let left_out = text[start..end].chars().count();
    format!("{}\n[... {left_out} characters ...]\n{}", &text[..start], &text[end..])
}
