//! Tells what happened, step by step.

use std::collections::HashMap;

use super::facts::Facts;
use super::order::Item;
use super::step::{Caption, Mark, Returned, State, Step};
use super::wire::Wire;
use crate::events::{Event, Kind, Outcome, Printed};
use crate::recording::{BULK, Shown};
use crate::stage::Action;

/// The time in seconds after which a kernel that sends nothing counts as pausing.
const A_PAUSE: f64 = 0.02;

/// Tells the story of `items`. `timed` says whether it is about the time that passes between
/// segments.
pub fn steps<'a>(facts: &'a Facts<'a>, items: Vec<(f64, Item<'a>)>, timed: bool) -> Vec<Step<'a>> {
    let wire = Wire::new(facts, timed);
    let mut story = Story { facts, timed, steps: Vec::new(), told: HashMap::new(), wire };
    for (time, item) in items {
        match item {
            Item::Note(note) => story.say(time, Caption::Note(note)),
            Item::Action(action) => story.act(time, action),
            Item::Call { thread, event, segments } => story.call(time, thread, event, &segments),
            Item::Print { thread, printed } => story.print(time, thread, printed),
            Item::Exit { terminal, status } => {
                story.say(time, Caption::Exited { terminal, status });
            }
            Item::Segment(index) => story.segment(time, index),
        }
    }
    story.quiet(facts.run.end);
    story.steps
}

struct Story<'a> {
    facts: &'a Facts<'a>,
    timed: bool,
    steps: Vec<Step<'a>>,
    /// The time at which the call began that was told last, by the index of its thread.
    told: HashMap<usize, f64>,
    wire: Wire<'a>,
}

impl<'a> Story<'a> {
    /// Adds a step.
    fn say(&mut self, time: f64, caption: Caption<'a>) {
        let marks = self.marks(time, None);
        self.steps.push(Step::new(caption, marks));
    }

    /// Adds the step of an action. Everything was quiet before.
    fn act(&mut self, time: f64, action: &'a Action) {
        self.quiet(time - 0.001);
        self.say(time, Caption::Action(action));
        let (terminal, text) = (action.terminal, action.deed.typed());
        if let Some(step) = self.steps.last_mut().filter(|_| !text.is_empty()) {
            step.screen.push(Shown { terminal, text, by: None, typed: true });
        }
    }

    /// Adds a step in which nothing happens but waiting, if anything has happened since the last
    /// one.
    fn quiet(&mut self, time: f64) {
        let marks = self.marks(time, None);
        let Some(last) = self.steps.last() else { return };
        let somebody_waits = marks.iter().any(|mark| mark.state == State::Waits);
        if last.marks != marks && somebody_waits {
            self.steps.push(Step::new(Caption::Quiet, marks));
        }
    }

    /// Tells of a call that returned, and of the segments that it sent.
    fn call(&mut self, time: f64, thread: usize, event: &'a Event, segments: &[usize]) {
        self.told.insert(thread, event.start);
        if let Some(at) = self.tell_with_others(thread, event) {
            self.draw(segments, at);
            return;
        }
        let cause =
            |story: &Story, time| story.wire.cause(event, story.facts.terminal(thread), time);
        let bytes = if let Outcome::Bytes(bytes) = event.outcome { bytes } else { 0 };
        let returned = Returned { thread, event, times: 1, bytes };
        let marks = self.marks(time, Some((thread, event)));
        let mut step = Step::new(Caption::Returned(returned), marks);
        step.because = cause(self, time);
        self.steps.push(step);
        let at = self.steps.len() - 1;
        self.draw(segments, at);
        if event.kind == Kind::Connect {
            // The answer that it waited for is one of its own segments.
            self.steps[at].because = cause(self, time + 1e-6);
        }
    }

    /// Adds a call to the step of similar calls, if it moves more of the same bulk: similar calls
    /// are told together as long as nothing else happens. Returns the index of that step.
    fn tell_with_others(&mut self, thread: usize, event: &Event) -> Option<usize> {
        let Outcome::Bytes(more @ 1..) = event.outcome else { return None };
        if event.waited_for_room {
            return None;
        }
        for (at, step) in self.steps.iter_mut().enumerate().rev() {
            match &mut step.caption {
                Caption::Returned(others) if others.is_bulk() => {
                    if others.is_like(thread, event) {
                        others.times += 1;
                        others.bytes += more;
                        return Some(at);
                    }
                }
                Caption::Printed { .. } | Caption::Paused(_) | Caption::Quiet => {}
                _ => return None,
            }
        }
        None
    }

    /// Shows what a thread printed. It belongs to the step of the thread's last event, even if
    /// others have acted since, unless the thread has waited for another one in between.
    fn print(&mut self, time: f64, thread: usize, printed: &Printed) {
        let Facts { threads, ports, .. } = self.facts;
        let text = ports.mask(&String::from_utf8_lossy(&printed.text));
        let by = printed.place.as_ref();
        let by = by.map(|(file, line)| (self.facts.name(thread), self.facts.source(file), *line));
        let shown = Shown { terminal: threads[thread].terminal, text, by, typed: false };
        let calls = &threads[thread].calls;
        let told = self.told.get(&thread).copied().unwrap_or(0.0);
        let waited = calls.iter().rfind(|event| {
            let since = event.start > told && event.end.is_some_and(|end| end <= time);
            event.kind == Kind::Wait && since && event.waited()
        });
        let begins = calls.first().is_none_or(|call| call.start > time);
        let own = self.last_step_of(thread).filter(|_| waited.is_none());
        let at = own.or_else(|| self.last_action().filter(|_| begins)).unwrap_or_else(|| {
            let after = waited.and_then(|event| event.within.as_deref());
            self.say(time, Caption::Printed { thread, after });
            self.steps.len() - 1
        });
        self.steps[at].screen.push(shown);
    }

