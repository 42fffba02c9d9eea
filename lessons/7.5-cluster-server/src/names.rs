// ANCHOR: names
//! The name of an edge, and the addresses at which it looks for NATS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use shared::host_and_port;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 64;

/// Parses `HOST:PORT` or `PORT`, or several with commas.
///
/// # Errors
/// If one of them is not an address. The message quotes it.
pub fn nats_servers(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(|server| host_and_port(server, "127.0.0.1:4222")).collect()
}

/// Parses the name of an edge.
///
/// # Errors
/// If an edge cannot have that name.
pub fn edge_name(text: &str) -> Result<String, String> {
    if is_name(text) {
        return Ok(text.to_string());
    }
    Err(format!("a name has letters, digits, `-` and `_`, and at most {LONGEST_NAME} bytes"))
}

/// Returns whether an edge may have this name. NATS and the readers of a label have to see where
/// the name ends.
pub fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(fits)
}

/// Returns a name for the edge that listens at `bound`: `edge-3000` at 127.0.0.1, and
/// `edge-192-168-1-7-3000` at an address that other machines reach.
pub fn default_name(bound: SocketAddr, nats: &[String]) -> String {
    let ip = match bound.ip() {
        ip if ip.is_unspecified() => address_towards(nats).unwrap_or(ip),
        ip => ip,
    };
    if ip == IpAddr::from(Ipv4Addr::LOCALHOST) {
        return format!("edge-{}", bound.port());
    }
    format!("edge-{ip}-{}", bound.port()).replace(['.', ':'], "-")
}

/// Returns the address from which this machine reaches the first NATS server. Connecting a UDP
/// socket sends nothing: the system only chooses the address from which it would send.
fn address_towards(nats: &[String]) -> Option<IpAddr> {
    let server = nats.first()?.to_socket_addrs().ok()?.next()?;
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(server).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
// ANCHOR_END: names

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_of_any_language_and_nothing_else() {
        for name in ["east", "edge-3000", "教室_1", "x", &"x".repeat(64)] {
            assert!(is_name(name), "{name:?}");
        }
        for name in ["", "a b", "a/b", "a.b", "a:b", "*", ">", "a\n", &"x".repeat(65)] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn edges_at_different_addresses_have_different_names() {
        let name = |bound: &str| default_name(bound.parse().expect("an address"), &[]);
        assert_eq!(name("127.0.0.1:3000"), "edge-3000");
        assert_eq!(name("127.0.0.2:3000"), "edge-127-0-0-2-3000");
        assert_eq!(name("192.168.1.7:3000"), "edge-192-168-1-7-3000");
        let longest = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
        for bound in ["0.0.0.0:1", "[::1]:1", longest] {
            assert!(is_name(&name(bound)), "{}", name(bound));
        }
    }

    #[test]
    fn an_edge_for_everybody_is_called_after_its_way_to_nats() {
        let nats = ["127.0.0.1:4222".to_string()];
        assert_eq!(default_name(([0, 0, 0, 0], 3000).into(), &nats), "edge-3000");
    }
}
