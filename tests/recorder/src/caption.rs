//! Says in a sentence what a step is.

use crate::events::{Event, Kind, Outcome, Readiness};
use crate::recording::{Call, Mark, Step};

/// What calls that returned mean. They are alike; the last of them is `event`, and `peer` the port of
/// the client that it is about, if it is about one.
pub fn of_calls(
    calls: &[Call],
    event: &Event,
    peer: Option<u16>,
    several_programs: bool,
) -> String {
    let Some(call) = calls.last() else { return String::new() };
    let who = who(&call.thread, call.terminal, several_programs);
    if calls.iter().any(|call| call.times.is_some()) {
        let parts: Vec<String> = calls
            .iter()
            .map(|call| {
                let (times, value) = (call.times.unwrap_or(1), thousands(&call.value));
                format!("`{}` has returned {times} times, {value} bytes in all", call.name)
            })
            .collect();
        return format!("In {who}, {}.", parts.join("; "));
    }
    let name = match &call.within {
        Some(within) if within != "drop" => format!("`{}` in `{within}`", call.name),
        _ => format!("`{}`", call.name),
    };
    let value = thousands(&call.value);
    let what = match (event.kind, &event.outcome) {
        (Kind::Lookup, _) => {
            "`to_socket_addrs` has looked up the name, here in the file /etc/hosts (*lookup*)"
                .into()
        }
        (Kind::Accept, Outcome::Client(_)) => {
            format!(
                "{name} returned a new socket: the connection with port {} (*connection*)",
                call.value
            )
        }
        (Kind::Listen, Outcome::Done) => {
            format!("{name} returned: from now on clients can connect (*listening*)")
        }
        (Kind::Connect, Outcome::Done) => {
            format!("{name} returned: the connection is made (*connect*)")
        }
        (Kind::Poll, Outcome::Ready(0, _)) => format!("{name} returned 0: nothing new is ready"),
        (Kind::Accept, Outcome::Failed(error)) if error == "WouldBlock" => {
            format!("{name} returned `WouldBlock`: nobody else is waiting to be accepted")
        }
        (Kind::Read, Outcome::Failed(error)) if error == "WouldBlock" && !event.waited() => {
            format!("{name} returned `WouldBlock`: nothing is there to read now")
        }
        (Kind::Poll, Outcome::Ready(count, readiness)) => {
            let sockets = if *count == 1 { "one socket" } else { "so many sockets" };
            let what = match readiness {
                Readiness::Input => "where something has arrived",
                Readiness::Room => "where there is room to write",
            };
            format!("{name} returned {count}: {sockets} {what}")
        }
        (Kind::Read, Outcome::Bytes(0)) => {
            format!("{name} returned 0: the other side has sent all it wanted (*end*)")
        }
        (Kind::Read, Outcome::Bytes(_)) => {
            format!("{name} returned {value}: so many bytes have come (*data*)")
        }
        (Kind::ReadKeyboard, Outcome::Bytes(0)) => {
            format!("{name} returned 0: no more is typed (*end*)")
        }
        (Kind::ReadKeyboard, Outcome::Bytes(_)) => {
            format!("{name} returned {value}: a line from the keyboard")
        }
        (Kind::Write, Outcome::Bytes(_)) if event.waited_for_room => {
            format!("{name} returned {value}: it has waited until there was room (*drain*)")
        }
        (Kind::Write, Outcome::Bytes(_)) => {
            let whose = peer.map(|port| format!(" for {port}")).unwrap_or_default();
            format!("{name} returned {value}: the kernel has taken the bytes{whose}")
        }
        (Kind::ShutdownBoth, Outcome::Done) => format!(
            "{name} returned: the connection is over in both directions, and who reads from it wakes up"
        ),
        (Kind::Shutdown, Outcome::Done) => format!("{name} returned: nothing more will be sent"),
        (Kind::Close, _) => match event.ports.1 {
            Some(_) => "the socket is dropped, and dropping is closing (*close*)".to_string(),
            None => "the listener is dropped: nobody can connect any more (*close*)".to_string(),
        },
        (Kind::Read, Outcome::Failed(error)) if error == "WouldBlock" => {
            format!("{name} gave up waiting: the time is over (*timeout*)")
        }
        (Kind::Write, Outcome::Failed(error)) if error == "WouldBlock" => {
            format!("{name} returned `WouldBlock`: the kernel's buffer is full")
        }
        (_, Outcome::Failed(error)) => format!("{name} returned the error `{error}` (*error*)"),
        _ => format!("{name} returned {value}"),
    };
    format!("In {who}, {what}.")
}

