//! Reads the command line.

use std::ffi::OsString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Error, bail, ensure};
use lexopt::Arg;

use crate::bare;
use crate::check::HEAD;
use crate::cluster::CLUSTER;
use crate::ladder::{Extent, LADDER};

/// The options of a run, from the command line or the ladder.
#[derive(Clone, Debug)]
pub struct Options {
    /// The servers' addresses, `HOST:PORT`. With several, the clients are shared out among them.
    pub addresses: Vec<String>,
    /// The number of clients in all.
    pub clients: usize,
    /// The number of clients that speak.
    pub speakers: usize,
    /// Whether the speakers take turns, so that one speaks in each round.
    pub in_turn: bool,
    /// The number of clients that speak as fast as they can. Of the others, a single one then says
    /// a line now and then.
    pub flood: Option<usize>,
    /// The number of lines that each speaker sends at a time.
    pub lines: usize,
    /// The length of a line as it is sent, in bytes without its newline.
    pub size: usize,
    /// The number of additional clients that never read.
    pub stuck: usize,
    /// The number of rounds that are due per second. Without it, each round follows the one before.
    pub rate: Option<f64>,
    /// How long to measure.
    pub seconds: f64,
    /// How long to wait while nothing arrives.
    pub patience: Duration,
    /// The servers' processes, in case their ports do not reveal them.
    pub processes: Vec<u32>,
    /// Whether the server is nats-server.
    pub nats: bool,
    /// The certificate of a server that encrypts.
    pub tls: Option<PathBuf>,
    /// Whether to print JSON instead of a table.
    pub json: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            addresses: Vec::new(),
            clients: 100,
            speakers: 1,
            in_turn: false,
            flood: None,
            lines: 1,
            size: 43,
            stuck: 0,
            rate: None,
            seconds: 5.0,
            patience: Duration::from_secs(10),
            processes: Vec::new(),
            nats: false,
            tls: None,
            json: false,
        }
    }
}

/// The request on the command line.
pub enum Request {
    /// Measure a server.
    Run(Options),
    /// Measure all servers of the book.
    Ladder(Extent),
    /// Measure the edges of 7.5 and 7.6.
    Cluster(Extent),
    /// Be one of several processes of a run. The rest of the command line says which.
    Worker(Vec<OsString>),
    /// Be one of the barest possible servers.
    Bare(fn() -> anyhow::Result<()>),
    /// Print this text.
    Print(String),
}

const HELP: &str = "\
A load generator for chat servers that send lines. Some clients speak, all listen, and every byte
is checked: nothing is lost, nothing comes twice, and all receive the same order.

Usage: cargo run --release -p crowd -- [OPTIONS] ADDRESS...

  ADDRESS         PORT or HOST:PORT of the server; several for several servers of one room

  --clients N     how many clients are in the room [default: 100]
  --speakers N    how many of them speak, or all [default: 1]
  --in-turn       the speakers take turns: only one of them speaks in each round
  --flood N       N of the clients speak as fast as they can, and there are no rounds (see below)
  --lines N       how many lines each speaker sends at a time [default: 1]
  --size N        bytes of a line, without its newline [default: 43]
  --stuck N       how many more clients join but never read [default: 0]
  --rate N        how many rounds are due per second [default: as many as the server manages]
  --seconds N     how long to measure [default: 5]
  --patience N    how many seconds to wait while nothing arrives [default: 10]
  --process ID    the server's process, to tell its processor time and memory
                  [default: the one that listens at the port, on this machine]
  --nats          the server is nats-server
  --tls FILE      the server is that of 8.2, and this is its certificate
  --json          print JSON instead of a table
  --help, --version

In each round all speakers speak at the same time, and the next round begins when everybody has
received everything. Either one client speaks to all the others, or all speak at the same time:

  cargo run --release -p crowd -- 3000 --clients 1000
  cargo run --release -p crowd -- 3000 --clients 1000 --speakers all

A delay counts from the moment at which the line was due. With --rate, a schedule says when that is,
and a round that must wait for the one before is late from its beginning. Without it, a round is due
as soon as rounds usually take (their median). So if the server stands still for a second, the lines
that were due in that second count as well, and not only the one that it had received.

A server that drops lines that come too fast passes if --rate stays within its limit, for example
--rate 5. A server that sends lines back to their speaker also passes. One that sends words of its
own in between does not, because crowd cannot know them.

With --flood, N clients send without a pause for --seconds, one more says a line every half second, and
all others are readers that check every byte. It reports how many readers are left, because a server may
disconnect slow ones, and how long the lines of that one client took. Then it waits, for --patience at
most, until everything has been received. A second address is the one at which the flooding clients reach
the same server. On loopback every reader is fast, so try it over a link, with the flood on this side:

  cargo run --release -p crowd -- 3000 --clients 12 --flood 1
  cargo run --release -p crowd -- 192.0.2.2:3000 3000 --clients 12 --flood 1   (see -p link -- --help)

  --ladder        measure all servers of the book instead, one after the other, and write tables and
                  plots; --clients is the maximum of clients [default: 19000], --seconds the time of
                  each, or less if several runs are measured [default: 2]
  --cluster       measure a room at one edge of 7.5, then at two, and so on, and edges of 7.5 beside
                  those of 7.6, and write tables; --clients is their number at each edge [default:
                  19900], --seconds the time [default: 5]
  --to FOLDER     where the tables and plots go [default: book/src/measured]
";

