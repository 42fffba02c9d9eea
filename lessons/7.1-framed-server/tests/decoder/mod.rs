//! The check of the exercise `own-decoder`: its program is a filter, and proptest makes up what it is
//! given. Everything here is repeatable: a filter has no race, and the random cases are always the same.

use std::fmt::Write;
use std::slice;
use std::thread;
use std::time::Duration;

use checker::{Attempt, LONGEST as LONGEST_WAIT, Outcome, Running};
use harness::{Deadline, resident_memory, virtual_memory};
use lesson_framed_server::LONGEST;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// The bytes that one client sends, in the pieces in which they arrive. No piece is empty.
type Pieces = Vec<Vec<u8>>;

pub fn check(attempt: &Attempt) -> Outcome {
    // The diagnoses show what the program prints.
    ["(", "- ", "finished", "unfinished", "refused"].iter().for_each(|word| attempt.causes(word));
    known_cases(attempt, &bad_lengths())?;
    random_cases(attempt)?;
    known_cases(attempt, &borders())?;
    takes_no_memory_for_a_length(attempt)?;
    keeps_no_message(attempt)
}

fn known_cases(attempt: &Attempt, cases: &[Pieces]) -> Outcome {
    match failures(attempt, cases)?.first() {
        Some((place, came)) => Err(alone(attempt, &cases[*place], came)?),
        None => Ok(()),
    }
}

/// How many cases proptest makes up. They take a right answer less than a second.
const CASES: usize = 500;

fn random_cases(attempt: &Attempt) -> Outcome {
    let mut runner = TestRunner::deterministic();
    let made =
        (0..CASES).map(|_| any_pieces().new_tree(&mut runner)).collect::<Result<Vec<_>, _>>();
    let mut trees = made.map_err(|why| format!("the check itself cannot make up a case: {why}"))?;
    let cases: Vec<Pieces> = trees.iter().map(ValueTree::current).collect();
    let failures = failures(attempt, &cases)?;
    let size = |(place, _): &&(usize, String)| line_of(&cases[*place]).len();
    let Some((place, came)) = failures.iter().min_by_key(size) else { return Ok(()) };
    match smallest_failure(attempt, &mut trees[*place])? {
        Some(smallest) => {
            let finding = alone(attempt, &smallest, "")?;
            Err(format!("proptest has made this out of a larger input: {finding}"))
        }
        None => Err(alone(attempt, &cases[*place], came)?),
    }
}

/// Makes the case smaller as long as it fails. Returns `None` if it does not fail on its own.
fn smallest_failure(
    attempt: &Attempt,
    tree: &mut impl ValueTree<Value = Pieces>,
) -> Outcome<Option<Pieces>> {
    let deadline = Deadline::after(LONGEST_WAIT);
    let mut smallest = None;
    loop {
        let case = tree.current();
        let fails = !failures(attempt, slice::from_ref(&case))?.is_empty();
        if fails {
            smallest = Some(case);
        }
        let goes_on = if fails { tree.simplify() } else { tree.complicate() };
        if !goes_on || smallest.is_none() || deadline.is_over() {
            return Ok(smallest);
        }
    }
}

/// Gives all cases to one process. Returns those for which it has not printed what it should, and what it has
/// printed instead, up to the first one for which it has printed nothing.
fn failures(attempt: &Attempt, cases: &[Pieces]) -> Outcome<Vec<(usize, String)>> {
    let program = attempt.start(&[]);
    for case in cases {
        // A program that does not take its input has not printed all lines either.
        if program.type_bytes(&line_of(case)).is_err() {
            break;
        }
    }
    program.close_stdin();
    let ended = program.expect_exit("the input ended");
    program.kill();
    let printed = program.stdout();
    let mut lines = printed.lines();
    let mut failures = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        match lines.next() {
            Some(line) if line == expected(case) => {}
            Some(line) => failures.push((place, shown_words(line))),
            None => {
                let goes_on = if ended.is_ok() { "" } else { " and went on running" };
                failures.push((place, format!("nothing{goes_on}")));
                return Ok(failures);
            }
        }
    }
    ended?;
    match lines.next() {
        Some(line) => Err(format!(
            "{} lines were typed, so the program should print as many, but it also printed {}",
            cases.len(),
            shown_words(line)
        )),
        None => Ok(failures),
    }
}

