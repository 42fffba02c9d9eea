//! A peer that a check plays for a learner's program.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::attempt::{quoted, shown_time};
use super::{Outcome, PATIENCE};
use harness::{Peer, timed_out};

/// A [`Peer`] with a name, which remembers what it did last. Where something else comes than it
/// expects, it says so in a sentence that a learner understands: nothing in here panics.
pub struct Actor {
    peer: Peer,
    name: String,
    did: String,
    patience: Duration,
}

/// Why no more bytes came.
enum Stopped {
    Silence,
    End,
    Reset(io::Error),
    /// Far more has come than any check asks for, or it went on coming for far too long.
    Flood,
}

/// How many bytes are waited for at most, and how many for a line: a program that writes without
/// end must not fill the memory.
const MOST: usize = 32 << 20;
const MOST_OF_A_LINE: usize = 1 << 20;

/// How many lines are passed over while another is waited for.
const MOST_LINES: usize = 100_000;

/// How long bytes may go on coming, one now and then, until what is waited for is there.
const LONGEST: Duration = PATIENCE.saturating_mul(6);

const A_MOMENT: Duration = Duration::from_millis(100);

impl Actor {
    /// The actor at our end of `stream`. Diagnoses begin with `name` and what it `did` last.
    pub fn over(stream: TcpStream, name: &str, did: &str) -> Actor {
        let peer = Peer::over(stream);
        let _ = peer.stream().set_write_timeout(Some(PATIENCE)); // fails only for a time of 0
        Actor { peer, name: name.to_string(), did: did.to_string(), patience: PATIENCE }
    }

    /// The address of this end.
    pub fn address(&self) -> SocketAddr {
        self.peer.address()
    }

    /// The socket itself, for what the other methods do not do.
    pub fn stream(&self) -> &TcpStream {
        self.peer.stream()
    }

    /// Says in words of the check's own what the actor did last, such as `was silent for 1 s`.
    pub fn did(&mut self, what: &str) {
        self.did = what.to_string();
    }

