//! Encrypts what a test says to a TLS server, and decrypts what it hears, so that the tests of every
//! chat server fit that one too.
//!
//!     tunnel CERTIFICATE
//!
//! prints where it listens. A test connects there, and sends a line with the address of the server.
//! When the tunnel has connected to it, it answers with a newline. From then on each end of one
//! connection is passed on as the same end of the other: bytes, a half-close, a reset, and being full.
//! The server sees the port of the test, because a chat calls people by their ports. To allow that,
//! the test has to set SO_REUSEADDR.
//!
//! When a client's handshake is done, the server may not know it yet. So nothing that a test sends is
//! passed on before the server has let in everybody who has connected earlier.

use std::env;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context, anyhow};
use lesson_tls_server::{provider, read_certificate, trusting};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use socket2::{SockRef, Socket};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf, split,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio::{runtime, task, try_join};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The send buffer towards a test, in bytes. With a large one, a test that does not read would be
/// noticed late.
const SEND_BUFFER: usize = 64 * 1024;

/// The receive buffer towards the server, in bytes. If the system may choose it, a whole paste may fit,
/// and the server does not notice that the test does not read.
const RECEIVE_BUFFER: u32 = 128 * 1024;

fn main() -> anyhow::Result<()> {
    let certificate = env::args_os().nth(1).context("usage: tunnel CERTIFICATE")?;
    let certificate = read_certificate(&PathBuf::from(certificate))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(trusting(&certificate)?)
        .with_no_client_auth();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(TlsConnector::from(Arc::new(config))))
}

async fn serve(connector: TlsConnector) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    shared::set_send_buffer(&listener, SEND_BUFFER);
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    println!("listening on {}", listener.local_addr()?);
    let (_, mut everybody_is_in) = watch::channel(());
    loop {
        let Ok((test, from)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (is_in, knows) = watch::channel(());
        let earlier = std::mem::replace(&mut everybody_is_in, knows);
        let connector = connector.clone();
        task::spawn(async move {
            let mut test = BufReader::new(test);
            if let Err(error) = pass_on(&mut test, from, connector, earlier, is_in).await {
                eprintln!("{from}: {error:#}");
                reset_at_the_end(&SockRef::from(test.get_ref()));
            }
        });
    }
}

async fn pass_on(
    test: &mut BufReader<TcpStream>,
    from: SocketAddr,
    connector: TlsConnector,
    mut earlier: watch::Receiver<()>,
    is_in: watch::Sender<()>,
) -> anyhow::Result<()> {
    test.get_ref().set_nodelay(true)?;
    let mut address = String::new();
    test.read_line(&mut address).await?;
    let address: SocketAddr =
        address.trim().parse().map_err(|_| anyhow!("{address:?} is no address"))?;
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    // At another address of this machine, the port may be somebody else's.
    let own = if address.ip().is_loopback() { from.ip() } else { Ipv4Addr::UNSPECIFIED.into() };
    let own = SocketAddr::from((own, from.port()));
    socket.bind(own).with_context(|| format!("cannot get the port of {own}"))?;
    let server = socket.connect(address).await.context("cannot connect to the server")?;
    server.set_nodelay(true)?;
    let _ = test.write_all(b"\n").await; // it may have left already
    let server = connector.connect(ServerName::try_from("localhost")?, server).await;
    let mut server = server.context("cannot shake hands with the server")?;
    let first = let_in(&mut server).await?;
    let _ = earlier.changed().await; // an error: that sender has been dropped, which is what it is for
    drop(is_in);
    let _ = test.write_all(&first).await; // it may have left, and its words are still here

    let of_test = SockRef::from(test.get_ref()).try_clone()?;
    let of_server = SockRef::from(server.get_ref().0).try_clone()?;
    let (from_server, to_server) = split(server);
    let (from_test, to_test) = split(test);
    let to_the_server = async { copy(from_test, to_server).await.map_err(drop) };
    let to_the_test = async {
        match copy(from_server, to_test).await {
            Err(Broken::To) => Ok(()), // the test has left: what it has said is passed on first
            outcome => outcome.map_err(drop),
        }
    };
    let outcome = try_join!(to_the_server, to_the_test);
    if outcome.is_err() {
        // A reset throws away what has not been sent yet, but the test has sent it.
        wait_until_sent(&of_server).await;
        reset_at_the_end(&of_test);
        reset_at_the_end(&of_server);
    }
    Ok(())
}

/// Waits until the other side has acknowledged all that was sent, for some seconds at most.
async fn wait_until_sent(socket: &Socket) {
    for _ in 0..5000 {
        if unacknowledged(socket) == 0 {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// Returns how many bytes of a connection are on the way, or wait in the kernel.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn unacknowledged(socket: &Socket) -> libc::c_int {
    use std::os::fd::AsRawFd;
    let mut bytes = 0;
    // SAFETY: the descriptor is open, and the call writes one int (SIOCOUTQ in tcp(7)).
    let asked = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if asked == 0 { bytes } else { 0 }
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
fn unacknowledged(_socket: &Socket) -> i32 {
    0
}

/// Makes the socket reset its connection when it is closed.
fn reset_at_the_end(socket: &Socket) {
    let _ = socket.set_linger(Some(Duration::ZERO)); // it fails if the connection is over already
}

/// Waits until the server has let this client in: that is when its session tickets arrive. Returns
/// what else has arrived.
async fn let_in(server: &mut TlsStream<TcpStream>) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 4096];
    poll_fn(|context| {
        let mut arrived = ReadBuf::new(&mut buffer);
        match Pin::new(&mut *server).poll_read(context, &mut arrived) {
            Poll::Pending if server.get_ref().1.tls13_tickets_received() == 0 => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(arrived.filled().to_vec())),
        }
    })
    .await
}

/// The connection that is broken.
enum Broken {
    From,
    To,
}

/// Copies until the end, and passes that on as well.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> Result<(), Broken> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let received = from.read(&mut buffer).await.map_err(|_| Broken::From)?;
        if received == 0 {
            return to.shutdown().await.map_err(|_| Broken::To);
        }
        to.write_all(&buffer[..received]).await.map_err(|_| Broken::To)?;
        to.flush().await.map_err(|_| Broken::To)?;
    }
}
