//! Sorts everything that happened in a run by time.

use crate::capture::Segment;
use crate::events::{Event, Kind, Printed, Thread};
use crate::scenarios::{Told, is_told};
use crate::stage::{Action, Run};

/// An event, at the time beside it.
pub enum Item<'a> {
    /// A note that comes before one of the told times.
    Note(&'static str),
    Action(&'a Action),
    /// A call of a thread that returned, with the indices of the segments that it sent.
    Call {
        thread: usize,
        event: &'a Event,
        segments: Vec<usize>,
    },
    Print {
        thread: usize,
        printed: &'a Printed,
    },
    /// The end of the program in a terminal.
    Exit {
        terminal: usize,
        status: &'a str,
    },
    /// A segment, by its index, that a kernel sent by itself.
    Segment(usize),
}

/// Lists the events, sorted by time. Outside of the told times, only actions are listed.
pub fn items<'a>(run: &'a Run, threads: &'a [Thread], told_times: &[Told]) -> Vec<(f64, Item<'a>)> {
    // Sorting keeps the order of events at the same time, so the note on a told time comes first.
    let mut items: Vec<(f64, Item)> =
        told_times.iter().map(|(told, note)| (told.start, Item::Note(note))).collect();
    items.extend(run.actions.iter().map(|action| (action.time, Item::Action(action))));
    let mut calls = returned(run, threads);
    let mut by_kernels = Vec::new();
    for (index, segment) in run.segments.iter().enumerate() {
        let sent = |call: &&mut Returned| call.event.caused(segment);
        let senders = calls.iter_mut().filter(sent);
        match senders.max_by(|one, other| one.event.start.total_cmp(&other.event.start)) {
            Some(sender) => sender.segments.push(index),
            None => by_kernels.push((segment.time, Item::Segment(index))),
        }
    }
    items.extend(calls.into_iter().map(|Returned { time, thread, event, segments }| {
        (time, Item::Call { thread, event, segments })
    }));
    for (thread, all) in threads.iter().enumerate() {
        let printed = all.printed.iter();
        items.extend(printed.map(|printed| (printed.time, Item::Print { thread, printed })));
    }
    for (terminal, ended) in (1..).zip(&run.terminals) {
        let exited = ended.traced.as_ref().and_then(|traced| traced.exited.as_ref());
        items.extend(exited.map(|(time, status)| (*time, Item::Exit { terminal, status })));
    }
    items.extend(by_kernels);
    items.retain(|(time, item)| matches!(item, Item::Action(_)) || is_told(told_times, *time));
    items.sort_by(|one, other| one.0.total_cmp(&other.0));
    items
}

/// A call that returned, and the segments that it sent.
struct Returned<'a> {
    time: f64,
    thread: usize,
    event: &'a Event,
    segments: Vec<usize>,
}

/// Lists the calls that returned, without their segments. Data can be received before the sender's
/// call has returned, so sending counts from the moment when it is on the wire.
fn returned<'a>(run: &Run, threads: &'a [Thread]) -> Vec<Returned<'a>> {
    let mut all = Vec::new();
    for (thread, of_thread) in threads.iter().enumerate() {
        for event in of_thread.calls.iter().filter(|event| event.kind != Kind::Wait) {
            let Some(end) = event.end else { continue };
            let sent: Vec<&Segment> =
                run.segments.iter().filter(|segment| event.caused(segment)).collect();
            let closes = !sent.is_empty()
                || event.is_about_a_listener()
                || closes_later(event, run, threads);
            if event.kind == Kind::Close && !closes {
                continue; // another handle of the socket is still open
            }
            let time = match (event.kind, sent.first(), sent.last()) {
                (Kind::Connect, _, Some(last)) => last.time,
                (_, Some(first), _) if !event.waited_for_room => first.time,
                _ => end,
            };
            all.push(Returned { time, thread, event, segments: Vec::new() });
        }
    }
    all
}

/// Returns whether a close that sends nothing is nevertheless the last of its socket, because the
/// kernel has bytes to send first, and sends the FIN after them.
fn closes_later(event: &Event, run: &Run, threads: &[Thread]) -> bool {
    let mut calls = threads.iter().flat_map(|thread| &thread.calls);
    let again = |other: &Event| {
        other.kind == Kind::Close && other.ports == event.ports && other.start > event.start
    };
    let (own, peer) = event.ports;
    let is_our_fin =
        |one: &&Segment| (Some(one.from), Some(one.to)) == (own, peer) && one.flags.contains('F');
    let fin = run.segments.iter().find(is_our_fin);
    fin.is_some_and(|fin| fin.time > event.start) && !calls.any(again)
}
