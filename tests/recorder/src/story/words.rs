//! Puts steps into words. Apart from the notes of a scenario, all sentences are made here, and
//! nothing parses them again.

use super::facts::Facts;
use super::step::{Caption, Returned, State, Step};
use crate::events::{Event, Kind, Outcome, Readiness};
use crate::recording::Arrow;
use crate::stage::{Action, Deed};

/// Returns the subject of a step in a sentence or two.
pub fn caption(step: &Step, facts: &Facts) -> String {
    match &step.caption {
        Caption::Action(action) => action_in_words(action) + on_the_wire(step),
        Caption::Note(note) => note.to_string() + on_the_wire(step),
        Caption::Returned(returned) => {
            let who = who(returned.thread, facts);
            let what = returned_in_words(returned, step, facts);
            format!("In {who}, {what}.{}", consequences(returned, step, facts))
        }
        Caption::Printed { thread, after } => {
            let after =
                after.map(|wait| format!("`{wait}` has returned, and ")).unwrap_or_default();
            let (name, terminal) = (facts.name(*thread), facts.terminal(*thread));
            let printed = format!("a line is printed in terminal {terminal}");
            format!("In thread `{name}`, {after}{printed}.{}", on_the_wire(step))
        }
        Caption::Exited { terminal, status } => {
            let ended = format!("The program in terminal {terminal} has ended");
            format!("{ended}, with exit status {status}.{}", on_the_wire(step))
        }
        Caption::Paused(seconds) => {
            let milliseconds = seconds * 1000.0;
            format!(
                "For {milliseconds:.0} ms nothing happens. Then the kernel sends what it has held back."
            )
        }
        Caption::Quiet => quiet(step, facts) + on_the_wire(step),
    }
}

fn action_in_words(action: &Action) -> String {
    let terminal = action.terminal;
    match &action.deed {
        Deed::Runs(command) => format!("In terminal {terminal}: `{command}`."),
        Deed::RunsAndStops(command) => format!(
            "In terminal {terminal}: `{command}`, here with a small receive buffer. Ctrl-Z stops the program before it reads anything."
        ),
        Deed::Types(line) => format!("In terminal {terminal} somebody types `{line}` and Enter."),
        Deed::Sends(what) => format!("Terminal {terminal} sends {what}."),
        Deed::Notes(note) => note.clone(),
        Deed::EndsInput => {
            format!("In terminal {terminal} somebody presses Ctrl-D, which ends the input.")
        }
        Deed::Interrupts => format!("In terminal {terminal} somebody presses Ctrl-C."),
        Deed::Ends => {
            format!("In terminal {terminal} somebody presses Ctrl-C, and the program ends.")
        }
        Deed::ReadsAll { arrived, error } => {
            let end = error.map_or("the end".into(), |error| format!("the error `{error:?}`"));
            let arrived = thousands(*arrived);
            format!(
                "Terminal {terminal} reads at last: {arrived} bytes that had arrived, and then {end}."
            )
        }
        Deed::ReadsOn => format!("Terminal {terminal} reads everything that it has missed."),
    }
}

