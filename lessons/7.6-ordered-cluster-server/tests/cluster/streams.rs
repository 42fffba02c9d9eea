//! The stream is not there, was made otherwise, is deleted, or does not hold everything.

use std::fs;

use harness::{Nats, Program, scratch, wait_until};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::people::{Pace, Person, assert_one_order, edge, edge_with, meet, nats, talk};
use crate::strangers::Stranger;

/// The settings with which an edge creates the stream, for the API of JetStream.
const AS_WE_CREATE_IT: &str = r#""subjects":["ordered.*"],"storage":"file","discard":"old","retention":"limits","max_msg_size":132096,"duplicate_window":120000000000"#;

/// Creates the stream ORDERED.
fn create(nats: &Nats, config: &str) {
    let config = format!(
        r#"{{"name":"ORDERED","max_consumers":-1,"max_msgs":-1,"max_age":0,"num_replicas":1,{config}}}"#
    );
    let answer = Stranger::at(nats).request("$JS.API.STREAM.CREATE.ORDERED", &config);
    assert!(!answer.contains("error"), "{answer}");
}

fn delete(nats: &Nats) {
    let answer = Stranger::at(nats).request("$JS.API.STREAM.DELETE.ORDERED", "");
    assert!(answer.contains("\"success\":true"), "{answer}");
}

fn edge_that_waits(nats: &Nats) -> Program {
    edge_with(&["--name", "east", "--nats", &nats.address()])
}

needs::test!(NATS_SERVER: a_nats_without_jetstream_is_said_to_be_one_and_an_edge_joins_when_it_has_it);
fn a_nats_without_jetstream_is_said_to_be_one_and_an_edge_joins_when_it_has_it() {
    let (config, store) = (scratch().join("without.conf"), scratch().join("without"));
    let _ = fs::remove_dir_all(&store); // from the last time
    fs::write(&config, "").expect("a file");
    let mut nats = Nats::new(&["-c", config.to_str().expect("text")]);
    nats.start();
    let east = edge_that_waits(&nats);
    let (a, b) = (Person::at(&east, "east"), Person::at(&east, "east"));
    a.say("line 0");
    east.wait_for_stderr(contains("has no JetStream. Start it with `nats-server -js`"));
    nats.kill();
    fs::write(&config, format!("jetstream {{ store_dir: {store:?} }}\n")).expect("a file");
    nats.start();
    east.wait_for_stderr(contains("joined the other edges"));
    assert_one_order(&[&a, &b], &[&a], 1);
    east.wait_for_stderr(contains("has no JetStream").count(1));
}

needs::test!(NATS_SERVER: a_stream_that_somebody_made_otherwise_is_not_used_until_it_is_deleted);
fn a_stream_that_somebody_made_otherwise_is_not_used_until_it_is_deleted() {
    for (as_it_should_be, otherwise, words) in [
        (r#"["ordered.*"]"#, r#"["other.>"]"#, "its subjects are [\"other.>\"]"),
        (r#""file""#, r#""memory""#, "it is kept in memory"),
        (r#""old""#, r#""new""#, "it refuses new messages when it is full"),
        (r#""limits""#, r#""interest""#, "it forgets what was read"),
        ("132096", "1000", "its `max_msg_size` is 1000"),
        ("120000000000", "1000000000", "its `duplicate_window` is 1s"),
        (r#""limits""#, r#""limits","no_ack":true"#, "it does not acknowledge messages"),
    ] {
        // A server that deletes and creates a stream again and again loses what it stores.
        let nats = nats();
        create(&nats, &AS_WE_CREATE_IT.replace(as_it_should_be, otherwise));
        let east = edge_that_waits(&nats);
        let (a, b) = (Person::at(&east, "east"), Person::at(&east, "east"));
        east.wait_for_stderr(contains(format!("is not as we create it: {words}")));
        a.say("line 0");
        delete(&nats);
        assert_one_order(&[&a, &b], &[&a], 1);
        east.wait_for_stderr(contains("is not as we create it").count(1));
    }
    let nats = nats();
    create(&nats, AS_WE_CREATE_IT);
    edge("east", &nats);
}

needs::test!(NATS_SERVER: another_stream_with_our_subjects_is_said_to_be_in_the_way);
fn another_stream_with_our_subjects_is_said_to_be_in_the_way() {
    let nats = nats();
    let mut stranger = Stranger::at(&nats);
    let config = r#"{"name":"OTHER","subjects":["ordered.>"],"storage":"file","retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"num_replicas":1,"discard":"old"}"#;
    let answer = stranger.request("$JS.API.STREAM.CREATE.OTHER", config);
    assert!(!answer.contains("error"), "{answer}");
    let east = edge_that_waits(&nats);
    east.wait_for_stderr(contains("subjects overlap with an existing stream"));
    stranger.request("$JS.API.STREAM.DELETE.OTHER", "");
    east.wait_for_stderr(contains("joined the other edges"));
}

needs::test!(NATS_SERVER: a_stream_that_is_deleted_while_people_talk_is_created_anew);
fn a_stream_that_is_deleted_while_people_talk_is_created_anew() {
    let nats = nats();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (a, b) = (Person::at(&east, "east"), Person::at(&west, "west"));
    let (listens, also_listens) = (Person::at(&east, "east"), Person::at(&west, "west"));
    meet(&[&a, &b, &listens, &also_listens]);
    for _ in 0..3 {
        talk(&[&a, &b], 1000, Pace::FullSpeed, |number| {
            if number == 500 {
                delete(&nats);
            }
        });
        // Even if something was lost, nobody is held up: all hear each other again.
        meet(&[&a, &b, &listens, &also_listens]);
    }
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("somebody deleted the stream ORDERED").count(3));
    }
}

needs::test!(NATS_SERVER: what_a_small_stream_no_longer_has_is_counted);
fn what_a_small_stream_no_longer_has_is_counted() {
    let nats = nats();
    create(&nats, &format!("{AS_WE_CREATE_IT},\"max_bytes\":200000"));
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (a, listens) = (Person::at(&east, "east"), Person::at(&west, "west"));
    let stays = Person::at(&east, "east");
    meet(&[&a, &listens, &stays]);
    west.suspend();
    // A message for each line.
    talk(&[&a], 5000, Pace::HeardBy(&stays), |_| {});
    west.resume();
    listens.wait_for(&a, "line 4999");
    let heard = listens.heard();
    let missing = 5000 - heard.len();
    assert!(missing > 0, "all of it was there");
    assert!(
        heard.is_sorted_by_key(|line| line
            .rsplit(' ')
            .next()
            .map(str::parse::<usize>)
            .map(Result::ok))
    );
    let lost = |stderr: &str| -> usize {
        let counts = stderr.lines().filter_map(|line| {
            line.strip_prefix("the stream no longer has ")?.split(' ').next()?.parse::<usize>().ok()
        });
        counts.sum()
    };
    wait_until("what is missing is said to be lost", || lost(&west.stderr()) >= missing);
    assert_eq!(lost(&west.stderr()), missing, "{}", west.stderr());
}
