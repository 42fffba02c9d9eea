//! A network within one Linux machine that is not loopback: packets of 1,500 bytes that take time,
//! queue up and get lost.
//!
//! The thread that makes a [`Link`] moves into a network of its own, and so does everything that it
//! does and starts from then on, so nothing can leave the machine. In that network this machine is
//! 192.0.2.1. The other addresses of 192.0.2.0/24 are this machine as well, seen over the link. You
//! reach a server on 0.0.0.0:3000 at 192.0.2.2:3000, and to the server that client seems to come
//! from another machine, 192.0.2.2, because what is sent to 192.0.2.2 comes back from there with
//! source and destination exchanged.

use std::net::Ipv4Addr;
use std::time::Duration;

#[cfg(target_os = "linux")]
mod device;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod packet;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod link;

pub use link::{Link, become_root, is_root};

/// The conditions of a link. By default there is only a short delay.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// How long a packet takes in each direction. `ping` shows twice as much.
    pub delay: Duration,
    /// Bits per second, or `None` for as fast as this machine can. It is the server's cable, as on
    /// a switched Ethernet: all data from clients shares it, and all data to them shares as much
    /// again in the other direction. (Wi-Fi is a single medium for both.) All bytes of an IP packet
    /// count, and nothing else.
    pub rate: Option<u64>,
    /// The share of packets that get lost in each direction, from 0.0 to 1.0.
    pub loss: f64,
    /// The maximum number of bytes that wait in each direction for their turn to leave. Packets
    /// that find no room are lost. Without a rate, nothing waits.
    pub queue: u64,
    /// The size of the largest packet, in bytes.
    pub mtu: u16,
    /// The seed of the random numbers that decide which packets get lost. With the same seed the
    /// same packets get lost, as long as the same packets are sent.
    pub seed: u64,
}

impl Default for Conditions {
    fn default() -> Conditions {
        Conditions {
            delay: Duration::from_millis(1),
            rate: None,
            loss: 0.0,
            queue: 256 * 1024,
            mtu: 1500,
            seed: 1,
        }
    }
}

/// Returns the address of another machine, which is reached over the link.
///
/// # Panics
///
/// If `number` is 0, 1 or 255, because those are not other machines.
pub fn machine(number: u8) -> Ipv4Addr {
    assert!((2..=254).contains(&number), "192.0.2.{number} is not another machine's address");
    Ipv4Addr::new(192, 0, 2, number)
}