/// Returns what it means that a call returned.
fn returned_in_words(returned: &Returned, step: &Step, facts: &Facts) -> String {
    let Returned { event, times, bytes, .. } = *returned;
    let call = event.name();
    if times > 1 {
        return format!("`{call}` has returned {times} times, {} bytes in all", thousands(bytes));
    }
    let name = match event.within.as_deref() {
        Some(within) if within != call && within != "drop" => format!("`{call}` in `{within}`"),
        _ => format!("`{call}`"),
    };
    match (event.kind, &event.outcome) {
        (Kind::Lookup, _) => {
            "`to_socket_addrs` has looked up the name, here in the file /etc/hosts (*lookup*)"
                .into()
        }
        (Kind::Close, _) if event.is_about_a_listener() => {
            "the listener is dropped, so nobody can connect any more (*close*)".into()
        }
        (Kind::Close, _) => "the socket is dropped, which closes it (*close*)".into(),
        (_, Outcome::Failed(error)) => failed_in_words(event, &name, error),
        (_, Outcome::Ready(count, readiness)) => ready_in_words(&name, *count, *readiness),
        (_, Outcome::Client(port))
            if facts.ports.owner(*port) == Some(facts.terminal(returned.thread)) =>
        {
            format!("{name} returned the program's own connection, which has woken it up")
        }
        (_, Outcome::Client(port)) => {
            let port = facts.ports.shown(*port);
            format!("{name} returned a new socket: the connection with port {port} (*connection*)")
        }
        (_, Outcome::Bytes(count)) => {
            let value = thousands(*count);
            format!("{name} returned {value}: {}", moved_in_words(returned, *count, step, facts))
        }
        (kind, Outcome::Done) => format!("{name} returned{}", done_in_words(kind)),
    }
}

fn failed_in_words(event: &Event, name: &str, error: &str) -> String {
    match (event.kind, error) {
        (Kind::Accept, "WouldBlock") => {
            format!("{name} returned `WouldBlock`: nobody else is waiting to be accepted")
        }
        (Kind::Read, "WouldBlock") if !event.waited() => {
            format!("{name} returned `WouldBlock`: nothing is there to read now")
        }
        (Kind::Read, "WouldBlock") => {
            format!("{name} gave up waiting: the time is up (*timeout*)")
        }
        (Kind::Write, "WouldBlock") => {
            format!("{name} returned `WouldBlock`: the kernel's buffer is full")
        }
        _ => format!("{name} returned the error `{error}` (*error*)"),
    }
}

fn ready_in_words(name: &str, count: usize, readiness: Readiness) -> String {
    let sockets = match count {
        0 => return format!("{name} returned 0: nothing new is ready"),
        1 => "one socket",
        _ => "that many sockets",
    };
    let what = match readiness {
        Readiness::Input => "where something has arrived",
        Readiness::Room => "where there is room to write",
    };
    format!("{name} returned {count}: {sockets} {what}")
}

/// Returns what it means that a call moved that many bytes.
fn moved_in_words(returned: &Returned, count: usize, step: &Step, facts: &Facts) -> String {
    let event = returned.event;
    match (event.kind, count) {
        (Kind::ReadKeyboard, 0) => "nothing more will be typed (*end*)".into(),
        (Kind::ReadKeyboard, _) => "a line from the keyboard".into(),
        (Kind::Read, 0) if step.because.is_none() => {
            "a thread of its own program has shut the socket down".into()
        }
        (Kind::Read, 0) => "the other side has sent everything that it wanted to (*end*)".into(),
        (Kind::Read, _) => "that many bytes have arrived (*data*)".into(),
        _ if event.waited_for_room => "it has waited until there was room (*drain*)".into(),
        _ => {
            let peer = event.ports.1.and_then(|port| facts.ports.stand_in(port));
            let whose = peer.map(|port| format!(" for {port}")).unwrap_or_default();
            format!("the kernel has taken the bytes{whose}")
        }
    }
}

fn done_in_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Listen => ": from now on clients can connect (*listening*)",
        Kind::Connect => ": the connection is made (*connect*)",
        Kind::Shutdown => ": nothing more will be sent",
        Kind::ShutdownBoth => {
            ": the connection is over in both directions, and any thread reading from it wakes up"
        }
        _ => "",
    }
}

