//! A learner's program, while a check plays with it.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::rc::Rc;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use course::Exercise;
use socket2::{Domain, Socket, Type};

use super::{Actor, Check, ITSELF, LONGEST, Outcome, PATIENCE, send_until_stuck, socket_from_afar};
use harness::{Deadline, Program, Watch, accept_within, shortened};
use shared::printable;

/// A learner's compiled program, and the processes of it that a check has started.
pub struct Attempt {
    path: PathBuf,
    /// Which program it is to behave like, if it holds several.
    variant: Option<String>,
    patience: Duration,
    /// The strings in the starter's source, because what it prints by itself is not worth showing.
    chatter: Vec<String>,
    /// The beginnings of lines that the check itself causes, which are not worth showing either.
    caused: RefCell<Vec<String>>,
    started: RefCell<Vec<Rc<Process>>>,
}

/// A running program of a learner. It is killed when the check is over.
pub struct Running {
    process: Rc<Process>,
    patience: Duration,
}

struct Process {
    program: RefCell<Program>,
    /// True if the check wanted the program to end, so that its end need not be mentioned.
    was_to_end: Cell<bool>,
}

/// How long to wait for the last words of a program that has ended. A process that it has started may
/// hold its output open for longer.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Attempt {
    pub(super) fn at(path: &Path, exercise: &Exercise) -> Attempt {
        let starter = exercise.starter().unwrap_or_default();
        let strings = starter.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
        Attempt {
            path: path.to_path_buf(),
            variant: None,
            patience: PATIENCE,
            chatter: strings.map(str::to_string).collect(),
            caused: RefCell::default(),
            started: RefCell::default(),
        }
    }

    pub(super) fn variant(self, name: &str) -> Attempt {
        Attempt { variant: Some(name.to_string()), ..self }
    }

    pub(super) fn patient(self, patience: Duration) -> Attempt {
        Attempt { patience, ..self }
    }

    /// Returns what the check says about it. A diagnosis quotes what the program has sent and printed,
    /// which must not command the terminal that shows it.
    pub(super) fn judge(&self, check: Check) -> Outcome {
        check(self).map_err(|finding| printable(&self.diagnosis(&finding)).into_owned())
    }

    /// Hides lines with this beginning from diagnoses, because the check itself causes them, for example
    /// when it ends the server that the program is connected to.
    pub fn causes(&self, beginning: &str) {
        self.caused.borrow_mut().push(beginning.to_string());
    }

    /// Returns how long to wait for what is expected.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Starts the program with these arguments, without waiting for it.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(&self.path);
        command.args(arguments).env("RUST_BACKTRACE", "0");
        if let Some(variant) = &self.variant {
            command.env("EXERCISE_VARIANT", variant);
        }
        let program = RefCell::new(Program::start_guarded(command));
        let process = Rc::new(Process { program, was_to_end: Cell::new(false) });
        self.started.borrow_mut().push(Rc::clone(&process));
        Running { process, patience: self.patience }
    }

    /// Starts the program as a server on a free port, and waits until it says that it listens.
    ///
    /// # Errors
    /// If it does not, or ends.
    pub fn serve(&self) -> Outcome<Running> {
        self.serve_with(&[])
    }

    /// As [`Attempt::serve`], with these options after the address.
    ///
    /// # Errors
    /// As there.
    pub fn serve_with(&self, options: &[&str]) -> Outcome<Running> {
        let running = self.start(&[&["127.0.0.1:0"], options].concat());
        let listens = running.process.program.borrow_mut().listens_within(2 * PATIENCE);
        match listens {
            Some(_) => Ok(running),
            None if running.has_ended() => {
                Err("the program did not get as far as listening for clients".to_string())
            }
            None => Err(format!(
                "the program was started with the address 127.0.0.1:0, but within {} it did not \
                 print `listening on` and its address on stderr, as the starter does",
                shown_time(2 * PATIENCE)
            )),
        }
    }

    /// Waits for the program that was started last to connect to `listener`. Diagnoses call our end `name`,
    /// such as `the server`.
    ///
    /// # Errors
    /// If it does not connect in time, or ends.
    pub fn accepted_by(&self, listener: &TcpListener, name: &str) -> Outcome<Actor> {
        let patience = 2 * self.patience; // the program may have to be started first
        let deadline = Deadline::after(patience);
        loop {
            // A program may connect and end immediately, so this comes before the last look.
            let has_ended = self.has_ended();
            match accept_within(listener, Duration::from_millis(20)) {
                Ok(stream) => {
                    let mut actor = Actor::over(stream, name, "accepted the connection");
                    actor.set_patience(self.patience);
                    return Ok(actor);
                }
                Err(error) if error.kind() != ErrorKind::TimedOut => {
                    return Err(format!("the check itself cannot accept: {error}"));
                }
                Err(_) if has_ended => {
                    return Err(format!("{name} waited for a connection, but the program ended"));
                }
                Err(_) if deadline.is_over() => {
                    let waited = shown_time(patience);
                    return Err(format!(
                        "{name} waited {waited} for a connection, but the program did not connect"
                    ));
                }
                Err(_) => {}
            }
        }
    }

    /// Returns whether the program that was started last has ended.
    fn has_ended(&self) -> bool {
        let started = self.started.borrow();
        let last = started.last().map(|process| process.program.borrow_mut());
        last.is_some_and(|mut program| program.ends_within(Duration::ZERO).is_some())
    }

    /// Tries again until it succeeds, because a server does some things in its own time, such as
    /// noticing that a client has left.
    ///
    /// # Errors
    /// The last one, when the time is up.
    pub fn eventually<T>(&self, mut attempt: impl FnMut() -> Outcome<T>) -> Outcome<T> {
        let deadline = Deadline::after(self.patience);
        let mut pause = Duration::from_millis(20);
        loop {
            match attempt() {
                Err(_) if !deadline.is_over() => thread::sleep(pause),
                outcome => return outcome,
            }
            pause = (2 * pause).min(Duration::from_millis(500));
        }
    }

    /// Returns how many times [`Attempt::try_again`] tries.
    pub fn tries(&self) -> usize {
        if self.patience < PATIENCE { 1 } else { 3 }
    }

    /// Tries up to three times what a busy machine may spoil, such as an answer in time. A wrong program
    /// fails each time. An attempt during which the machine held programs up says nothing, so it does
    /// not count.
    ///
    /// # Errors
    /// The last one. If the machine was too busy during too many attempts, the error says that the
    /// check cannot tell.
    pub fn try_again<T>(&self, mut attempt: impl FnMut() -> Outcome<T>) -> Outcome<T> {
        const MOST: usize = 6;
        let (mut tried, mut counted) = (0, 0);
        loop {
            let watch = Watch::start();
            let finding = match attempt() {
                Ok(result) => return Ok(result),
                Err(finding) => finding,
            };
            tried += 1;
            counted += usize::from(!watch.machine_was_busy());
            if counted >= self.tries() || self.patience < PATIENCE {
                return Err(finding);
            }
            if tried >= MOST {
                return Err(cannot_tell(&finding));
            }
        }
    }

    /// Returns what a check has found, and what the last program that it started has printed. An earlier
    /// program is worth a word only if it has ended unexpectedly.
    fn diagnosis(&self, finding: &str) -> String {
        let mut text = format!("{}.", finding.trim_end_matches('.'));
        let started = self.started.borrow();
        for (number, process) in (1..).zip(started.iter()) {
            let is_last = number == started.len();
            let name = match started.len() {
                1 => "The program".to_string(),
                count => format!("The program (run {number} of {count})"),
            };
            let mut program = process.program.borrow_mut();
            // A program that panics closes its connections a moment before it is gone.
            let patience = if is_last { Duration::from_millis(200) } else { Duration::ZERO };
            let ended = program.ends_within(patience).filter(|_| !process.was_to_end.get());
            if let Some(status) = ended {
                program.output_ends_within(LAST_WORDS);
                let _ = write!(text, "\n\n{name} had ended by then ({status}).");
            }
            if !is_last && ended.is_none() {
                continue;
            }
            for (output, printed) in [("stdout", program.stdout()), ("stderr", program.stderr())] {
                let printed: Vec<&str> =
                    printed.lines().filter(|line| !self.is_chatter(line)).collect();
                if !printed.is_empty() {
                    let printed = shortened(&first_and_last(&printed)).replace('\n', "\n  ");
                    let _ = write!(text, "\n\n{name} printed on {output}:\n  {printed}");
                }
            }
        }
        text
    }

    /// Returns whether the untouched starter prints this line as well, with anything in its placeholders.
    fn is_chatter(&self, line: &str) -> bool {
        line.starts_with("listening on ")
            || self.caused.borrow().iter().any(|beginning| line.starts_with(beginning))
            || self.chatter.iter().any(|string| {
                let start = string.split('{').next().unwrap_or_default();
                let end = string.rsplit('}').next().unwrap_or_default();
                match string.contains('{') {
                    true => {
                        start.len() + end.len() > 5
                            && line.starts_with(start)
                            && line.ends_with(end)
                    }
                    false => line == string,
                }
            })
    }
}

