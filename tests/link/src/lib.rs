//! A network that is no loopback, within one Linux machine: packets of 1,500 bytes that take their
//! time, queue up and get lost.
//!
//! The thread that makes a [`Link`] finds itself in a network of its own, in which all is from then
//! on that it does, and the threads and processes that it starts: nothing can leave the machine. In
//! that network this machine is 192.0.2.1, and the other addresses of 192.0.2.0/24 are this machine
//! too, seen over the link. A server on 0.0.0.0:3000 is reached at 192.0.2.2:3000, and to the server
//! that client comes from 192.0.2.2, another machine: what is sent to 192.0.2.2 comes back from there
//! with source and destination exchanged.

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

/// What a packet meets on the link. By default no more than a short delay.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// How long a packet takes, in each direction: what `ping` shows is twice as much.
    pub delay: Duration,
    /// Bits per second, or `None` for as fast as this machine can. It is the server's cable, as on
    /// a switched Ethernet: all that clients send shares it, and all that is sent to them shares
    /// as much again in the other direction. (Wi-Fi is one medium for both.) All bytes of an IP
    /// packet count, and nothing else.
    pub rate: Option<u64>,
    /// The share of the packets that get lost, in each direction, from 0.0 to 1.0.
    pub loss: f64,
    /// How many bytes wait in each direction for their turn to leave. What finds no room is lost.
    /// Without a rate, nothing waits.
    pub queue: u64,
    /// The size of the largest packet, in bytes.
    pub mtu: u16,
    /// Where the series of random numbers begins that decides what gets lost. With the same number
    /// the same packets get lost, as far as the same packets are sent.
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

/// The address of another machine, which is reached over the link.
///
/// # Panics
/// For 0, 1 and 255, which are no other machine's.
pub fn machine(number: u8) -> Ipv4Addr {
    assert!((2..=254).contains(&number), "192.0.2.{number} is no other machine's address");
    Ipv4Addr::new(192, 0, 2, number)
}
