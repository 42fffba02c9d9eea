//! Runs the link itself: a thread that reads packets, and writes them back when their time comes.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Conditions;
use crate::device::{HERE, open};
pub use crate::device::{become_root, is_root};
use crate::packet::turn_around;
use crate::wire::{Packet, Wire};

/// How many packets are read before we look again for packets that have arrived.
const PACKETS_AT_A_TIME: usize = 64;

/// A link to other machines. When it is dropped, they are gone.
pub struct Link {
    cut_off: Arc<Machines>,
    /// A socket whose closing ends the thread.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

/// A property of each machine, by the last byte of its address.
type Machines = [AtomicBool; 256];

impl Link {
    /// Moves this thread into a network of its own, with a link in it. The thread must belong to
    /// root, if necessary by [`become_root`].
    ///
    /// # Errors
    ///
    /// If the right or the device is missing. The message says what to try.
    pub fn new(conditions: Conditions) -> anyhow::Result<Link> {
        let device = open(conditions.mtu)?;
        let cut_off = Arc::new([const { AtomicBool::new(false) }; 256]);
        let (stop, stopped) = UnixStream::pair().context("cannot make a pair of sockets")?;
        let shared = Arc::clone(&cut_off);
        let thread = thread::Builder::new()
            .name("link".to_string())
            .spawn(move || carry(&device, Wire::new(conditions), &shared, &stopped))
            .context("cannot start a thread for the link")?;
        Ok(Link { cut_off, stop: Some(stop), thread: Some(thread) })
    }

    /// Drops everything that comes from or goes to the machine 192.0.2.`number` from now on, as if
    /// somebody had shut a laptop.
    pub fn cut(&self, number: u8) {
        self.cut_off[usize::from(number)].store(true, Ordering::Relaxed);
    }

    /// Connects the machine 192.0.2.`number` again.
    pub fn restore(&self, number: u8) {
        self.cut_off[usize::from(number)].store(false, Ordering::Relaxed);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // fails if it has panicked, and said so
        }
    }
}

/// Carries packets until it is told to stop.
fn carry(device: &File, mut wire: Wire, cut_off: &Machines, stop: &UnixStream) {
    let mut buffer = [0; 65536]; // no IPv4 packet is larger
    while !stopped_before(wire.next_arrival(), device, stop) {
        for _ in 0..PACKETS_AT_A_TIME {
            match read_packet(device, &mut buffer) {
                Some(packet) => wire.send(packet, Instant::now()),
                None => break,
            }
        }
        while let Some(packet) = wire.receive(Instant::now()) {
            if !cut_off[usize::from(packet.machine)].load(Ordering::Relaxed) {
                let mut device = device;
                // A packet that the system refuses is one more lost packet.
                let _ = device.write(&packet.bytes);
            }
        }
    }
}

/// Waits for a packet from `device` or until a time, whichever comes first. Returns whether to
/// stop, because the other end of `stop` is closed or somebody has deleted the device.
fn stopped_before(until: Option<Instant>, device: &File, stop: &UnixStream) -> bool {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let mut wanted = [PollFd::new(device, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
    // All possible errors are temporary: a signal (EINTR), or no memory for the moment.
    let _ = poll(&mut wanted, left.map(timespec).as_ref());
    wanted[0].revents().contains(PollFlags::ERR) || !wanted[1].revents().is_empty()
}

fn timespec(time: Duration) -> Timespec {
    let seconds = time.as_secs().try_into().unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: time.subsec_nanos().into() }
}

/// Returns the next packet to another machine, as it will arrive. Drops anything else on the
/// device, for example the system's search for IPv6 routers.
fn read_packet(mut device: &File, buffer: &mut [u8]) -> Option<Packet> {
    loop {
        match device.read(buffer) {
            Ok(length) => {
                let packet = &mut buffer[..length];
                if let Some(machine) = turn_around(packet, HERE) {
                    return Some(Packet { machine, bytes: packet.to_vec() });
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None, // there is none for now
        }
    }
}
