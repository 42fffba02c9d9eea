//! Makes a recording from a run: identifies the programs and threads, sorts the events, tells them
//! step by step, and puts the steps into words.

mod facts;
mod order;
pub mod ports;
mod sources;
mod step;
mod tell;
mod wire;
mod words;

use anyhow::Result;

use self::facts::Facts;
use self::step::{Returned, State};
use crate::recording::{Call, Mark, Recording, Step};
use crate::scenarios::About;
use crate::stage::Run;

/// Makes the recording of `run`.
pub fn recording(run: &Run, made_by: &str, about: About) -> Result<Recording> {
    let only = about.only.map(|only| only(&run.segments)).transpose()?;
    let told_times = only.unwrap_or_default();
    let facts = Facts::of(run, &told_times)?;
    let items = order::items(run, &facts.threads, &told_times);
    let story = tell::steps(&facts, items, about.times);
    let mut steps = written(story, &facts);
    let sources = sources::sources(&facts.files, &steps)?;
    only_changes(&mut steps);
    Ok(Recording { made_by: made_by.into(), terminals: facts.ports.terminals(run), sources, steps })
}

/// Returns the steps in their final form, each with all its marks.
fn written(story: Vec<step::Step>, facts: &Facts) -> Vec<Step> {
    // Arrows are numbered through the whole recording, from 1.
    let mut before = Vec::new();
    let mut drawn = 0;
    for step in &story {
        before.push(drawn);
        drawn += step.wire.len();
    }
    let written = |step: step::Step| Step {
        caption: words::caption(&step, facts),
        is_action: matches!(step.caption, step::Caption::Action(_)),
        calls: step.caption.returned().map(|returned| call(returned, facts)).into_iter().collect(),
        because: step.because.map(|(at, index)| before[at] + index + 1),
        threads: step.marks.iter().map(|one| mark(one, facts)).collect(),
        screen: step.screen,
        wire: step.wire,
        ended: Vec::new(),
    };
    story.into_iter().map(written).collect()
}

fn call(returned: &Returned, facts: &Facts) -> Call {
    let Returned { thread, event, times, bytes } = *returned;
    let (name, (file, line)) = (event.name(), &event.place);
    Call {
        terminal: facts.terminal(thread),
        thread: facts.name(thread),
        source: facts.source(file),
        line: *line,
        name: name.into(),
        within: event.within.clone().filter(|within| within != name),
        value: match times {
            1 => words::value(&event.outcome, facts),
            _ => bytes.to_string(),
        },
        times: Some(times).filter(|times| *times > 1),
    }
}

fn mark(mark: &step::Mark, facts: &Facts) -> Mark {
    let (file, line) = mark.place;
    Mark {
        terminal: facts.terminal(mark.thread),
        thread: facts.name(mark.thread),
        source: facts.source(file),
        line: *line,
        call: match mark.state {
            State::Returns(outcome) => format!("{} → {}", mark.call, words::value(outcome, facts)),
            State::Waits | State::Returned => mark.call.into(),
        },
        waits: mark.state == State::Waits,
    }
}

/// Removes the marks of each step that are the same as in the step before.
fn only_changes(steps: &mut [Step]) {
    let mut before: Vec<Mark> = Vec::new();
    for step in steps {
        let now = step.threads.clone();
        step.threads.retain(|mark| !before.contains(mark));
        let stands = |mark: &Mark| {
            now.iter().any(|other| (other.terminal, &other.thread) == (mark.terminal, &mark.thread))
        };
        let gone = before.iter().filter(|mark| !stands(mark));
        step.ended = gone.map(|mark| (mark.terminal, mark.thread.clone())).collect();
        before = now;
    }
}
