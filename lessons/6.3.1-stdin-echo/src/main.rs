// ANCHOR: header
//! 6.3.1 Keyboard input: each line typed comes back trimmed.
//!
//!     cargo run -p lesson-stdin-echo

use std::io::{self, BufRead, Read};

use anyhow::Context;
use shared::{Failure, Utf8Decoder, lesson, print_or_exit, trim};
// ANCHOR_END: header

// ANCHOR: longest
/// A longer line comes back in pieces, so that no input can fill the memory.
const LONGEST: u64 = 64 * 1024; // bytes
// ANCHOR_END: longest

// ANCHOR: main
fn main() -> Result<(), Failure> {
    lesson!().no_arguments();

    let mut keyboard = io::stdin().lock();
    let mut decoder = Utf8Decoder::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut keyboard)
            .take(LONGEST)
            .read_until(b'\n', &mut line) // waits until Enter is pressed
            .context("cannot read standard input, which may be a terminal, a file or a pipe")?;

        let text = match length {
            0 => decoder.finish(),      // `end`: Ctrl-D, on Windows Ctrl-Z and Enter
            _ => decoder.decode(&line), // `data`
        };
        // Perhaps only the first bytes of a character have arrived: that is not text yet.
        if !text.is_empty() {
            print_or_exit(&format!("{}\n", trim(&text)));
        }
        if length == 0 {
            return Ok(());
        }
    }
}
// ANCHOR_END: main