/// Returns what happens because of a call, as further sentences.
fn consequences(returned: &Returned, step: &Step, facts: &Facts) -> String {
    let own = facts.terminal(returned.thread);
    let printed = step.screen.iter().filter(|shown| !shown.typed && shown.terminal == own);
    let printed: String = printed.map(|shown| shown.text.as_str()).collect();
    let mut words = match printed.lines().count() {
        0 => String::new(),
        1 => " The thread prints a line.".into(),
        count => format!(" The thread prints {count} lines."),
    };
    // The step may show what other connections sent meanwhile, so it says whose window is closed.
    if let Some(full) = step.wire.iter().find(|arrow| arrow.window == Some(0)) {
        words += &format!(
            " The window of terminal {} is 0 now: its kernel has no room left, so the rest of what is sent to it waits in the sender's kernel.",
            full.from
        );
    }
    let event = returned.event;
    let goes = |flag| own_arrows(event, step, facts).any(|arrow| arrow.flags.contains(flag));
    if event.kind == Kind::Close && goes('R') {
        words += " The close goes over the wire as a reset.";
    } else if event.kind == Kind::Close && !event.is_about_a_listener() && !goes('F') {
        words += " The FIN follows when the kernel has sent all bytes before it.";
    }
    words
}

/// Returns the arrows of a step that belong to the connection of a call.
fn own_arrows<'a>(event: &Event, step: &'a Step, facts: &Facts) -> impl Iterator<Item = &'a Arrow> {
    let ports = [event.ports.0, event.ports.1].map(|port| port.map(|port| facts.ports.shown(port)));
    step.wire.iter().filter(move |arrow| ports.contains(&Some(arrow.connection)))
}

/// Returns what the kernels do in a step in which no call has returned, as a further sentence.
fn on_the_wire(step: &Step) -> &'static str {
    let is = |flags| step.wire.iter().any(|arrow| arrow.flags == flags);
    let has = |flag| step.wire.iter().any(|arrow| arrow.flags.contains(flag));
    if step.wire.iter().any(|arrow| arrow.from == arrow.to) {
        " To wake `accept` up, the program connects to itself."
    } else if is("S") && is("S.") {
        " The kernels agree on a connection; no call of the server has returned yet."
    } else if has('R') {
        " A reset goes over the wire."
    } else if has('F') {
        " The kernel says goodbye with a FIN."
    } else if step.wire.iter().any(|arrow| arrow.bytes > 0) {
        " The bytes are on their way."
    } else {
        ""
    }
}

/// Returns which threads wait, and for what.
fn quiet(step: &Step, facts: &Facts) -> String {
    let waiting = || step.marks.iter().filter(|mark| mark.state == State::Waits);
    let count = waiting().count();
    if count > 3 {
        return format!("All is quiet. {count} threads wait, each in the call at its mark.");
    }
    let waits = waiting().map(|mark| {
        let who = who(mark.thread, facts);
        format!("{who} waits in `{}`{}", mark.call, until(mark.call))
    });
    format!("All is quiet: {}.", waits.collect::<Vec<_>>().join("; "))
}

/// Returns what ends a wait in a call of this name.
fn until(call: &str) -> &'static str {
    match call {
        "accept" => " until a client connects",
        "read" => " until something arrives",
        "write" => " until there is room",
        "poll" => " until any socket is ready",
        "wait" => " until another thread wakes it up",
        "recv" => " until another thread sends something",
        "join" => " until the other thread has ended",
        _ => "",
    }
}

/// Returns the name of a thread, and its terminal if there are several to choose from.
fn who(thread: usize, facts: &Facts) -> String {
    let name = facts.name(thread);
    match facts.has_several_programs() {
        true => format!("terminal {}, thread `{name}`", facts.terminal(thread)),
        false => format!("thread `{name}`"),
    }
}

/// Returns the result of a call: a number of bytes, a client's port, `ok`, or the name of an error.
pub fn value(outcome: &Outcome, facts: &Facts) -> String {
    match outcome {
        Outcome::Done => "ok".into(),
        Outcome::Bytes(count) | Outcome::Ready(count, _) => count.to_string(),
        Outcome::Client(port) => facts.ports.shown(*port).to_string(),
        Outcome::Failed(error) => error.clone(),
    }
}