/// Returns the diagnosis of a case that has failed. `before` is what came when it was not alone.
fn alone(attempt: &Attempt, case: &Pieces, before: &str) -> Outcome<String> {
    let again = failures(attempt, slice::from_ref(case))?.pop();
    let and_alone = match &again {
        Some(_) => "",
        None => {
            ". When this client is the only one, the program prints the right line, so something \
             is left over from another client"
        }
    };
    let came = again.map_or(before.to_string(), |(_, came)| came);
    let bytes = case.iter().map(Vec::len).sum::<usize>();
    let sent = match (bytes, case.len()) {
        (0, _) => "an empty line was typed, for a client that sends nothing".to_string(),
        (1, _) => format!("1 byte arrived: {}", shown_pieces(case)),
        (_, 1) => format!("{bytes} bytes arrived in one piece: {}", shown_pieces(case)),
        (_, pieces) => format!("{bytes} bytes arrived in {pieces} pieces: {}", shown_pieces(case)),
    };
    let wanted = shown_words(&expected(case));
    Ok(format!("{sent}. The program should print {wanted}, but it printed {came}{and_alone}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a string takes everything
        text
    })
}

fn line_of(pieces: &Pieces) -> Vec<u8> {
    let words: Vec<String> = pieces.iter().map(|piece| hex(piece)).collect();
    (words.join(" ") + "\n").into_bytes()
}

fn shown_pieces(pieces: &Pieces) -> String {
    shown_words(&String::from_utf8_lossy(&line_of(pieces)))
}

/// Shows a line that may be long: the beginnings of its words, and not all of them.
fn shown_words(line: &str) -> String {
    const WORDS: usize = 20;
    const LONGEST_WORD: usize = 48;
    let words: Vec<&str> = line.split_whitespace().collect();
    let shown = words.iter().take(WORDS).map(|word| match word.char_indices().nth(LONGEST_WORD) {
        Some((end, _)) => format!("{}...[{} characters in all]", &word[..end], word.len()),
        None => word.to_string(),
    });
    let shown = shown.collect::<Vec<_>>().join(" ");
    match words.len().checked_sub(WORDS) {
        Some(more @ 1..) => format!("`{shown}` and {more} words more"),
        _ => format!("`{shown}`"),
    }
}

/// Returns what a right program prints. It decodes everything that has arrived anew after each piece, so
/// that it cannot be wrong at a cut.
fn expected(pieces: &Pieces) -> String {
    let (mut line, mut arrived, mut told) = (String::new(), Vec::new(), 0);
    let mut end = End::Between;
    for piece in pieces {
        arrived.extend(piece);
        let (messages, at_the_end) = decoded(&arrived);
        for message in &messages[told..] {
            line += &format!("({})", hex(message));
        }
        if let End::Refused = at_the_end {
            return line + "refused";
        }
        line += if messages.len() == told { "- " } else { " " };
        (told, end) = (messages.len(), at_the_end);
    }
    line + if let End::Within = end { "unfinished" } else { "finished" }
}

enum End {
    Between,
    Within,
    Refused,
}

fn decoded(mut bytes: &[u8]) -> (Vec<&[u8]>, End) {
    let mut messages = Vec::new();
    loop {
        let (length, rest) = match *bytes {
            [] => return (messages, End::Between),
            [a @ ..0x80, ref rest @ ..] => (usize::from(a), rest),
            [a, b @ ..0x80, ref rest @ ..] => (low(a) + (usize::from(b) << 7), rest),
            [a, b, c @ ..0x80, ref rest @ ..] => {
                (low(a) + (low(b) << 7) + (usize::from(c) << 14), rest)
            }
            [_, _, _, ..] => return (messages, End::Refused),
            _ => return (messages, End::Within),
        };
        if length > LONGEST {
            return (messages, End::Refused);
        }
        if rest.len() < length {
            return (messages, End::Within);
        }
        let (message, later) = rest.split_at(length);
        messages.push(message);
        bytes = later;
    }
}

