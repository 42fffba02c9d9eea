//! The parts that every lesson needs, but no lesson is about.
//!
//! | module | for |
//! |---|---|
//! | [`arguments`] | the address on the command line, `--help`, `--version` |
//! | [`failure`] | errors that say what was attempted, and what to try next |
//! | [`files`] | a file that nobody else may read |
//! | [`output`] | lines on stdout and stderr that never stop a server |
//! | [`listener`] | a listening socket, and what to do when `accept` fails |
//! | [`network`] | the networks that this machine is on, and what a datagram's receive may fail with |
//! | [`ctrl_c`] | ending a server from the keyboard, or with a signal |
//! | [`pace`] | slowing down a client that sends too fast |
//! | [`socket`] | sending to a client without ever waiting for it |
//! | [`lines`] | splitting bytes that arrive in pieces into lines |
//! | `telnet` | removing telnet's commands from the text |
//! | [`text`] | UTF-8 that arrives in pieces, trimming it, and making it safe to print |
//!
//! Differences between Linux, macOS and Windows are handled in here, so that no lesson has to care.

pub mod arguments;
pub mod ctrl_c;
pub mod failure;
pub mod files;
pub mod lines;
pub mod listener;
pub mod network;
pub mod output;
pub mod pace;
pub mod socket;
mod telnet;
pub mod text;

pub use arguments::{Lesson, host_and_port};
pub use ctrl_c::CtrlC;
pub use failure::{Failure, cannot_connect, cannot_listen, check_connected, lost_connection};
pub use files::open_private;
pub use lines::{LONGEST_LINE, Lines};
pub use listener::{announce, become_server, listen, listen_for, pause_after, pause_for};
pub use network::{Network, networks, nothing_arrived};
pub use output::{complain, print_or_exit};
pub use pace::{Allowance, Pace};
pub use socket::{
    disconnect, note_disconnected, send_now, set_send_buffer, timed_out, uninterrupted,
};
pub use text::{Utf8Decoder, decode_lossy, printable, trim};