/// Returns a number with commas, as people write it: 4,005,888.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Arrow, Shown};
    use crate::story::facts::examples::{empty_run, event, facts};

    /// Returns the caption of a step in which a call of the main thread returned.
    fn words(event: &Event, change: impl FnOnce(&mut Step)) -> String {
        let run = empty_run();
        let returned = Returned { thread: 0, event, times: 1, bytes: 0 };
        let mut step = Step::new(Caption::Returned(returned), Vec::new());
        step.because = Some((0, 0));
        change(&mut step);
        caption(&step, &facts(&run))
    }

    /// Returns an arrow from the terminal of the client at port `connection` to the server.
    fn arrow(connection: u16, flags: &str, window: Option<u64>) -> Arrow {
        let from = usize::from(connection - 50000) + 1;
        let (to, flags) = (1, flags.to_string());
        Arrow { from, to, connection, flags, window, ..Arrow::default() }
    }

    #[test]
    fn every_event_is_named_as_node_names_it() {
        let failed = |error: &str| Outcome::Failed(error.into());
        let events = [
            ("lookup", Kind::Lookup, Outcome::Done),
            ("listening", Kind::Listen, Outcome::Done),
            ("connection", Kind::Accept, Outcome::Client(50001)),
            ("connect", Kind::Connect, Outcome::Done),
            ("data", Kind::Read, Outcome::Bytes(5)),
            ("timeout", Kind::Read, failed("WouldBlock")),
            ("drain", Kind::Write, Outcome::Bytes(4_005_888)),
            ("end", Kind::Read, Outcome::Bytes(0)),
            ("end", Kind::ReadKeyboard, Outcome::Bytes(0)),
            ("error", Kind::Connect, failed("ConnectionRefused")),
            ("close", Kind::Close, Outcome::Done),
        ];
        for (name, kind, outcome) in events {
            let waited_for_room = name == "drain";
            let words = words(&Event { waited_for_room, ..event(kind, outcome) }, |_| {});
            assert!(words.contains(&format!("(*{name}*).")), "{words}");
        }
    }

    #[test]
    fn an_end_without_a_cause_is_not_the_other_sides() {
        let words = words(&event(Kind::Read, Outcome::Bytes(0)), |step| step.because = None);
        let own = "In thread `main`, `read` returned 0: a thread of its own program has shut the socket down.";
        assert_eq!(words, own);
    }

    #[test]
    fn a_caption_tells_what_follows_from_a_call() {
        let words = words(&event(Kind::Close, Outcome::Done), |step| {
            let text = "it has left\nnobody is here\n".to_string();
            step.screen.push(Shown { terminal: 1, text, by: None, typed: false });
            step.wire.push(arrow(50001, "R.", None));
        });
        let close = "In thread `main`, the socket is dropped, which closes it (*close*).";
        let follows = "The thread prints 2 lines. The close goes over the wire as a reset.";
        assert_eq!(words, format!("{close} {follows}"));
    }

    #[test]
    fn a_caption_says_whose_window_is_closed() {
        for (connection, terminal) in [(50001, 2), (50002, 3)] {
            let words = words(&event(Kind::Write, Outcome::Bytes(4000)), |step| {
                step.wire.push(arrow(connection, ".", Some(0)));
            });
            let closed = format!(" The window of terminal {terminal} is 0 now: ");
            assert!(words.contains(&closed), "{words}");
        }
    }

    #[test]
    fn what_another_connection_sends_does_not_follow_from_a_close() {
        for flags in ["R.", "F."] {
            let words = words(&event(Kind::Close, Outcome::Done), |step| {
                step.wire.push(arrow(50002, flags, None));
            });
            assert!(!words.contains("as a reset"), "{words}");
            assert!(words.contains(" The FIN follows "), "{words}");
        }
    }

    #[test]
    fn large_numbers_are_grouped() {
        let grouped = [0, 4000, 16_384, 4_005_888].map(thousands);
        assert_eq!(grouped, ["0", "4000", "16,384", "4,005,888"]);
    }
}
