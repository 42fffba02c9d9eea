//! Whether every client hears what it should: each line once, every byte of it, and all clients in
//! one order.
//!
//! What a line says tells who said it and which of his lines it is. One client, the observer, never
//! speaks, so it hears everything: its lines are taken apart one by one ([`LineCheck`]), and make up
//! the [`Log`]. Everybody else hears the same bytes but for its own lines, so that one comparison of
//! memory does for as many lines as a read brings ([`Cursor`]). That keeps up with gigabytes a
//! second.

use std::fmt::Display;
use std::ops::Range;
use std::time::Instant;

/// How a text begins: six digits for who says it, a point, eight for which of his lines it is, and
/// a space.
pub const HEAD: usize = 16;

/// The number of the line after which a speaker begins again at 0.
const LINES: u32 = 100_000_000;

/// Says the calls of the roll before a measurement. Speakers are numbered from 1.
pub const CALLER: usize = 0;

/// Makes texts, and takes lines apart.
pub struct Lines {
    /// Bytes of a text.
    size: usize,
    /// Whether each line begins with its speaker's label and a colon.
    labelled: bool,
    /// The label of each speaker, once it is known. A speaker of our own has his port as a label.
    labels: Vec<Option<Vec<u8>>>,
    /// What texts are filled up with.
    filler: Vec<u8>,
}

impl Lines {
    /// For texts of `size` bytes by `speakers` speakers.
    pub fn new(size: usize, speakers: usize) -> Lines {
        let filler = (b'a'..=b'z').cycle().take(size + 26).collect();
        Lines { size, labelled: true, labels: vec![None; speakers + 1], filler }
    }

    /// There are no labels, because the protocol has none.
    pub fn without_labels(&mut self) {
        self.labelled = false;
    }

    /// Says that lines of `speaker` must begin with `label`.
    pub fn set_label(&mut self, speaker: usize, label: impl Display) {
        self.labels[speaker] = Some(label.to_string().into_bytes());
    }

    /// The text with which `speaker` says his line `number`.
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

    /// Who says the line, without its newline, and which of his lines it is.
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

    /// A line whose text is nothing but its first words.
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
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
    /// Which line of each speaker comes next.
    next: Vec<u32>,
    /// How many lines of this round have come.
    pub heard: usize,
}

impl LineCheck {
    /// For a room with that many speakers.
    pub fn new(speakers: usize) -> LineCheck {
        LineCheck { begun: Vec::new(), next: vec![0; speakers + 1], heard: 0 }
    }

    /// Checks what has been heard, and calls `each` with the speaker and all bytes of each whole
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
            .ok_or_else(|| format!("heard {}, which nobody said so", shown(line)))?;
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

    /// The line that has not come, where `said` tells how many each speaker has said.
    pub fn missing(&self, said: impl Fn(usize) -> usize, lines: &Lines) -> Option<String> {
        let is_behind = |speaker: &usize| (self.next[*speaker] as usize) < said(*speaker);
        let speaker = (1..self.next.len()).find(is_behind)?;
        Some(lines.head(speaker, self.next[speaker]))
    }
}

/// All lines of a round in the order in which the observer heard them.
#[derive(Default)]
pub struct Log {
    bytes: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
    /// Where the lines of each of our own speakers are.
    own: Vec<Vec<Range<usize>>>,
}

impl Log {
    /// For that many speakers of our own.
    pub fn new(own_speakers: usize) -> Log {
        Log { own: vec![Vec::new(); own_speakers], ..Log::default() }
    }

    /// Forgets the last round.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.own.iter_mut().for_each(Vec::clear);
    }

    /// Adds a line, with its newline. `own` is which of our own speakers said it, if any.
    pub fn add(&mut self, own: Option<usize>, line: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
        if let Some(own) = own.and_then(|own| self.own.get_mut(own)) {
            own.push(start..self.bytes.len());
        }
    }

    /// All bytes of the round so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn line_at(&self, offset: usize) -> Range<usize> {
        let index = self.ends.partition_point(|end| *end <= offset);
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        start..self.ends.get(index).copied().unwrap_or(self.bytes.len())
    }
}

/// How far a client has heard the log.
#[derive(Default)]
pub struct Cursor {
    /// Which of our own speakers this client is, if any: it does not hear what it says itself.
    own: Option<usize>,
    /// How many of its own lines lie behind.
    own_passed: usize,
    offset: usize,
    /// How many lines of others it has heard whole.
    heard: usize,
    /// What it has heard before the observer did, and when.
    ahead: Vec<(Instant, Vec<u8>)>,
}

impl Cursor {
    /// For a client that is one of our own speakers, or none of them.
    pub fn new(own: Option<usize>) -> Cursor {
        Cursor { own, ..Cursor::default() }
    }

    /// Goes back to the log's beginning, for a new round.
    pub fn rewind(&mut self) {
        *self = Cursor::new(self.own);
    }

    /// Compares what was heard with the log, and returns how many lines have become whole by it.
    /// What comes after the log's end is kept until the log has grown. An error says what is wrong.
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

    /// Compares what was heard ahead of the log, now that the log has grown. Calls `each` with the
    /// time at which something was heard, and how many lines became whole by it.
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

    /// How many bytes have been heard ahead of the log.
    pub fn bytes_ahead(&self) -> usize {
        self.ahead.iter().map(|(_, heard)| heard.len()).sum()
    }

    /// Whether exactly what the log holds has been heard.
    pub fn is_at_the_end(&mut self, log: &Log) -> bool {
        self.pass_own(log);
        self.offset == log.bytes.len() && self.ahead.is_empty()
    }

    /// What is wrong with having heard more than was said, if that is so.
    pub fn surplus(&self, log: &Log, lines: &mut Lines) -> Option<String> {
        let (_, heard) = self.ahead.first()?;
        Some(self.fault(log, lines, heard, "nothing more was said"))
    }

    /// How many lines have been heard, and which one is due.
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

    /// Steps over its own lines, and returns where the next of them begins, or the log's end.
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

    /// Says in words what is wrong with hearing `rest` at this place of the log.
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
            None if lines.take_apart(line.trim_ascii_end()).is_none() => "which nobody said so",
            _ => "so a line is lost, or the order is not that of the others",
        };
        format!("heard {} where {due}: {kind}", shown(&line))
    }
}

/// The bytes in quotes, safe to print and not too long.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    format!("{text:?}{}", if bytes.len() > 60 { "..." } else { "" })
}
