//! The exercises of this lesson, and what each asks of a learner's program.

use std::time::Duration;

use harness::exercise::{Attempt, Outcome};

harness::exercises! {
    greeting in "6.2.2.1-greeting" {
        say_goodbye: "easy, 15 minutes: Say goodbye",
    }
}

fn say_goodbye(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut client = server.connect("the client")?;
    client.expect_line("hello")?;
    client.send("this is me\n")?;
    client.expect_silence(Duration::from_millis(500))?;
    client.half_close()?;
    client.expect_line("bye")?;
    client.did("was told `bye`");
    client.expect_end()?;

    let mut staying = server.connect("a client that stays")?;
    staying.expect_line("hello")?;
    let mut silent = server.connect("a client that said nothing")?;
    silent.expect_line("hello")?;
    silent.half_close()?;
    silent.expect_line("bye")?;
    staying.did("stayed while another said goodbye");
    staying.expect_silence(Duration::from_millis(200))
}
