//! Checks the contract that every lesson keeps. If you add a lesson, this tells you what it lacks.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use assert_cmd::Command;
use harness::{DEADLINE, Lesson, lesson, lessons, lessons_under_test, refusing, repository};
use predicates::prelude::*;

#[test]
fn folder_package_program_and_description_go_together() {
    for Lesson { name, section, package, binary, summary, .. } in lessons() {
        let short_name = name.trim_start_matches(section.as_str()).trim_start_matches('-');
        assert_eq!(package, &format!("lesson-{short_name}"), "the package of {name}");
        assert_eq!(package, binary, "the program of {name}");
        let begins = summary.starts_with(&format!("{section} "));
        assert!(begins, "the description of {name} begins with its section: {summary:?}");
    }
    let folders = fs::read_dir(repository().join("lessons")).expect("the lessons' folder");
    let folders = folders.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()));
    assert_eq!(
        folders.count(),
        lessons().len(),
        "each folder of lessons/ is a lesson: SECTION-NAME"
    );
}

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn run(package: &str, arguments: &[&str]) -> assert_cmd::assert::Assert {
    // A backtrace is requested, but must not appear.
    Command::new(lesson(package))
        .args(arguments)
        .env("RUST_BACKTRACE", "1")
        .timeout(DEADLINE)
        .assert()
}

/// Returns whether a lesson takes an address.
fn takes_an_address(lesson: &Lesson) -> bool {
    lesson.package != "lesson-stdin-echo"
}

fn no_panic() -> impl Predicate<str> {
    predicate::str::contains("panicked").or(predicate::str::contains("backtrace:")).not()
}

#[test]
fn help_names_the_lesson_the_section_and_the_default() {
    for lesson in lessons_under_test() {
        let help = run(&lesson.package, &["--help"]).code(0).stderr("");
        let help = help.stdout(predicate::str::contains(&lesson.summary));
        let help =
            help.stdout(predicate::str::contains(format!("cargo run -p {}", lesson.package)));
        if takes_an_address(lesson) {
            run(&lesson.package, &["3000", "-h"]).code(0).stderr("");
            let default = match lesson.package.as_str() {
                "lesson-bidirectional-client" => "localhost:3000",
                "lesson-socket-events" => "localhost:0",
                "lesson-discovery-client" => "255.255.255.255:3000", // everybody
                _ => "127.0.0.1:3000",
            };
            help.stdout(predicate::str::contains(format!("[default: {default}]")));
        }
    }
}

#[test]
fn version_is_the_packages() {
    for lesson in lessons_under_test() {
        let version = format!("{} {}\n", lesson.package, env!("CARGO_PKG_VERSION"));
        for option in ["--version", "-V"] {
            run(&lesson.package, &[option]).code(0).stderr("").stdout(version.clone());
        }
    }
}

#[test]
fn a_bad_argument_is_quoted_on_one_line_with_exit_status_2() {
    let bad: [&[&str]; 7] =
        [&["nonsense"], &["99999"], &[""], &["127.0.0.1:x"], &["--port"], &["-x"], &["a\nb"]];
    for lesson in lessons_under_test() {
        for arguments in bad {
            let quoted = format!("{:?}", arguments[0]);
            run(&lesson.package, arguments)
                .code(2)
                .stdout("")
                .stderr(predicate::str::contains(quoted))
                .stderr(predicate::function(|text: &str| text.lines().count() == 1))
                .stderr(no_panic());
        }
        if takes_an_address(lesson) {
            run(&lesson.package, &["3000", "extra"])
                .code(2)
                .stderr(predicate::str::contains("\"extra\""));
        }
    }
}

/// An address at which somebody listens, over TCP and over UDP: the ports of the two have nothing to do
/// with each other.
fn taken() -> (TcpListener, UdpSocket, String) {
    loop {
        let over_tcp = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = over_tcp.local_addr().expect("address");
        if let Ok(over_udp) = UdpSocket::bind(address) {
            return (over_tcp, over_udp, address.to_string());
        }
    }
}

