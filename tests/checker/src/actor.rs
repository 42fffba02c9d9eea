//! A peer that a check plays for a learner's program.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::attempt::{quoted, shown_time};
use super::{ITSELF, Outcome, PATIENCE, socket_from_afar};
use harness::{Connection, Deadline, Patience, Stopped, timed_out};

/// A peer with a name, which remembers what it did last. If something arrives that it did not expect, it
/// says so in a sentence that a learner understands: nothing in here panics.
pub struct Actor {
    connection: Connection,
    name: String,
    did: String,
    /// The last thing that arrived as expected, to recognise it if it arrives twice.
    last: Vec<u8>,
}

/// How many lines to skip while waiting for another one.
const MOST_LINES: usize = 100_000;

/// How long bytes may keep arriving, one now and then, before the expected ones must be there.
const LONGEST: Duration = PATIENCE.saturating_mul(6);

/// More bytes than this are called a flood if few or none were expected.
const FLOOD: usize = 16 * 1024;

const THE_END: &str = "the end of the connection";

const A_MOMENT: Duration = Duration::from_millis(100);

impl Actor {
    /// Creates the actor at our end of `stream`. Diagnoses begin with `name` and what it `did` last.
    pub fn over(stream: TcpStream, name: &str, did: &str) -> Actor {
        let patience = Patience { silence: PATIENCE, in_all: LONGEST };
        let connection = Connection::over(stream, patience);
        Actor { connection, name: name.to_string(), did: did.to_string(), last: Vec::new() }
    }

    /// Returns the address of this end.
    pub fn address(&self) -> SocketAddr {
        self.stream().local_addr().expect("a connected socket has an address")
    }

    /// Returns the socket itself, for anything that the other methods do not do.
    pub fn stream(&self) -> &TcpStream {
        self.connection.stream()
    }

    /// Sets what the actor did last, in the check's own words, such as `was silent for 1 s`.
    pub fn did(&mut self, what: &str) {
        self.did = what.to_string();
    }

    /// Waits for `silence` from now on, instead of [`PATIENCE`].
    pub fn set_patience(&mut self, silence: Duration) {
        self.connection.patience.silence = silence;
    }

    /// Lets the system keep little for this end: what it does not read, or cannot send, stays with the
    /// program.
    pub fn keep_little(&self) {
        const LITTLE: usize = 64 * 1024;
        let socket = SockRef::from(self.stream());
        // A system that refuses keeps more, and then the check sees less.
        let _ = socket.set_recv_buffer_size(LITTLE);
        let _ = socket.set_send_buffer_size(LITTLE);
    }

    /// Returns an actor for the same end of the connection: one may send while the other receives.
    ///
    /// # Errors
    /// When the system gives the check no descriptor.
    pub fn another(&self) -> Outcome<Actor> {
        let stream = self.stream().try_clone();
        let stream = stream.map_err(|error| format!("{ITSELF}cannot share a socket: {error}"))?;
        let mut other = Actor::over(stream, &self.name, &self.did);
        other.set_patience(self.connection.patience.silence);
        Ok(other)
    }

    /// Sends `bytes` in one piece.
    ///
    /// # Errors
    /// If the connection is over.
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
    /// If the connection is over.
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
        let (mut rest, mut deadline) = (bytes, Deadline::after(PATIENCE));
        while !rest.is_empty() {
            let why = match self.stream().write(rest) {
                Ok(0) => "the connection accepted no bytes".to_string(),
                Ok(written) => {
                    rest = &rest[written..];
                    deadline = Deadline::after(PATIENCE);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if timed_out(&error) && !deadline.is_over() => continue,
                Err(error) if timed_out(&error) => {
                    format!("the other side read nothing for {}", shown_time(PATIENCE))
                }
                Err(error) => broken(&error),
            };
            return Err(format!("{} could not send {}: {why}", self.name, quoted(bytes)));
        }
        Ok(())
    }