fn low(byte: u8) -> usize {
    usize::from(byte & 0x7f)
}

/// Returns a message in its frame, whose length takes `least` bytes or more.
fn framed(message: &[u8], least: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut left = message.len();
    while left > 0x7f || bytes.len() + 1 < least {
        bytes.push(left as u8 | 0x80); // `as` keeps the lowest bits
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes.extend(message);
    bytes
}

fn message_of(length: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(length).collect()
}

/// Returns bad lengths, each in one piece, the smallest first, so that a learner is shown a small one.
fn bad_lengths() -> Vec<Pieces> {
    let cases: [&[u8]; 14] = [
        b"\x01a",
        b"",
        b"\0",
        b"\x80",
        b"\0\0",
        b"\x80\0",
        b"\x80\x80\0\0",
        b"\x80\x80\x80",
        b"\x80\x80\x04",
        b"\x81\x80\x04",
        b"\xff\xff\x7f",
        b"\x01a\xff\xff\x7f\x01b",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a",
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0\x01a",
    ];
    let in_one_piece = |bytes: &[u8]| match bytes {
        [] => Vec::new(),
        bytes => vec![bytes.to_vec()],
    };
    cases.into_iter().map(in_one_piece).collect()
}

/// Returns messages at whose length the number of bytes changes, and many messages or pieces.
fn borders() -> Vec<Pieces> {
    let mut cases = Vec::new();
    for length in [127, 128, 129, 255, 256, 300, 16_383, 16_384, 16_385, LONGEST - 1, LONGEST] {
        let bytes = [framed(&message_of(length), 1), framed(b"z", 1)].concat();
        let cut = |at: usize| vec![bytes[..at].to_vec(), bytes[at..].to_vec()];
        cases.extend([cut(1), cut(bytes.len() - 3), vec![bytes.clone()]]);
    }
    cases.push(framed(&message_of(1000), 1).into_iter().map(|byte| vec![byte]).collect());
    cases.push(vec![vec![0; 20_000]]);
    cases
}

/// Some bytes, and whether a piece ends with them. A cut belongs to the bytes before it, so it stays where
/// it is when proptest leaves out others.
type Part = (Vec<u8>, bool);

/// Makes up frames, nearly frames, or any bytes, cut anywhere.
fn any_pieces() -> impl Strategy<Value = Pieces> {
    let frames = prop::collection::vec(any_frame().prop_flat_map(any_parts), 0..8);
    let endings = vec![&b""[..], b"", b"", b"\x80\x80\x80", b"\x81\x80\x04", b"\xff\xff\x7f\x01a"];
    let ending = select(endings).prop_map(<[u8]>::to_vec);
    let begun = (any_frame(), any::<Index>()).prop_map(|(mut frame, end)| {
        frame.truncate(end.index(frame.len()));
        frame
    });
    let ending = prop_oneof![3 => ending, 1 => begun].prop_flat_map(any_parts);
    let frames = (frames, ending).prop_map(|(frames, ending)| [frames.concat(), ending].concat());
    let byte = prop_oneof![Just(0), Just(1), Just(2), Just(0x80), Just(0x81), any::<u8>()];
    let byte = (byte.prop_map(|byte| vec![byte]), prop::bool::weighted(0.3));
    prop_oneof![4 => frames, 1 => prop::collection::vec(byte, 0..60)].prop_map(joined)
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let borders = vec![126, 127, 128, 129, 255, 256, 16_383, 16_384, 65_535, 65_536];
    let length = prop_oneof![12 => 0..4usize, 6 => 0..600usize, 1 => select(borders)];
    let first = prop_oneof![Just(b'a'), any::<u8>()];
    let least = prop_oneof![4 => Just(1), 1 => 1..=3usize];
    (length, first, least).prop_map(|(length, first, least)| {
        let message: Vec<u8> = (0..length).map(|place| first.wrapping_add(place as u8)).collect();
        framed(&message, least)
    })
}

/// Cuts the bytes in a few places, or nowhere.
fn any_parts(bytes: Vec<u8>) -> impl Strategy<Value = Vec<Part>> {
    let place = prop_oneof![0..5usize, 0..=bytes.len()];
    (prop::collection::vec(place, 0..3), any::<bool>()).prop_map(move |(mut places, ends)| {
        places.sort_unstable();
        let mut begin = 0;
        let mut parts = Vec::new();
        for place in places {
            let end = place.clamp(begin, bytes.len());
            parts.push((bytes[begin..end].to_vec(), true));
            begin = end;
        }
        parts.push((bytes[begin..].to_vec(), ends));
        parts
    })
}

fn joined(parts: Vec<Part>) -> Pieces {
    let mut pieces = vec![Vec::new()];
    for (bytes, ends) in parts {
        if let Some(piece) = pieces.last_mut() {
            piece.extend(bytes);
        }
        if ends {
            pieces.push(Vec::new());
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Lets many clients announce the longest message and send one byte of it. The addresses of a decoder
/// reveal that it takes memory for what has not arrived, even if it has not used that memory yet. Only
/// Linux tells how many addresses a program has.
fn takes_no_memory_for_a_length(attempt: &Attempt) -> Outcome {
    const CLIENTS: usize = 2000;
    let addresses_with = |clients: usize| -> Outcome<Option<u64>> {
        let program = attempt.start(&[]);
        program.type_bytes("808004 61\n".repeat(clients).as_bytes())?;
        let after =
            format!("{clients} times the line `808004 61` was typed, and the input had not ended");
        program.expect_lines_on_stdout(&after, clients, "- - unfinished")?;
        let addresses = virtual_memory(program.process_id());
        ends(&program)?;
        Ok(addresses)
    };
    let (Some(one), Some(all)) = (addresses_with(1)?, addresses_with(CLIENTS)?) else {
        return Ok(());
    };
    let for_each = all.saturating_sub(one) / CLIENTS as u64 / 1024;
    if for_each < 16 {
        return Ok(());
    }
    Err(format!(
        "{CLIENTS} clients announced 65,536 bytes and sent one of them (`808004 61`). That should \
         take hardly any memory, but the program took {for_each} KiB for each of them"
    ))
}

/// Lets clients send a lot and stay. After each piece, a part of a frame is left over, because a
/// program that throws messages away only when nothing is left over then keeps all of them.
fn keeps_no_message(attempt: &Attempt) -> Outcome {
    const FIRST: usize = 5; // what a program needs for one line and the next, it has by then
    const CLIENTS: usize = 10;
    const PIECES: usize = 64;
    const PIECE: usize = 64 * 63; // of so many bytes, so that each piece ends within a message
    let messages = framed(&message_of(62), 1).repeat(64 * PIECES);
    let bytes = [framed(b"a", 1), messages].concat();
    let client: Pieces = bytes.chunks_exact(PIECE).map(<[u8]>::to_vec).collect();
    let (line, answer) = (line_of(&client), expected(&client).len() + 1);
    let program = attempt.start(&[]);
    let memory_after = |clients: usize| {
        program.type_bytes(&line)?;
        let deadline = Deadline::after(attempt.patience());
        while program.stdout().len() < clients * answer {
            if deadline.is_over() {
                return Err("a client sent 4,096 messages, and the program did not print all of them before the \
                            next line was typed"
                    .to_string());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(resident_memory(program.process_id()))
    };
    let memory = (1..=CLIENTS).map(memory_after).collect::<Outcome<Vec<Option<u64>>>>()?;
    ends(&program)?;
    let (Some(first), Some(last)) = (memory[FIRST - 1], memory[CLIENTS - 1]) else { return Ok(()) };
    let for_each = last.saturating_sub(first) / (CLIENTS - FIRST) as u64 / 1024;
    if for_each < 128 {
        return Ok(());
    }
    Err(format!(
        "{CLIENTS} clients sent 252 KiB of messages each, and each piece ended within a message. \
         The program should keep at most 64 KiB of that, but its memory grew by {for_each} KiB \
         for each of them"
    ))
}

fn ends(program: &Running) -> Outcome {
    program.close_stdin();
    program.expect_exit("the input ended").map(drop)
}
