//! Tests what people see while NATS is away, and how an edge ends.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use harness::{NO_NATS, Nats, backlog, resident_memory, wait_until};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::people::{Person, STUCK, edge, edge_with, meet, nats};

needs::test!(NATS_SERVER: while_nats_is_away_nobody_hears_anybody_and_all_are_told_once);
fn while_nats_is_away_nobody_hears_anybody_and_all_are_told_once() {
    let mut nats = nats();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (a, also_a, b) =
        (Person::at(&east, "east"), Person::at(&east, "east"), Person::at(&west, "west"));
    let leaves = Person::at(&west, "west");
    meet(&[&a, &also_a, &b, &leaves]);
    nats.kill();
    a.say("from the east");
    b.say("from the west");
    drop(leaves);
    west.wait_for_line("有客户端退出了");
    let newcomer = Person::at(&east, "east");
    wait_until("the newcomer is let in", || {
        backlog(east.address()).is_none_or(|length| length == 0)
    });
    for person in [&a, &also_a, &b] {
        person.wait_for_line(STUCK);
        assert_eq!(person.heard(), [""; 0], "nobody hears a line while NATS is away");
    }
    nats.start();
    let speakers = [(&a, "from the east"), (&b, "from the west")];
    for person in [&also_a, &newcomer] {
        speakers.iter().for_each(|(speaker, line)| person.wait_for(speaker, line));
    }
    meet(&[&a, &also_a, &b, &newcomer]);
    assert_eq!(also_a.heard(), newcomer.heard());
    for person in [&a, &also_a, &b] {
        assert_eq!(person.told_to_wait(), 1);
    }
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("cannot connect to NATS").count(1));
        edge.wait_for_stderr(contains(format!("at {} is there", nats.address())).count(1));
    }
}

needs::test!(NATS_SERVER: a_paste_is_held_up_while_nats_is_away_and_arrives_later);
fn a_paste_is_held_up_while_nats_is_away_and_arrives_later() {
    const LINES: usize = 8_000;
    let mut nats = nats();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (a, also_a, b) =
        (Person::at(&east, "east"), Person::at(&east, "east"), Person::at(&west, "west"));
    meet(&[&a, &also_a, &b]);
    nats.kill();
    let memory = resident_memory(east.process_id());
    let filler = "x".repeat(4000);
    let said = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..LINES {
                a.say(&format!("{number} {filler}"));
                said.store(number, Relaxed);
            }
        });
        also_a.wait_for_line(STUCK);
        // No two sockets hold 32 MB.
        assert!(said.load(Relaxed) < LINES - 1, "the speaker is not held up");
        if let (Some(before), Some(after)) = (memory, resident_memory(east.process_id())) {
            assert!(after < before + (8 << 20), "the memory has grown from {before} to {after}");
        }
        nats.start();
    });
    for person in [&also_a, &b] {
        person.wait_for(&a, &format!("{} {filler}", LINES - 1));
        let heard = person.heard();
        let numbers = heard.iter().map(|line| {
            let said = line.split_once(':').expect("a label").1;
            said.strip_suffix(&filler)
                .expect("all of the line")
                .trim_end()
                .parse::<usize>()
                .expect("a number")
        });
        assert!(numbers.eq(0..LINES), "something is missing, or in another order");
    }
}

needs::test!(NATS_SERVER: what_was_said_last_is_heard_elsewhere_on_an_orderly_ctrl_c);
fn what_was_said_last_is_heard_elsewhere_on_an_orderly_ctrl_c() {
    let nats = nats();
    let (mut east, west) = (edge("east", &nats), edge("west", &nats));
    let (a, b, c) =
        (Person::at(&east, "east"), Person::at(&east, "east"), Person::at(&west, "west"));
    let mut stays = east.connect();
    meet(&[&a, &b, &c]);
    nats.program().suspend();
    // The second message is published when the first one is stored. So that happens only when the edge
    // continues, and by then it has been told to end.
    for (speaker, lines) in [(a, 1), (b, 2)] {
        speaker.say("last words");
        drop(speaker);
        wait_until("the speaker has been read to its end", || east.lines().len() > lines);
    }
    east.suspend();
    east.press_ctrl_c();
    nats.program().resume();
    let here = Person::at(&west, "west");
    meet(&[&here, &c]);
    east.resume();
    stays.skip_to("服务器关闭了\n");
    assert_eq!(stays.read_to_end(), b"");
    assert_eq!(east.wait_for_exit().code(), Some(0));
    wait_until("both are heard", || {
        c.heard().iter().filter(|line| line.ends_with(":last words")).count() == 2
    });
    assert!(!east.stderr().contains("lost"), "{}", east.stderr());
}

needs::test!(NATS_SERVER: ctrl_c_ends_an_edge_whose_nats_is_dead_or_suspended_or_was_never_there);
fn ctrl_c_ends_an_edge_whose_nats_is_dead_or_suspended_or_was_never_there() {
    for fate in ["dead", "suspended", "never there", "without JetStream"] {
        let mut nats = if fate == "without JetStream" { Nats::running() } else { nats() };
        let mut east = match fate {
            "never there" => edge_with(&["--name", "east", "--nats", NO_NATS]),
            "without JetStream" => edge_with(&["--name", "east", "--nats", &nats.address()]),
            _ => edge("east", &nats),
        };
        let (mut a, mut b) = (east.connect(), east.connect());
        match fate {
            "dead" => nats.kill(),
            "suspended" => nats.program().suspend(),
            _ => {}
        }
        b.send("last words\n");
        drop(b);
        east.wait_for_line("有客户端退出了"); // so the edge has read its words
        east.press_ctrl_c();
        a.skip_to("服务器关闭了\n");
        drop(a);
        assert_eq!(east.wait_for_exit().code(), Some(0), "{fate}");
        east.wait_for_stderr(contains("what was said here last has not come back from NATS"));
        assert!(!east.stderr().contains("panicked"), "{}", east.stderr());
    }
}
