//! NATS, an edge, or the way between them fails.

use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Nats, Peer, Program, resident_memory, scratch, wait_until};
use needs::NATS_SERVER;
use predicates::str::contains;

use crate::edges::{Series, edge, edge_with, meet};

needs::test!(NATS_SERVER: without_nats_an_edge_serves_its_own_people_says_so_once_and_joins_when_it_comes);
fn without_nats_an_edge_serves_its_own_people_says_so_once_and_joins_when_it_comes() {
    let mut nats = Nats::new(&[]);
    let (east, west) = (edge_with("east", &nats.address()), edge_with("west", &nats.address()));
    let (mut a, mut also_a) = (east.connect(), east.connect());
    let mut b = west.connect();
    meet(&mut [&mut a, &mut also_a]);
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains(format!("cannot connect to NATS at {}", nats.address())));
    }
    nats.start();
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("joined the other edges"));
    }
    meet(&mut [&mut a, &mut also_a, &mut b]);
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("Connection refused").count(1));
    }
}

needs::test!(NATS_SERVER: what_is_said_while_nats_is_away_is_heard_when_it_is_back);
fn what_is_said_while_nats_is_away_is_heard_when_it_is_back() {
    let mut nats = Nats::running();
    let (east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let mut series = Series::at(&east);
    let (b, c) = (series.heard_at(&west, "east"), series.heard_at(&north, "east"));
    series.say_until_heard_by(&[&b, &c]);
    for times in 1..=3 {
        series.say(700);
        nats.kill();
        series.say(700);
        for edge in [&east, &west, &north] {
            edge.wait_for_stderr(contains("the connection to NATS is lost").count(times));
        }
        let away = series.said..series.said + 700;
        series.say(700);
        west.suspend(); // it finds NATS later than the others
        nats.start();
        east.wait_for_stderr(contains("connected to NATS").count(times + 1));
        west.resume();
        series.say(100);
        series.say_until_heard_by(&[&b, &c]);
        for witness in [&b, &c] {
            let heard = witness.heard();
            let missing = away.clone().find(|number| heard.binary_search(number).is_err());
            assert_eq!(missing, None, "it was said while NATS was away");
        }
    }
    for (witness, edge) in [(&b, &west), (&c, &north)] {
        series.assert_heard_or_lost(witness, edge);
    }
}

needs::test!(NATS_SERVER: what_is_more_than_the_log_holds_is_lost_and_counted_at_both_ends);
fn what_is_more_than_the_log_holds_is_lost_and_counted_at_both_ends() {
    let mut nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let mut series = Series::at(&east);
    let b = series.heard_at(&west, "east");
    series.say_until_heard_by(&[&b]);
    let mut series = series.with_filler(60_000);
    nats.kill();
    east.wait_for_stderr(contains("the connection to NATS is lost"));
    let first = series.said;
    series.say(200); // 12 MB
    let memory = resident_memory(east.process_id());
    series.say(600); // 36 MB more
    if let (Some(before), Some(after)) = (memory, resident_memory(east.process_id())) {
        assert!(after < before + (8 << 20), "the memory has grown from {before} to {after} bytes");
    }
    nats.start();
    series.say_until_heard_by(&[&b]);
    let last = series.said;
    east.wait_for_stderr(contains(" lines that were said here are lost to the others").count(1));
    let lost_to_others = east.stderr().lines().find_map(|line| {
        line.split_once(" lines that were said here are lost")?.0.parse::<usize>().ok()
    });
    let missing = series.assert_heard_or_lost(&b, &west);
    assert_eq!(lost_to_others, Some(missing), "{}", east.stderr());
    let heard = b.heard();
    for newest in last - 130..last {
        assert!(heard.binary_search(&newest).is_ok(), "{newest} of {first}..{last} is in the log");
    }
}

needs::test!(NATS_SERVER: a_nats_that_does_nothing_holds_up_nobody_costs_no_memory_and_is_left_for_another);
/// A machine that hangs still accepts connections, so a connection does not prove that it is there.
fn a_nats_that_does_nothing_holds_up_nobody_costs_no_memory_and_is_left_for_another() {
    let (first, mut second) = (Nats::running(), Nats::new(&[]));
    let servers = format!("{},{}", first.address(), second.address());
    let (east, west) = (edge_with("east", &servers), edge_with("west", &servers));
    let mut series = Series::at(&east);
    let b = series.heard_at(&west, "east");
    series.say_until_heard_by(&[&b]);
    let mut series = series.with_filler(1000);
    second.start();
    first.program().suspend();
    let is_noticed = |edge: &Program| edge.stderr().contains("the connection to NATS is lost");
    wait_until("both edges notice it, and their people talk meanwhile", || {
        series.say(1);
        is_noticed(&east) && is_noticed(&west)
    });
    series.assert_heard_or_lost(&b, &west);
    drop(first);
    series.assert_heard_or_lost(&b, &west);
}

needs::test!(NATS_SERVER: with_its_only_nats_suspended_an_edge_needs_no_more_memory);
fn with_its_only_nats_suspended_an_edge_needs_no_more_memory() {
    let nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let mut series = Series::at(&east);
    let b = series.heard_at(&west, "east");
    series.say_until_heard_by(&[&b]);
    let mut series = series.with_filler(60_000);
    nats.program().suspend();
    series.say(400); // 24 MB
    let memory = resident_memory(east.process_id());
    series.say(1200);
    if let (Some(before), Some(after)) = (memory, resident_memory(east.process_id())) {
        assert!(after < before + (8 << 20), "the memory has grown from {before} to {after} bytes");
    }
    nats.program().resume();
    series.assert_heard_or_lost(&b, &west);
}

needs::test!(NATS_SERVER: an_edge_that_is_killed_is_missed_by_its_own_people_only_and_may_come_back);
fn an_edge_that_is_killed_is_missed_by_its_own_people_only_and_may_come_back() {
    let nats = Nats::running();
    let (mut east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (mut a, mut b, mut c) = (east.connect(), west.connect(), north.connect());
    meet(&mut [&mut a, &mut b, &mut c]);
    east.kill();
    a.wait_until_closed();
    b.send("hello\n");
    c.expect(format!("west/{}:hello\n", b.port()));
    b.assert_open_and_silent();
    let east = edge("east", &nats);
    let mut a = east.connect();
    meet(&mut [&mut a, &mut b, &mut c]);
    for edge in [&east, &west, &north] {
        assert!(!edge.stderr().contains("lost"), "{}", edge.stderr());
    }
}

/// Starts a load balancer in front of a school's edges, which passes each connection on to the first
/// edge that is there.
fn balancer(edges: Vec<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let pass_on = |from: &TcpStream, to: &TcpStream| {
        let (mut from, mut to) =
            (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        })
    };
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.expect("a client");
            if let Some(edge) = edges.iter().find_map(|edge| TcpStream::connect(edge).ok()) {
                pass_on(&client, &edge);
                pass_on(&edge, &client);
            }
        }
    });
    address
}

