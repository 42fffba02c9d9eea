//! Exercise: from the keyboard to a server and back. The task is in `task.md`.

use std::io::{self, BufRead};

use anyhow::Context;
use shared::{Failure, lesson, show};

fn main() -> Result<(), Failure> {
    let _address = lesson!().address("127.0.0.1:3000");
    // To do: send each line to the server, and show what it answers instead.
    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read standard input")?;
        show(&format!("{}\n", line.trim()));
    }
    Ok(())
}
