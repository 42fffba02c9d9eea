//! A learner's program, while a check plays with it.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::{Actor, Outcome, PATIENCE};
use harness::{Program, shortened};

/// A learner's compiled program, and whatever a check has started of it.
pub struct Attempt {
    path: PathBuf,
    started: RefCell<Vec<Rc<Process>>>,
}

/// A learner's program that runs. It is killed when the check is over.
pub struct Running {
    process: Rc<Process>,
}

struct Process {
    program: RefCell<Program>,
    /// Whether the check wanted the program to end, so that this is no news.
    was_to_end: Cell<bool>,
}

impl Attempt {
    pub(super) fn at(path: &Path) -> Attempt {
        Attempt { path: path.to_path_buf(), started: RefCell::default() }
    }

    /// Starts the program with these arguments, and does not wait.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(&self.path);
        command.args(arguments).env("RUST_BACKTRACE", "0");
        let program = RefCell::new(Program::start(command));
        let process = Rc::new(Process { program, was_to_end: Cell::new(false) });
        self.started.borrow_mut().push(Rc::clone(&process));
        Running { process }
    }

    /// Starts the program as a server on a free port, and waits until it says that it listens.
    ///
    /// # Errors
    /// Where it does not, or ends.
    pub fn serve(&self) -> Outcome<Running> {
        let running = self.start(&["127.0.0.1:0"]);
        let listens = running.process.program.borrow_mut().listens_within(2 * PATIENCE);
        match listens {
            Some(_) => Ok(running),
            None if running.has_ended() => {
                Err("the program did not get as far as listening for clients".to_string())
            }
            None => Err(format!(
                "the program was started with the address 127.0.0.1:0, but in {} it did not say \
                 `listening on` and its address on stderr, as the starter does",
                shown_time(2 * PATIENCE)
            )),
        }
    }

    /// What a check has found, and what the programs it started have to say about it.
    pub(super) fn diagnosis(&self, finding: &str) -> String {
        let mut text = format!("{}.", finding.trim_end_matches('.'));
        for process in &*self.started.borrow() {
            let mut program = process.program.borrow_mut();
            // A program that panics closes its connections a moment before it is gone.
            let ended = program.ends_within(Duration::from_millis(200));
            if ended.is_some() {
                program.wait_for_output(); // its last words may still be on their way to us
            }
            if let (Some(status), false) = (ended, process.was_to_end.get()) {
                let _ = write!(text, " By then the program had ended ({status}).");
            }
            for (output, printed) in [("stdout", program.stdout()), ("stderr", program.stderr())] {
                let of_its_own = |line: &&str| !line.starts_with("listening on ");
                let printed: Vec<&str> = printed.lines().filter(of_its_own).collect();
                if !printed.is_empty() {
                    let printed = shortened(&first_and_last(&printed)).replace('\n', "\n  ");
                    let _ = write!(text, "\n\nThe program printed on {output}:\n  {printed}");
                }
            }
        }
        text
    }
}

impl Running {
    /// Where this server listens.
    pub fn address(&self) -> SocketAddr {
        self.process.program.borrow().address()
    }

    /// The number that the system knows the program by.
    pub fn process_id(&self) -> u32 {
        self.process.program.borrow().process_id()
    }

    /// A client of this server. Diagnoses call it `name`, such as `the second client`.
    ///
    /// # Errors
    /// Where the server does not take it in.
    pub fn connect(&self, name: &str) -> Outcome<Actor> {
        match TcpStream::connect_timeout(&self.address(), PATIENCE) {
            Ok(stream) => Ok(Actor::over(stream, name, "connected")),
            Err(error) => Err(format!("{name} could not connect: {error}")),
        }
    }

    /// A client that comes from `ip`, which is one of this machine's loopback addresses. `None` where
    /// this machine does not have it: macOS has only 127.0.0.1.
    pub fn connect_from(&self, ip: Ipv4Addr, name: &str) -> Option<Outcome<Actor>> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
        socket.bind(&SocketAddr::from((ip, 0)).into()).ok()?;
        let connected = socket.connect_timeout(&self.address().into(), PATIENCE);
        let connected = connected.map_err(|error| format!("{name} could not connect: {error}"));
        Some(connected.map(|()| Actor::over(socket.into(), name, "connected")))
    }

    /// Whether the program has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.process.program.borrow_mut().ends_within(Duration::from_millis(100)).is_some()
    }

    /// Waits until the program ends by itself. `after` says what should have made it end, such as
    /// `Ctrl-C was pressed`.
    ///
    /// # Errors
    /// Where it goes on.
    pub fn expect_exit(&self, after: &str) -> Outcome<ExitStatus> {
        self.process.was_to_end.set(true);
        self.process.program.borrow_mut().ends_within(PATIENCE).ok_or_else(|| {
            format!("{after}, but {} later the program was still running", shown_time(PATIENCE))
        })
    }

    /// Types `text` and Enter on the program's keyboard.
    ///
    /// # Errors
    /// Where the program has ended, or has closed its input.
    pub fn type_line(&self, text: &str) -> Outcome {
        self.type_bytes(format!("{text}\n").as_bytes())
    }

    /// Puts bytes on the program's stdin, as they are.
    ///
    /// # Errors
    /// As [`Running::type_line`].
    pub fn type_bytes(&self, bytes: &[u8]) -> Outcome {
        self.process.program.borrow_mut().try_type(bytes).map_err(|error| {
            format!("{} was typed, but the program did not read it: {error}", quoted(bytes))
        })
    }

    /// Ends the program's input, as Ctrl-D on a terminal does.
    pub fn close_stdin(&self) {
        self.process.program.borrow_mut().close_stdin();
    }

    /// What the program has printed to stdout so far.
    pub fn stdout(&self) -> String {
        self.process.program.borrow().stdout()
    }

    /// Waits until the program has printed `line` on stdout. `after` says what should have made it
    /// do so.
    ///
    /// # Errors
    /// Where it does not.
    pub fn expect_line_on_stdout(&self, after: &str, line: &str) -> Outcome {
        if self.process.program.borrow().prints_lines_within(PATIENCE, 1, line) {
            return Ok(());
        }
        Err(format!("{after}, and the program was to print the line `{line}`, but it did not"))
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

/// A program that prints without end says little more in its thousandth line.
fn first_and_last(lines: &[&str]) -> String {
    const ENDS: usize = 10;
    if lines.len() <= 2 * ENDS {
        return lines.join("\n");
    }
    let (first, last) = (&lines[..ENDS], &lines[lines.len() - ENDS..]);
    let left_out = lines.len() - 2 * ENDS;
    format!("{}\n[... {left_out} lines ...]\n{}", first.join("\n"), last.join("\n"))
}

/// A time as a diagnosis shows it.
pub(super) fn shown_time(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// Bytes as a diagnosis shows them: on one line, and not all of them where there are many.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let (start, more) = if bytes.len() > 200 { bytes.split_at(70) } else { (bytes, &[][..]) };
    let mut text = String::from("`");
    for character in String::from_utf8_lossy(start).chars() {
        match character {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            character if character.is_control() => text.extend(character.escape_default()),
            character => text.push(character),
        }
    }
    text.push('`');
    if !more.is_empty() {
        let _ = write!(text, " and {} bytes more", more.len());
    }
    text
}