needs::test!(NATS_SERVER: clients_of_a_killed_edge_connect_to_another);
fn clients_of_a_killed_edge_connect_to_another() {
    let solutions = course::build_variants("6.2.2.3-bidirectional-client");
    let solutions = solutions.unwrap_or_else(|error| panic!("{error}"));
    let nats = Nats::running();
    let (mut east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let (mut b, mut c) = (west.connect(), north.connect());
    meet(&mut [&mut b, &mut c]);
    let mut client = Command::new(solutions);
    client.env("EXERCISE_VARIANT", "reconnect/solution");
    client.arg(balancer(vec![east.address(), west.address()]).to_string());
    let client = Program::start(client);
    let said = c.line(); // it asks whenever it is connected
    assert!(said.starts_with("east/") && said.ends_with(":你吃了吗"), "{said}");
    east.kill();
    let said = c.line();
    assert!(said.starts_with("west/") && said.ends_with(":你吃了吗"), "{said}");
    c.send("an answer\n");
    client.wait_for_stdout(contains(format!("north/{}:an answer", c.port())));
}

/// Waits until each server knows the others' clients' addresses.
fn wait_until_they_know_each_other(members: &[Nats]) {
    for member in members {
        wait_until("each server knows all", || {
            let mut stranger = Peer::over(TcpStream::connect(member.address()).expect("NATS"));
            let info = stranger.line();
            members.iter().all(|member| info.contains(&member.address()))
        });
    }
}

needs::test!(NATS_SERVER: the_members_of_a_nats_cluster_are_killed_one_at_a_time);
/// One edge is given one server, and learns of the others from that one.
fn the_members_of_a_nats_cluster_are_killed_one_at_a_time() {
    let mut members = Nats::cluster_of_three(Nats::new);
    wait_until_they_know_each_other(&members);
    let all = members.iter().map(Nats::address).collect::<Vec<_>>().join(",");
    let edges = [
        edge_with("east", &all),
        edge_with("west", &members[0].address()),
        edge_with("north", &all),
    ];
    let mut series = Series::at(&edges[0]);
    let witnesses = [series.heard_at(&edges[1], "east"), series.heard_at(&edges[2], "east")];
    series.say_until_heard_by(&witnesses.each_ref());
    for member in 0..3 {
        series.say(300);
        members[member].kill();
        series.say(300);
        series.say_until_heard_by(&witnesses.each_ref());
        members[member].start();
        wait_until_they_know_each_other(&members);
        series.say_until_heard_by(&witnesses.each_ref());
    }
    for (witness, edge) in witnesses.iter().zip(&edges[1..]) {
        series.assert_heard_or_lost(witness, edge);
        assert!(!edge.stderr().contains("cannot connect"), "{}", edge.stderr());
    }
}

needs::test!(NATS_SERVER: servers_that_are_out_of_reach_do_not_delay_the_way_back);
/// A server in a container announces an address of the container's own network. Here it is an address for
/// documentation (RFC 5737), where nothing answers, or which the machine cannot reach at all.
fn servers_that_are_out_of_reach_do_not_delay_the_way_back() {
    let away = (1..=8).map(|machine| format!("192.0.2.{machine}:4222")).collect::<Vec<_>>();
    let mut nats = Nats::running();
    let servers = format!("{},{}", away.join(","), nats.address());
    let (east, west) = (edge_with("east", &servers), edge_with("west", &servers));
    let mut series = Series::at(&east);
    let b = series.heard_at(&west, "east");
    series.say_until_heard_by(&[&b]);
    nats.kill();
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("the connection to NATS is lost"));
    }
    nats.start();
    let start = Instant::now();
    for edge in [&east, &west] {
        edge.wait_for_stderr(contains("connected to NATS").count(2));
    }
    let back = start.elapsed();
    assert!(back < Duration::from_secs(5), "one after the other, they cost 2 s each: {back:?}");
    series.assert_heard_or_lost(&b, &west);
}

