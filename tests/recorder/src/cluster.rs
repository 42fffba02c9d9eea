//! Records two edges of one room, with NATS between them: what people say, and the messages that
//! carry it.
//!
//! The order in which messages arrive is all that these recordings are about. So the programs are not
//! traced, no source is shown, and of everything that goes over the wire, only what carries somebody's
//! words is told.

mod link;
mod protocol;
mod tell;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use harness::{Nats, Peer, Program, wait_until};

use self::link::{Link, Way};
use crate::capture::{Capture, Segment};
use crate::recording::Recording;

/// A run of two edges to be recorded.
pub struct Scenario {
    /// The name of the file in book/src/recordings, without `.js`.
    pub name: &'static str,
    /// The package of the edges.
    pub package: &'static str,
    /// True if people hear only what a stream of NATS sends back.
    pub has_stream: bool,
    /// What the terminals show in the end, in words.
    ending: &'static str,
}

/// All scenarios, in the order of the book.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "cluster",
        package: "lesson-cluster-server",
        has_stream: false,
        ending: "Terminal 2 shows `tea?` before `coffee?`, but terminal 6 shows `coffee?` before `tea?`. Nothing will ever change that.",
    },
    Scenario {
        name: "ordered-cluster",
        package: "lesson-ordered-cluster-server",
        has_stream: true,
        ending: "Terminals 2 and 6 show the same order, that of the stream, although `tea?` was typed first. Terminals 1 and 7 are the speakers, who see their own lines as they type them.",
    },
];

/// The number of the end of the wire that NATS is: between the edges, which are between their
/// people.
const NATS: usize = 4;

/// An edge, and where it is in a recording.
struct Edge {
    name: &'static str,
    /// The port for its people.
    port: u16,
    /// Its number as an end of the wire.
    end: usize,
    /// The numbers of the person who speaks and the one who listens.
    speaker: usize,
    listener: usize,
}

const EDGES: [Edge; 2] = [
    Edge { name: "east", port: 3001, end: 3, speaker: 1, listener: 2 },
    Edge { name: "west", port: 3002, end: 5, speaker: 7, listener: 6 },
];

/// Something that is done while the programs run.
struct Action {
    /// The time in seconds since 1970.
    time: f64,
    deed: Deed,
}

