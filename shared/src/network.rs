//! The networks that this machine is on, and what it means when no datagram can be received.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};

use if_addrs::{IfAddr, Interface};

/// A network that this machine is on, which means: one of its addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The interface's name, such as `eth0`.
    pub interface: String,
    /// The interface's number, which an IPv6 address of this link alone needs beside it.
    pub index: u32,
    /// This machine's address.
    pub ip: IpAddr,
    /// The address that means everybody on this network. IPv6 has none, and neither has loopback nor
    /// a tunnel.
    pub broadcast: Option<Ipv4Addr>,
}

/// Returns the networks that are up, loopback among them. An interface with several addresses is
/// there several times.
///
/// # Errors
/// If the system does not list them.
pub fn networks() -> io::Result<Vec<Network>> {
    Ok(if_addrs::get_if_addrs()?.into_iter().filter(Interface::is_oper_up).map(network).collect())
}

fn network(interface: Interface) -> Network {
    let ip = interface.ip();
    let broadcast = match interface.addr {
        IfAddr::V4(address) => address.broadcast.filter(|_| !ip.is_loopback()),
        IfAddr::V6(_) => None,
    };
    Network { interface: interface.name, index: interface.index.unwrap_or(0), ip, broadcast }
}

/// Returns whether receiving a datagram has failed only because there is none: the time to wait is
/// over, or the system reports that a datagram that was *sent* earlier has reached nobody.
///
/// A machine on which nobody listens at a UDP port may say so (ICMP "port unreachable", RFC 1122,
/// 4.1.3.3). Linux and macOS hand that only to a socket that is connected, as `ConnectionRefused`;
/// Windows hands it to every socket, as `ConnectionReset` (Microsoft's documentation of `recvfrom`).
pub fn nothing_arrived(error: &io::Error) -> bool {
    use ErrorKind::*;
    matches!(
        error.kind(),
        // On Unix a receive that has waited long enough fails with the first, on Windows with the other.
        WouldBlock
            | TimedOut
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkUnreachable
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv6Addr, UdpSocket};
    use std::time::Duration;

    use if_addrs::{IfOperStatus, Ifv4Addr, Ifv6Addr};

    fn interface(addr: IfAddr) -> Interface {
        // Windows has one more field, which no other system can name.
        let mut interfaces = if_addrs::get_if_addrs().expect("a list of interfaces");
        let mut interface = interfaces.pop().expect("an interface, if only loopback");
        interface.name = "eth0".to_string();
        interface.index = Some(7);
        interface.oper_status = IfOperStatus::Up;
        interface.addr = addr;
        interface
    }

    fn v4(ip: [u8; 4], broadcast: Option<[u8; 4]>) -> IfAddr {
        let netmask = Ipv4Addr::new(255, 255, 255, 0);
        let broadcast = broadcast.map(Ipv4Addr::from);
        IfAddr::V4(Ifv4Addr { ip: ip.into(), netmask, prefixlen: 24, broadcast })
    }

    #[test]
    fn only_a_network_of_ipv4_has_a_broadcast_address_and_loopback_has_none() {
        let broadcast = |addr| network(interface(addr)).broadcast;
        let everybody = Ipv4Addr::new(192, 0, 2, 255);
        assert_eq!(broadcast(v4([192, 0, 2, 7], Some([192, 0, 2, 255]))), Some(everybody));
        assert_eq!(broadcast(v4([192, 0, 2, 7], None)), None);
        assert_eq!(broadcast(v4([127, 0, 0, 1], Some([127, 255, 255, 255]))), None);
        let ip = Ipv6Addr::LOCALHOST;
        let addr = IfAddr::V6(Ifv6Addr { ip, netmask: ip, prefixlen: 128, broadcast: None });
        assert_eq!(network(interface(addr)).ip, ip);
    }

    #[test]
    fn loopback_is_a_network() {
        let networks = networks().expect("a list of networks");
        assert!(networks.iter().any(|network| network.ip.is_loopback()), "{networks:?}");
    }

    #[test]
    fn silence_is_no_datagram() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("set a time-out");
        let error = socket.recv_from(&mut [0]).expect_err("nobody sends");
        assert!(nothing_arrived(&error), "{error:?}");
        assert!(!nothing_arrived(&ErrorKind::OutOfMemory.into()));
    }

    #[test]
    fn a_port_where_nobody_listens_is_no_datagram() {
        let nobody = UdpSocket::bind("127.0.0.1:0").expect("bind");
        let address = nobody.local_addr().expect("its address");
        drop(nobody);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket.connect(address).expect("a connected socket hears of it on every system");
        // A firewall may keep the news back, and so does wine 8.0.
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set a time-out");
        socket.send(b"is anybody there?").expect("it is sent");
        let error = socket.recv(&mut [0]).expect_err("nobody is there");
        assert!(nothing_arrived(&error), "{error:?}");
    }
}