/// A read found the end, and it was not the other side that ended.
pub fn of_own_end(call: &Call) -> String {
    let Call { thread, name, .. } = call;
    format!(
        "In thread `{thread}`, `{name}` returned 0: a thread of its own program has shut the socket down."
    )
}

/// A program has ended by itself.
pub fn of_exit(terminal: usize, status: &str) -> String {
    format!("The program in terminal {terminal} has ended, with exit status {status}.")
}

/// A line on the screen that no call of the network led to, but perhaps the end of a wait.
pub fn of_print(thread: &str, terminal: usize, after: Option<&str>) -> String {
    let after = after.map(|wait| format!("`{wait}` has returned, and ")).unwrap_or_default();
    format!("In thread `{thread}`, {after}a line is printed in terminal {terminal}.")
}

/// A kernel has waited, and nobody else did anything.
pub fn of_pause(seconds: f64) -> String {
    format!(
        "For {:.0} ms nothing happens. Then the kernel sends what it had kept back.",
        seconds * 1000.0
    )
}

/// Nothing happens but waiting.
pub fn of_quiet(marks: &[Mark], several_programs: bool) -> String {
    if marks.len() > 3 {
        return format!(
            "All is quiet. {} threads wait, each in the call at its mark.",
            marks.len()
        );
    }
    let waiting: Vec<String> = marks
        .iter()
        .map(|mark| {
            let who = who(&mark.thread, mark.terminal, several_programs);
            format!("{who} waits in `{}`{}", mark.call, until(&mark.call))
        })
        .collect();
    format!("All is quiet: {}.", waiting.join("; "))
}

/// What ends a wait.
fn until(call: &str) -> &'static str {
    match call {
        "accept" => " until a client connects",
        "read" => " until something comes",
        "write" => " until there is room",
        "poll" => " until any socket is ready",
        "wait" => " until another thread wakes it",
        "recv" => " until another thread sends something",
        "join" => " until the other thread has ended",
        _ => "",
    }
}

/// Adds to an action what the kernels made of it.
pub fn with_segments(caption: &str, step: &Step) -> String {
    let mut caption = caption.to_string();
    let printed = step.screen.iter().filter(|shown| {
        !shown.typed && step.calls.iter().any(|call| call.terminal == shown.terminal)
    });
    let printed: String = printed.map(|shown| shown.text.as_str()).collect();
    match printed.lines().count() {
        0 => {}
        1 => caption += " The thread prints a line.",
        count => caption += &format!(" The thread prints {count} lines."),
    }
    if let Some(call) = step.calls.first() {
        if step.wire.iter().any(|arrow| arrow.window == Some(0)) {
            caption += " The receiver's window is 0 now: its kernel has no room left, so the sender's keeps the rest.";
        }
        let goes = |flag| step.wire.iter().any(|arrow| arrow.flags.contains(flag));
        let is_socket = caption.contains("the socket is dropped");
        if call.name == "close" && goes('R') {
            caption += " The close goes over the wire as a reset.";
        } else if call.name == "close" && is_socket && !goes('F') {
            caption += " The FIN follows when the kernel has sent all bytes before it.";
        }
        return caption;
    }
    let has = |flags: &str| step.wire.iter().any(|arrow| arrow.flags == flags);
    if caption.starts_with("For ") {
        return caption;
    }
    if step.wire.iter().any(|arrow| arrow.from == arrow.to) {
        caption += " To wake `accept` up, the program connects to itself.";
    } else if has("S") && has("S.") {
        caption += " The kernels agree on a connection; no call of the server has returned yet.";
    } else if step.wire.iter().any(|arrow| arrow.flags.contains('R')) {
        caption += " A reset goes over the wire.";
    } else if step.wire.iter().any(|arrow| arrow.flags.contains('F')) {
        caption += " The kernel says good-bye with a FIN.";
    } else if step.wire.iter().any(|arrow| arrow.bytes > 0) {
        caption += " The bytes are on their way.";
    }
    caption
}

/// The thread, and in which terminal where there are several to choose from.
fn who(thread: &str, terminal: usize, several_programs: bool) -> String {
    match several_programs {
        true => format!("terminal {terminal}, thread `{thread}`"),
        false => format!("thread `{thread}`"),
    }
}

/// A large number as people write it: 4,005,888.
pub fn thousands(value: impl ToString) -> String {
    let value = value.to_string();
    if value.len() < 5 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value;
    }
    let mut grouped = String::new();
    for (index, digit) in value.chars().enumerate() {
        if index > 0 && (value.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