    /// Returns the index of the last step about a thread since the last action.
    fn last_step_of(&self, thread: usize) -> Option<usize> {
        let since = self.last_action().map_or(0, |action| action + 1);
        let about = |step: &Step| step.caption.thread() == Some(thread);
        self.steps[since..].iter().rposition(about).map(|at| since + at)
    }

    /// Returns the index of the last action.
    fn last_action(&self) -> Option<usize> {
        self.steps.iter().rposition(|step| matches!(step.caption, Caption::Action(_)))
    }

    /// Tells of a segment that a kernel sent by itself, perhaps after a pause.
    fn segment(&mut self, time: f64, index: usize) {
        let before =
            index.checked_sub(1).map_or(0.0, |before| self.facts.run.segments[before].time);
        if self.timed && time - before > A_PAUSE {
            self.say(time, Caption::Paused(time - before));
        }
        self.draw(&[index], self.steps.len().saturating_sub(1));
    }

    /// Draws segments in the step with index `at`.
    fn draw(&mut self, segments: &[usize], at: usize) {
        for index in segments {
            self.wire.draw(&self.facts.run.segments[*index], &mut self.steps, at);
        }
    }

    /// Returns where each thread stands at a time. `returned` is the call that has just returned,
    /// and the index of its thread.
    fn marks(&self, time: f64, returned: Option<(usize, &'a Event)>) -> Vec<Mark<'a>> {
        let mut marks = Vec::new();
        for (index, thread) in self.facts.threads.iter().enumerate() {
            if let Some((_, event)) = returned.filter(|(thread, _)| *thread == index) {
                marks.extend(Mark::of(index, event, State::Returns(&event.outcome)));
                continue;
            }
            if thread.ended.is_some_and(|ended| ended <= time) {
                continue;
            }
            let begun = thread.calls.iter().rfind(|event| event.start <= time);
            let Some(event) = begun else { continue };
            // A call that has been told as returned is no longer waiting.
            let told = self.told.get(&index) == Some(&event.start);
            let waits = !told && event.end.is_none_or(|end| end > time);
            let state = if waits { State::Waits } else { State::Returned };
            marks.extend(Mark::of(index, event, state));
        }
        marks
    }
}

impl Returned<'_> {
    /// Returns whether it is a call whose bytes the system cuts as it likes, so that similar calls
    /// may follow.
    fn is_bulk(&self) -> bool {
        self.bytes >= BULK && !self.event.waited_for_room
    }

    /// Returns whether another call of a thread does the same at the same line.
    fn is_like(&self, thread: usize, event: &Event) -> bool {
        (self.thread, self.event.name(), &self.event.place) == (thread, event.name(), &event.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::facts::examples::{empty_run, event, facts};

    /// Returns the times and the bytes of each step that tells of these calls of one thread.
    fn told(calls: &[Event]) -> Vec<(usize, usize)> {
        let run = empty_run();
        let facts = facts(&run);
        let item = |event| (0.0, Item::Call { thread: 0, event, segments: Vec::new() });
        let steps = steps(&facts, calls.iter().map(item).collect(), false);
        let returned = steps.iter().filter_map(|step| step.caption.returned());
        returned.map(|returned| (returned.times, returned.bytes)).collect()
    }

    fn moves(kind: Kind, bytes: usize) -> Event {
        event(kind, Outcome::Bytes(bytes))
    }

    #[test]
    fn calls_that_move_bulk_are_told_together() {
        let (read, write) = (|bytes| moves(Kind::Read, bytes), |bytes| moves(Kind::Write, bytes));
        let in_turns = [read(4000), write(4096), read(4000), write(4096), read(7)];
        assert_eq!(told(&in_turns), [(3, 8007), (2, 8192)]);
        assert_eq!(told(&[read(7), read(4000), read(4000)]), [(1, 7), (2, 8000)]);
        assert_eq!(told(&[read(4000), read(0)]), [(1, 4000), (1, 0)], "the end");
        let elsewhere = Event { place: ("another.rs".into(), 1), ..read(4000) };
        assert_eq!(told(&[read(4000), elsewhere]), [(1, 4000), (1, 4000)]);
    }

    #[test]
    fn anything_else_ends_what_is_told_together() {
        let write = || moves(Kind::Write, 4000);
        let shutdown = event(Kind::Shutdown, Outcome::Done);
        assert_eq!(told(&[write(), shutdown, write()]), [(1, 4000), (1, 0), (1, 4000)]);
        let waited = Event { waited_for_room: true, ..write() };
        let apart = [(1, 4000), (1, 4000), (1, 4000)];
        assert_eq!(told(&[write(), waited, write()]), apart);
    }
}
