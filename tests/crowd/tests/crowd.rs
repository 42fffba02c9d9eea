//! Tests what crowd counts on servers that behave as they should, and its command line.

use std::fs;
use std::process::{Command, Output};

use harness::{Nats, Program, lesson, own, scratch};
#[cfg(target_os = "linux")]
use harness::{processor_time, wait_until};
use needs::{NATS_SERVER, NODE};

fn crowd(arguments: &[&str]) -> Output {
    Command::new(own("crowd")).args(arguments).output().expect("crowd runs")
}

/// Returns what crowd prints to stdout when all goes well.
fn said(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the number after `name` in a line of JSON.
fn number(json: &str, name: &str) -> f64 {
    let (_, after) = json.split_once(&format!("\"{name}\":")).expect(name);
    let end = after.find([',', '}']).expect("an end");
    after[..end].parse().unwrap_or_else(|_| panic!("{name} is not a number in {json}"))
}

needs::test!(one_speaks_and_every_delivery_is_counted);
fn one_speaks_and_every_delivery_is_counted() {
    let server = Program::server(lesson("lesson-broadcast-server"));
    let port = server.address().port().to_string();
    let json = said(crowd(&[&port, "--clients", "30", "--seconds", "0.3", "--json"]));
    assert_eq!(json.lines().count(), 1);
    assert_eq!(number(&json, "deliveries"), number(&json, "rounds") * 29.0);
    assert_eq!(number(&json, "connections"), 30.0);
    assert!(number(&json, "deliveries_a_second") > 0.0);
    assert!(number(&json, "99.9") > 0.0 && number(&json, "50") <= number(&json, "100"));
}

needs::test!(all_speak_at_once_and_every_delivery_is_counted);
fn all_speak_at_once_and_every_delivery_is_counted() {
    let server = Program::server(lesson("lesson-broadcast-server"));
    let port = server.address().port().to_string();
    let options = ["--clients", "20", "--speakers", "all", "--lines", "4", "--seconds", "0.3"];
    let json = said(crowd(&[&[&*port, "--json"], &options[..]].concat()));
    // One more client listens, because somebody has to receive everything.
    assert_eq!(number(&json, "connections"), 21.0);
    assert_eq!(number(&json, "deliveries"), number(&json, "rounds") * (20.0 * 4.0 * 20.0));
}

needs::test!(an_encrypted_room_is_counted_as_the_others_are);
fn an_encrypted_room_is_counted_as_the_others_are() {
    let server = Program::server(lesson("lesson-tls-server"));
    let port = server.address().port().to_string();
    let certificate = server.certificate();
    let tls = ["--tls", certificate.to_str().expect("a path in UTF-8"), "--stuck", "2"];
    let options = ["--clients", "20", "--speakers", "all", "--lines", "4", "--seconds", "0.3"];
    let json = said(crowd(&[&[&*port, "--json"], &tls[..], &options[..]].concat()));
    assert_eq!(number(&json, "connections"), 21.0);
    assert_eq!(number(&json, "deliveries"), number(&json, "rounds") * (20.0 * 4.0 * 20.0));
    #[cfg(target_os = "linux")]
    assert!(number(&json, "processor_time_a_join") > 0.0);
    // Each client reads and writes, and no line may wait in a session that nothing wakes.
    let options = ["--clients", "100", "--speakers", "9", "--in-turn", "--seconds", "0.5"];
    let json = said(crowd(&[&[&*port, "--json"], &tls[..], &options[..]].concat()));
    assert!(number(&json, "rounds") > 1.0);
    let plain = crowd(&[&port, "--clients", "3", "--patience", "1"]);
    assert!(!plain.status.success(), "nobody hears a client that does not encrypt");
}

needs::test!(the_table_tells_what_the_server_has_used_and_what_became_of_those_who_never_read);
fn the_table_tells_what_the_server_has_used_and_what_became_of_those_who_never_read() {
    let server = Program::server(lesson("lesson-broadcast-server"));
    let port = server.address().port().to_string();
    let text = said(crowd(&[&port, "--stuck", "2", "--size", "20", "--seconds", "0.3"]));
    for expected in [
        "100 clients",
        "2 more never read",
        "descriptors a process",
        "deliveries a second",
        "slowest",
        "of 2 disconnected",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    if cfg!(target_os = "linux") {
        let process = format!("server's process          {}\n", server.process_id());
        assert!(text.contains(&process), "{process:?} is not in {text}");
        assert!(text.contains("µs a delivery") && text.contains("a client"), "{text}");
    }
}

#[cfg(unix)]
needs::test!(more_clients_than_descriptors_are_split_among_processes);
#[cfg(unix)]
fn more_clients_than_descriptors_are_split_among_processes() {
    let server = Program::server(lesson("lesson-broadcast-server"));
    let port = server.address().port().to_string();
    let mut crowd = harness::with_limit("-n 100", &own("crowd"));
    crowd.args([&port, "--clients", "150", "--speakers", "7", "--seconds", "0.3", "--json"]);
    let json = said(crowd.output().expect("crowd runs"));
    assert_eq!(number(&json, "connections"), 150.0);
    assert!(number(&json, "processes") >= 3.0, "{json}");
    assert_eq!(number(&json, "deliveries"), number(&json, "rounds") * (7.0 * 149.0));
}

#[cfg(target_os = "linux")]
needs::test!(a_server_that_has_reached_its_limit_is_told_apart);
/// Tests clients for which there is no descriptor. They wait in the backlog, until that is full as
/// well.
#[cfg(target_os = "linux")]
fn a_server_that_has_reached_its_limit_is_told_apart() {
    for clients in ["90", "4500"] {
        let mut command = harness::with_limit("-n 60", &lesson("lesson-broadcast-server"));
        command.arg("127.0.0.1:0");
        let server = Program::server_from(command);
        let port = server.address().port().to_string();
        let output = crowd(&[&port, "--clients", clients, "--patience", "1"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("may have 60 descriptors"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

needs::test!(two_servers_of_one_room_are_not_taken_for_granted);
fn two_servers_of_one_room_are_not_taken_for_granted() {
    // These two servers know nothing of each other, so clients of the second never hear the first.
    let program = lesson("lesson-broadcast-server");
    let (first, second) = (Program::server(&program), Program::server(&program));
    let (first, second) = (first.address().to_string(), second.address().to_string());
    let output = crowd(&[&first, &second, "--clients", "10", "--patience", "4"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("5 of 10 clients never heard"), "{stderr}");
}

needs::test!(the_barest_loops_pass);
fn the_barest_loops_pass() {
    for option in ["--bare-loop", "--batched-loop"] {
        let mut command = Command::new(own("crowd"));
        command.arg(option);
        let server = Program::start(command);
        let line = server.first_lines(1).remove(0);
        let port = line.rsplit(' ').next().expect("a port");
        said(crowd(&[port, "--speakers", "all", "--lines", "3", "--seconds", "0.2"]));
    }
}

#[cfg(target_os = "linux")]
needs::test!(a_server_that_goes_away_in_the_middle_is_noticed);
#[cfg(target_os = "linux")]
fn a_server_that_goes_away_in_the_middle_is_noticed() {
    let mut command = Command::new(own("crowd"));
    command.arg("--bare-loop");
    let mut server = Program::start(command);
    let line = server.first_lines(1).remove(0);
    let port = line.rsplit(' ').next().expect("a port");
    let mut command = Command::new(own("crowd"));
    command.args([port, "--clients", "5", "--seconds", "600"]);
    let mut crowd = Program::start(command);
    wait_until("the server is in the middle of it", || {
        processor_time(server.process_id()).is_some_and(|time| time.as_millis() >= 100)
    });
    server.kill();
    assert_eq!(crowd.wait_for_exit().code(), Some(1));
    let stderr = crowd.stderr();
    assert!(stderr.contains("has gone away in the middle"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

needs::test!(NODE: nodes_server_passes_too_though_it_sends_other_labels_and_no_newlines);
fn nodes_server_passes_too_though_it_sends_other_labels_and_no_newlines() {
    let mut command = harness::node("6.3.2-broadcast-server/node/server.js");
    command.arg("0");
    let server = Program::server_from(command);
    let port = server.address().port().to_string();
    let options = ["--speakers", "all", "--clients", "20", "--seconds", "0.2", "--json"];
    let json = said(crowd(&[&[&*port], &options[..]].concat()));
    assert_eq!(number(&json, "deliveries"), number(&json, "rounds") * (20.0 * 20.0));
}

needs::test!(NATS_SERVER: nats_server_passes_in_its_own_protocol);
fn nats_server_passes_in_its_own_protocol() {
    let nats = Nats::running();
    let address = nats.address();
    for speakers in ["1", "all"] {
        let options = ["--nats", "--speakers", speakers, "--clients", "20", "--seconds", "0.2"];
        let text = said(crowd(&[&[&*address], &options[..]].concat()));
        assert!(text.contains("every byte as it should be, each speaker's in order"), "{text}");
    }
}

needs::test!(the_ladder_writes_tables_and_plots_for_light_and_dark_pages);
fn the_ladder_writes_tables_and_plots_for_light_and_dark_pages() {
    let folder = scratch().join("measured");
    let folder = folder.to_str().expect("a name that is text");
    let _ = fs::remove_dir_all(folder); // from the last time
    let arguments = ["--ladder", "--clients", "10", "--seconds", "0.05", "--to", folder];
    let output = crowd(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(written.lines().count(), 6, "{written}");
    assert!(written.contains("ladder.md"), "the book includes it by that name: {written}");
    for path in written.lines() {
        let text = fs::read_to_string(path).expect(path);
        let words: &[&str] = match path.ends_with(".svg") {
            true => &["<title>", "<desc>", "viewBox=", "the barest loop", "the batched loop"],
            false => &[
                "Measured on 20",
                "| the barest loop |",
                "| the batched loop |",
                "| lesson-broadcast-server |",
            ],
        };
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {path}: {text}");
        }
        // A background, or a colour that is close to one, would be lost on one page or the other.
        assert!(!text.contains("#FFFFFF") && !text.contains("#000000"), "{path}: {text}");
    }
}

needs::test!(NATS_SERVER: the_cluster_writes_a_row_for_each_number_of_edges);
fn the_cluster_writes_a_row_for_each_number_of_edges() {
    let folder = scratch().join("measured-cluster");
    let folder = folder.to_str().expect("a name that is text");
    let _ = fs::remove_dir_all(folder); // from the last time
    let arguments = ["--cluster", "--clients", "10", "--seconds", "0.05", "--to", folder];
    let output = crowd(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8_lossy(&output.stdout).into_owned();
    let texts: Vec<String> =
        paths.lines().map(|path| fs::read_to_string(path).expect("a table")).collect();
    let [growth, comparison] = &texts[..] else { panic!("two tables: {paths}") };
    assert!(texts.iter().all(|text| text.starts_with("Measured on 20")), "{texts:?}");
    for edges in 1..=5 {
        let row = format!("\n| {edges} | {} | ", edges * 10);
        assert_eq!(growth.matches(&row).count(), 1, "{growth}");
    }
    assert_eq!(comparison.matches("\n| 2 | 20 | ").count(), 2, "{comparison}");
}

needs::test!(a_bad_argument_is_quoted_in_one_line);
fn a_bad_argument_is_quoted_in_one_line() {
    for (arguments, quoted) in [
        (&[][..], "no address"),
        (&["nonsense"], "\"nonsense\""),
        (&["127.0.0.1:99999"], "\"127.0.0.1:99999\""),
        (&["3000", "--clients", "many"], "--clients is \"many\""),
        (&["3000", "--clients", "1"], "--clients is \"1\""),
        (&["3000", "--speakers", "200"], "200 speakers"),
        (&["3000", "--size", "3"], "--size is \"3\""),
        (&["3000", "--clients", "1000", "--speakers", "all", "--lines", "100000"], "too much"),
        (&["3000", "--clients", "5", "--flood", "4"], "5 clients are too few"),
        (&["3000", "--flood", "1", "--lines", "2"], "--flood has no rounds"),
        (&["3000", "--rate", "0"], "--rate is \"0\""),
        (&["3000", "--frobnicate"], "--frobnicate"),
        (&["3000", "--ladder"], "--ladder"),
    ] {
        let output = crowd(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains(quoted), "{arguments:?}: {quoted:?} is not in {stderr}");
    }
}

needs::test!(a_name_that_does_not_exist_is_quoted_in_one_line);
fn a_name_that_does_not_exist_is_quoted_in_one_line() {
    let output = crowd(&["no-such-machine.invalid:3000"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot look up no-such-machine.invalid:3000"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

needs::test!(help_names_every_option);
fn help_names_every_option() {
    let text = said(crowd(&["--help"]));
    for option in [
        "clients", "speakers", "in-turn", "flood", "lines", "size", "stuck", "rate", "seconds",
        "process", "json", "ladder",
    ] {
        assert!(text.contains(&format!("--{option}")), "{option}");
    }
}

fn main() -> std::process::ExitCode {
    needs::run()
}
