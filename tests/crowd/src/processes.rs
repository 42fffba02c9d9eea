//! Splits the work among several processes, if there are more clients than one process may have.
//! This process has its own share of the clients. It starts the others from the same program, tells
//! them what to do, and reads how it went, line by line over pipes.
//!
//! | to a worker | meaning | its answer |
//! |---|---|---|
//! | `connect` | connect all clients | `ok` |
//! | `call NUMBER PORT ALONE` | everybody should receive this call of the roll | `ok`, or `absent COUNT ...` |
//! | `echoes` | speakers should receive their own lines as well | `ok` |
//! | `round LATE` | send the lines of a round that was due so many nanoseconds ago, receive all | `ok HASH` |
//! | `forget` | the rounds so far were for warming up | `ok` |
//! | `finish` | the end | `wait NANOSECONDS COUNT` for each bucket, `ok STUCK` |
//!
//! Any answer may be `failed ...` instead, with a line for the user.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;

use crate::clients::Crowd;
use crate::limits::Part;

/// Everybody in the room: the clients of this process, and those of the others.
pub struct Team {
    crowd: Crowd,
    address: SocketAddr,
    patience: Duration,
    /// The number of clients in all.
    clients: usize,
    workers: Vec<Worker>,
    /// The number of the last call of the roll.
    call: u32,
    /// Whether the server also sends a line back to the client that sent it.
    pub echoes: bool,
}

impl Team {
    /// Starts a process for each part but the first.
    pub fn start(parts: &[Part], progress: &ProgressBar) -> anyhow::Result<Team> {
        let (first, others) = parts.split_first().context("there is nothing to do")?;
        Ok(Team {
            crowd: Crowd::new(first.clone(), progress.clone())?,
            address: first.address,
            patience: first.patience,
            clients: parts.iter().map(|part| part.clients).sum(),
            workers: others.iter().map(Worker::start).collect::<anyhow::Result<_>>()?,
            call: 0,
            echoes: false,
        })
    }

    /// Connects everybody.
    pub fn connect(&mut self) -> anyhow::Result<()> {
        self.tell("connect")?;
        self.crowd.connect()?;
        self.answers().map(drop)
    }

    /// Calls the roll until everybody has received a line of the first speaker, and that one has
    /// received a line of another. After the last round, when everybody is known to be there, the
    /// call must arrive `alone`.
    pub fn call_the_roll(&mut self, alone: bool) -> anyhow::Result<()> {
        for by_speaker in [true, false] {
            let until = Instant::now() + self.patience;
            loop {
                let (absent, what) = self.call_once(by_speaker, alone)?;
                if absent == 0 {
                    break;
                }
                ensure!(
                    Instant::now() < until,
                    "{absent} of {} clients never heard a line that another client said: {what}; \
                     does the server at {} pass lines on as <sender's port>:<text>?",
                    self.clients,
                    self.address
                );
            }
        }
        // Only now is it known whether callers receive their own lines. If so, the next call waits
        // for them.
        if self.crowd.echoes && !self.echoes {
            self.echoes = true;
            self.tell("echoes")?;
            self.crowd.expect_echoes();
            self.answers()?;
            return self.call_the_roll(alone);
        }
        Ok(())
    }

    /// Returns how many have not received the call, and what one of them received.
    fn call_once(&mut self, by_speaker: bool, alone: bool) -> anyhow::Result<(usize, String)> {
        self.call += 1;
        let port = self.crowd.caller_port(by_speaker);
        self.tell(&format!("call {} {port} {alone}", self.call))?;
        self.crowd.call_the_roll(self.call, true, by_speaker, port, alone)?;
        let (mut absent, mut what) = self.crowd.absent();
        for answer in self.answers()? {
            let mut words = answer.splitn(3, ' ').skip(1);
            if let (Some(Ok(count)), Some(heard)) =
                (words.next().map(usize::from_str), words.next())
            {
                if absent == 0 {
                    what = heard.to_string();
                }
                absent += count;
            }
        }
        Ok((absent, what))
    }

    /// Runs a round that was due `late` ago.
    pub fn round(&mut self, late: Duration) -> anyhow::Result<()> {
        self.tell(&format!("round {}", late.as_nanos()))?;
        let hash = self.crowd.round(late)?;
        for (index, answer) in self.answers()?.iter().enumerate() {
            let same_server = self.workers[index].address == self.address;
            ensure!(
                !same_server || *answer == format!("ok {hash}"),
                "two listeners have not heard the same lines in the same order"
            );
        }
        Ok(())
    }

    /// Returns the clients of this process, once everybody has joined.
    pub fn into_crowd(self) -> Crowd {
        self.crowd
    }

    /// Discards the times that have been measured so far.
    pub fn forget(&mut self) -> anyhow::Result<()> {
        self.tell("forget")?;
        self.crowd.waits.reset();
        self.answers().map(drop)
    }

