//! Turns system calls into events: finds the names that the book uses for them, what they returned,
//! and the line of the program that made them.

use std::collections::HashMap;

use anyhow::Result;

use crate::capture::Segment;
use crate::place::{Lines, Place};
use crate::recording::BULK;
use crate::stage::{Run, Traced};
use crate::trace::{self, A_WAIT, SystemCall};

/// A thread of a lesson.
pub struct Thread {
    /// The number of its terminal, from 1.
    pub terminal: usize,
    pub role: Role,
    pub ended: Option<f64>,
    /// The calls that lines of the lesson made, in order.
    pub calls: Vec<Event>,
    /// The text that it printed.
    pub printed: Vec<Printed>,
}

/// The role of a thread. The book names a thread after its role, because Rust gives threads no
/// names unless asked to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Role {
    Main,
    /// Reads the keyboard.
    Keyboard,
    /// Accepts connections, although it is not the main thread. It is the other end of a program
    /// that talks to itself.
    Peer,
    /// Reads from the client at this port.
    Reads(u16),
    /// Only sends to the client at this port.
    SendsTo(u16),
    /// Has none of these roles. It is the thread with this number, from 1.
    Other(usize),
}

/// A piece of text that was printed.
pub struct Printed {
    pub time: f64,
    pub text: Vec<u8>,
    /// The line that caused it.
    pub place: Option<Place>,
}

/// A call that a line of a lesson made.
#[derive(Clone)]
pub struct Event {
    pub kind: Kind,
    pub start: f64,
    /// When it returned, or `None` if it never did.
    pub end: Option<f64>,
    /// The time by which it had certainly returned.
    pub latest: f64,
    pub place: Place,
    /// The function that the line itself calls.
    pub within: Option<String>,
    pub outcome: Outcome,
    /// The socket's own port and its peer's.
    pub ports: (Option<u16>, Option<u16>),
    /// Whether it is a write that had to wait for room, and not only for its turn on a processor.
    pub waited_for_room: bool,
}

/// The kind of a call, by the name that the book uses.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    Lookup,
    /// Waits for all sockets at the same time.
    Poll,
    Bind,
    Listen,
    Accept,
    Connect,
    Read,
    ReadKeyboard,
    Write,
    Shutdown,
    /// Shuts down both directions.
    ShutdownBoth,
    Close,
    /// Waits for another thread, or for a time. It is shown for as long as it lasts, but is not an
    /// event.
    Wait,
}

/// The result of a call.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    Done,
    Bytes(usize),
    /// The number of sockets that are ready, and for what.
    Ready(usize, Readiness),
    /// The port of the client that was accepted.
    Client(u16),
    /// The name of the error's std::io::ErrorKind.
    Failed(String),
}

/// What a socket is ready for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Readiness {
    /// Something has arrived: a client, bytes, or the end.
    Input,
    /// There is only room to write.
    Room,
}

