//! Makes a network of this program's own, with one device in it. All `unsafe` code is in here.
//!
//! Nothing in here touches a network that existed before. The device lives in a new network
//! namespace (network_namespaces(7)) that has nothing else but loopback.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use rustix::process::{geteuid, getgid, getuid};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// The address of this machine on the link. RFC 5737 reserves the network 192.0.2.0/24 for
/// examples, so it is nobody's real network.
pub const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const NETMASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);

/// The maximum number of packets that wait in the device until they are read, instead of 500.
/// Packets should get lost because the conditions of the link say so, and not because this machine
/// is busy.
const WAITING_PACKETS: libc::c_int = 10_000;

/// Returns whether this process is root, which is what it usually takes to make a network.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Makes a process that is not root the root of a user namespace (user_namespaces(7)), in which it
/// can make a network. The process must not have started a thread yet.
///
/// # Errors
///
/// If the system does not let its users do that. The message says what else to try.
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
/// by packet, without blocking. Loopback works there as well.
///
/// # Errors
///
/// If the right or the device is missing. The message says what was attempted.
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

    // Any socket will do, because it only says which network the device is in.
    let any = UdpSocket::bind("0.0.0.0:0")?;
    let set = |what, value| configure(&any, what, "link", value);
    set(libc::SIOCSIFMTU as _, Setting { ifru_mtu: mtu.into() })?;
    // An int, like the MTU. Only the real root can change it; other users may see a few more
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
    // SAFETY: each of these requests reads one ifreq, and `request` is a valid one for that long.
    match unsafe { libc::ioctl(file.as_raw_fd(), what, &request) } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Returns the address as a `sockaddr_in` has it: two bytes for the port, then the address.
fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0; 14];
    for (place, byte) in data[2..].iter_mut().zip(address.octets()) {
        *place = byte as libc::c_char;
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: data }
}

/// Moves this thread into a namespace of its own.
#[allow(unsafe_code)]
fn own(what: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: this is only unsafe with UnshareFlags::FILES, which we never use.
    unsafe { unshare_unsafe(what) }
}
