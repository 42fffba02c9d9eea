//! Tells what happened between two edges, step by step.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

use super::protocol::{self, About};
use super::{Action, Deed, EDGES, NATS, Run};
use crate::capture::Segment;
use crate::recording::{Arrow, Recording, Shown, Step, Terminal};
use crate::story::ports::Ports;

/// The number by which the book shows the first port that the system chose.
const FIRST_SHOWN: u16 = 50001;

/// Makes the recording of `run`.
pub fn recording(run: &Run, made_by: &str) -> Result<Recording> {
    let ports = ports(run);
    let mut items: Vec<(f64, Item)> = Vec::new();
    items.extend(run.actions.iter().map(|Action { time, deed }| (*time, Item::Deed(*deed))));
    items.extend(talk(run, &ports).map(|(time, arrow)| (time, Item::Sent(arrow))));
    items.extend(published(run, &ports));
    // How everybody has connected is not told.
    let begin = run.actions.first().map_or(0.0, |action| action.time);
    items.retain(|(time, _)| *time >= begin);
    items.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut story = Story { steps: Vec::new(), is_held: false };
    for (_, item) in items {
        match item {
            Item::Deed(deed) => story.act(deed),
            Item::Sent(arrow) => story.send(arrow),
            Item::Published { arrow, about } => story.publish(arrow, &about),
        }
    }
    let steps = story.steps;
    Ok(Recording { made_by: made_by.into(), terminals: terminals(), sources: Vec::new(), steps })
}

/// An event.
enum Item {
    Deed(Deed),
    /// Something that is sent between an edge and one of its people.
    Sent(Arrow),
    /// A message between an edge and NATS.
    Published {
        arrow: Arrow,
        about: About,
    },
}

/// Returns the ends of the wire, from left to right: the edges and NATS are not terminals.
fn terminals() -> Vec<Terminal> {
    let [east, west] = &EDGES;
    let person = |edge: &super::Edge, number: usize| Terminal {
        title: format!("nc 127.0.0.1 {}", edge.port),
        port: Some(FIRST_SHOWN + number as u16 - 1),
        is_only_an_end: false,
    };
    let end = |title: &str| Terminal { title: title.into(), port: None, is_only_an_end: true };
    vec![
        person(east, east.speaker),
        person(east, east.listener),
        end(east.name),
        end("NATS"),
        end(west.name),
        person(west, west.listener),
        person(west, west.speaker),
    ]
}

/// Finds which end each port belongs to. A person's port is shown by the number of the terminal.
fn ports(run: &Run) -> Ports {
    let mut owners: HashMap<u16, usize> = run.people.iter().copied().collect();
    let stand_in = |(port, end): &(u16, usize)| (*port, FIRST_SHOWN + *end as u16 - 1);
    let mut shown: BTreeMap<u16, u16> = run.people.iter().map(stand_in).collect();
    for (edge, link) in EDGES.iter().zip(&run.links) {
        owners.extend([(edge.port, edge.end), (*link, NATS)]);
        for segment in run.segments.iter().filter(|segment| segment.to == *link) {
            owners.insert(segment.from, edge.end);
            shown.extend([stand_in(&(segment.from, edge.end))]);
        }
    }
    Ports::known(owners, shown)
}

/// Returns what goes between the edges and their people, and when.
fn talk<'a>(run: &'a Run, ports: &'a Ports) -> impl Iterator<Item = (f64, Arrow)> + 'a {
    let has_person = |one: &&Segment| {
        run.people.iter().any(|(port, _)| [one.from, one.to].contains(port)) && !one.data.is_empty()
    };
    run.segments.iter().filter(has_person).filter_map(|segment| {
        let data = ports.mask(&String::from_utf8_lossy(&segment.data));
        Some((segment.time, Arrow { bytes: segment.data.len(), data, ..arrow(segment, ports)? }))
    })
}

/// Returns the messages between the edges and NATS.
fn published(run: &Run, ports: &Ports) -> Vec<(f64, Item)> {
    let mut directions: Vec<(u16, u16)> = Vec::new();
    for segment in &run.segments {
        let direction = (segment.from, segment.to);
        let is_link = run.links.iter().any(|link| [segment.from, segment.to].contains(link));
        if is_link && !directions.contains(&direction) {
            directions.push(direction);
        }
    }
    let mut items = Vec::new();
    for direction in directions {
        let segments = || run.segments.iter().filter(|one| (one.from, one.to) == direction);
        let Some(plain) = segments().next().and_then(|segment| arrow(segment, ports)) else {
            continue;
        };
        for message in protocol::messages(segments()) {
            let about = message.about;
            let head = match &about {
                About::Said { head, .. } => head.clone(),
                About::Stored(number) => format!("stored as number {number}"),
            };
            let data = ports.mask(&message.lines);
            let arrow = Arrow { data, message: Some(head), ..plain.clone() };
            items.push((message.time, Item::Published { arrow, about }));
        }
    }
    items
}