impl Event {
    /// Returns the name as the book writes it.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Lookup => "lookup",
            Kind::Poll => "poll",
            Kind::Bind => "bind",
            Kind::Listen => "listen",
            Kind::Accept => "accept",
            Kind::Connect => "connect",
            Kind::Read | Kind::ReadKeyboard => "read",
            Kind::Write => "write",
            Kind::Shutdown | Kind::ShutdownBoth => "shutdown",
            Kind::Close => "close",
            Kind::Wait => "wait",
        }
    }

    /// Returns the name that a mark shows. For a wait, that is the function that the line calls,
    /// because the system call has the same name for all of them. Returns `None` if that is
    /// unknown.
    pub fn shown_name(&self) -> Option<&str> {
        match self.kind {
            Kind::Wait => self.within.as_deref(),
            _ => Some(self.name()),
        }
    }

    /// Returns whether its socket has no peer.
    pub fn is_about_a_listener(&self) -> bool {
        self.ports.1.is_none()
    }

    /// Returns whether it took longer than a call that does not wait.
    pub fn waited(&self) -> bool {
        self.end.is_none_or(|end| end - self.start > A_WAIT)
    }

    /// Returns whether it is a write that waited for room: only such a write sends bytes after an
    /// acknowledgement that arrived during the call.
    fn waits_for_room(&self, segments: &[Segment]) -> bool {
        let all = self.within.as_deref() == Some("write_all");
        let (own, peer) = self.ports;
        let ours = |one: &&Segment| {
            let (from, to) = (Some(one.from), Some(one.to));
            ((from, to) == (own, peer) && !one.data.is_empty())
                || ((from, to) == (peer, own) && one.flags == "." && one.data.is_empty())
        };
        let during = segments.iter().filter(|one| (self.start..self.latest).contains(&one.time));
        let mut order = during.filter(ours).map(|one| one.data.is_empty());
        all && matches!(self.outcome, Outcome::Bytes(BULK..))
            && self.waited()
            && order.any(|acknowledges| acknowledges)
            && order.any(|acknowledges| !acknowledges)
    }

    /// Returns whether `segment` was sent while this call ran, on its connection and because of it.
    pub fn caused(&self, segment: &Segment) -> bool {
        let during = (self.start..self.latest).contains(&segment.time);
        let (own, peer) = self.ports;
        let ours = (Some(segment.from), Some(segment.to)) == (own, peer);
        let theirs = (Some(segment.from), Some(segment.to)) == (peer, own);
        during
            && match self.kind {
                Kind::Write => ours && !segment.data.is_empty(),
                Kind::Shutdown | Kind::ShutdownBoth | Kind::Close => {
                    ours && segment.flags.contains(['F', 'R'])
                }
                // The handshake, but not the bytes that are sent as soon as it is complete.
                Kind::Connect => {
                    let refused = matches!(self.outcome, Outcome::Failed(_));
                    let flags = &segment.flags;
                    (ours || theirs) && (flags.contains('S') || refused && flags.contains('R'))
                }
                _ => false,
            }
    }
}

/// Returns all threads of all programs.
pub fn all_threads(run: &Run) -> Result<Vec<Thread>> {
    let mut all: Vec<Thread> = Vec::new();
    for (number, terminal) in (1..).zip(&run.terminals) {
        if let Some(traced) = &terminal.traced {
            let mut threads = threads(number, traced, &run.segments)?;
            let exit = traced.exited.as_ref().map(|(time, _)| *time);
            for thread in &mut threads {
                thread.ended = thread.ended.into_iter().chain(exit).reduce(f64::min);
            }
            all.extend(threads);
        }
        if let Some(peer) = all.iter_mut().find(|one| terminal.is_an_end && one.role == Role::Peer)
        {
            peer.terminal = number;
        }
    }
    Ok(all)
}

