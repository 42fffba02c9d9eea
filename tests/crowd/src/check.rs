//! Checks that every client receives what it should: each line once, every byte of it, and all
//! clients in the same order.
//!
//! Each line says who sent it, and which of that speaker's lines it is. One client, the observer,
//! never speaks, so it receives everything: its lines are taken apart one by one ([`LineCheck`])
//! and form the [`Log`]. All other clients receive the same bytes except their own lines, so a
//! single comparison of memory covers as many lines as a read returns ([`Cursor`]). That keeps up
//! with gigabytes a second.

use std::fmt::Display;
use std::ops::Range;
use std::time::Instant;

/// The length of a text's beginning: six digits for the speaker, a point, eight for the number of
/// the line, and a space.
pub const HEAD: usize = 16;

/// The number of lines after which a speaker starts again at 0.
const LINES: u32 = 100_000_000;

/// The speaker that calls the roll before a measurement. Real speakers are numbered from 1.
pub const CALLER: usize = 0;

/// Makes texts, and takes lines apart.
pub struct Lines {
    /// The length of a text in bytes.
    size: usize,
    /// Whether each line begins with its speaker's label and a colon.
    labelled: bool,
    /// The label of each speaker, once it is known. A speaker of our own has its port as a label.
    labels: Vec<Option<Vec<u8>>>,
    /// The bytes that fill up texts.
    filler: Vec<u8>,
}

impl Lines {
    /// Creates lines with texts of `size` bytes for `speakers` speakers.
    pub fn new(size: usize, speakers: usize) -> Lines {
        let filler = (b'a'..=b'z').cycle().take(size + 26).collect();
        Lines { size, labelled: true, labels: vec![None; speakers + 1], filler }
    }

    /// Expects no labels, because the protocol has none.
    pub fn without_labels(&mut self) {
        self.labelled = false;
    }

    /// Expects lines of `speaker` to begin with `label`.
    pub fn set_label(&mut self, speaker: usize, label: impl Display) {
        self.labels[speaker] = Some(label.to_string().into_bytes());
    }

    /// Returns the text of line `number` of `speaker`.
    pub fn text(&self, speaker: usize, number: u32) -> Vec<u8> {
        let number = number % LINES;
        let mut text = format!("{speaker:06}.{number:08} ").into_bytes();
        text.extend_from_slice(self.fill(speaker, number));
        text
    }

    fn fill(&self, speaker: usize, number: u32) -> &[u8] {
        let start = (speaker + number as usize) % 26;
        &self.filler[start..start + self.size - HEAD]
    }

    /// Returns the speaker and the number of a line, which comes without its newline.
    fn take_apart(&mut self, line: &[u8]) -> Option<(usize, u32)> {
        let text_start = line.len().checked_sub(self.size)?;
        let (label, text) = line.split_at(text_start);
        let speaker = digits(&text[..6])?;
        let number = digits(&text[7..15])? as u32;
        let as_said = text[6] == b'.'
            && text[15] == b' '
            && text[HEAD..] == *self.fill(speaker, number)
            && speaker != CALLER;
        if !as_said {
            return None;
        }
        if self.labelled {
            let label = label.strip_suffix(b":")?;
            let known = self.labels.get_mut(speaker)?.get_or_insert_with(|| label.to_vec());
            (known == label).then_some((speaker, number))
        } else {
            (label.is_empty() && speaker < self.labels.len()).then_some((speaker, number))
        }
    }

    /// Returns the beginning of a line's text.
    fn head(&self, speaker: usize, number: u32) -> String {
        let text = self.text(speaker, number);
        format!("line \"{}...\"", String::from_utf8_lossy(&text[..HEAD + 4]))
    }
}

fn digits(text: &[u8]) -> Option<usize> {
    text.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0'))
    })
}

/// Takes the lines of one client apart, each by itself.
pub struct LineCheck {
    /// The beginning of a line whose end has not arrived yet.
    begun: Vec<u8>,
    /// The number of each speaker's next line.
    next: Vec<u32>,
    /// The number of lines of this round that have arrived.
    pub heard: usize,
}

impl LineCheck {
    /// Creates a check for a room with that many speakers.
    pub fn new(speakers: usize) -> LineCheck {
        LineCheck { begun: Vec::new(), next: vec![0; speakers + 1], heard: 0 }
    }