/// Parses the command line. An error is for the user, so it quotes what is wrong.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Request> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut all_speak = false;
    let mut extent = None;
    let mut options = Options::default();
    let (mut seconds, mut clients, mut folder) = (None, None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("clients") => {
                clients = Some(number("--clients", &mut parser, 2..=1_000_000)?)
            }
            Arg::Long("speakers") => {
                let value = parser.value()?;
                all_speak = value == "all";
                if !all_speak {
                    options.speakers = within("--speakers", &value, 1..=999_999)?;
                }
            }
            Arg::Long("flood") => options.flood = Some(number("--flood", &mut parser, 1..=10_000)?),
            Arg::Long("in-turn") => options.in_turn = true,
            Arg::Long("rate") => options.rate = Some(number("--rate", &mut parser, 0.01..=1e6)?),
            Arg::Long("lines") => options.lines = number("--lines", &mut parser, 1..=1_000_000)?,
            Arg::Long("size") => options.size = number("--size", &mut parser, HEAD + 4..=60_000)?,
            Arg::Long("stuck") => options.stuck = number("--stuck", &mut parser, 0..=1_000_000)?,
            Arg::Long("seconds") => {
                seconds = Some(number("--seconds", &mut parser, 0.0..=86_400.0)?)
            }
            Arg::Long("patience") => {
                options.patience =
                    Duration::from_secs_f64(number("--patience", &mut parser, 0.1..=3600.0)?);
            }
            Arg::Long("process") => {
                options.processes.push(number("--process", &mut parser, 1..=u32::MAX)?)
            }
            Arg::Long("nats") => options.nats = true,
            Arg::Long("tls") => options.tls = Some(PathBuf::from(parser.value()?)),
            Arg::Long("json") => options.json = true,
            Arg::Long("worker") => return Ok(Request::Worker(parser.raw_args()?.collect())),
            Arg::Long("ladder") => extent = Some(("--ladder", LADDER)),
            Arg::Long("cluster") => extent = Some(("--cluster", CLUSTER)),
            Arg::Long("to") => folder = Some(PathBuf::from(parser.value()?)),
            Arg::Long("bare-loop") => return Ok(Request::Bare(bare::write_each)),
            Arg::Long("batched-loop") => return Ok(Request::Bare(bare::write_batches)),
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Print(HELP.to_string())),
            Arg::Long("version") | Arg::Short('V') => {
                return Ok(Request::Print(format!("crowd {}\n", env!("CARGO_PKG_VERSION"))));
            }
            Arg::Value(value) => options.addresses.push(address(&value.to_string_lossy())?),
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some((option, (usual_seconds, usual_clients))) = extent {
        ensure!(options.addresses.is_empty(), "{option} starts its servers itself: no address");
        let extent = Extent {
            seconds: seconds.unwrap_or(usual_seconds),
            clients: clients.unwrap_or(usual_clients),
            folder: match folder {
                Some(folder) => folder,
                None => checkout::find().map_err(Error::msg)?.join("book/src/measured"),
            },
        };
        return Ok(match option {
            "--ladder" => Request::Ladder(extent),
            _ => Request::Cluster(extent),
        });
    }
    options.seconds = seconds.unwrap_or(options.seconds);
    options.clients = clients.unwrap_or(options.clients);
    if all_speak {
        options.speakers = options.clients;
    }
    if let Some(flood) = options.flood {
        check_flood(&options, flood)?;
        options.speakers = flood + 1;
    }
    check(&options)?;
    Ok(Request::Run(options))
}

/// Checks what a flood needs: other clients in the room, and no rounds.
fn check_flood(options: &Options, flood: usize) -> anyhow::Result<()> {
    let Options { addresses, clients, speakers, in_turn, lines, rate, nats, .. } = options;
    ensure!(
        *clients >= flood + 2,
        "{clients} clients are too few for {flood} that flood, one that says a line now and then, and a \
         reader"
    );
    let usual = Options::default();
    let has_rounds = *speakers != usual.speakers || *lines != usual.lines || rate.is_some();
    ensure!(
        !has_rounds && !in_turn && !nats && addresses.len() <= 2,
        "--flood has no rounds, and one server of lines: it goes with --clients, --size, --stuck, \
         --seconds, --patience and --json"
    );
    Ok(())
}

fn check(options: &Options) -> anyhow::Result<()> {
    let Options { clients, speakers, lines, size, .. } = options;
    ensure!(!options.addresses.is_empty(), "no address: where does the server listen?");
    ensure!(speakers <= clients, "{speakers} speakers are more than {clients} clients");
    let bytes = speakers * lines * (size + 30);
    ensure!(
        bytes <= 1 << 29,
        "{speakers} speakers with {lines} lines of {size} bytes each are too much for one round: \
         {} MiB to hear for everybody, and 512 are the limit",
        bytes >> 20
    );
    ensure!(
        !options.nats || clients * speakers <= 50_000_000,
        "{clients} clients and {speakers} speakers are too much to check with --nats: the product \
         may be 50,000,000"
    );
    Ok(())
}

/// Returns `HOST:PORT`. A lone `PORT` is one of this machine.
fn address(text: &str) -> anyhow::Result<String> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
    match port.parse::<u16>() {
        Ok(1..) if !host.is_empty() => Ok(format!("{host}:{port}")),
        _ => bail!("invalid address {text:?}: it is PORT or HOST:PORT"),
    }
}

fn number<T>(name: &str, parser: &mut lexopt::Parser, range: RangeInclusive<T>) -> anyhow::Result<T>
where
    T: FromStr + PartialOrd + Display,
{
    let value = parser.value()?;
    within(name, &value, range)
}

fn within<T>(name: &str, value: &OsString, range: RangeInclusive<T>) -> anyhow::Result<T>
where
    T: FromStr + PartialOrd + Display,
{
    let text = value.to_string_lossy();
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.with_context(|| {
        format!("{name} is {text:?}: it is a number from {} to {}", range.start(), range.end())
    })
}
