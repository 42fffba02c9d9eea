//! Calls the roll: before the first round to find out whether everybody is in the room and how the
//! server passes lines on, and after the last round to find out whether anything unexpected
//! arrives.

use std::mem::take;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::Check;
use super::{Crowd, OBSERVER};
use crate::check::{CALLER, Cursor, shown};
use crate::protocol::{Protocol, instead};

impl Crowd {
    /// Calls the roll: the first speaker (`by_speaker`) or the observer sends the line `number` of
    /// the calls, if that client is one of ours (`here`), and everybody else should receive it.
    /// Returns whether all have received it in time. A client that joined too late for this call
    /// will receive the next, which has more time because a large room may need it. If the call
    /// should arrive `alone`, anything before it is an error.
    pub fn call_the_roll(
        &mut self,
        number: u32,
        here: bool,
        by_speaker: bool,
        port: u16,
        alone: bool,
    ) -> anyhow::Result<bool> {
        let listeners = self.part.clients - self.part.speakers.len();
        let caller = if by_speaker { listeners } else { OBSERVER };
        let text = self.lines.text(CALLER, number);
        self.call = Some((text.clone(), port));
        for client in &mut self.clients {
            client.done = false;
            client.roll.clear();
        }
        self.waiting = self.clients.len();
        if here {
            if by_speaker {
                self.echo = [format!("{port}:").as_bytes(), &text, b"\n"].concat();
            }
            if !self.echoes {
                self.clients[caller].done = true;
                self.waiting -= 1;
            }
            self.protocol.say(&text, &mut self.clients[caller].unsent);
            self.send(caller)?;
        }
        // Once everybody is known to be there, a second call would only confuse.
        let a_while = Duration::from_secs(number.into());
        let patience = if alone { self.part.patience } else { a_while.min(self.part.patience) };
        let until = Instant::now() + patience;
        while self.waiting > 0 && Instant::now() < until {
            self.wait(Duration::from_millis(100))?;
        }
        if self.waiting > 0 {
            return Ok(false);
        }
        self.call = None;
        for client in &mut self.clients {
            let heard = take(&mut client.roll);
            let lines = heard.iter().filter(|byte| **byte == b'\n').count();
            if alone && self.protocol == Protocol::Lines && lines > 1 {
                let heard = shown(&heard);
                bail!("the client at port {} heard {heard} after the last round", client.port);
            }
        }
        Ok(true)
    }

    /// Expects speakers to receive their own lines as well from now on.
    pub fn expect_echoes(&mut self) {
        self.echoes = true;
        for client in &mut self.clients {
            if let Check::Log(cursor) = &mut client.check {
                *cursor = Cursor::new(None);
            }
        }
    }

    /// Returns whether the first speaker has received its own call of the roll.
    fn has_heard_itself(&self, index: usize) -> bool {
        let first_speaker = self.part.clients - self.part.speakers.len();
        let heard = self.clients[index].roll.windows(self.echo.len().max(1));
        index == first_speaker && heard.into_iter().any(|line| line == self.echo)
    }

    /// Returns the port of the client that calls the roll.
    pub fn caller_port(&self, by_speaker: bool) -> u16 {
        let listeners = self.part.clients - self.part.speakers.len();
        self.clients[if by_speaker { listeners } else { OBSERVER }].port
    }

    /// Returns how many clients have not received the last call of the roll, and what one of them
    /// received.
    pub fn absent(&self) -> (usize, String) {
        let Some(client) = self.clients.iter().find(|client| !client.done) else {
            return (0, "everybody heard it".to_string());
        };
        let port = self.call.as_ref().map_or(0, |(_, port)| *port);
        let heard = instead(&client.roll, port);
        (self.waiting, format!("the one at port {} heard {heard}", client.port))
    }

    /// Records what a client receives while the roll is called.
    pub(super) fn hear_the_call(&mut self, index: usize, heard: &[u8]) -> anyhow::Result<()> {
        let Some((text, sender)) = &self.call else { return Ok(()) };
        let client = &mut self.clients[index];
        client.roll.extend_from_slice(heard);
        client.roll.drain(..client.roll.len().saturating_sub(2 * self.part.size + 1000));
        let heard =
            |protocol: Protocol| protocol.ends_with(&client.roll, text, *sender, client.port);
        if self.protocol == Protocol::Lines && heard(Protocol::Node) {
            self.protocol = Protocol::Node;
            self.lines.without_labels();
        }
        let is_heard = heard(self.protocol);
        self.echoes |= self.protocol == Protocol::Lines && self.has_heard_itself(index);
        let client = &mut self.clients[index];
        if client.roll.windows(5).any(|bytes| bytes == b"PING\r") && self.protocol == Protocol::Nats
        {
            client.unsent.extend_from_slice(b"PONG\r\n");
            self.send(index)?;
        }
        let client = &mut self.clients[index];
        if is_heard && !client.done {
            client.done = true;
            self.waiting -= 1;
        }
        Ok(())
    }
}
