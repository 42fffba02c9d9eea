//! The certificate that the server makes when it starts for the first time, and what becomes of one
//! that cannot be used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::{Program, own, scratch};
use needs::OPENSSL;
use predicates::str::contains;
use rcgen::{CertificateParams, KeyPair};
use shared::networks;

const LESSON: &str = "lesson-tls-server";

/// Returns an empty folder for the files of one test.
fn folder(test: &str) -> PathBuf {
    let folder = scratch().join(format!("certificate-{test}-{}", process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn command(certificate: &Path) -> Command {
    let mut command = Command::new(own(LESSON));
    command.arg("127.0.0.1:0").arg("--certificate").arg(certificate);
    command
}

/// Returns the fingerprint that a server prints.
fn fingerprint(server: &Program) -> String {
    server.certificate(); // it has been printed
    let stderr = server.stderr();
    let (_, after) = stderr.split_once(" (SHA-256 ").expect("a fingerprint");
    after.split_once(')').expect("its end").0.to_string()
}

/// Returns what openssl prints about a certificate.
fn printed(certificate: &Path, what: &[&str]) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-in"]).arg(certificate).args(what);
    String::from_utf8(openssl.output().expect("openssl").stdout).expect("text")
}

needs::test!(OPENSSL: it_is_made_at_the_first_start_and_used_at_the_next);
fn it_is_made_at_the_first_start_and_used_at_the_next() {
    let path = folder("first").join("chat.pem");
    let server = Program::server_from(command(&path));
    assert_eq!(server.certificate(), path);
    let fingerprint = fingerprint(&server);
    let by_openssl = printed(&path, &["-fingerprint", "-sha256"]);
    assert_eq!(by_openssl.trim().split_once('=').expect("an =").1, fingerprint);

    let names = printed(&path, &["-ext", "subjectAltName"]);
    assert!(names.contains("DNS:localhost") && names.contains("IP Address:127.0.0.1"), "{names}");
    for network in networks().expect("networks").iter().filter(|network| network.ip.is_ipv4()) {
        assert!(names.contains(&format!("IP Address:{}", network.ip)), "{names}");
    }
    drop(server);
    let server = Program::server_from(command(&path));
    assert_eq!(self::fingerprint(&server), fingerprint);
}

needs::test!(OPENSSL: it_is_valid_for_a_year_and_for_a_clock_that_is_a_day_behind);
fn it_is_valid_for_a_year_and_for_a_clock_that_is_a_day_behind() {
    let path = folder("valid").join("chat.pem");
    let _server = Program::server_from(command(&path));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let hour = 60 * 60;
    for (time, valid) in [
        (now - 25 * hour, false),
        (now - 23 * hour, true),
        (now + 364 * 24 * hour, true),
        (now + 366 * 24 * hour, false),
    ] {
        let mut openssl = Command::new("openssl");
        openssl.args(["verify", "-attime", &time.to_string(), "-CAfile"]).args([&path, &path]);
        let outcome = openssl.output().expect("openssl");
        assert_eq!(outcome.status.success(), valid, "{time}: {outcome:?}");
    }
}

#[cfg(target_os = "linux")] // where all addresses that begin with 127 are this machine's
needs::test!(OPENSSL: it_is_for_the_address_and_the_name_that_were_typed);
#[cfg(target_os = "linux")]
fn it_is_for_the_address_and_the_name_that_were_typed() {
    let folder = folder("typed");
    for (typed, name) in [("127.0.0.2", "IP Address:127.0.0.2"), ("LOCALHOST", "DNS:LOCALHOST")] {
        let path = folder.join(typed);
        let mut command = Command::new(own(LESSON));
        command.arg(format!("{typed}:0")).arg("--certificate").arg(&path);
        let _server = Program::server_from(command);
        let names = printed(&path, &["-ext", "subjectAltName"]);
        assert!(names.contains(name), "{names}");
    }
}

#[cfg(unix)]
needs::test!(nobody_else_may_read_the_key);
#[cfg(unix)]
fn nobody_else_may_read_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let path = folder("key").join("chat.pem");
    let _server = Program::server_from(command(&path));
    let key = path.with_extension("key");
    let mode = fs::metadata(&key).expect("the key's file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(fs::read_to_string(key).expect("the key").contains("PRIVATE KEY"));
    assert!(!fs::read_to_string(path).expect("the certificate").contains("PRIVATE KEY"));
}

needs::test!(servers_that_start_at_the_same_moment_have_the_same);
fn servers_that_start_at_the_same_moment_have_the_same() {
    for round in 0..5 {
        let path = folder(&format!("same-{round}")).join("chat.pem");
        let servers: Vec<Program> = (0..4).map(|_| Program::start(command(&path))).collect();
        let fingerprints: Vec<String> = servers.iter().map(fingerprint).collect();
        assert!(fingerprints.iter().all(|other| *other == fingerprints[0]), "{fingerprints:?}");
    }
}

#[cfg(target_os = "linux")] // which alone tells that a thread waits
needs::test!(a_server_waits_for_another_one_that_makes_it);
#[cfg(target_os = "linux")]
fn a_server_waits_for_another_one_that_makes_it() {
    let path = folder("waits").join("chat.pem");
    let key = shared::open_private(&path.with_extension("key")).expect("the key's file");
    key.lock().expect("a lock");
    let server = Program::start(command(&path));
    server.wait_for_stderr(contains("listening on "));
    harness::wait_until("it waits", || harness::sleeping_threads(server.process_id()).is_some());
    let written = folder("waits-written").join("chat.pem");
    write(&written, &["localhost"], 1);
    for extension in ["pem", "key"] {
        let to = path.with_extension(extension);
        fs::copy(written.with_extension(extension), to).expect("a copy");
    }
    drop(key);
    let other = Program::server_from(command(&written));
    assert_eq!(fingerprint(&server), fingerprint(&other));
}

/// Writes a certificate for `names` that has expired if `days` are less than none, and its key.
fn write(path: &Path, names: &[&str], days: i64) {
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    let mut parameters = CertificateParams::new(names).expect("names");
    let now = SystemTime::now();
    let day = Duration::from_secs(24 * 60 * 60);
    parameters.not_before = (now - 10 * day).into();
    parameters.not_after = match u32::try_from(days) {
        Ok(days) => (now + days * day).into(),
        Err(_) => (now - day).into(),
    };
    let key = KeyPair::generate().expect("a key");
    let certificate = parameters.self_signed(&key).expect("a certificate");
    fs::write(path, certificate.pem()).expect("written");
    fs::write(path.with_extension("key"), key.serialize_pem()).expect("written");
}

/// Asserts that a server does not start with what is in `path`, and says why, and what to do.
fn is_refused(path: &Path, why: &str) {
    let mut server = Program::start(command(path));
    assert_eq!(server.wait_for_exit().code(), Some(1));
    let said = server.stderr();
    let error = said.split_once("Error: ").expect("an error").1;
    assert!(error.contains(why), "{why}: {error}");
    let stem = path.with_extension("");
    assert!(error.contains(&stem.display().to_string()), "{error}");
    assert_eq!(server.stdout(), "");
}

needs::test!(one_that_no_client_would_trust_is_refused_with_what_to_do);
fn one_that_no_client_would_trust_is_refused_with_what_to_do() {
    let folder = folder("refused");
    let path = folder.join("chat.pem");
    write(&path, &["localhost"], -1);
    is_refused(&path, "expired");
    is_refused(&path, "Delete ");

    let other = folder.join("other.pem");
    write(&path, &["localhost"], 1);
    write(&other, &["localhost"], 1);
    fs::copy(&other, &path).expect("another certificate");
    is_refused(&path, "Delete ");

    write(&path, &["localhost"], 1);
    fs::write(path.with_extension("key"), "no key").expect("written");
    is_refused(&path, "Delete ");

    for key in [&b"\xff\xfe"[..], b"-----BEGIN PRIVATE KEY-----\nMIGH"] {
        fs::write(path.with_extension("key"), key).expect("written");
        is_refused(&path, "there is no whole private key beside it\nDelete ");
    }

    write(&path, &["localhost"], 1);
    let whole = fs::read_to_string(&path).expect("a certificate");
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for damaged in ["", "no certificate", &whole[..whole.len() / 2], no_der] {
        fs::write(&path, damaged).expect("written");
        is_refused(&path, "there is no whole certificate in it\nDelete ");
    }
    fs::remove_file(&path).expect("removed");
    is_refused(&path, "No such file or directory");
    is_refused(&path, "Delete ");
    is_refused(&folder.join("no/such/folder/chat.pem"), "No such file or directory");
}

needs::test!(one_without_its_key_is_not_overwritten);
/// It may have been issued by somebody, and its key may have another name.
fn one_without_its_key_is_not_overwritten() {
    let path = folder("without").join("chat.pem");
    write(&path, &["localhost"], 1);
    let before = fs::read(&path).expect("a certificate");
    fs::remove_file(path.with_extension("key")).expect("removed");
    is_refused(&path, "there is no private key beside it\nDelete ");
    assert_eq!(fs::read(&path).expect("a certificate"), before);
}

needs::test!(a_folder_or_the_place_of_the_key_is_no_place_for_it);
fn a_folder_or_the_place_of_the_key_is_no_place_for_it() {
    let folder = folder("place");
    let within = folder.join("chat");
    fs::create_dir(&within).expect("a folder");
    is_refused(&within, "Name such a file: --certificate chat.pem.");
    is_refused(&folder.join("chat.key"), "Name such a file: --certificate chat.pem.");
    assert!(!folder.join("chat.key").exists(), "nothing is left behind");
}

needs::test!(one_that_is_not_for_all_addresses_is_used_and_that_is_said);
fn one_that_is_not_for_all_addresses_is_used_and_that_is_said() {
    let path = folder("older").join("chat.pem");
    write(&path, &["localhost"], 1);
    let server = Program::server_from(command(&path));
    server.wait_for_stderr(contains("clients that connect to 127.0.0.1"));
    server.wait_for_stderr(contains("will refuse it; for a new one, delete "));
}

fn main() -> std::process::ExitCode {
    needs::run()
}
