//! A step of the story before it is put into words.

use crate::events::{Event, Outcome};
use crate::place::Place;
use crate::recording::{Arrow, Shown};
use crate::stage::Action;

/// One event: what it is about, and what is seen of it.
pub struct Step<'a> {
    pub caption: Caption<'a>,
    /// The arrow that made the call return.
    pub because: Option<ArrowAt>,
    /// What appears on the terminals.
    pub screen: Vec<Shown>,
    /// What goes over the wire.
    pub wire: Vec<Arrow>,
    /// Where all threads stand.
    pub marks: Vec<Mark<'a>>,
}

/// The position of an arrow: the index of its step, and its index in that step.
pub type ArrowAt = (usize, usize);

/// What a step is about. `words.rs` makes a sentence of it.
#[derive(Clone, Copy)]
pub enum Caption<'a> {
    /// Somebody at a terminal acts.
    Action(&'a Action),
    /// A sentence about what follows.
    Note(&'static str),
    /// A call has returned, or many that are alike.
    Returned(Returned<'a>),
    /// A thread prints something that no call in the story led to. `after` is the name of the wait
    /// that ended before, if any.
    Printed { thread: usize, after: Option<&'a str> },
    /// A program has ended by itself.
    Exited { terminal: usize, status: &'a str },
    /// A kernel has waited for so many seconds, and nothing else has happened.
    Paused(f64),
    /// Nothing happens but waiting.
    Quiet,
}

/// Calls of one thread at one line that returned: usually one.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    /// The thread's index.
    pub thread: usize,
    /// The first of the calls.
    pub event: &'a Event,
    /// How many calls returned.
    pub times: usize,
    /// How many bytes they moved in all.
    pub bytes: usize,
}

/// Where a thread stands.
#[derive(Clone, Copy, PartialEq)]
pub struct Mark<'a> {
    /// The thread's index.
    pub thread: usize,
    pub place: &'a Place,
    /// The name of the call that it stands in.
    pub call: &'a str,
    pub state: State<'a>,
}

/// What the call of a mark does.
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
    /// The calls that the step is about, if any.
    pub fn returned(&self) -> Option<&Returned<'a>> {
        match self {
            Caption::Returned(returned) => Some(returned),
            _ => None,
        }
    }

    /// The index of the thread that the step is about, if any.
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
    /// Returns the mark of a thread that stands in `event`. `None` for a wait whose name is
    /// unknown.
    pub fn of(thread: usize, event: &'a Event, state: State<'a>) -> Option<Mark<'a>> {
        Some(Mark { thread, place: &event.place, call: event.shown_name()?, state })
    }
}
