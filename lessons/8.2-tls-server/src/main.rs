// ANCHOR: header
//! 8.2 Broadcast chat that nobody can read on the way, and a server that proves who it is.
//!
//!     cargo run -p lesson-tls-server
//!     cargo run -p lesson-tls-client     (in a second terminal, and a third)
//!
//! It is the room of 7.4, and its door is TLS 1.3. On its first start the server makes a certificate
//! of its own, and writes it beside the program. The clients trust that file and nothing else.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use lesson_shared_log_server::SEND_BUFFER;
use lesson_tls_server::{Identity, beside_the_program, names_of, run};
use lexopt::prelude::*;
use shared::{
    CtrlC, Failure, host_and_port, lesson, listen_for, note, print_line, set_send_buffer,
};
use tokio::runtime;
use tokio::sync::oneshot;
// ANCHOR_END: header

// ANCHOR: options
const ADDRESS: &str = "127.0.0.1:3000";

const OPTIONS: [(&str, &str); 1] = [(
    "--certificate FILE",
    "where the certificate is, or should be [default: chat-certificate.pem beside the program]",
)];

/// Returns the address to listen on, and the file with the certificate.
fn arguments() -> Result<(String, Option<PathBuf>), lexopt::Error> {
    let (mut address, mut certificate) = (None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("certificate") => certificate = Some(parser.value()?.into()),
            Value(text) if address.is_none() => address = Some(host_and_port(text, ADDRESS)?),
            other => return Err(lesson!().help_or_refuse(other, Some(ADDRESS), &OPTIONS)),
        }
    }
    Ok((address.unwrap_or(ADDRESS.to_string()), certificate))
}
// ANCHOR_END: options

// ANCHOR: main
fn main() -> Result<(), Failure> {
    let (address, certificate) = arguments().unwrap_or_else(|problem| lesson!().refuse(problem));
    let (listener, bound) = listen_for("cargo run -p lesson-tls-client --", &address)?;
    set_send_buffer(&listener, SEND_BUFFER);

    let path = certificate.map_or_else(beside_the_program, Ok)?;
    let host = address.rsplit_once(':').map_or("", |(host, _)| host);
    let names = names_of(host, bound);
    let identity = Identity::read_or_make(&path, &names)?;
    identity.check(&path, &names)?;
    note!("certificate: {} (SHA-256 {})", path.display(), identity.fingerprint());
    let tls = Arc::new(identity.into_config(&path)?);
    print_line!("server listening at port {}", bound.port());

    let (press, pressed) = oneshot::channel::<()>();
    let _last_lines = CtrlC::calls(|| drop(press))?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime.block_on(run(listener, tls, pressed)).context("cannot use the listener with tokio")?;
    Ok(())
}
// ANCHOR_END: main
