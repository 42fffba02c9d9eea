//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::{Duration, Instant};

use checker::{Attempt, Outcome};

checker::exercises! {
    socket_events in "6.2.2-socket-events" {
        idle_timeout: "easy, 20 minutes: Silent for too long",
        count_bytes: "easy, 20 minutes: Count the bytes",
    }
}

fn idle_timeout(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut talking = server.connect("the talking client")?;
    let start = Instant::now(); // before the silence begins, so nothing right comes within 2 s
    let mut silent = server.connect("the silent client")?;
    let mut count = 0;
    while start.elapsed() < Duration::from_secs(4) {
        count += 1;
        let word = format!("word {count}\n");
        talking.send(&word)?;
        talking.did("said something every 0.3 s");
        talking.expect(&word)?;
        thread::sleep(Duration::from_millis(200));
        silent.did("said nothing for less than two seconds");
        let silence = silent.expect_silence(Duration::from_millis(100));
        if start.elapsed() < Duration::from_millis(1900) {
            silence?;
        }
    }
    silent.did("said nothing for four seconds while another talked");
    silent.set_patience(Duration::from_secs(1));
    silent.expect_line("too quiet")?;
    silent.did("was told `too quiet`");
    silent.expect_end()?;

    talking.did("talked for four seconds, then said nothing more");
    talking.expect_line("too quiet")?;
    talking.did("was told `too quiet`");
    talking.expect_end()
}

fn count_bytes(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut client = server.connect("the client")?;
    client.send("he")?;
    client.expect_silence(Duration::from_millis(300))?;
    client.send("llo")?;
    client.expect_silence(Duration::from_millis(300))?;
    client.half_close()?;
    client.expect_line("5 bytes")?;
    client.did("had its answer");
    client.expect_end()?;

    let mut chinese = server.connect("the client")?;
    chinese.send("你好\r\n")?; // hello
    chinese.half_close()?;
    chinese.did("sent 8 bytes with two Chinese characters among them, closed its sending half");
    chinese.expect_line("8 bytes")?;

    let mut binary = server.connect("the client")?;
    binary.send((0..=255).collect::<Vec<u8>>())?;
    binary.half_close()?;
    binary.did("sent 256 bytes that are no text, closed its sending half");
    binary.expect_line("256 bytes")?;

    let mut nothing = server.connect("the client")?;
    nothing.half_close()?;
    nothing.did("closed its sending half without having sent anything");
    nothing.expect_line("0 bytes")?;

    let mut waiting = server.connect("a client that goes on sending")?;
    waiting.send("ab")?;
    let mut big = server.connect("the client")?;
    big.send(vec![b'x'; 300_000])?;
    big.half_close()?;
    big.did("sent 300000 bytes while another was connected, closed its sending half");
    big.expect_line("300000 bytes")?;
    waiting.half_close()?;
    waiting.expect_line("2 bytes")
}
