//! Defines a step of the story before it is put into words.

use crate::events::{Event, Outcome};
use crate::place::Place;
use crate::recording::{Arrow, Shown};
use crate::stage::Action;

/// One event: its subject, and everything that is visible of it.
pub struct Step<'a> {
    pub caption: Caption<'a>,
    /// The arrow that made the call return.
    pub because: Option<ArrowAt>,
    /// The text that appears on the terminals.
    pub screen: Vec<Shown>,
    /// The segments that go over the wire.
    pub wire: Vec<Arrow>,
    /// The positions of all threads.
    pub marks: Vec<Mark<'a>>,
}

/// The position of an arrow: the index of its step, and its index in that step.
pub type ArrowAt = (usize, usize);

/// The subject of a step, which `words.rs` turns into a sentence.
#[derive(Clone, Copy)]
pub enum Caption<'a> {
    /// Somebody at a terminal acts.
    Action(&'a Action),
    /// A sentence about what follows.
    Note(&'static str),
    /// A call that has returned, or several similar ones.
    Returned(Returned<'a>),
    /// A thread that prints something that no call in the story led to. `after` is the name of the
    /// wait that ended before, if any.
    Printed { thread: usize, after: Option<&'a str> },
    /// A program that has ended by itself.
    Exited { terminal: usize, status: &'a str },
    /// A kernel that has waited for that many seconds, while nothing else happened.
    Paused(f64),
    /// A time in which nothing happens but waiting.
    Quiet,
}

/// Calls of one thread at one line that have returned, usually a single one.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    /// The thread's index.
    pub thread: usize,
    /// The first of the calls.
    pub event: &'a Event,
    /// The number of calls that have returned.
    pub times: usize,
    /// The number of bytes that they moved in all.
    pub bytes: usize,
}

/// The position of a thread.
#[derive(Clone, Copy, PartialEq)]
pub struct Mark<'a> {
    /// The thread's index.
    pub thread: usize,
    pub place: &'a Place,
    /// The name of the call that it stands in.
    pub call: &'a str,
    pub state: State<'a>,
}

/// The state of the call of a mark.
#[derive(Clone, Copy, PartialEq)]
pub enum State<'a> {
    Waits,
    /// Has returned in this step.
    Returns(&'a Outcome),
    /// Has returned before.
    Returned,
}

impl<'a> Step<'a> {
    pub fn new(caption: Caption<'a>, marks: Vec<Mark<'a>>) -> Step<'a> {
        Step { caption, because: None, screen: Vec::new(), wire: Vec::new(), marks }
    }
}

impl<'a> Caption<'a> {
    /// Returns the calls that the step is about, if any.
    pub fn returned(&self) -> Option<&Returned<'a>> {
        match self {
            Caption::Returned(returned) => Some(returned),
            _ => None,
        }
    }

    /// Returns the index of the thread that the step is about, if any.
    pub fn thread(&self) -> Option<usize> {
        match self {
            Caption::Returned(Returned { thread, .. }) | Caption::Printed { thread, .. } => {
                Some(*thread)
            }
            _ => None,
        }
    }
}

impl<'a> Mark<'a> {
    /// Returns the mark of a thread that stands in `event`, or `None` for a wait whose name is
    /// unknown.
    pub fn of(thread: usize, event: &'a Event, state: State<'a>) -> Option<Mark<'a>> {
        Some(Mark { thread, place: &event.place, call: event.shown_name()?, state })
    }
}