    /// Sends as much of `bytes` as the system takes without waiting. Returns how much that is.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn send_now(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let mut stream = self.stream();
        let written = stream.set_nonblocking(true).and_then(|()| stream.write(bytes));
        let outcome = written.and_then(|written| stream.set_nonblocking(false).map(|()| written));
        match outcome {
            Ok(written) => Ok(written),
            Err(error) if timed_out(&error) || error.kind() == ErrorKind::Interrupted => {
                let _ = stream.set_nonblocking(false); // if this fails, the next call says so
                Ok(0)
            }
            Err(error) => {
                let (name, did) = (&self.name, &self.did);
                Err(format!(
                    "{name} {did}, and then it could not send any more: {}",
                    broken(&error)
                ))
            }
        }
    }

    /// Closes its sending half (a FIN), but keeps reading.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn half_close(&mut self) -> Outcome {
        let outcome = self.stream().shutdown(Shutdown::Write);
        self.did = "closed its sending half".to_string();
        outcome.map_err(|error| {
            format!("{} could not close its sending half: {}", self.name, broken(&error))
        })
    }

    /// Leaves with a reset instead of an orderly end.
    pub fn reset(self) {
        let _ = SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)); // it may be over
    }

    /// Waits until exactly `expected` has arrived.
    ///
    /// # Errors
    /// What came instead.
    pub fn expect(&mut self, expected: impl AsRef<[u8]>) -> Outcome {
        let expected = expected.as_ref();
        self.connection
            .expect(expected)
            .map_err(|stopped| self.finding_after(&quoted(expected), stopped))?;
        self.last = expected.to_vec();
        Ok(())
    }

    /// Waits until the line `expected` has arrived.
    ///
    /// # Errors
    /// What came instead.
    pub fn expect_line(&mut self, expected: &str) -> Outcome {
        let wanted = format!("the line `{expected}`");
        let before = self.last.clone();
        let line = self.line_called(&wanted)?;
        if line == expected {
            return Ok(());
        }
        let shown = quoted(line.as_bytes());
        let came = match before == self.last {
            true => format!("it received the line {shown} a second time"),
            false => format!("it received the line {shown}"),
        };
        Err(self.sentence("expected", &wanted, &came))
    }

    /// Waits until the line `expected` has arrived, with a newline and no carriage return behind it.
    ///
    /// # Errors
    /// What came instead.
    pub fn expect_line_to_the_byte(&mut self, expected: &str) -> Outcome {
        self.expect_line(expected)?;
        match self.last.strip_suffix(b"\n").is_some_and(|line| line.ends_with(b"\r")) {
            true => Err(self.finding(
                &format!("the line `{expected}`"),
                "it received a carriage return as well",
            )),
            false => Ok(()),
        }
    }

    /// Returns whatever arrives in this `time`.
    pub fn take_all_within(&mut self, time: Duration) -> Vec<u8> {
        let _ = self.connection.receive_for(time, |_| false);
        self.connection.take(usize::MAX)
    }

    /// Returns whatever has arrived so far, without waiting.
    pub fn take_what_has_come(&mut self) -> Vec<u8> {
        let _ = self.connection.receive_now(); // how it ended, a later expectation says
        self.connection.take(usize::MAX)
    }

    /// Waits for so many bytes, whatever they are.
    ///
    /// # Errors
    /// If they do not arrive.
    pub fn take_exactly(&mut self, count: usize) -> Outcome<Vec<u8>> {
        let outcome = self.connection.receive_until(|unseen| unseen.len() >= count);
        let wanted = if count == 1 { "a byte".to_string() } else { format!("{count} bytes") };
        outcome.map_err(|stopped| self.finding_after(&wanted, stopped))?;
        Ok(self.connection.take(count))
    }

    /// Waits for a line, and returns it without its newline.
    ///
    /// # Errors
    /// What came instead.
    pub fn line(&mut self) -> Outcome<String> {
        self.line_called("a line")
    }

    /// Waits for the line `expected`, past other lines, and returns those.
    ///
    /// # Errors
    /// If it does not arrive.
    pub fn find_line(&mut self, expected: &str) -> Outcome<Vec<String>> {
        let wanted = format!("the line `{expected}`");
        let deadline = Deadline::after(LONGEST);
        let mut others = Vec::new();
        loop {
            let line = self.line_called(&wanted)?;
            if line == expected {
                return Ok(others);
            }
            others.push(line);
            if others.len() >= MOST_LINES || deadline.is_over() {
                let came = format!(
                    "it received {} other lines, and still more were arriving",
                    others.len()
                );
                return Err(self.finding(&wanted, &came));
            }
        }
    }

    fn line_called(&mut self, wanted: &str) -> Outcome<String> {
        match self.connection.line() {
            Ok(line) => {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\r').to_string();
                self.last = [line, b"\n".to_vec()].concat();
                Ok(text)
            }
            Err(stopped) if self.connection.unseen().is_empty() => {
                Err(self.finding_after(wanted, stopped))
            }
            Err(stopped) => Err(self.finding_after(&format!("{wanted} with its newline"), stopped)),
        }
    }

    /// Waits for the end of the connection, before which nothing more may arrive.
    ///
    /// # Errors
    /// What came instead, or that the connection stayed open, or was reset.
    pub fn expect_end(&mut self) -> Outcome {
        match self.connection.receive_until(|unseen| !unseen.is_empty()) {
            Err(Stopped::End) => Ok(()),
            outcome => Err(self.finding_after(THE_END, why(outcome))),
        }
    }

    /// Waits for the end of the connection, and returns what arrived before it.
    ///
    /// # Errors
    /// If the connection stays open, or is reset.
    pub fn read_to_end(&mut self) -> Outcome<Vec<u8>> {
        self.connection.read_to_end().map_err(|stopped| self.finding_after(THE_END, stopped))
    }

    /// Waits until the connection is over, in whatever way, and throws away what still arrives.
    ///
    /// # Errors
    /// If it stays open.
    pub fn expect_over(&mut self) -> Outcome {
        match self.connection.read_to_end() {
            Ok(_) | Err(Stopped::Broken(_)) => Ok(()),
            Err(stopped) => Err(self.finding_after(THE_END, stopped)),
        }
    }

    /// Expects that nothing arrives for `time`, and that the connection stays open.
    ///
    /// # Errors
    /// What came.
    pub fn expect_silence(&mut self, time: Duration) -> Outcome {
        // If the silence has already lasted long enough, look at what arrived meanwhile as well.
        let patience = time.max(Duration::from_millis(20));
        match self.connection.receive_for(patience, |unseen| !unseen.is_empty()) {
            Err(Stopped::Silence) => Ok(()),
            outcome => {
                self.receive_rest();
                let wanted = format!("silence for {}", shown_time(time));
                Err(self.sentence("expected", &wanted, &self.what_came(&why(outcome))))
            }
        }
    }

    /// Sends bytes that a server has no use for, piece by piece, and stays: none of them is an end, and
    /// none is answered.
    ///
    /// # Errors
    /// What came, or that the connection is over.
    pub fn talk_in_vain(&mut self) -> Outcome {
        let words: [&[u8]; 6] =
            [b"hello\n", b"\r\n", b"\xe4\xbd", b"\xff", b"bye\n", &[b'x'; 5000]];
        for word in words {
            self.write(word)?;
            thread::sleep(Duration::from_millis(20)); // so that most are read one by one
        }
        self.did(
            "sent several things, among them a blank line and bytes that are not text, and stayed \
             connected",
        );
        self.expect_silence(A_MOMENT)
    }

    /// Returns a diagnosis in the form of the others, for what only the check can judge: who did what,
    /// what was `expected`, and what happened instead, such as `it received nothing`.
    pub fn finding(&self, expected: &str, came: &str) -> String {
        self.sentence("expected", expected, came)
    }

    /// Waits a moment for the rest of what arrived, because a surprise is easier to understand if all of
    /// it is shown.
    fn receive_rest(&mut self) {
        let _ = self.connection.receive_for(A_MOMENT, |unseen| unseen.len() > 1000);
    }

    fn finding_after(&mut self, wanted: &str, stopped: Stopped) -> String {
        if let Stopped::Otherwise = stopped {
            self.receive_rest();
        }
        let came = self.what_came(&stopped);
        match stopped {
            Stopped::Silence => {
                let waited = format!("waited {} for", shown_time(self.connection.patience.silence));
                self.sentence(&waited, wanted, &came)
            }
            _ => self.sentence("expected", wanted, &came),
        }
    }

    fn sentence(&self, expected: &str, wanted: &str, came: &str) -> String {
        format!("{} {}. It {expected} {wanted}, but {came}", self.name, self.did)
    }

    fn what_came(&self, stopped: &Stopped) -> String {
        let unseen = self.connection.unseen();
        let (shown, size) = (quoted(unseen), unseen.len());
        let came = match stopped {
            Stopped::Flood => format!(
                "it received a flood of {size} bytes, and still more were arriving: {shown}"
            ),
            Stopped::Silence | Stopped::Otherwise if size > FLOOD => {
                format!("it received a flood, {size} bytes of it so far: {shown}")
            }
            _ if !self.last.is_empty() && unseen == self.last => {
                format!("it received {shown} a second time")
            }
            Stopped::Silence => format!("it received only {shown}"),
            _ => format!("it received {shown}"),
        };
        match (unseen.is_empty(), stopped) {
            (true, Stopped::Silence) => "the connection stayed open and silent".to_string(),
            (true, Stopped::End) => "the connection ended".to_string(),
            (true, Stopped::Broken(error)) => broken(error),
            (true, Stopped::Otherwise | Stopped::Flood) => "it received nothing".to_string(),
            (false, Stopped::Silence) => format!("{came}, and then nothing more"),
            (false, Stopped::End) => format!("{came}, and then the connection ended"),
            (false, Stopped::Broken(error)) => format!("{came}, and then {}", broken(error)),
            (false, Stopped::Flood | Stopped::Otherwise) => came,
        }
    }
}

