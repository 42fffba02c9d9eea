//! Runs the rounds: what is sent in each, and when everybody has received all of it.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::mem::take;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::{Check, Crowd, Fault, OBSERVER};

/// The maximum number of bytes kept in memory because clients received them before the observer.
const MOST_AHEAD: usize = 1 << 30;

impl Crowd {
    /// Runs a round: all speakers, or the one whose turn it is, send their lines, and everybody
    /// receives all of them. It was due `late` ago. Returns a hash of all that was received, which
    /// must be the same in the whole room.
    pub fn round(&mut self, late: Duration) -> anyhow::Result<u64> {
        self.begin_round(late);
        let listeners = self.part.clients - self.part.speakers.len();
        for (index, speaker) in (listeners..).zip(self.part.speakers.clone()) {
            for line in self.part.lines_said(speaker, self.rounds) {
                let text = self.lines.text(speaker, line as u32);
                self.protocol.say(&text, &mut self.clients[index].unsent);
            }
            self.send(index)?;
            if index % 1000 == 999 {
                self.wait(Duration::ZERO)?;
            }
        }
        while self.waiting > 0 {
            self.wait(Duration::from_millis(100))?;
            if self.heard_at.elapsed() > self.part.patience {
                bail!("{}", self.what_is_missing());
            }
            self.progress.tick();
        }
        self.rounds += 1;
        let mut hasher = DefaultHasher::new();
        hasher.write(self.log.bytes());
        Ok(hasher.finish())
    }

    fn begin_round(&mut self, late: Duration) {
        self.log.clear();
        self.ahead.clear();
        self.bytes_ahead = 0;
        for client in &mut self.clients {
            client.done = false;
            match &mut client.check {
                Check::Lines(check) => check.heard = 0,
                Check::Log(cursor) => cursor.rewind(),
            }
        }
        self.waiting = self.clients.len();
        self.heard_at = Instant::now();
        self.due = self.heard_at.checked_sub(late).unwrap_or(self.heard_at);
    }

    fn what_is_missing(&mut self) -> String {
        let patience = self.part.patience;
        let (waiting, all) = (self.waiting, self.clients.len());
        let (part, rounds) = (&self.part, self.rounds);
        let Some(client) = self.clients.iter_mut().find(|client| !client.done) else {
            return "nothing is missing".to_string();
        };
        let to_hear = part.lines_to_hear(client.speaker, self.echoes, rounds);
        let said = |speaker| part.lines_said(speaker, rounds).end;
        let (heard, due) = match &mut client.check {
            Check::Lines(check) => (check.heard, check.missing(said, &self.lines)),
            Check::Log(cursor) => {
                let (heard, due) = cursor.due(&self.log);
                (heard, (due != "\"\"").then_some(due))
            }
        };
        let due = due.map(|due| format!(", and not {due}")).unwrap_or_default();
        format!(
            "lines are missing after {patience:?} in which nothing came: the client at port {} has \
             heard {heard} of {to_hear} of this round{due}; {waiting} of {all} clients wait \
             (does the server throw away what is said too fast? then try --rate 5)",
            client.port,
        )
    }

    /// Checks what a client has received in a round.
    pub(super) fn check(&mut self, index: usize, heard: &[u8]) -> Result<(), Fault> {
        let fault = |what| Fault { client: index, what };
        let Crowd { part, clients, log, lines, waits, due, heard_at, .. } = self;
        let client = &mut clients[index];
        let wait = heard_at.duration_since(*due).as_nanos() as u64;
        match &mut client.check {
            Check::Lines(check) => {
                let before = check.heard;
                check
                    .check(heard, lines, |speaker, line| {
                        if index == OBSERVER {
                            log.add(speaker.checked_sub(part.speakers.start), line);
                        }
                    })
                    .map_err(fault)?;
                waits.saturating_record_n(wait, (check.heard - before) as u64);
            }
            Check::Log(cursor) => {
                let before = cursor.bytes_ahead();
                let count = cursor.check(log, lines, heard, *heard_at).map_err(fault)?;
                waits.saturating_record_n(wait, count as u64);
                let now = cursor.bytes_ahead();
                if before == 0 && now > 0 {
                    self.ahead.push(index);
                }
                self.bytes_ahead += now - before;
                if self.bytes_ahead > MOST_AHEAD {
                    return Err(fault(
                        "is so far ahead of others that it cannot be checked".into(),
                    ));
                }
            }
        }
        if index == OBSERVER { self.catch_up() } else { self.note_if_done(index) }
    }

    /// Continues after the observer has received more: the clients that were ahead of it can be
    /// checked now, and at the end of the round everybody may turn out to be done.
    fn catch_up(&mut self) -> Result<(), Fault> {
        self.bytes_ahead = 0;
        for index in take(&mut self.ahead) {
            let Check::Log(cursor) = &mut self.clients[index].check else { continue };
            let (waits, due) = (&mut self.waits, self.due);
            let caught_up = cursor.catch_up(&self.log, &mut self.lines, |at, count| {
                let wait = at.duration_since(due).as_nanos() as u64;
                waits.saturating_record_n(wait, count as u64);
            });
            let still_ahead = cursor.bytes_ahead();
            caught_up.map_err(|what| Fault { client: index, what })?;
            if still_ahead > 0 {
                self.ahead.push(index);
                self.bytes_ahead += still_ahead;
            }
        }
        if self.is_complete() {
            (0..self.clients.len()).try_for_each(|index| self.note_if_done(index))?;
        }
        Ok(())
    }

    /// Returns whether the observer has received all of the round.
    fn is_complete(&self) -> bool {
        let all = self.part.lines_of_a_round();
        matches!(&self.clients[OBSERVER].check, Check::Lines(check) if check.heard == all)
    }

    fn note_if_done(&mut self, index: usize) -> Result<(), Fault> {
        let is_complete = self.is_complete();
        let client = &mut self.clients[index];
        let done = match &mut client.check {
            Check::Lines(check) => {
                check.heard == self.part.lines_to_hear(client.speaker, self.echoes, self.rounds)
            }
            Check::Log(cursor) if is_complete => {
                if let Some(what) = cursor.surplus(&self.log, &mut self.lines) {
                    return Err(Fault { client: index, what });
                }
                cursor.is_at_the_end(&self.log)
            }
            Check::Log(_) => false,
        };
        if done && !client.done {
            client.done = true;
            self.waiting -= 1;
        }
        Ok(())
    }
}
