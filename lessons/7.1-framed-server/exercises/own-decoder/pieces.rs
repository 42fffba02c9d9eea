//! A decoder, tried without a network. Each line of the input stands for a client: it holds the pieces
//! that arrive from this client, in hexadecimal digits, with spaces between them.
//!
//!     echo "0268 69 00" | cargo run

use std::io;

use anyhow::{Context, anyhow};
use lesson_framed_server::LONGEST;
use shared::{Failure, print_or_exit};

/// Takes messages out of bytes that arrive in pieces, cut anywhere.
#[derive(Default)]
struct Decoder {
    arrived: Vec<u8>,
}

/// A length that is too long, or that does not end.
struct BadLength;

impl Decoder {
    /// Adds the bytes that a read has returned, of which there is at least one.
    fn add(&mut self, piece: &[u8]) {
        self.arrived.extend_from_slice(piece);
    }

    /// Returns the next message if all of it has arrived.
    fn next_message(&mut self) -> Result<Option<Vec<u8>>, BadLength> {
        // This is where your decoder belongs. For now, whatever a read returns is a message.
        match self.arrived.len() {
            0 => Ok(None),
            1..=LONGEST => Ok(Some(std::mem::take(&mut self.arrived))),
            _ => Err(BadLength),
        }
    }

    /// Returns whether a frame has begun and is not complete.
    fn is_within_a_frame(&self) -> bool {
        !self.arrived.is_empty()
    }
}

fn main() -> Result<(), Failure> {
    let mut clients = Vec::new(); // all of them stay until the input ends
    for line in io::stdin().lines() {
        let mut decoder = Decoder::default();
        let shown = what_comes_out(&mut decoder, &line.context("cannot read the input")?)?;
        print_or_exit(&(shown + "\n"));
        clients.push(decoder);
    }
    Ok(())
}

/// Returns a word for each piece, and one for the end.
fn what_comes_out(decoder: &mut Decoder, line: &str) -> anyhow::Result<String> {
    let mut shown = String::new();
    for piece in line.split_whitespace() {
        decoder.add(&bytes(piece)?);
        let before = shown.len();
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => add_message(&mut shown, &message),
                Ok(None) => break,
                Err(BadLength) => return Ok(shown + "refused"),
            }
        }
        shown += if shown.len() == before { "- " } else { " " };
    }
    let end = if decoder.is_within_a_frame() { "unfinished" } else { "finished" };
    Ok(shown + end)
}

fn bytes(piece: &str) -> anyhow::Result<Vec<u8>> {
    let digits: Option<Vec<u32>> = piece.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0);
    let digits = digits.ok_or_else(|| {
        anyhow!("{piece:?} is not made of bytes\nWrite each byte as two digits, such as 0a.")
    })?;
    Ok(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

fn add_message(shown: &mut String, message: &[u8]) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    shown.push('(');
    for byte in message {
        shown.push(DIGITS[usize::from(byte >> 4)]);
        shown.push(DIGITS[usize::from(byte & 15)]);
    }
    shown.push(')');
}
