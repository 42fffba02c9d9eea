//! The exercises of this lesson, and what each asks of a learner's program.

use std::time::Duration;

use checker::{Attempt, Outcome, eventually};

checker::exercises! {
    listening_events in "6.2.1-listening-events" {
        polite_refusal: "medium, 30 minutes: A limit on clients, with a polite refusal",
        #[cfg_attr(windows, ignore = "Windows has no command that presses Ctrl-C")]
        close_cleanly: "medium, 30 minutes: A server that closes cleanly on Ctrl-C",
    }
}

fn polite_refusal(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut inside = Vec::new();
    for name in ["the first client", "the second client", "the third client"] {
        let mut client = server.connect(name)?;
        client.expect_line("welcome")?;
        inside.push(client);
    }
    let mut outside = Vec::new(); // they were told that it is over, and keep their own half open
    for name in ["the fourth client", "the fifth client"] {
        let mut refused = server.connect(name)?;
        refused.expect_line("full")?;
        refused.did("was told `full`");
        refused.expect_over()?;
        outside.push(refused);
    }
    for client in &mut inside {
        client.did("stayed while others were refused");
        client.expect_silence(Duration::from_millis(100))?;
    }

    // One leaves in an orderly way, one by a reset, and one after having talked.
    let mut left = inside.remove(0);
    left.send("I am going\n")?;
    drop(left);
    let again = |after: &str| {
        eventually(|| {
            let mut client = server.connect("a client")?;
            client.did(&format!("came after one of the three had {after}"));
            client.expect_line("welcome")?;
            Ok(client)
        })
    };
    let first = again("left")?;
    inside.remove(0).reset();
    let second = again("left with a reset")?;
    let mut refused = server.connect("one more client")?;
    refused.expect_line("full")?;
    drop((first, second));
    Ok(())
}

#[cfg(unix)]
fn close_cleanly(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut leaving = server.connect("a client that resets")?;
    leaving.expect_line("welcome")?;
    let mut first = server.connect("the first client")?;
    first.expect_line("welcome")?;
    let mut second = server.connect("the second client")?;
    second.expect_line("welcome")?;
    leaving.reset();
    std::thread::sleep(Duration::from_millis(300)); // a server may note a client after welcoming it

    server.press_ctrl_c();
    for client in [&mut first, &mut second] {
        client.did("saw Ctrl-C pressed");
        client.expect_line("bye")?;
        client.did("was told `bye`");
    }
    // The clients stay, and the server goes all the same.
    let status = server.expect_exit("all clients were told `bye` after Ctrl-C")?;
    if !status.success() {
        return Err(format!("the server was to end with exit status 0, but it was {status}"));
    }
    first.expect_end()?;
    second.expect_end()
}

#[cfg(not(unix))]
fn close_cleanly(_attempt: &Attempt) -> Outcome {
    println!("skipped: Windows has no command that presses Ctrl-C");
    Ok(())
}
