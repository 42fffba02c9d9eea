//! The exercises of this lesson, and what each asks of a learner's program.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use checker::{Attempt, Outcome, Running, listener};
use harness::{accept_within, scratch};
use lesson_tls_server::{provider, read_certificate};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::version::TLS13;
use rustls::{CipherSuite, ServerConfig, ServerConnection, StreamOwned};

checker::exercises! {
    tls_client in "8.2-tls-client" {
        what_was_agreed: "easy, 15 minutes: What was agreed?",
        one_size: "medium, 25 minutes: One size for all",
    }
}

fn failed(error: impl std::fmt::Display) -> String {
    format!("the check itself cannot do its part: {error}")
}

/// Writes a certificate for 127.0.0.1, and its key. Several answers may be checked at the same time.
fn certificate() -> Outcome<PathBuf> {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let path = scratch().join(format!("agreed-{}-{number}.pem", process::id()));
    let key = KeyPair::generate().map_err(failed)?;
    let parameters = CertificateParams::new(vec!["127.0.0.1".to_string()]).map_err(failed)?;
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    fs::write(&path, certificate.pem()).map_err(failed)?;
    fs::write(path.with_extension("key"), key.serialize_pem()).map_err(failed)?;
    Ok(path)
}

/// Returns the configuration of a server that knows only one cipher suite.
fn config(certificate: &Path, suite: CipherSuite) -> Outcome<Arc<ServerConfig>> {
    let mut provider: CryptoProvider = (*provider()).clone();
    provider.cipher_suites.retain(|known| known.suite() == suite);
    let key = fs::read(certificate.with_extension("key")).map_err(failed)?;
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(
            vec![read_certificate(certificate).map_err(failed)?],
            PrivateKeyDer::from_pem_slice(&key).map_err(failed)?,
        );
    config.map(Arc::new).map_err(failed)
}

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// Starts the program, which trusts `trusted`, and accepts it as a server with the certificate in `own`.
fn accepted(
    attempt: &Attempt,
    own: &Path,
    trusted: &Path,
    suite: CipherSuite,
) -> Outcome<(Running, std::io::Result<Tls>)> {
    let (listener, address) = listener()?;
    let trusted = trusted.to_str().ok_or("the check needs a path in UTF-8")?;
    let client = attempt.start(&[&address.to_string(), "--certificate", trusted]);
    let stream = accept_within(&listener, 2 * attempt.patience())
        .map_err(|error| format!("a server waited for the program to connect, but: {error}"))?;
    stream.set_read_timeout(Some(attempt.patience())).map_err(failed)?;
    let session = ServerConnection::new(config(own, suite)?).map_err(failed)?;
    let mut tls = StreamOwned::new(session, stream);
    let shaken = tls.conn.complete_io(&mut tls.sock).map(|_| tls);
    Ok((client, shaken))
}

// --- what_was_agreed ---

fn what_was_agreed(attempt: &Attempt) -> Outcome {
    let own = certificate()?;
    for (suite, name) in [
        (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS13_CHACHA20_POLY1305_SHA256"),
        (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS13_AES_128_GCM_SHA256"),
        (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS13_AES_256_GCM_SHA384"),
    ] {
        let (client, tls) = accepted(attempt, &own, &own, suite)?;
        let mut tls = tls.map_err(|error| {
            format!("the program refused a server with the certificate that it trusts: {error}")
        })?;
        let after = format!("a server shook hands with {name}, said `5000:hello`, and left");
        tls.write_all(b"5000:hello\n").map_err(failed)?;
        tls.conn.send_close_notify();
        tls.flush().map_err(failed)?;
        drop(tls);
        client.expect_exit(&after)?;
        let stdout = client.stdout();
        let lines: Vec<&str> = stdout.lines().collect();
        let expected = format!("agreed: TLSv1_3 {name}");
        if lines.first() != Some(&expected.as_str()) {
            return Err(format!(
                "{after}, so the first line should be `{expected}`, but the lines are {lines:?}"
            ));
        }
        if lines[1..] != ["5000:hello"] {
            return Err(format!(
                "{after}, so only `5000:hello` should follow the first line, but the lines are \
                 {lines:?}"
            ));
        }
    }
    // Nobody has agreed on anything with a server that is not trusted.
    let other = certificate()?;
    let suite = CipherSuite::TLS13_AES_128_GCM_SHA256;
    let (client, _refused) = accepted(attempt, &other, &own, suite)?;
    let after = "another server answered, which the program does not trust";
    let status = client.expect_exit(after)?;
    match (client.stdout().as_str(), status.code()) {
        ("", Some(1)) => Ok(()),
        (stdout, _) => Err(format!(
            "{after}, so nothing was agreed. The program should print no line and end with exit \
             status 1, but it printed {stdout:?} and ended with {status}"
        )),
    }
}

// --- one_size ---

fn one_size(attempt: &Attempt) -> Outcome {
    let own = certificate()?;
    let suite = CipherSuite::TLS13_AES_128_GCM_SHA256;
    let (client, tls) = accepted(attempt, &own, &own, suite)?;
    let tls =
        tls.map_err(|error| format!("the program refused the server that it trusts: {error}"))?;
    let mut server = BufReader::new(tls);
    let just_right = "x".repeat(63);
    let longer = "z".repeat(100);
    for (typed, lines) in [
        ("yes", vec![("yes", 64)]),
        ("no", vec![("no", 64)]),
        ("你好你好你好你好你好", vec![("你好你好你好你好你好", 64)]),
        (just_right.as_str(), vec![(just_right.as_str(), 64)]),
        (longer.as_str(), vec![(longer.as_str(), 128)]),
        ("one\ntwo\nthree", vec![("one", 64), ("two", 64), ("three", 64)]),
    ] {
        client.type_line(typed)?;
        for (text, bytes) in lines {
            let mut line = Vec::new();
            server.read_until(b'\n', &mut line).map_err(|error| {
                format!("{text:?} was typed, so a line should arrive at the server, but: {error}")
            })?;
            let heard = String::from_utf8_lossy(&line);
            if heard.trim() != text {
                return Err(format!(
                    "{text:?} was typed, so the others should hear that, but they hear {:?}",
                    heard.trim()
                ));
            }
            if line.len() != bytes {
                return Err(format!(
                    "{text:?} was typed, and with its newline it should take {bytes} bytes, but \
                     it took {}",
                    line.len()
                ));
            }
        }
    }
    client.close_stdin();
    let mut rest = Vec::new();
    match server.read_to_end(&mut rest) {
        Ok(_) if rest.is_empty() => Ok(()),
        Ok(_) => Err(format!(
            "the input ended, so the program should send nothing more, but it sent {rest:?}"
        )),
        Err(error) => {
            Err(format!("the input ended, so the program should send close_notify, but: {error}"))
        }
    }
}