    /// Ends all processes, and returns the measured times, and how many of the clients that never
    /// read have been disconnected.
    pub fn finish(mut self) -> anyhow::Result<(Histogram<u64>, usize)> {
        let mut waits = self.crowd.waits.clone();
        let mut stuck = self.crowd.stuck_and_disconnected();
        for worker in &mut self.workers {
            worker.tell("finish")?;
            loop {
                let answer = worker.answer()?;
                let mut words = answer.split(' ').skip(1).map(u64::from_str);
                match (words.next(), words.next()) {
                    (Some(Ok(wait)), Some(Ok(count))) => waits.saturating_record_n(wait, count),
                    (Some(Ok(ended)), None) => break stuck += ended as usize,
                    _ => bail!("a process of crowd says {answer:?}"),
                }
            }
        }
        Ok((waits, stuck))
    }

    fn tell(&mut self, what: &str) -> anyhow::Result<()> {
        self.workers.iter_mut().try_for_each(|worker| worker.tell(what))
    }

    fn answers(&mut self) -> anyhow::Result<Vec<String>> {
        self.workers.iter_mut().map(Worker::answer).collect()
    }
}

/// Another process, with its own share of the clients.
struct Worker {
    address: SocketAddr,
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(part: &Part) -> anyhow::Result<Worker> {
        let program = env::current_exe().context("cannot find crowd's own program")?;
        let mut command = Command::new(program);
        command.arg("--worker").args(to_words(part));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("cannot start another process of crowd")?;
        let (orders, answers) = (process.stdin.take(), process.stdout.take());
        Ok(Worker {
            address: part.address,
            process,
            orders: orders.context("no pipe")?,
            answers: BufReader::new(answers.context("no pipe")?),
        })
    }

    fn tell(&mut self, what: &str) -> anyhow::Result<()> {
        let told = writeln!(self.orders, "{what}");
        told.context("another process of crowd has ended early")
    }

    fn answer(&mut self) -> anyhow::Result<String> {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).context("cannot read what a process says")?;
        let answer = answer.trim_end();
        ensure!(!answer.is_empty(), "another process of crowd has ended early");
        match answer.strip_prefix("failed ") {
            Some(why) => Err(anyhow!("{why}")),
            None => Ok(answer.to_string()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill(); // fails only if it has ended already
        let _ = self.process.wait();
    }
}

/// Runs a worker, which follows the orders on stdin until stdin ends.
pub fn work(words: &[OsString]) -> anyhow::Result<()> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let part = from_words(&words).context("a worker is started by crowd itself")?;
    let mut crowd = Crowd::new(part, ProgressBar::hidden())?;
    for order in stdin().lines() {
        let order = order.context("cannot read what to do")?;
        let answer = obey(&mut crowd, &order).unwrap_or_else(|error| format!("failed {error:#}"));
        writeln!(stdout(), "{answer}").context("cannot answer")?;
    }
    Ok(())
}

fn obey(crowd: &mut Crowd, order: &str) -> anyhow::Result<String> {
    let words: Vec<&str> = order.split(' ').collect();
    match words[..] {
        ["connect"] => crowd.connect()?,
        ["call", number, port, alone] => {
            let (number, port, alone) = (number.parse()?, port.parse()?, alone.parse()?);
            if !crowd.call_the_roll(number, false, false, port, alone)? {
                let (count, what) = crowd.absent();
                return Ok(format!("absent {count} {what}"));
            }
        }
        ["echoes"] => crowd.expect_echoes(),
        ["round", late] => {
            return Ok(format!("ok {}", crowd.round(Duration::from_nanos(late.parse()?))?));
        }
        ["forget"] => crowd.waits.reset(),
        ["finish"] => {
            let mut answer = String::new();
            for bucket in crowd.waits.iter_recorded() {
                let (wait, count) = (bucket.value_iterated_to(), bucket.count_at_value());
                answer += &format!("wait {wait} {count}\n");
            }
            return Ok(format!("{answer}ok {}", crowd.stuck_and_disconnected()));
        }
        _ => bail!("{order:?} is not an order"),
    }
    Ok("ok".to_string())
}

fn to_words(part: &Part) -> Vec<String> {
    vec![
        part.address.to_string(),
        part.process.to_string(),
        part.clients.to_string(),
        part.stuck.to_string(),
        part.speakers.start.to_string(),
        part.speakers.end.to_string(),
        part.all_speakers.to_string(),
        part.in_turn.to_string(),
        part.lines.to_string(),
        part.size.to_string(),
        part.patience.as_millis().to_string(),
        part.nats.to_string(),
        part.tls.as_deref().unwrap_or(Path::new("")).display().to_string(), // empty: none
    ]
}

fn from_words(words: &[impl AsRef<str>]) -> anyhow::Result<Part> {
    fn next<T: FromStr>(words: &mut dyn Iterator<Item = &str>) -> anyhow::Result<T> {
        let word = words.next().context("a word is missing")?;
        word.parse().map_err(|_| anyhow!("{word:?} is not understood"))
    }
    let words = &mut words.iter().map(AsRef::as_ref);
    Ok(Part {
        address: next(words)?,
        flooders_address: None, // a flood is a matter of one process
        process: next(words)?,
        clients: next(words)?,
        stuck: next(words)?,
        speakers: next(words)?..next(words)?,
        all_speakers: next(words)?,
        in_turn: next(words)?,
        lines: next(words)?,
        size: next(words)?,
        patience: Duration::from_millis(next(words)?),
        nats: next(words)?,
        tls: Some(next::<PathBuf>(words)?).filter(|path| *path != Path::new("")),
    })
}