/// The kinds of actions.
#[derive(Clone, Copy)]
enum Deed {
    /// Does nothing, because this is a note for the reader.
    Notes(&'static str),
    /// Somebody in this terminal types a line.
    Types(usize, &'static str),
    /// Holds everything that is sent between the edges and NATS.
    Holds,
    /// Lets through some of it, described by these words.
    LetsGo(&'static str),
}

/// Everything that was recorded, unprocessed.
struct Run {
    /// The port of each person, beside the number of the terminal.
    people: Vec<(u16, usize)>,
    /// The port at which each edge finds NATS.
    links: Vec<u16>,
    actions: Vec<Action>,
    segments: Vec<Segment>,
}

/// Plays a scenario with the programs in a folder, and makes a recording of it. Uses `folder` for its
/// files.
pub fn recording(
    scenario: &Scenario,
    folder: &Path,
    programs: &Path,
    made_by: &str,
) -> Result<Recording> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).context("cannot make a folder for what is captured")?;
    let run = play(scenario, folder, programs)?;
    tell::recording(&run, made_by)
}

/// Lets two people at different edges speak before either line reaches the other edge. The one who
/// speaks last reaches NATS first, so the order of NATS is neither that of the clock nor chance.
fn play(scenario: &Scenario, folder: &Path, programs: &Path) -> Result<Run> {
    let mut stage = Stage::new(scenario, folder, programs)?;
    stage.act(Deed::Notes(
        "Two edges, `east` and `west`, are connected to NATS. Terminals 1 and 2 belong to people at `east`, 6 and 7 to people at `west`. How all of them have connected is not shown.",
    ));
    if scenario.has_stream {
        stage.asks_about_the_stream(0);
    }
    stage.links.iter().for_each(Link::hold);
    stage.act(Deed::Holds);
    let (tea, coffee) = ("tea?", "coffee?");
    for (index, line) in [(0, tea), (1, coffee)] {
        stage.types(EDGES[index].speaker, line)?;
        wait_until("the edge has published it", || stage.links[index].has_seen(line));
        if !scenario.has_stream {
            stage.sees(EDGES[index].listener, line)?;
        }
    }
    let [east, west] = &EDGES;
    stage.act(Deed::LetsGo("between `west` and NATS. So NATS receives `coffee?` first"));
    stage.links[1].let_go(Way::ToNats);
    stage.links[1].let_go(Way::FromNats);
    wait_until("NATS has delivered it", || stage.links[0].has_seen(coffee));
    if scenario.has_stream {
        stage.sees(west.listener, coffee)?;
        stage.is_stored(1, 1);
    }
    stage.act(Deed::LetsGo("from NATS to `east`"));
    stage.links[0].let_go(Way::FromNats);
    stage.sees(east.listener, coffee)?;
    stage.sees(east.speaker, coffee)?;
    stage.act(Deed::LetsGo("from `east` to NATS, so nothing is held any more"));
    stage.links[0].let_go(Way::ToNats);
    stage.sees(west.listener, tea)?;
    stage.sees(west.speaker, tea)?;
    if scenario.has_stream {
        stage.sees(east.listener, tea)?;
        stage.is_stored(0, 2);
    }
    stage.act(Deed::Notes(scenario.ending));
    stage.end()
}

/// NATS, two edges and four people, who have all connected.
struct Stage {
    capture: Capture,
    links: Vec<Link>,
    /// The people, beside the numbers of their terminals.
    people: Vec<(usize, Peer)>,
    actions: Vec<Action>,
    /// Kept because they end when they are dropped: the edges first.
    _edges: Vec<Program>,
    _nats: Nats,
}

impl Stage {
    fn new(scenario: &Scenario, folder: &Path, programs: &Path) -> Result<Stage> {
        let store = folder.join("stream");
        let mut nats = match scenario.has_stream {
            true => Nats::new(&["-js", "-sd", &store.to_string_lossy()]),
            false => Nats::new(&[]),
        };
        nats.start();
        let capture = Capture::begin(&folder.join("segments.pcap"))?;
        let (mut links, mut edges, mut people) = (Vec::new(), Vec::new(), Vec::new());
        for edge in &EDGES {
            let link = Link::to(nats.address())?;
            let mut command = Command::new(programs.join(scenario.package));
            command.args(["--name", edge.name, "--nats", &format!("127.0.0.1:{}", link.port)]);
            links.push(link);
            command.arg(edge.port.to_string());
            edges.push(Program::server_from(command));
        }
        let listens = if scenario.has_stream { "CONSUMER.MSG.NEXT" } else { "SUB chat.said." };
        for link in &links {
            wait_until("the edge listens to the others", || link.has_seen(listens));
        }
        for edge in &EDGES {
            // The speaker comes last, so an edge that reads from the speaker knows the listener.
            for terminal in [edge.listener, edge.speaker] {
                let address = SocketAddr::from(([127, 0, 0, 1], edge.port));
                let stream = TcpStream::connect(address);
                let stream =
                    stream.with_context(|| format!("no edge listens at port {}", edge.port))?;
                people.push((terminal, Peer::over(stream)));
            }
        }
        let actions = Vec::new();
        Ok(Stage { capture, links, people, actions, _edges: edges, _nats: nats })
    }

    fn act(&mut self, deed: Deed) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let time = since.map_or(0.0, |since| since.as_secs_f64());
        self.actions.push(Action { time, deed });
    }

    fn types(&mut self, terminal: usize, line: &'static str) -> Result<()> {
        self.act(Deed::Types(terminal, line));
        self.person(terminal)?.send(format!("{line}\n"));
        Ok(())
    }

    /// Waits until the person in a terminal sees a line.
    fn sees(&mut self, terminal: usize, line: &str) -> Result<()> {
        self.person(terminal)?.skip_to(format!("{line}\n"));
        Ok(())
    }

    /// Waits until the edge with this index asks about the stream, as it does when it has heard nothing
    /// for a second. It hears nothing before the answer, so it must not ask while its question is held.
    fn asks_about_the_stream(&self, edge: usize) {
        let times = || self.links[edge].times_seen("STREAM.INFO");
        let before = times();
        wait_until("the edge asks about the stream", || times() > before);
    }

    /// Waits until the edge with this index is told that the stream has stored its line as this number.
    fn is_stored(&self, edge: usize, number: u64) {
        let acknowledgement = format!("\"seq\":{number}}}");
        wait_until("the stream has stored it", || self.links[edge].has_seen(&acknowledgement));
    }

    fn person(&mut self, terminal: usize) -> Result<&mut Peer> {
        match self.people.iter_mut().find(|(number, _)| *number == terminal) {
            Some((_, person)) => Ok(person),
            None => bail!("nobody is in terminal {terminal}"),
        }
    }

    /// Ends the recording.
    fn end(self) -> Result<Run> {
        let people = self.people.iter().map(|(terminal, person)| (person.port(), *terminal));
        let people = people.collect();
        self.capture.catch_up()?;
        let links = self.links.iter().map(|link| link.port).collect();
        let segments = self.capture.end()?;
        Ok(Run { people, links, actions: self.actions, segments })
    }
}