impl Running {
    /// Returns the address on which this server listens.
    pub fn address(&self) -> SocketAddr {
        self.process.program.borrow().address()
    }

    /// Returns the number of the process.
    pub fn process_id(&self) -> u32 {
        self.process.program.borrow().process_id()
    }

    /// Connects a client to this server. Diagnoses call it `name`, such as `the second client`.
    ///
    /// # Errors
    /// If the server does not take it in.
    pub fn connect(&self, name: &str) -> Outcome<Actor> {
        match connected_within(PATIENCE, &self.address()) {
            Ok(stream) => Ok(self.actor(stream, name)),
            Err(error) => Err(format!("{name} could not connect: {error}")),
        }
    }

    /// Connects a client with a small receive buffer, so that what it does not read stays with the server.
    ///
    /// # Errors
    /// If the server does not take it in.
    pub fn connect_with_little_room(&self, name: &str) -> Outcome<Actor> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)
            .and_then(|socket| socket.set_recv_buffer_size(64 * 1024).map(|()| socket));
        self.connect_over(name, socket)
    }

    /// Connects a client with hardly any room, on a network of small segments.
    ///
    /// # Errors
    /// If the server does not take it in.
    pub fn connect_from_afar(&self, name: &str) -> Outcome<Actor> {
        self.connect_over(name, socket_from_afar(8 * 1024, 1000))
    }

    fn connect_over(&self, name: &str, socket: io::Result<Socket>) -> Outcome<Actor> {
        let connected = socket.and_then(|socket| {
            socket.connect_timeout(&self.address().into(), PATIENCE)?;
            Ok(socket)
        });
        let socket = connected.map_err(|error| format!("{name} could not connect: {error}"))?;
        Ok(self.actor(socket.into(), name))
    }

    /// Connects so many clients at the same moment, each from a thread of its own.
    ///
    /// # Errors
    /// If the server does not take one of them in.
    pub fn connect_at_once(&self, count: usize, name: &str) -> Outcome<Vec<Actor>> {
        let (address, together) = (self.address(), Barrier::new(count));
        let connect = || {
            together.wait();
            connected_within(PATIENCE, &address)
        };
        let streams: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(connect)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let connected = streams.into_iter().map(|stream| {
            let stream = stream.map_err(|error| format!("{name} could not connect: {error}"))?;
            Ok(self.actor(stream, name))
        });
        connected.collect()
    }

    fn actor(&self, stream: TcpStream, name: &str) -> Actor {
        let mut actor = Actor::over(stream, name, "connected");
        actor.set_patience(self.patience);
        actor
    }

    /// Connects a client from `ip`, which is one of this machine's loopback addresses. Returns `None` if
    /// this machine does not have it, because macOS has only 127.0.0.1.
    pub fn connect_from(&self, ip: Ipv4Addr, name: &str) -> Option<Outcome<Actor>> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.bind(&SocketAddr::from((ip, 0)).into()).ok()?;
        let connected = socket.connect_timeout(&self.address().into(), PATIENCE);
        let connected = connected.map_err(|error| format!("{name} could not connect: {error}"));
        Some(connected.map(|()| self.actor(socket.into(), name)))
    }

    /// Returns the memory of the program in MiB, if the system tells it.
    pub fn memory(&self) -> Option<usize> {
        let bytes = harness::resident_memory(self.process_id())?;
        usize::try_from(bytes / (1024 * 1024)).ok()
    }

    /// Lets `client` send without end, and without a newline. A server may answer, throw the bytes away or
    /// hang up, but it must not keep them all.
    ///
    /// # Errors
    /// If the server's memory has grown by much.
    pub fn expect_little_kept_of(&self, mut client: Actor) -> Outcome {
        self.expect_little_kept("a client", |bytes| {
            client.take_what_has_come();
            client.send(bytes).is_ok() // if the server has hung up, nothing more can be sent
        })
    }

    /// Does the same as [`Running::expect_little_kept_of`], for a server that throws everything away: it has
    /// no reason to hang up, however much it was sent, and none to answer.
    ///
    /// # Errors
    /// If the server's memory has grown by much, or what came instead of silence.
    pub fn expect_all_thrown_away(&self, mut client: Actor) -> Outcome {
        let mut has_sent = false; // not on a system that does not tell how much memory is used
        self.expect_little_kept("a client", |bytes| {
            has_sent = true;
            client.take_what_has_come();
            client.send(bytes).is_ok()
        })?;
        if !has_sent {
            return Ok(());
        }
        client.did("sent as much as it liked, and stayed");
        client.expect_silence(Duration::from_millis(200))
    }

    /// Does the same as [`Running::expect_little_kept_of`], for any way to feed the program. `feed` returns
    /// whether the program takes more.
    ///
    /// # Errors
    /// If the program's memory has grown by much.
    pub fn expect_little_kept(&self, who: &str, mut feed: impl FnMut(&[u8]) -> bool) -> Outcome {
        const SENT: usize = 32; // MiB
        const GROWTH: usize = 12; // MiB
        let Some(before) = self.memory() else { return Ok(()) }; // this system does not say
        let (part, deadline) = (vec![b'x'; 1024 * 1024], Deadline::after(LONGEST));
        for sent in 1..=SENT {
            let takes_more = feed(&part);
            let grown = self.memory().map_or(0, |now| now.saturating_sub(before));
            if grown > GROWTH {
                return Err(format!(
                    "{who} sent {sent} MiB without a newline, and the program's memory grew by \
                     {grown} MiB, but it may grow by {GROWTH} MiB at most"
                ));
            }
            // A program may be right and slow.
            if !takes_more || deadline.is_over() {
                break;
            }
        }
        Ok(())
    }

    /// Connects a client that sends `questions` and never reads an answer, and waits until the program
    /// has read all of them, does not read any more, or has disconnected the client.
    ///
    /// # Errors
    /// If the client cannot connect.
    pub fn ask_without_reading(&self, questions: &[u8]) -> Outcome<Actor> {
        let mut deaf = [self.connect_from_afar("a client that does not read")?];
        let deadline = Deadline::after(LONGEST);
        let mut rest = questions;
        while !rest.is_empty() && !deadline.is_over() {
            match send_until_stuck(&mut deaf, rest) {
                Ok(sent) if sent[0] > 0 => rest = &rest[sent[0]..],
                _ => break,
            }
            self.wait_until_it_rests(); // a busy machine may only have held it up
        }
        self.wait_until_it_rests();
        let [deaf] = deaf;
        Ok(deaf)
    }

    /// Waits until all threads of the program sleep for a moment, because they have dealt with everything
    /// that has arrived, or wait for something else. Only Linux tells, so elsewhere this takes a while.
    pub fn wait_until_it_rests(&self) {
        const A_WHILE: Duration = Duration::from_millis(1500);
        const A_MOMENT: Duration = Duration::from_millis(20);
        let tells = cfg!(target_os = "linux");
        let deadline = Deadline::after(if tells { PATIENCE } else { A_WHILE });
        let mut before = None;
        while !deadline.is_over() {
            thread::sleep(A_MOMENT);
            let now = harness::sleeping_threads(self.process_id());
            if now.is_some() && now == before {
                return;
            }
            before = now;
        }
    }

    /// Returns whether the program has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.process.program.borrow_mut().ends_within(Duration::from_millis(100)).is_some()
    }

    /// Waits until the program ends by itself. `after` says what should have made it end, such as
    /// `Ctrl-C was pressed`.
    ///
    /// # Errors
    /// If it goes on.
    pub fn expect_exit(&self, after: &str) -> Outcome<ExitStatus> {
        self.process.was_to_end.set(true);
        let mut program = self.process.program.borrow_mut();
        let status = program.ends_within(self.patience).ok_or_else(|| {
            let later = shown_time(self.patience);
            format!(
                "{after}, so the program should have ended, but {later} later it was still running"
            )
        })?;
        program.output_ends_within(LAST_WORDS);
        Ok(status)
    }

    /// Types `text` and Enter on the program's keyboard.
    ///
    /// # Errors
    /// If the program has ended, or has closed its input.
    pub fn type_line(&self, text: &str) -> Outcome {
        self.type_bytes(format!("{text}\n").as_bytes())
    }

    /// Writes bytes to the program's stdin, as they are.
    ///
    /// # Errors
    /// As [`Running::type_line`].
    pub fn type_bytes(&self, bytes: &[u8]) -> Outcome {
        let mut program = self.process.program.borrow_mut();
        program.try_type_within(PATIENCE, bytes).map_err(|error| match error.kind() {
            ErrorKind::TimedOut => format!(
                "{} was typed, but the program did not read it within {}",
                quoted(bytes),
                shown_time(PATIENCE)
            ),
            _ => format!("{} was typed, but the program did not read it: {error}", quoted(bytes)),
        })
    }

    /// Ends the program's input, as Ctrl-D on a terminal does.
    pub fn close_stdin(&self) {
        self.process.program.borrow_mut().close_stdin();
    }

    /// Returns what the program has printed to stdout so far.
    pub fn stdout(&self) -> String {
        self.process.program.borrow().stdout()
    }

    /// Returns what the program has printed to stderr so far.
    pub fn stderr(&self) -> String {
        self.process.program.borrow().stderr()
    }

    /// Waits until the program has printed `line` on stdout, which it may do only once. `after` says what
    /// should have made it do so.
    ///
    /// # Errors
    /// If it does not, or more than once.
    pub fn expect_line_on_stdout(&self, after: &str, line: &str) -> Outcome {
        self.expect_lines_on_stdout(after, 1, line)
    }

    /// Waits until the program has printed `line` on stdout exactly so many times in all.
    ///
    /// # Errors
    /// If it does not, or more often.
    pub fn expect_lines_on_stdout(&self, after: &str, times: usize, line: &str) -> Outcome {
        let program = self.process.program.borrow();
        let enough = program.prints_lines_within(self.patience, times, line);
        let came = program.stdout().lines().filter(|printed| *printed == line).count();
        match came {
            _ if enough && came == times => Ok(()),
            _ if times == 1 && came == 0 => Err(format!(
                "{after}, so the program should have printed the line `{line}`, but it did not"
            )),
            _ => Err(format!(
                "{after}, so the program should have printed the line `{line}` {} so far, but it \
                 printed it {}",
                shown_times(times),
                shown_times(came)
            )),
        }
    }

    /// Presses Ctrl-C.
    #[cfg(unix)]
    pub fn press_ctrl_c(&self) {
        self.process.program.borrow().press_ctrl_c();
    }

    /// Kills the program.
    pub fn kill(&self) {
        self.process.was_to_end.set(true);
        self.process.program.borrow_mut().kill();
    }
}

