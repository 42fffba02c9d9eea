//! The exercises of this lesson, and what each asks of a learner's program.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use checker::{Attempt, Outcome};
use harness::scratch;
use lesson_tls_server::{provider, read_certificate, trusting};
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

checker::exercises! {
    tls_server in "8.2-tls-server" {
        another_name: "easy, 15 minutes: Another name",
        full_doorway: "medium, 25 minutes: A full doorway",
    }
}

fn failed(error: impl std::fmt::Display) -> String {
    format!("the check itself cannot do its part: {error}")
}

/// A client in the room.
type Tls = StreamOwned<ClientConnection, TcpStream>;

fn join(server: SocketAddr, certificate: &Path, patience: Duration) -> Outcome<io::Result<Tls>> {
    join_as("localhost", server, certificate, patience)
}

/// Joins, and expects the server to be called `name`.
fn join_as(
    name: &'static str,
    server: SocketAddr,
    certificate: &Path,
    patience: Duration,
) -> Outcome<io::Result<Tls>> {
    let certificate = read_certificate(certificate).map_err(failed)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(failed)?
        .with_root_certificates(trusting(&certificate).map_err(failed)?)
        .with_no_client_auth();
    let name = ServerName::try_from(name).map_err(failed)?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(failed)?;
    let stream = knock(server, patience)?;
    let mut tls = StreamOwned::new(session, stream);
    let shaken = tls.conn.complete_io(&mut tls.sock);
    // The session's tickets say that the server has let it in.
    let shaken = shaken.and_then(|_| {
        while tls.conn.tls13_tickets_received() == 0 {
            if tls.conn.read_tls(&mut tls.sock)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            tls.conn.process_new_packets().map_err(io::Error::other)?;
        }
        Ok(tls)
    });
    Ok(shaken)
}

/// Opens a connection that sends nothing.
fn knock(server: SocketAddr, patience: Duration) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(server).map_err(|error| format!("cannot connect: {error}"))?;
    stream.set_read_timeout(Some(patience)).map_err(failed)?;
    Ok(stream)
}

/// Returns whether the server has closed a connection that says nothing.
fn is_closed(mut stream: &TcpStream, patience: Duration) -> Outcome<bool> {
    stream.set_read_timeout(Some(patience)).map_err(failed)?;
    match stream.read(&mut [0]) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(false)
        }
        _ => Ok(true),
    }
}

/// Returns a path for a new certificate. Several answers may be checked at the same time.
fn new_file() -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    scratch().join(format!("exercise-{}-{number}.pem", process::id()))
}

// --- another_name ---

fn another_name(attempt: &Attempt) -> Outcome {
    let path = new_file();
    let file = path.to_str().ok_or("the check needs a path in UTF-8")?;
    let options = ["--name", "one.example", "--certificate", file, "--name", "two.example"];
    let server = attempt.serve_with(&options)?;
    let listening = format!("server listening at port {}", server.address().port());
    let started = "the server was started with --name one.example and --name two.example";
    server.expect_line_on_stdout(started, &listening)?;
    for name in ["one.example", "two.example", "localhost"] {
        let joined = join_as(name, server.address(), &path, attempt.patience())?;
        joined.map_err(|error| {
            format!(
                "{started}, so a client that knows it as {name} should be able to join, but: \
                 {error}"
            )
        })?;
    }
    match join_as("three.example", server.address(), &path, attempt.patience())? {
        Ok(_) => Err(format!("{started}, but a client that knows it as three.example could join")),
        Err(_) => Ok(()),
    }
}

// --- full_doorway ---

/// In this time, something that was not to come would have come.
const A_WHILE: Duration = Duration::from_millis(300);

fn full_doorway(attempt: &Attempt) -> Outcome {
    let patience = attempt.patience();
    let path = new_file();
    let file = path.to_str().ok_or("the check needs a path in UTF-8")?;
    let server = attempt.serve_with(&["--certificate", file])?;
    let listening = format!("server listening at port {}", server.address().port());
    server.expect_line_on_stdout("the server was started", &listening)?;
    let join = || join(server.address(), &path, patience);

    let mut room = Vec::new();
    for number in 1..=12 {
        let client = join()?.map_err(|error| {
            format!(
                "{} were in the room, and one more should be able to join, but: {error}",
                number - 1
            )
        })?;
        room.push(client);
    }
    for round in 1..=2 {
        let doorway: Vec<TcpStream> =
            (0..10).map(|_| knock(server.address(), patience)).collect::<Outcome<_>>()?;
        for stranger in &doorway {
            if is_closed(stranger, A_WHILE / 10)? {
                return Err(format!(
                    "at most ten were in the doorway, but the server closed one of these \
                     connections (round {round})"
                ));
            }
        }
        let eleventh = knock(server.address(), patience)?;
        if !is_closed(&eleventh, patience.min(Duration::from_secs(5)))? {
            return Err("ten were in the doorway, so the server should have closed the eleventh \
                        connection, but it did not"
                .to_string());
        }
        if doorway.iter().any(|stranger| is_closed(stranger, Duration::from_millis(1)) != Ok(false))
        {
            return Err(
                "the eleventh arrived, and the server closed one of the ten before it".to_string()
            );
        }
        // The room goes on meanwhile.
        let line = format!("round {round}\n");
        room[0].write_all(line.as_bytes()).map_err(|error| {
            format!("the doorway was full, and somebody in the room could not speak: {error}")
        })?;
        hears(&mut room[1], &line)?;
        drop(doorway);
        attempt.eventually(|| {
            join()?.map(drop).map_err(|error| {
                format!(
                    "all ten in the doorway had left, so one more should be able to join, but: \
                     {error}"
                )
            })
        })?;
    }
    Ok(())
}

fn hears(client: &mut Tls, end: &str) -> Outcome {
    let mut heard = String::new();
    while !heard.ends_with(end) {
        let mut byte = [0];
        match client.read(&mut byte) {
            Ok(1..) => heard.push(char::from(byte[0])),
            outcome => {
                return Err(format!(
                    "the doorway was full, but somebody in the room should still hear {end:?}: \
                     {outcome:?}"
                ));
            }
        }
    }
    Ok(())
}
