//! A local network of several machines, on one Linux machine. Each machine is a network namespace
//! (network_namespaces(7)), and its cable is a pair of virtual devices (veth(4)) that leads to a switch,
//! which is a bridge in a namespace of its own. All of them are gone when the test drops them, or ends in
//! any other way: a namespace lives as long as the process that holds it, and that one ends when it reads
//! the end of its input.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::wait_until;

/// Machines at 192.0.2.1 and so on, which are connected to one switch.
pub fn lan<const COUNT: usize>() -> (Switch, [Machine; COUNT]) {
    let switch = Switch::new();
    let machines = std::array::from_fn(|_| Machine::new());
    for (machine, last) in machines.iter().zip(1..) {
        switch.plug(machine, 0, last);
    }
    (switch, machines)
}

/// A machine, with loopback. What it is connected to, [`Switch::plug`] says.
pub struct Machine {
    holder: Child,
}

impl Machine {
    /// Makes a machine that is on no network yet.
    #[expect(
        clippy::new_without_default,
        reason = "it starts a process, which a default should not"
    )]
    pub fn new() -> Machine {
        // An IPv6 address is usually tried out for a second before it may be used (RFC 4862, 5.4).
        Machine::set_up("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ip link set lo up")
    }

    /// Returns a machine that has no network at all, not even loopback.
    pub fn without_loopback() -> Machine {
        Machine::set_up(":")
    }

    fn set_up(script: &str) -> Machine {
        let script = format!("set -e; {script}; echo ready; read -r never");
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare, which the need of the test has found");
        let mut said = String::new();
        let output = holder.stdout.take().expect("stdout is piped");
        BufReader::new(output).read_line(&mut said).expect("a line");
        assert_eq!(said, "ready\n", "a network namespace cannot be set up");
        Machine { holder }
    }

    /// Returns the command that runs a program on this machine.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.id().to_string(), "--net"]).arg(program.as_ref());
        command
    }

    /// Runs a command line on this machine, which has to succeed. Returns what it prints.
    pub fn run(&self, line: &str) -> String {
        let output = self.command("sh").args(["-e", "-c", line]).output().expect("a shell");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Returns the file by which a thread can enter this machine, see setns(2).
    pub fn namespace(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.holder.id()).into()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait(); // it has been started, and ends by itself
    }
}

/// A switch, to which all machines of a local network are connected.
pub struct Switch {
    machine: Machine,
}

impl Switch {
    /// Makes a switch with nothing plugged in.
    #[expect(
        clippy::new_without_default,
        reason = "it starts a process, which a default should not"
    )]
    pub fn new() -> Switch {
        let machine = Machine::new();
        machine.run(
            "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
            ip link add br0 type bridge mcast_snooping 0 forward_delay 0
            ip link set br0 up",
        );
        Switch { machine }
    }

    /// Connects `machine` by its interface `eth{number}`, at 192.0.2.`last` or, for another `number`,
    /// at 198.51.100.`last`, and waits until it can be used over both versions of IP.
    pub fn plug(&self, machine: &Machine, number: u8, last: u8) {
        let (name, port) = (format!("eth{number}"), port(last));
        let network = ["192.0.2", "198.51.100"][usize::from(number)];
        let process = machine.holder.id();
        self.machine.run(&format!(
            "ip link add {port} type veth peer name {name} netns {process}
            ip link set {port} master br0 up"
        ));
        machine.run(&format!(
            "ip address add {network}.{last}/24 brd + dev {name}
            ip link set {name} up"
        ));
        wait_until("an address of IPv6 is there", || {
            let addresses = format!("ip -6 address show dev {name} scope link -tentative");
            machine.run(&addresses).contains("fe80::")
        });
    }

    /// Drops whatever is sent from now on to the machine whose address ends in `last`, or by it.
    pub fn cut(&self, last: u8) {
        self.machine.run(&format!("ip link set {} nomaster", port(last)));
    }

    /// Ends [`Switch::cut`].
    pub fn restore(&self, last: u8) {
        self.machine.run(&format!("ip link set {} master br0", port(last)));
    }
}

fn port(last: u8) -> String {
    format!("port{last}")
}