needs::test!(NATS_SERVER: an_edge_that_does_not_read_is_disconnected_and_says_what_it_has_missed);
/// A nats-server disconnects a client that does not read.
fn an_edge_that_does_not_read_is_disconnected_and_says_what_it_has_missed() {
    let config = scratch().join("slow-consumers.conf");
    fs::write(&config, "max_pending: 500000\nmax_payload: 200000\nwrite_deadline: \"1s\"\n")
        .expect("a file");
    let mut nats = Nats::new(&["-c", config.to_str().expect("a name that is text")]);
    nats.start();
    let (east, west, north) = (edge("east", &nats), edge("west", &nats), edge("north", &nats));
    let mut series = Series::at(&east);
    let (b, c) = (series.heard_at(&west, "east"), series.heard_at(&north, "east"));
    series.say_until_heard_by(&[&b, &c]);
    let mut series = series.with_filler(1000);
    north.suspend();
    wait_until("the slow edge is disconnected", || {
        series.say(64);
        nats.program().stderr().contains("Slow Consumer")
    });
    series.assert_heard_or_lost(&b, &west);
    north.resume();
    assert!(series.assert_heard_or_lost(&c, &north) > 0);
}

needs::test!(NATS_SERVER: both_speak_while_nats_is_killed_again_and_again);
/// Two edges and a NATS that comes and goes. The lines that are missing at one end are exactly those that
/// are reported as lost.
fn both_speak_while_nats_is_killed_again_and_again() {
    let mut nats = Nats::running();
    let (east, west) = (edge("east", &nats), edge("west", &nats));
    let (mut of_east, mut of_west) = (Series::at(&east), Series::at(&west));
    let (b, a) = (of_east.heard_at(&west, "east"), of_west.heard_at(&east, "west"));
    of_east.say_until_heard_by(&[&b]);
    of_west.say_until_heard_by(&[&a]);
    thread::scope(|scope| {
        for series in [&mut of_east, &mut of_west] {
            scope.spawn(|| series.say(5000));
        }
        for _ in 0..5 {
            nats.kill();
            nats.start();
        }
    });
    of_east.assert_heard_or_lost(&b, &west);
    of_west.assert_heard_or_lost(&a, &east);
}

needs::test!(NATS_SERVER: ctrl_c_ends_an_edge_whose_nats_is_dead_or_suspended);
fn ctrl_c_ends_an_edge_whose_nats_is_dead_or_suspended() {
    for is_killed in [true, false] {
        let mut nats = Nats::running();
        let mut east = edge("east", &nats);
        let mut a = east.connect();
        meet(&mut [&mut a, &mut east.connect()]);
        match is_killed {
            true => nats.kill(),
            false => nats.program().suspend(),
        }
        a.send("last words\n");
        east.press_ctrl_c();
        a.skip_to("服务器关闭了\n");
        drop(a);
        assert_eq!(east.wait_for_exit().code(), Some(0));
        assert!(!east.stderr().contains("panicked"), "{}", east.stderr());
    }
}