    /// Waits for `patience` from now on, in the place of [`PATIENCE`].
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Sends `bytes` in one piece.
    ///
    /// # Errors
    /// Where the connection is over.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Outcome {
        let bytes = bytes.as_ref();
        self.write(bytes)?;
        self.did = format!("sent {}", quoted(bytes));
        Ok(())
    }

    /// Sends `pieces`, each in a segment of its own and a moment after the one before, so that the
    /// other side most likely reads them one by one.
    ///
    /// # Errors
    /// Where the connection is over.
    pub fn send_in_pieces<T: AsRef<[u8]>>(&mut self, pieces: &[T]) -> Outcome {
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                thread::sleep(Duration::from_millis(200));
            }
            self.write(piece.as_ref())?;
        }
        let shown: Vec<String> = pieces.iter().map(|piece| quoted(piece.as_ref())).collect();
        self.did = format!("sent the pieces {}", shown.join(" and "));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome {
        self.peer.stream().write_all(bytes).map_err(|error| {
            let why = if timed_out(&error) {
                format!("for {} the other side did not read", shown_time(PATIENCE))
            } else {
                broken(&error)
            };
            format!("{} could not send {}: {why}", self.name, quoted(bytes))
        })
    }

    /// Ends its sending half (a FIN), and goes on reading.
    ///
    /// # Errors
    /// Where the connection is over.
    pub fn half_close(&mut self) -> Outcome {
        let outcome = self.peer.stream().shutdown(Shutdown::Write);
        self.did = "closed its sending half".to_string();
        outcome.map_err(|error| {
            format!("{} could not close its sending half: {}", self.name, broken(&error))
        })
    }

    /// Leaves with a reset instead of an orderly end.
    pub fn reset(self) {
        self.peer.reset();
    }

    /// Waits until just `expected` has come.
    ///
    /// # Errors
    /// What came instead.
    pub fn expect(&mut self, expected: impl AsRef<[u8]>) -> Outcome {
        let expected = expected.as_ref();
        let stopped = self.receive_until(|unseen| {
            unseen.len() >= expected.len() || !expected.starts_with(unseen)
        });
        if self.peer.unseen().starts_with(expected) {
            self.peer.take(expected.len());
            return Ok(());
        }
        Err(self.finding_after(&quoted(expected), stopped))
    }

    /// Waits until the line `expected` has come.
    ///
    /// # Errors
    /// What came instead.
    pub fn expect_line(&mut self, expected: &str) -> Outcome {
        let wanted = format!("the line `{expected}`");
        let line = self.line_called(&wanted)?;
        if line == expected {
            return Ok(());
        }
        Err(self.sentence(
            "expected",
            &wanted,
            &format!("the line {} came", quoted(line.as_bytes())),
        ))
    }

    /// Waits for a line, and returns it without its newline.
    ///
    /// # Errors
    /// What came instead.
    pub fn line(&mut self) -> Outcome<String> {
        self.line_called("a line")
    }

    /// Waits for the line `expected`, past others, and returns those.
    ///
    /// # Errors
    /// Where it does not come.
    pub fn find_line(&mut self, expected: &str) -> Outcome<Vec<String>> {
        let wanted = format!("the line `{expected}`");
        let deadline = Instant::now() + LONGEST;
        let mut others = Vec::new();
        loop {
            let line = self.line_called(&wanted)?;
            if line == expected {
                return Ok(others);
            }
            others.push(line);
            if others.len() >= MOST_LINES || Instant::now() > deadline {
                let came = format!("{} other lines came, and no end of them", others.len());
                return Err(self.finding(&wanted, &came));
            }
        }
    }

    fn line_called(&mut self, wanted: &str) -> Outcome<String> {
        let stopped =
            self.receive_until(|unseen| unseen.contains(&b'\n') || unseen.len() > MOST_OF_A_LINE);
        match self.peer.unseen().iter().position(|byte| *byte == b'\n') {
            Some(length) => {
                let line = self.peer.take(length + 1);
                let line = String::from_utf8_lossy(&line).into_owned();
                Ok(line.trim_end_matches('\n').trim_end_matches('\r').to_string())
            }
            None if self.peer.unseen().is_empty() => Err(self.finding_after(wanted, stopped)),
            None => Err(self.finding_after(&format!("{wanted} with its newline"), stopped)),
        }
    }

    /// Waits for the end of the connection, before which nothing more may come.
    ///
    /// # Errors
    /// What came instead, or that the connection stayed open, or was reset.
    pub fn expect_end(&mut self) -> Outcome {
        let stopped = self.receive_until(|unseen| !unseen.is_empty());
        match stopped {
            Some(Stopped::End) if self.peer.unseen().is_empty() => Ok(()),
            _ => Err(self.finding_after("the end of the connection", stopped)),
        }
    }

    /// Waits for the end of the connection, and returns what came before it.
    ///
    /// # Errors
    /// Where the connection stays open, or is reset.
    pub fn read_to_end(&mut self) -> Outcome<Vec<u8>> {
        match self.receive_until(|_| false) {
            Some(Stopped::End) => Ok(self.peer.take(self.peer.unseen().len())),
            stopped => Err(self.finding_after("the end of the connection", stopped)),
        }
    }

    /// Waits until the connection is over, in whatever way, and throws away what still comes.
    ///
    /// # Errors
    /// Where it stays open.
    pub fn expect_over(&mut self) -> Outcome {
        match self.receive_until(|_| false) {
            Some(Stopped::End | Stopped::Reset(_)) => Ok(()),
            stopped => Err(self.finding_after("the end of the connection", stopped)),
        }
    }

    /// For `time`, nothing may come, and the connection must stay open.
    ///
    /// # Errors
    /// What came.
    pub fn expect_silence(&mut self, time: Duration) -> Outcome {
        let stopped = self.receive_within(time, time, |unseen| !unseen.is_empty());
        match stopped {
            Some(Stopped::Silence) if self.peer.unseen().is_empty() => Ok(()),
            stopped => {
                self.receive_rest();
                let wanted = format!("silence for {}", shown_time(time));
                Err(self.sentence("expected", &wanted, &self.what_came(stopped.as_ref())))
            }
        }
    }

    /// A diagnosis in the form of the others, for what only the check can judge: who did what, what
    /// was `expected`, and what `came`.
    pub fn finding(&self, expected: &str, came: &str) -> String {
        self.sentence("expected", expected, came)
    }

    fn receive_until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Option<Stopped> {
        self.receive_within(self.patience, LONGEST, enough)
    }

    /// Receives until that is `enough`, or nothing more comes for `patience`. What comes bit by bit
    /// may take `longest` in all.
    fn receive_within(
        &mut self,
        patience: Duration,
        longest: Duration,
        enough: impl Fn(&[u8]) -> bool,
    ) -> Option<Stopped> {
        let begun = Instant::now();
        let mut arrived = begun;
        while !enough(self.peer.unseen()) {
            if self.peer.unseen().len() > MOST {
                return Some(Stopped::Flood);
            }
            let (silent_at, over_at) = (arrived + patience, begun + longest);
            let left = silent_at.min(over_at).saturating_duration_since(Instant::now());
            if left.is_zero() {
                let silent = silent_at <= over_at;
                return Some(if silent { Stopped::Silence } else { Stopped::Flood });
            }
            match self.peer.receive_within(left) {
                Ok(0) => return Some(Stopped::End),
                Ok(_) => arrived = Instant::now(),
                Err(error) if timed_out(&error) => {} // what that means is decided above
                Err(error) => return Some(Stopped::Reset(error)),
            }
        }
        None
    }

    /// What came in place of what was expected is easier to understand when all of it is shown.
    fn receive_rest(&mut self) {
        let _ = self.receive_within(A_MOMENT, A_MOMENT, |unseen| unseen.len() > 1000);
    }

    fn finding_after(&mut self, wanted: &str, stopped: Option<Stopped>) -> String {
        if stopped.is_none() {
            self.receive_rest();
        }
        let came = self.what_came(stopped.as_ref());
        match stopped {
            Some(Stopped::Silence) => {
                let waited = format!("waited {} for", shown_time(self.patience));
                self.sentence(&waited, wanted, &came)
            }
            _ => self.sentence("expected", wanted, &came),
        }
    }

    fn sentence(&self, expected: &str, wanted: &str, came: &str) -> String {
        format!("{} {} and {expected} {wanted}, but {came}", self.name, self.did)
    }

    fn what_came(&self, stopped: Option<&Stopped>) -> String {
        let came = quoted(self.peer.unseen());
        match (self.peer.unseen().is_empty(), stopped) {
            (true, Some(Stopped::Silence)) => "the connection stayed open and silent".to_string(),
            (true, Some(Stopped::End)) => "the connection ended".to_string(),
            (true, Some(Stopped::Reset(error))) => broken(error),
            (true, None | Some(Stopped::Flood)) => "nothing came".to_string(),
            (false, Some(Stopped::Silence)) => format!("only {came} came, and then nothing more"),
            (false, Some(Stopped::End)) => format!("{came} came, and then the connection ended"),
            (false, Some(Stopped::Reset(error))) => {
                format!("{came} came, and then {}", broken(error))
            }
            (false, Some(Stopped::Flood)) => format!("{came} came, and no end of it"),
            (false, None) => format!("{came} came"),
        }
    }
}

/// A listener on a free port of 127.0.0.1, for a check that plays the server.
///
/// # Errors
/// Where the system does not give one.
pub fn listener() -> Outcome<(TcpListener, SocketAddr)> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| format!("the check itself cannot listen: {error}"))
}

/// Waits for the next client of `listener`. Diagnoses call our end `name`, such as `the server`.
///
/// # Errors
/// Where nobody connects in time.
pub fn accepted_by(listener: &TcpListener, name: &str, patience: Duration) -> Outcome<Actor> {
    let deadline = Instant::now() + patience;
    let failed = |error: io::Error| format!("the check itself cannot accept: {error}");
    listener.set_nonblocking(true).map_err(failed)?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).map_err(failed)?;
                return Ok(Actor::over(stream, name, "accepted the connection"));
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(failed(error)),
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
            Err(_) => {
                let waited = shown_time(patience);
                return Err(format!("{name} waited {waited} for a connection, but nobody came"));
            }
        }
    }
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "the connection was reset".to_string()
        }
        _ => format!("the connection was broken ({error})"),
    }
}
