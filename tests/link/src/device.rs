//! A network of this program's own, with one device in it: everything that needs `unsafe`.
//!
//! Nothing in here reaches a network that was there before. The device is made in a network
//! namespace (network_namespaces(7)) that is made for it, and that has nothing else but loopback.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use rustix::process::{geteuid, getgid, getuid};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// The address of this machine on the link. The network 192.0.2.0/24 is one of those that RFC 5737
/// keeps for examples, so it is nobody's real network.
pub const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const NETMASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);

/// How many packets may wait in the device until they are read, instead of 500: what is lost is to
/// be lost because the conditions of the link say so, and not because this machine is busy.
const WAITING_PACKETS: libc::c_int = 10_000;

/// Whether this process may make a network, by what is usual: it is root's.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Whoever is not root becomes root of a user namespace (user_namespaces(7)), in which one may make
/// a network. The process must not have started a thread yet.
///
/// # Errors
/// Where the system does not let its users do that: the message says what else to try.
pub fn become_root() -> anyhow::Result<()> {
    let (user, group) = (getuid(), getgid());
    if is_root() {
        return Ok(());
    }
    own(UnshareFlags::NEWUSER).context(
        "cannot make a user namespace: this system does not let its users have one. \
         Run this as root",
    )?;
    fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("0 {} 1", user.as_raw())))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("0 {} 1", group.as_raw())))
        .context("cannot become root of a user namespace. Run this as root")
}

/// Moves this thread into a new network, and returns a device in it that is read and written packet
/// by packet, without waiting. Loopback works there too.
///
/// # Errors
/// Where the right or the device is missing: the message says what was attempted.
pub fn open(mtu: u16) -> anyhow::Result<File> {
    own(UnshareFlags::NEWNET).context(
        "cannot make a network namespace: that takes root, or a system that lets its users be \
         root of a user namespace (Ubuntu since 23.10: \
         sysctl kernel.apparmor_restrict_unprivileged_userns=0)",
    )?;
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .context(
            "cannot open /dev/net/tun: the kernel's module tun and the right to use it are needed",
        )?;
    set_up(&device, mtu).context("cannot set the device of the link up")?;
    Ok(device)
}

fn set_up(device: &File, mtu: u16) -> io::Result<()> {
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_TUN_EXCL) as libc::c_short;
    let up = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    configure(device, libc::TUNSETIFF as _, "link", Setting { ifru_flags: flags })?;

    // Any socket will do: it says in which network the device is.
    let any = UdpSocket::bind("0.0.0.0:0")?;
    let set = |what, value| configure(&any, what, "link", value);
    set(libc::SIOCSIFMTU as _, Setting { ifru_mtu: mtu.into() })?;
    // An int, as the MTU is. Only the real root may change it; for others there may be a few more
    // losses.
    let _ = set(libc::SIOCSIFTXQLEN as _, Setting { ifru_mtu: WAITING_PACKETS });
    set(libc::SIOCSIFADDR as _, Setting { ifru_addr: socket_address(HERE) })?;
    set(libc::SIOCSIFNETMASK as _, Setting { ifru_netmask: socket_address(NETMASK) })?;
    set(libc::SIOCSIFFLAGS as _, Setting { ifru_flags: up })?;
    configure(&any, libc::SIOCSIFFLAGS as _, "lo", Setting { ifru_flags: up })
}

type Setting = libc::__c_anonymous_ifr_ifru;

/// Changes a setting of a network device (netdevice(7)).
#[allow(unsafe_code)]
fn configure(
    file: &impl AsRawFd,
    what: libc::Ioctl,
    device: &str,
    value: Setting,
) -> io::Result<()> {
    let mut name = [0; libc::IFNAMSIZ];
    for (place, byte) in name.iter_mut().zip(device.bytes()) {
        *place = byte as libc::c_char;
    }
    let request = libc::ifreq { ifr_name: name, ifr_ifru: value };
    // SAFETY: each of these requests reads one ifreq, and `request` is one for as long as that
    // takes.
    match unsafe { libc::ioctl(file.as_raw_fd(), what, &request) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// As a `sockaddr_in` has it: two bytes for the port, then the address.
fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0; 14];
    for (place, byte) in data[2..].iter_mut().zip(address.octets()) {
        *place = byte as libc::c_char;
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: data }
}

/// Gives this thread a namespace of its own.
#[allow(unsafe_code)]
fn own(what: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: it is only unsafe for UnshareFlags::FILES, which nobody here asks for.
    unsafe { unshare_unsafe(what) }
}