    /// Checks what has been received, and calls `each` with the speaker and all bytes of each whole
    /// line. An error says what is wrong.
    pub fn check(
        &mut self,
        mut heard: &[u8],
        lines: &mut Lines,
        mut each: impl FnMut(usize, &[u8]),
    ) -> Result<(), String> {
        while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = heard.split_at(end + 1);
            heard = rest;
            if self.begun.is_empty() {
                each(self.line(line, lines)?, line);
            } else {
                self.begun.extend_from_slice(line);
                let line = std::mem::take(&mut self.begun);
                each(self.line(&line, lines)?, &line);
            }
        }
        self.begun.extend_from_slice(heard);
        if self.begun.len() > lines.size + 1000 {
            return Err(format!("heard {}, which nobody said", shown(&self.begun)));
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], lines: &mut Lines) -> Result<usize, String> {
        let said = line.strip_suffix(b"\n").unwrap_or(line);
        let (speaker, number) = lines
            .take_apart(said)
            .ok_or_else(|| format!("heard {}, which was never said", shown(line)))?;
        let expected = self.next[speaker] % LINES;
        if number != expected {
            return Err(format!(
                "heard {} where {} of the same speaker was due: {}",
                lines.head(speaker, number),
                lines.head(speaker, expected),
                if number < expected { "twice, or late" } else { "something is lost" },
            ));
        }
        self.next[speaker] += 1;
        self.heard += 1;
        Ok(speaker)
    }

    /// Returns the line that has not arrived, if `said` tells how many lines each speaker has sent.
    pub fn missing(&self, said: impl Fn(usize) -> usize, lines: &Lines) -> Option<String> {
        let is_behind = |speaker: &usize| (self.next[*speaker] as usize) < said(*speaker);
        let speaker = (1..self.next.len()).find(is_behind)?;
        Some(lines.head(speaker, self.next[speaker]))
    }
}

/// All lines of a round, in the order in which the observer received them.
#[derive(Default)]
pub struct Log {
    bytes: Vec<u8>,
    /// The end of each line.
    ends: Vec<usize>,
    /// The ranges of the lines of each of our own speakers.
    own: Vec<Vec<Range<usize>>>,
}

impl Log {
    /// Creates a log with that many speakers of our own.
    pub fn new(own_speakers: usize) -> Log {
        Log { own: vec![Vec::new(); own_speakers], ..Log::default() }
    }

    /// Forgets the last round.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.own.iter_mut().for_each(Vec::clear);
    }

    /// Adds a line, with its newline. `own` says which of our own speakers sent it, if any.
    pub fn add(&mut self, own: Option<usize>, line: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
        if let Some(own) = own.and_then(|own| self.own.get_mut(own)) {
            own.push(start..self.bytes.len());
        }
    }

    /// Returns all bytes of the round so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn line_at(&self, offset: usize) -> Range<usize> {
        let index = self.ends.partition_point(|end| *end <= offset);
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        start..self.ends.get(index).copied().unwrap_or(self.bytes.len())
    }
}

/// How far into the log a client has received.
#[derive(Default)]
pub struct Cursor {
    /// The number of this client among our own speakers, if it is one. It does not receive its own
    /// lines.
    own: Option<usize>,
    /// The number of its own lines that it has passed.
    own_passed: usize,
    offset: usize,
    /// The number of whole lines of others that it has received.
    heard: usize,
    /// The bytes that arrived before the observer had them, and when they arrived.
    ahead: Vec<(Instant, Vec<u8>)>,
}

impl Cursor {
    /// Creates a cursor for a client that may be one of our own speakers.
    pub fn new(own: Option<usize>) -> Cursor {
        Cursor { own, ..Cursor::default() }
    }

    /// Goes back to the log's beginning, for a new round.
    pub fn rewind(&mut self) {
        *self = Cursor::new(self.own);
    }

    /// Compares what was received with the log, and returns how many lines it completes. Keeps
    /// bytes that lie beyond the end of the log until the log has grown. An error says what is
    /// wrong.
    pub fn check(
        &mut self,
        log: &Log,
        lines: &mut Lines,
        heard: &[u8],
        at: Instant,
    ) -> Result<usize, String> {
        if !self.ahead.is_empty() {
            self.ahead.push((at, heard.to_vec()));
            return Ok(0);
        }
        let (count, compared) = self.compare(log, lines, heard)?;
        if compared < heard.len() {
            self.ahead.push((at, heard[compared..].to_vec()));
        }
        Ok(count)
    }