/// Returns all threads of a program.
fn threads(terminal: usize, traced: &Traced, segments: &[Segment]) -> Result<Vec<Thread>> {
    let calls = || traced.threads.iter().flat_map(|thread| &thread.calls);
    let mut offsets: Vec<u64> =
        calls().flat_map(|call| call.stack.iter().map(|(_, offset)| *offset)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let lines = Lines::of(&traced.path, &offsets)?;
    let mut queued = queued_lines(&traced.threads);
    let mut threads = Vec::new();
    for (index, thread) in traced.threads.iter().enumerate() {
        if is_printer(thread) {
            continue; // it prints what another thread has queued
        }
        let still = traced.still_waiting.get(&thread.id);
        let still = still.and_then(|places| places.iter().find(|place| is_lesson(place)));
        let mut events = Vec::new();
        let mut printed = Vec::new();
        let mut own_ports: HashMap<u32, u16> = HashMap::new();
        for call in &thread.calls {
            let at =
                call.stack.iter().position(|(_, offset)| lines.at(*offset).is_some_and(is_lesson));
            let place = match at {
                Some(at) => lines.at(call.stack[at].1).cloned(),
                None if call.end.is_none() => still.cloned(),
                None => None,
            };
            if call.name == "write" && matches!(call.descriptor(), Some(1 | 2)) {
                let time = call.end.unwrap_or(call.start);
                printed.push(Printed { time, text: call.text(), place });
                continue;
            }
            if queues_a_line(call) {
                let text = queued.remove(&(thread.id, call.start.to_bits()));
                printed.extend(text.map(|text| Printed { time: call.start, text, place }));
                continue;
            }
            let Some((kind, outcome)) = kind_and_outcome(call) else { continue };
            let ports = ports(call, kind, segments, &mut own_ports);
            let Some(place) = place else { continue };
            let within = at.and_then(|at| called_in_the_line(&call.stack[..at]));
            let (start, end, latest) = (call.start, call.end, call.latest);
            if kind == Kind::Lookup && within.as_deref() != Some("to_socket_addrs") {
                continue; // a part of another call
            }
            let mut event = Event {
                kind,
                start,
                end,
                latest,
                place,
                within,
                outcome,
                ports,
                waited_for_room: false,
            };
            event.waited_for_room = event.waits_for_room(segments);
            events.push(event);
        }
        let role = role(index, &events);
        let ended = thread.ended.or(traced.killed);
        threads.push(Thread { terminal, role, ended, calls: events, printed });
    }
    name_the_last_waits(&mut threads);
    Ok(threads)
}

/// Returns whether a thread is one of the two in a server that print for the others.
fn is_printer(thread: &trace::Thread) -> bool {
    thread.calls.iter().any(|call| call.is_from("shared::output::Printers::print_forever"))
}

/// Returns whether a call wakes all printing threads, because a line has just been queued.
fn queues_a_line(call: &SystemCall) -> bool {
    let wakes_all = call.arguments.contains(&format!("FUTEX_WAKE_PRIVATE, {}", i32::MAX));
    wakes_all && call.is_from("shared::output::print")
}

/// Returns the lines that a server's threads queued to be printed, by the thread's number and the
/// time of its call. Lines are printed in the order in which they were queued.
fn queued_lines(threads: &[trace::Thread]) -> HashMap<(u32, u64), Vec<u8>> {
    let (printers, others): (Vec<_>, Vec<_>) = threads.iter().partition(|one| is_printer(one));
    let writes = printers.iter().flat_map(|thread| &thread.calls);
    let writes =
        writes.filter(|call| matches!(call.descriptor(), Some(1 | 2)) && call.name == "write");
    let mut writes: Vec<&SystemCall> = writes.collect();
    writes.sort_by(|one, other| one.start.total_cmp(&other.start));
    let calls = others.iter().flat_map(|thread| thread.calls.iter().map(|call| (thread.id, call)));
    let mut queued: Vec<(u32, &SystemCall)> =
        calls.filter(|(_, call)| queues_a_line(call)).collect();
    queued.sort_by(|(_, one), (_, other)| one.start.total_cmp(&other.start));
    let lines = queued.iter().zip(writes);
    lines.map(|((id, call), write)| ((*id, call.start.to_bits()), write.text())).collect()
}

/// Names the waits that lasted to the end. strace reports which function made a call only once the
/// call has returned. For the others, the line is known, and its other waits tell what it calls.
fn name_the_last_waits(threads: &mut [Thread]) {
    let waits = threads.iter().flat_map(|thread| &thread.calls);
    let waits = waits.filter(|event| event.kind == Kind::Wait);
    let known: HashMap<Place, String> =
        waits.filter_map(|event| Some((event.place.clone(), event.within.clone()?))).collect();
    for event in threads.iter_mut().flat_map(|thread| &mut thread.calls) {
        if event.kind == Kind::Wait && event.end.is_none() && event.within.is_none() {
            let name = known.get(&event.place).cloned();
            event.within = Some(name.unwrap_or_else(|| "wait".into()));
        }
    }
}

fn is_lesson((file, _): &Place) -> bool {
    file.contains("/src/") || file.contains("/examples/")
}

/// Returns what a call does and what it returned, or `None` if the book does not show such a call.
fn kind_and_outcome(call: &SystemCall) -> Option<(Kind, Outcome)> {
    let socket = call.ports().is_some();
    let kind = match call.name.as_str() {
        "openat" if call.arguments.contains("\"/etc/hosts\"") => Kind::Lookup,
        "epoll_wait" => Kind::Poll,
        "bind" if call.error().is_some() => Kind::Bind,
        "listen" => Kind::Listen,
        "accept4" => Kind::Accept,
        "connect" if call.address_port().is_some() => Kind::Connect,
        "recvfrom" | "read" | "readv" if socket => Kind::Read,
        "read" if call.descriptor() == Some(0) => Kind::ReadKeyboard,
        "sendto" | "write" | "writev" if socket => Kind::Write,
        "shutdown" if call.arguments.contains("SHUT_RDWR") => Kind::ShutdownBoth,
        "shutdown" => Kind::Shutdown,
        "close" if socket => Kind::Close,
        "futex" if call.arguments.contains("FUTEX_WAIT") => Kind::Wait,
        "clock_nanosleep" => Kind::Wait,
        _ => return None,
    };
    let outcome = match (kind, call.error()) {
        (_, Some(error)) => Outcome::Failed(error_kind(error)),
        (Kind::Accept, _) => Outcome::Client(call.address_port().unwrap_or(0)),
        (Kind::Poll, _) => Outcome::Ready(count(call), readiness(call)),
        (Kind::Read | Kind::ReadKeyboard | Kind::Write, _) => Outcome::Bytes(count(call)),
        _ => Outcome::Done,
    };
    Some((kind, outcome))
}

fn count(call: &SystemCall) -> usize {
    usize::try_from(call.number().unwrap_or(0)).unwrap_or(0)
}

fn readiness(call: &SystemCall) -> Readiness {
    let input = ["EPOLLIN", "EPOLLHUP", "EPOLLRDHUP", "EPOLLERR"];
    match input.iter().any(|event| call.arguments.contains(event)) {
        true => Readiness::Input,
        false => Readiness::Room,
    }
}

fn error_kind(error: &str) -> String {
    let known = [
        ("EAGAIN", "WouldBlock"),
        ("EADDRINUSE", "AddrInUse"),
        ("ECONNREFUSED", "ConnectionRefused"),
        ("ECONNRESET", "ConnectionReset"),
        ("EPIPE", "BrokenPipe"),
        ("ENOTCONN", "NotConnected"),
        ("EINTR", "Interrupted"),
    ];
    known.iter().find(|(name, _)| *name == error).map_or(error, |(_, kind)| kind).to_string()
}

/// Returns the ports of the socket that a call is about. A connecting socket has none before the
/// call, so its port is read from the segments that were sent during the call.
fn ports(
    call: &SystemCall,
    kind: Kind,
    segments: &[Segment],
    own_ports: &mut HashMap<u32, u16>,
) -> (Option<u16>, Option<u16>) {
    if kind == Kind::Connect {
        let peer = call.address_port();
        let during = |segment: &&Segment| {
            segment.flags == "S"
                && Some(segment.to) == peer
                && (call.start..call.latest).contains(&segment.time)
        };
        let own = segments.iter().find(during).map(|segment| segment.from);
        if let (Some(descriptor), Some(own)) = (call.descriptor(), own) {
            own_ports.insert(descriptor, own);
        }
        return (own, peer);
    }
    match call.ports() {
        Some((own, peer)) => (Some(own), peer),
        None => {
            (call.descriptor().and_then(|descriptor| own_ports.get(&descriptor).copied()), None)
        }
    }
}

/// Returns the function that the line of the lesson calls: of the functions that led to the system
/// call, the outermost one below the lesson's own.
fn called_in_the_line(stack: &[(String, u64)]) -> Option<String> {
    let (symbol, _) = stack.last()?;
    if symbol.starts_with("core::ptr::drop_in_place") {
        return Some("drop".into());
    }
    let name = symbol.rsplit("::").find(|part| !part.starts_with('{'))?;
    let name = name.split('<').next().unwrap_or(name).trim_end_matches('>');
    Some(name.to_string())
}

/// Returns the role of a thread, which follows from what it reads.
fn role(index: usize, events: &[Event]) -> Role {
    let does = |kind| events.iter().any(|event: &Event| event.kind == kind);
    // If two threads own a connection together, it is chance which of them closes it.
    let mut tells = events.iter().filter(|event| event.kind != Kind::Close);
    match tells.find_map(|event| event.ports.1) {
        _ if index == 0 => Role::Main,
        _ if does(Kind::Accept) => Role::Peer,
        _ if does(Kind::ReadKeyboard) => Role::Keyboard,
        Some(port) if does(Kind::Read) => Role::Reads(port),
        Some(port) => Role::SendsTo(port),
        None => Role::Other(index + 1),
    }
}
