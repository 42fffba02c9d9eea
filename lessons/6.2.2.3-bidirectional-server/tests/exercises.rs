//! The exercises of this lesson, and what each asks of a learner's program.

use std::thread;
use std::time::{Duration, Instant};

use checker::{Attempt, Outcome, Running};

checker::exercises! {
    bidirectional_server in "6.2.2.3-bidirectional-server" {
        one_answer_a_line: "easy, 20 minutes: One answer a line",
        upper_case_echo: "medium, 30 minutes: An echo in upper case",
        no_newline: "hard, 45 minutes: A message without a newline",
    }
}

const ANSWER: &str = "我吃的小豆包\n"; // I had bean-paste buns
const A_WHILE: Duration = Duration::from_millis(700);

fn one_answer_a_line(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut client = server.connect("the client")?;
    client.send("你吃")?;
    client.expect_silence(A_WHILE)?;
    client.send("了吗\n")?;
    client.did("sent the line `你吃了吗` in two segments");
    client.expect(ANSWER)?;
    client.expect_silence(A_WHILE)?;

    client.send("一\n二\n")?;
    client.expect(ANSWER.repeat(2))?;
    client.send("\n")?;
    client.expect(ANSWER)?;
    client.send("x".repeat(10_000) + "\n")?;
    client.did("sent a line of 10,000 bytes");
    client.expect(ANSWER)?;
    client.send(b"\xff\xfe\n")?;
    client.did("sent a line that is not UTF-8");
    client.expect(ANSWER)?;

    let mut other = server.connect("a second client")?;
    other.send("你吃了吗\n")?;
    other.expect(ANSWER)?;
    client.half_close()?;
    client.expect_end()?;
    other.send("你")?;
    other.half_close()?;
    other.did("sent `你` without a newline, closed its sending half");
    other.expect_end()
}

fn upper_case_echo(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut client = server.connect("the client")?;
    client.send("hello, 你好")?;
    client.expect("HELLO, 你好")?;
    client.send("é")?;
    client.expect("É")?;

    let mut other = server.connect("a second client")?;
    let (first, rest) = "你!".as_bytes().split_at(1);
    client.send(first)?;
    client.did("sent the first of the three bytes of `你`");
    other.send("abc")?;
    other.did("sent `abc` while the first was in the middle of a character");
    other.expect("ABC")?;
    client.send_in_pieces(&rest.chunks(1).collect::<Vec<_>>())?;
    client.did("sent `你!` in segments of one byte each");
    client.expect("你!")?;

    let long = "wörter und 字 ".repeat(1000);
    client.send(&long)?;
    client.did(&format!("sent {} bytes of text at once", long.len()));
    client.expect(long.to_uppercase())?;

    client.send(b"\xff")?;
    client.send("still here\n")?;
    client.did("sent a byte that is not UTF-8, and then the line `still here`");
    let line = client.line()?;
    if !line.ends_with("STILL HERE") {
        return Err(format!(
            "the client sent a byte that is not UTF-8, and then the line `still here`. It expected \
             a line that ends with `STILL HERE`, but `{line}` came"
        ));
    }
    client.half_close()?;
    client.expect_end()
}

fn no_newline(attempt: &Attempt) -> Outcome {
    let server = attempt.serve()?;
    let mut node = server.connect("the Node client, which sends no newlines,")?;
    let mut soonest = Duration::MAX;
    for question in ["你吃了吗", "吃的什么", "在哪儿"] {
        let asked = Instant::now();
        node.send(question)?;
        node.expect(ANSWER)?;
        soonest = soonest.min(asked.elapsed());
        node.did("had its answer, said nothing more");
        node.expect_silence(A_WHILE)?;
    }
    // One of three may have been late because this machine is busy, but hardly all.
    if soonest > Duration::from_secs(1) {
        return Err(format!(
            "the Node client, which sends no newlines, asked three times and expected each answer \
             0.2 s later, but the soonest came after {:.1} s",
            soonest.as_secs_f64()
        ));
    }

    a_message_in_segments(&server, &["你吃", "了吗\n"])?;
    a_message_in_segments(&server, &["你", "吃", "了", "吗", "?", "\n"])?;

    let mut telnet = server.connect("the telnet client, which sends lines,")?;
    telnet.expect_silence(A_WHILE)?;
    for _ in 0..2 {
        telnet.send("hello\n")?;
        telnet.expect(ANSWER)?;
        telnet.did("had its answer, said nothing more");
        telnet.expect_silence(A_WHILE)?;
    }
    telnet.send("一\n二\n三")?;
    telnet.expect(ANSWER.repeat(3))?;
    telnet.expect_silence(A_WHILE)?;
    telnet.half_close()?;
    telnet.expect_end()
}

/// The segments must follow each other faster than the server loses patience. When this machine
/// was too busy for that, it says nothing about the server, and the next try may.
fn a_message_in_segments(server: &Running, segments: &[&str]) -> Outcome {
    let did = format!("sent one line in {} segments 0.05 s apart", segments.len());
    for _ in 0..10 {
        let mut client = server.connect("a client on a slow network")?;
        let mut longest = Duration::ZERO;
        for segment in segments {
            let sent = Instant::now();
            client.send(segment)?;
            thread::sleep(Duration::from_millis(50));
            longest = longest.max(sent.elapsed());
        }
        if longest < Duration::from_millis(120) {
            client.did(&did);
            client.expect(ANSWER)?;
            client.did(&format!("{did}, had its answer"));
            return client.expect_silence(A_WHILE);
        }
    }
    Ok(())
}