    /// Compares what arrived ahead of the log, now that the log has grown. Calls `each` with the
    /// time at which bytes arrived, and how many lines they completed.
    pub fn catch_up(
        &mut self,
        log: &Log,
        lines: &mut Lines,
        mut each: impl FnMut(Instant, usize),
    ) -> Result<(), String> {
        for (at, heard) in std::mem::take(&mut self.ahead) {
            each(at, self.check(log, lines, &heard, at)?);
        }
        Ok(())
    }

    /// Returns how many bytes have arrived ahead of the log.
    pub fn bytes_ahead(&self) -> usize {
        self.ahead.iter().map(|(_, heard)| heard.len()).sum()
    }

    /// Returns whether exactly the contents of the log have arrived.
    pub fn is_at_the_end(&mut self, log: &Log) -> bool {
        self.pass_own(log);
        self.offset == log.bytes.len() && self.ahead.is_empty()
    }

    /// Returns what is wrong if more was received than was sent.
    pub fn surplus(&self, log: &Log, lines: &mut Lines) -> Option<String> {
        let (_, heard) = self.ahead.first()?;
        Some(self.fault(log, lines, heard, "nothing more was said"))
    }

    /// Returns how many lines have been received, and which one is due.
    pub fn due(&mut self, log: &Log) -> (usize, String) {
        self.pass_own(log);
        (self.heard, shown(&log.bytes[log.line_at(self.offset)]))
    }

    fn compare(
        &mut self,
        log: &Log,
        lines: &mut Lines,
        heard: &[u8],
    ) -> Result<(usize, usize), String> {
        let mut compared = 0;
        loop {
            let next_own = self.pass_own(log);
            let count = (heard.len() - compared).min(next_own - self.offset);
            if count == 0 {
                break;
            }
            let expected = &log.bytes[self.offset..self.offset + count];
            let rest = &heard[compared..];
            if rest[..count] != *expected {
                let same = rest.iter().zip(expected).take_while(|(a, b)| a == b).count();
                self.offset += same;
                let due = shown(&log.bytes[log.line_at(self.offset)]);
                return Err(self.fault(log, lines, &rest[same..], &format!("{due} was due")));
            }
            self.offset += count;
            compared += count;
        }
        let before = self.heard;
        let whole = before + log.ends[before..].partition_point(|end| *end <= self.offset);
        self.heard = whole - self.own_passed;
        Ok((self.heard - before, compared))
    }

    /// Skips the client's own lines, and returns where the next of them begins, or the log's end.
    fn pass_own(&mut self, log: &Log) -> usize {
        let own = self.own.map_or(&[][..], |own| &log.own[own]);
        while let Some(line) = own.get(self.own_passed) {
            if line.start > self.offset {
                return line.start;
            }
            self.offset = line.end;
            self.own_passed += 1;
        }
        log.bytes.len()
    }

    /// Describes in words what is wrong if `rest` arrives at this place of the log.
    fn fault(&self, log: &Log, lines: &mut Lines, rest: &[u8], due: &str) -> String {
        let begun = &log.bytes[log.line_at(self.offset).start..self.offset];
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let line = [begun, &rest[..end]].concat();
        let starts = std::iter::once(0).chain(log.ends.iter().copied());
        let place = starts.into_iter().find(|start| log.bytes[*start..].starts_with(&line));
        let own = self.own.map_or(&[][..], |own| &log.own[own]);
        let kind = match place {
            Some(start) if own.iter().any(|line| line.start == start) => "its own line",
            Some(start) if start < self.offset => "a line that it had heard already",
            None if lines.take_apart(line.trim_ascii_end()).is_none() => "which was never said",
            _ => "so a line is lost, or the order is not that of the others",
        };
        format!("heard {} where {due}: {kind}", shown(&line))
    }
}

/// Returns the bytes in quotes, safe to print and not too long.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    format!("{text:?}{}", if bytes.len() > 60 { "..." } else { "" })
}
