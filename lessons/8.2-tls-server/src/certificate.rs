// ANCHOR: header
//! Who the server is: its certificate, which everybody may see, and its private key, which nobody
//! else may.

use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use rcgen::{CertificateParams, DnType, KeyPair};
use ring::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring as ring_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{CertificateError, Error, RootCertStore, ServerConfig};
use shared::{networks, note, open_private};
// ANCHOR_END: header

// ANCHOR: identity
/// For how long a new certificate is valid.
const VALID: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How far a client's clock may be behind ours.
const CLOCKS: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate and its private key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads the certificate in `path` and the key beside it, or makes both if there are none yet.
    ///
    /// # Errors
    /// If they cannot be read or written.
    pub fn read_or_make(path: &Path, names: &[String]) -> anyhow::Result<Identity> {
        let key_path = path.with_extension("key");
        if key_path == path || path.is_dir() {
            return Err(no_place(path));
        }
        let mut key_file =
            open_private(&key_path).map_err(|error| cannot_keep(&key_path, &error))?;
        // Two servers may start for the first time at the same moment. The second one waits here,
        // and then finds what the first one has made.
        key_file.lock().map_err(|error| cannot_keep(&key_path, &error))?;
        let mut key = Vec::new();
        key_file.read_to_end(&mut key).map_err(|error| cannot_keep(&key_path, &error))?;
        if key.is_empty() {
            key = make(path, names, &mut key_file)?;
        }
        let certificate = read(path).map_err(|problem| start_over(path, &problem))?;
        let key = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|_| start_over(path, "there is no whole private key beside it"))?;
        Ok(Identity { certificate, key })
    }

    /// Returns the certificate's fingerprint.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    /// Looks at the certificate as a client does that connects to one of `names`. Tells which of
    /// them it is not for.
    ///
    /// # Errors
    /// If no client will trust it, whatever it connects to.
    pub fn check(&self, path: &Path, names: &[String]) -> anyhow::Result<()> {
        let client = WebPkiServerVerifier::builder_with_provider(
            Arc::new(trusting(&self.certificate)?),
            provider(),
        );
        let client = client.build().context("cannot look at the certificate as a client does")?;
        let mut missing = Vec::new();
        for name in names {
            let server = ServerName::try_from(name.as_str())?;
            let seen =
                client.verify_server_cert(&self.certificate, &[], &server, &[], UnixTime::now());
            match seen {
                Ok(_) => {}
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) => missing.push(name.as_str()),
                Err(error) => return Err(start_over(path, &error.to_string())),
            }
        }
        if !missing.is_empty() {
            note!(
                "the certificate is older than some addresses of this machine, so clients that \
                 connect to {} will refuse it; for a new one, delete {} and {}",
                missing.join(" or "),
                path.display(),
                path.with_extension("key").display(),
            );
        }
        Ok(())
    }

    /// Returns what rustls needs to be this server. It speaks TLS 1.3 alone.
    ///
    /// # Errors
    /// If the key is not that of the certificate.
    pub fn into_config(self, path: &Path) -> anyhow::Result<ServerConfig> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .context("cannot speak TLS 1.3")?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate], self.key);
        config.map_err(|error| start_over(path, &error.to_string()))
    }
}

fn cannot_keep(file: &Path, error: &io::Error) -> anyhow::Error {
    let file = file.display();
    anyhow!(
        "cannot read or write {file}: {error}\n\
         Name a place where this program may write: --certificate FILE."
    )
}

fn no_place(path: &Path) -> anyhow::Error {
    anyhow!(
        "cannot keep the certificate in {}: it needs a file of its own, and the key gets the one \
         beside it that ends in .key\n\
         Name such a file: --certificate chat.pem.",
        path.display()
    )
}

