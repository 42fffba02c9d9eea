//! Measures how long the readers of the broadcast server wait when others do not read:
//!
//!     cargo bench -p measure --bench slow_readers                (0, 1 and 100 that never read)
//!     cargo bench -p measure --bench slow_readers -- 10          (another number)
//!
//! A sender sends 150 MB in blocks of lines, and a reader waits for each block. Meanwhile, clients
//! that never read fill up and are disconnected. The server runs in a release build. What counts is
//! the comparison with the run in which everybody reads. Linux only, because it reads /proc.

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Peer, Program, resident_memory};

const TOTAL: usize = 150_000_000; // bytes
const LINES_IN_A_BLOCK: usize = 64;
const LINE: usize = 1024; // bytes, with the sender's port and the newline

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut counts: Vec<usize> = arguments.map(|count| count.parse()).collect::<Result<_, _>>()?;
    if counts.is_empty() {
        counts = vec![0, 1, 100];
    }
    let server = escargot::CargoBuild::new().package("lesson-broadcast-server").release().run()?;

    println!("never read  longest wait  longer than 5 ms, in all  memory grown");
    for never_read in counts {
        let mut command = server.command();
        command.arg("127.0.0.1:0");
        measure(command, never_read)?;
    }
    Ok(())
}

fn measure(command: Command, never_read: usize) -> Result<(), Box<dyn Error>> {
    let server = Program::server_from(command);
    let _never_read: Vec<Peer> = (0..never_read).map(|_| server.connect()).collect();
    let (mut reader, mut sender) = (server.connect(), server.connect());
    let message = format!("{}:{}\n", sender.port(), "x".repeat(LINE - 7));
    let said = message.split_once(':').ok_or("no port")?.1.repeat(LINES_IN_A_BLOCK);
    let heard = message.repeat(LINES_IN_A_BLOCK);
    let memory = || {
        resident_memory(server.process_id())
            .ok_or("this system does not tell the memory (no /proc)")
    };

    let memory_before = memory()?;
    let mut longest = Duration::ZERO;
    let mut noticeable = Duration::ZERO;
    for _ in 0..TOTAL / heard.len() {
        let start = Instant::now();
        sender.send(&said);
        reader.expect(&heard);
        let waited = start.elapsed();
        longest = longest.max(waited);
        if waited > Duration::from_millis(5) {
            noticeable += waited;
        }
        sender.forget();
        reader.forget();
    }
    let grown = memory()?.saturating_sub(memory_before) / 1024;
    println!("{never_read:10}  {longest:>12.1?}  {noticeable:>24.1?}  {grown:>8} KiB");
    Ok(())
}
