// ANCHOR: refusal
//! Whom the client trusts, and what it tells the user when it does not trust the server.

use std::io::{self, ErrorKind};
use std::net::SocketAddrV6;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use lesson_tls_server::{HANDSHAKE, provider, trusting};
use rustls::CertificateError::*;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, Error};
use tokio_rustls::client::TlsStream;

/// Returns what rustls needs to be a client that trusts this certificate and nothing else.
pub fn config(certificate: &CertificateDer<'static>) -> anyhow::Result<Arc<ClientConfig>> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .context("cannot speak TLS 1.3")?
        .with_root_certificates(trusting(certificate)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Returns the host of `HOST:PORT`, which has to be in the server's certificate.
pub fn server_name(address: &str) -> anyhow::Result<ServerName<'static>> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let name = match address.parse::<SocketAddrV6>() {
        Ok(address) => Ok(ServerName::from(std::net::IpAddr::from(*address.ip()))), // no brackets, no %2
        Err(_) => ServerName::try_from(host.to_string()),
    };
    name.map_err(|_| {
        anyhow!("{host} cannot be in a certificate: connect to the server's IP address instead")
    })
}

/// Refuses a server that has another certificate. rustls looks only at the key and accepts any
/// certificate that it has signed, but people compare fingerprints.
pub fn is_the_one<S>(
    server: &TlsStream<S>,
    certificate: &CertificateDer<'_>,
    address: &str,
    path: &Path,
) -> anyhow::Result<()> {
    let (_, session) = server.get_ref();
    match session.peer_certificates().and_then(|sent| sent.first()) == Some(certificate) {
        true => Ok(()),
        false => Err(anyhow!("cannot trust {address}: {}", another_certificate(path))),
    }
}

fn another_certificate(ours: &Path) -> String {
    format!(
        "its certificate is not the one in {}: if you trust that server, copy its certificate \
         again, and compare the fingerprints",
        ours.display()
    )
}

/// Returns the error for a server that has not even begun to prove who it is.
pub fn no_handshake(address: &str) -> anyhow::Error {
    let seconds = HANDSHAKE.as_secs();
    anyhow!(
        "{address} has not answered the handshake within {seconds} s: if that chat is not \
         encrypted, use cargo run -p lesson-broadcast-client -- {address}"
    )
}

/// Returns the error for a server that the client does not talk to, with what to do, on one line.
pub fn refused(address: &str, certificate: &Path, error: &io::Error) -> anyhow::Error {
    let file = certificate.display();
    let of_tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    let reason = match of_tls {
        Some(Error::InvalidCertificate(Expired | ExpiredContext { .. })) => format!(
            "its certificate has expired: start the server again with a new one, and copy that \
             to {file}"
        ),
        Some(Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. })) => {
            "its certificate is not valid yet: is the clock of this machine right?".to_string()
        }
        Some(Error::InvalidCertificate(NotValidForNameContext { expected, presented })) => {
            format!(
                "its certificate is not for {}, but for {}: connect to one of those, or make a new \
                 certificate there",
                expected.to_str(),
                presented.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", ")
            )
        }
        Some(Error::InvalidCertificate(_)) => another_certificate(certificate),
        Some(Error::InvalidMessage(_)) => format!(
            "it does not speak TLS: if that chat is not encrypted, use cargo run -p \
             lesson-broadcast-client -- {address}"
        ),
        Some(error) => format!("the handshake has failed: {error}; is it lesson-tls-server?"),
        None if error.kind() == ErrorKind::UnexpectedEof => {
            "it has ended the connection in the middle of the handshake: is it lesson-tls-server?"
                .to_string()
        }
        None => format!("the handshake has failed: {error}; try again"),
    };
    anyhow!("cannot trust {address}: {reason}")
}

/// Takes a name out of what rustls makes of it: `DnsName("localhost")`, `IpAddress(127.0.0.1)`.
fn bare(name: &str) -> &str {
    name.split(['(', '"', ')']).filter(|part| !part.is_empty()).nth(1).unwrap_or(name)
}

/// Says what it means that a connection has ended without close_notify.
pub fn without_goodbye(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => io::Error::new(
            ErrorKind::UnexpectedEof,
            "it has ended without close_notify, so the last lines may be missing",
        ),
        _ => error,
    }
}
// ANCHOR_END: refusal