#[test]
fn a_failure_says_what_where_why_and_what_next_with_exit_status_1() {
    let (_somebody, _of_udp, taken) = taken();
    let (_nobody_listens, nobody) = refusing();
    let nobody = nobody.to_string();
    for lesson in lessons_under_test().filter(|lesson| takes_an_address(lesson)) {
        let client = lesson.package.ends_with("-client");
        let (address, attempt, next) = if lesson.package == "lesson-discovery-client" {
            let attempt = format!("nobody has answered within a second; asked: {nobody}\n");
            (&nobody, attempt, "cargo run -p lesson-")
        } else if client {
            (&nobody, format!("cannot connect to {nobody}: "), "cargo run -p lesson-")
        } else {
            (&taken, format!("cannot listen on {taken}: "), "pass another port")
        };
        run(&lesson.package, &[address])
            .code(1)
            .stdout("")
            .stderr(predicate::str::contains(attempt))
            .stderr(predicate::str::contains(next))
            .stderr(no_panic());
        run(&lesson.package, &["no.such.host.invalid:3000"])
            .code(1)
            .stdout("")
            .stderr(predicate::str::contains("no.such.host.invalid:3000"))
            .stderr(no_panic());
    }
}

/// Uses 192.0.2.1, which is nobody's address (RFC 5737).
#[test]
fn an_address_of_another_machine_is_refused_with_those_that_would_do() {
    for lesson in lessons_under_test().filter(|lesson| takes_an_address(lesson)) {
        if !lesson.package.ends_with("-client") {
            run(&lesson.package, &["192.0.2.1:0"])
                .code(1)
                .stdout("")
                .stderr(predicate::str::contains("cannot listen on 192.0.2.1:0: "))
                .stderr(predicate::str::contains("127.0.0.1"))
                .stderr(predicate::str::contains("0.0.0.0"));
        }
    }
}

#[test]
fn a_client_names_its_server_which_exists() {
    let packages: Vec<&str> = lessons_under_test().map(|lesson| lesson.package.as_str()).collect();
    for client in packages.iter().filter(|package| package.ends_with("-client")) {
        let server = client.replace("-client", "-server");
        assert!(packages.contains(&server.as_str()), "{server}");
        run(client, &["127.0.0.1:1"])
            .code(1)
            .stderr(predicate::str::contains(format!("cargo run -p {server}")));
    }
}

#[test]
fn main_stays_about_its_subject() {
    for lesson in lessons() {
        let source = read(&lesson.folder.join("src/main.rs"));
        let name = &lesson.package;
        let lines: Vec<&str> = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("// ANCHOR"))
            .filter(|line| !line.trim().is_empty())
            .collect();
        let bound = match name.as_str() {
            "lesson-broadcast-server" => 150,
            "lesson-socket-events" => 100, // eight events, with a function for each
            _ if lesson.section.starts_with(['7', '8']) => 150,
            _ => 75,
        };
        let length = lines.len();
        assert!(length <= bound, "main.rs of {name} has {length} lines, blank ones aside");
        let section = format!("//! {} ", lesson.section);
        assert!(lines[0].starts_with(&section), "main.rs of {name} begins with its section");
        assert!(source.contains(&format!("cargo run -p {name}")), "{name} says what to type");
        for platform in ["cfg(unix)", "cfg(windows)", "target_os", "std::os::"] {
            assert!(
                !source.contains(platform),
                "{name} has {platform}: such differences belong in shared/"
            );
        }
        assert!(!source.contains(".unwrap()"), "{name} has an unwrap");
    }
}

#[test]
fn each_chinese_string_has_its_gloss_beside_it() {
    let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    for lesson in lessons() {
        let mut sources = vec![lesson.folder.join("src/main.rs")];
        if let Ok(node) = fs::read_dir(lesson.folder.join("node")) {
            sources.extend(node.map(|entry| entry.expect("an entry").path()));
        }
        for source in sources {
            for line in read(&source).lines().filter(|line| line.contains(is_chinese)) {
                let gloss = line.split_once("// ").map(|(_, gloss)| gloss).unwrap_or_default();
                let is_gloss = gloss.contains(|c: char| c.is_ascii_alphabetic());
                assert!(is_gloss, "{}: no English beside: {line}", source.display());
            }
        }
    }
}

#[test]
fn the_readme_lists_every_lesson() {
    let readme = read(&repository().join("README.md"));
    let rows: BTreeMap<&str, &str> = readme
        .lines()
        .filter_map(|line| line.split_once("`lesson-"))
        .filter_map(|(_, rest)| rest.split_once('`'))
        .collect();
    for lesson in lessons() {
        let row = rows.get(&lesson.package["lesson-".len()..]).unwrap_or_else(|| {
            panic!("README.md has no row for {}", lesson.package);
        });
        let shows = lesson.summary[lesson.section.len()..].trim();
        assert!(
            row.contains(shows),
            "README.md says {row:?} of {}, its Cargo.toml {shows:?}",
            lesson.package
        );
    }
}
