//! The exercise of this lesson, and what it asks of a learner's program.

use checker::{Attempt, Outcome, PATIENCE, accepted_by, listener};

checker::exercises! {
    broadcast_client in "6.3.2-broadcast-client" {
        server_goes: "easy, 25 minutes: When the server goes",
    }
}

const GONE: &str = "the server has gone";

fn server_goes(attempt: &Attempt) -> Outcome {
    let (listener, address) = listener()?;
    let address = address.to_string();

    let client = attempt.start(&[&address]);
    let mut server = accepted_by(&listener, "the server", 2 * PATIENCE)?;
    client.type_line("hello")?;
    server.did("accepted the connection, `hello` was typed,");
    server.expect("hello\n")?;
    server.send("51000:你好\n")?;
    client.expect_line_on_stdout("the server sent the line `51000:你好`", "51000:你好")?;
    drop(server);
    let after = "the server closed the connection while nothing was typed";
    client.expect_line_on_stdout(after, GONE)?;
    client.expect_exit(after)?;

    let client = attempt.start(&[&address]);
    let mut server = accepted_by(&listener, "the server", 2 * PATIENCE)?;
    server.send("51000:hello\n")?;
    client.expect_line_on_stdout("the server sent the line `51000:hello`", "51000:hello")?;
    server.reset();
    let after = "the server reset the connection while nothing was typed";
    client.expect_line_on_stdout(after, GONE)?;
    client.expect_exit(after)?;

    let client = attempt.start(&[&address]);
    let mut server = accepted_by(&listener, "the server", 2 * PATIENCE)?;
    client.close_stdin();
    server.did("accepted the connection, the client's input ended,");
    server.expect_end()?;
    if client.has_ended() {
        return Err("the input ended, and the program ended with it, although the server had not \
                    closed the connection"
            .to_string());
    }
    server.send("51000:last words\n")?;
    let after = "the input had ended, but the server still sent a line";
    client.expect_line_on_stdout(after, "51000:last words")?;
    drop(server);
    client.expect_line_on_stdout("the server closed the connection", GONE)?;
    client.expect_exit("the server closed the connection")?;
    match client.stdout().lines().position(|line| line == GONE) {
        Some(0) => Err(format!(
            "the input had ended, then the server sent a line and closed the connection. The \
             program was to print `{GONE}` last, but it did so before that line"
        )),
        _ => Ok(()),
    }
}