/// Returns an arrow that carries nothing yet, in the direction of a segment.
fn arrow(segment: &Segment, ports: &Ports) -> Option<Arrow> {
    let (from, to) = (ports.owner(segment.from)?, ports.owner(segment.to)?);
    let client = ports.stand_in(segment.from).or_else(|| ports.stand_in(segment.to))?;
    Some(Arrow { from, to, connection: client, flags: "P.".into(), ..Arrow::default() })
}

struct Story {
    steps: Vec<Step>,
    /// Whether what an edge publishes is held.
    is_held: bool,
}

impl Story {
    fn act(&mut self, deed: Deed) {
        let mut step = Step { is_action: true, ..Step::default() };
        step.caption = match deed {
            Deed::Notes(note) => note.into(),
            Deed::Types(terminal, line) => {
                step.screen.push(shown(terminal, &format!("{line}\n"), true));
                format!("In terminal {terminal} somebody types `{line}` and Enter.")
            }
            Deed::Holds => {
                self.is_held = true;
                "Two people are going to speak at the same moment. To show what happens then, the recorder holds everything between the edges and NATS on its way, as a slow network would.".into()
            }
            Deed::LetsGo(what) => format!("The recorder lets through what it holds {what}."),
        };
        if self.steps.is_empty() {
            let people = terminals().into_iter().zip(1..).filter(|(one, _)| !one.is_only_an_end);
            let command = |(one, number): (Terminal, usize)| {
                shown(number, &format!("$ {}\n", one.title), true)
            };
            step.screen.extend(people.map(command));
        }
        self.steps.push(step);
    }

    /// Tells of a line that goes from one of the people to an edge, or the other way. An edge sends
    /// it to several people in one step.
    fn send(&mut self, arrow: Arrow) {
        if let Some(edge) = EDGES.iter().find(|edge| edge.end == arrow.to) {
            // It belongs to the step in which it was typed.
            if let Some(step) = self.steps.last_mut().filter(|step| step.is_action) {
                step.caption += &format!(" The bytes are on their way to `{}`.", edge.name);
                step.wire.push(arrow);
            }
            return;
        }
        let action = self.steps.iter().rposition(|step| step.is_action).unwrap_or(0);
        let is_same = |step: &&mut Step| {
            let mut others = step.wire.iter();
            others.any(|one| (one.from, &one.data) == (arrow.from, &arrow.data))
        };
        let known = self.steps[action..].iter_mut().skip(1).find(is_same);
        let step = match known {
            Some(step) => step,
            None => {
                self.steps.push(Step::default());
                let last = self.steps.len() - 1;
                &mut self.steps[last]
            }
        };
        step.screen.push(shown(arrow.to, &arrow.data, false));
        step.wire.push(arrow);
        step.wire.sort_by_key(|arrow| arrow.to);
        step.screen.sort_by_key(|shown| shown.terminal);
        step.caption = sends(&step.wire);
    }

    /// Tells of a message that goes from an edge to NATS, or the other way.
    fn publish(&mut self, arrow: Arrow, about: &About) {
        let end = arrow.from + arrow.to - NATS; // the one that is not NATS
        let name = EDGES.iter().find(|edge| edge.end == end).map_or("", |edge| edge.name);
        let line = arrow.data.trim_end();
        let caption = match about {
            About::Stored(number) => {
                format!(
                    "The stream has stored the message as number {number}, and NATS tells `{name}` that."
                )
            }
            About::Said { head, .. } if arrow.to == NATS => {
                let held = if self.is_held { " The message is held on its way." } else { "" };
                let (_, subject) = head.split_once(' ').unwrap_or(("", head));
                format!("`{name}` publishes `{line}` with the subject `{subject}`.{held}")
            }
            About::Said { edge: from, .. } => match from == name {
                true => {
                    format!("NATS delivers `{line}` to `{name}`, which has published it itself.")
                }
                false => format!("NATS delivers `{line}` from `{from}` to `{name}`."),
            },
        };
        self.steps.push(Step { caption, wire: vec![arrow], ..Step::default() });
    }
}

/// Returns a sentence about an edge that sends a line to some of its people.
fn sends(wire: &[Arrow]) -> String {
    let from = wire.first().map_or(0, |arrow| arrow.from);
    let edge = EDGES.iter().find(|edge| edge.end == from).map_or("", |edge| edge.name);
    let line = wire.first().map_or("", |arrow| arrow.data.trim_end());
    let to: Vec<String> = wire.iter().map(|arrow| arrow.to.to_string()).collect();
    let terminals = if to.len() > 1 { "terminals" } else { "terminal" };
    format!("`{edge}` sends `{line}` to {terminals} {}.", to.join(" and "))
}

fn shown(terminal: usize, text: &str, typed: bool) -> Shown {
    Shown { terminal, text: text.into(), by: None, typed }
}