/// Returns the finding that something came too late, or took too long. If the machine has held programs
/// up since `watch` was started, the finding says that the check cannot tell.
pub fn late(watch: &Watch, finding: String) -> String {
    if watch.machine_was_busy() { cannot_tell(&finding) } else { finding }
}

fn cannot_tell(finding: &str) -> String {
    format!(
        "{ITSELF}cannot tell whether the program is late or held up, because this machine is too busy. \
         This is what it saw: {finding}"
    )
}

/// Connects, and tries again if a busy machine has not answered in time.
fn connected_within(patience: Duration, address: &SocketAddr) -> io::Result<TcpStream> {
    let deadline = Deadline::after(patience);
    loop {
        match TcpStream::connect_timeout(address, deadline.left().max(patience / 5)) {
            Err(error) if error.kind() == ErrorKind::TimedOut && !deadline.is_over() => {}
            outcome => return outcome,
        }
    }
}

/// Leaves out the lines in the middle: a program that prints without end says little more in its
/// thousandth line.
fn first_and_last(lines: &[&str]) -> String {
    const ENDS: usize = 10;
    if lines.len() <= 2 * ENDS {
        return lines.join("\n");
    }
    let (first, last) = (&lines[..ENDS], &lines[lines.len() - ENDS..]);
    let left_out = lines.len() - 2 * ENDS;
    format!("{}\n[... {left_out} lines ...]\n{}", first.join("\n"), last.join("\n"))
}

/// Returns a time as a diagnosis shows it.
pub fn shown_time(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// Returns how many times something happened, as a diagnosis shows it.
pub fn shown_times(times: usize) -> String {
    match times {
        1 => "once".to_string(),
        2 => "twice".to_string(),
        _ => format!("{times} times"),
    }
}

/// Returns bytes as a diagnosis shows them: on one line, and not all of them if there are many. A byte that is
/// no text looks like `\xfe`, because `�` may be just what a program has made of it.
pub fn quoted(bytes: &[u8]) -> String {
    let (start, more) = if bytes.len() > 200 { bytes.split_at(70) } else { (bytes, &[][..]) };
    let mut text = String::from("`");
    for chunk in start.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                character if character.is_control() => text.extend(character.escape_default()),
                character => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text.push('`');
    if !more.is_empty() {
        let _ = write!(text, " and {} bytes more", more.len());
    }
    text
}