/// Lets each client send these bytes and read nothing, until the system takes no more from any of
/// them. Returns how many bytes each of them has sent.
///
/// # Errors
/// If a connection is over.
pub fn send_until_stuck(clients: &mut [Actor], bytes: &[u8]) -> Outcome<Vec<usize>> {
    // A slow program may not be stuck yet. Then less than possible is sent, which is not wrong.
    const STUCK: Duration = Duration::from_millis(300);
    let mut sent = vec![0; clients.len()];
    let mut stuck = Deadline::after(STUCK);
    while !stuck.is_over() && sent.iter().any(|sent| *sent < bytes.len()) {
        let mut more = 0;
        for (client, sent) in clients.iter_mut().zip(&mut sent) {
            let taken = client.send_now(&bytes[*sent..])?;
            (more, *sent) = (more + taken, *sent + taken);
            client.did = format!("sent {sent} bytes and read nothing meanwhile");
        }
        match more {
            0 => thread::sleep(Duration::from_millis(5)),
            _ => stuck = Deadline::after(STUCK),
        }
    }
    Ok(sent)
}

/// Returns why the wait ended, although nothing should have arrived.
fn why(outcome: Result<(), Stopped>) -> Stopped {
    outcome.err().unwrap_or(Stopped::Otherwise)
}

/// Returns a listener on a free port of 127.0.0.1, for a check that plays the server.
///
/// # Errors
/// If the system does not provide one.
pub fn listener() -> Outcome<(TcpListener, SocketAddr)> {
    with_address(TcpListener::bind("127.0.0.1:0"))
}

/// Returns a listener to which a program connects as if it were far away. See [`socket_from_afar`].
///
/// # Errors
/// If the system does not provide one.
pub fn listener_from_afar(room: usize, segment: u32) -> Outcome<(TcpListener, SocketAddr)> {
    with_address(socket_from_afar(room, segment).and_then(|socket| {
        socket.listen(1)?;
        Ok(socket.into())
    }))
}

fn with_address(listener: io::Result<TcpListener>) -> Outcome<(TcpListener, SocketAddr)> {
    let bound = listener.and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| format!("{ITSELF}cannot listen: {error}"))
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "the connection was reset".to_string()
        }
        _ => format!("the connection was broken ({error})"),
    }
}