fn start_over(certificate: &Path, problem: &str) -> anyhow::Error {
    let key = certificate.with_extension("key");
    let (key, certificate) = (key.display(), certificate.display());
    anyhow!(
        "cannot use the certificate in {certificate}: {problem}\n\
         Delete {certificate} and {key}, and the next start makes new ones. Then give the new \
         certificate to the clients."
    )
}
// ANCHOR_END: identity

// ANCHOR: make
/// Makes a certificate for `names`, and writes it and its key. Returns the key.
///
/// # Errors
/// If there is a certificate already: somebody may trust it, and its key may be elsewhere.
fn make(path: &Path, names: &[String], key_file: &mut File) -> anyhow::Result<Vec<u8>> {
    let problem = || format!("cannot make a certificate for {}", names.join(", "));
    let mut parameters = CertificateParams::new(names).with_context(problem)?;
    parameters.distinguished_name.push(DnType::CommonName, "lesson-tls-server");
    let now = SystemTime::now();
    parameters.not_before = (now - CLOCKS).into();
    parameters.not_after = (now + VALID).into();
    // The signer of a certificate vouches for it. This one is signed with its own key, so nobody
    // else vouches for it, and its clients have to be given the file.
    let key = KeyPair::generate().with_context(problem)?;
    let certificate = parameters.self_signed(&key).with_context(problem)?;
    let written =
        File::create_new(path).and_then(|mut file| file.write_all(certificate.pem().as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => start_over(path, "there is no private key beside it"),
        _ => cannot_keep(path, &error),
    })?;
    let key = key.serialize_pem().into_bytes();
    let written = key_file.write_all(&key);
    written.map_err(|error| cannot_keep(&path.with_extension("key"), &error))?;
    Ok(key)
}

/// Returns the names and addresses under which clients may reach a server that listens at `bound`:
/// those of this machine, and the `host` that was typed.
pub fn names_of(host: &str, bound: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_string(), "127.0.0.1".to_string(), "::1".to_string()];
    names.extend(networks().into_iter().flatten().map(|network| network.ip.to_string()));
    if !bound.ip().is_unspecified() {
        names.push(bound.ip().to_string());
        names.push(host.to_string());
    }
    names.retain(|name| ServerName::try_from(name.as_str()).is_ok());
    names.sort();
    names.dedup();
    names
}
// ANCHOR_END: make

// ANCHOR: read
/// Returns where the server keeps its certificate, and where the client looks for it.
///
/// # Errors
/// If the system does not tell where this program lies.
pub fn beside_the_program() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("cannot find out where this program lies")?;
    Ok(program.with_file_name("chat-certificate.pem"))
}

fn read(path: &Path) -> Result<CertificateDer<'static>, String> {
    let pem = fs::read(path).map_err(|error| error.to_string())?;
    match CertificateDer::from_pem_slice(&pem) {
        Ok(certificate) if trusting(&certificate).is_ok() => Ok(certificate),
        _ => Err("there is no whole certificate in it".to_string()),
    }
}

/// Reads the certificate in `path`, for a client.
///
/// # Errors
/// If there is none.
pub fn read_certificate(path: &Path) -> anyhow::Result<CertificateDer<'static>> {
    read(path).map_err(|problem| {
        anyhow!(
            "cannot read a certificate from {}: {problem}\n\
             The server makes it when it starts for the first time, and says where. Copy that file to \
             here, or name it: --certificate FILE.",
            path.display()
        )
    })
}

/// Returns what identifies a certificate: its hash, as `openssl x509 -fingerprint -sha256` prints it.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest(&SHA256, certificate);
    let pairs: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// Returns the list of those that are trusted: this certificate alone.
///
/// # Errors
/// If it is not a certificate after all.
pub fn trusting(certificate: &CertificateDer<'static>) -> anyhow::Result<RootCertStore> {
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate.clone()).context("cannot trust the certificate")?;
    Ok(trusted)
}

/// Returns the cryptography that rustls should use.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring_provider::default_provider())
}
// ANCHOR_END: read
