//! Ending a server's `accept` loop from the keyboard.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;

use crate::listener::reachable;

/// Whether Ctrl-C has been pressed.
pub struct CtrlC {
    pressed: Arc<AtomicBool>,
}

impl CtrlC {
    /// From now on Ctrl-C makes a waiting `accept` of `listener` return, instead of ending the
    /// process at once. Pressed a second time it ends the process, with exit status 130,
    /// whatever the program is waiting for.
    ///
    /// # Errors
    /// Where the system does not let a handler be set, or does not tell the address of `listener`.
    pub fn wakes(listener: &TcpListener) -> anyhow::Result<CtrlC> {
        let address =
            listener.local_addr().context("cannot find out the address of the listener")?;
        let ctrl_c = CtrlC { pressed: Arc::new(AtomicBool::new(false)) };
        let pressed = Arc::clone(&ctrl_c.pressed);
        ctrlc::set_handler(move || {
            if pressed.swap(true, Ordering::SeqCst) {
                exit(130);
            }
            wake(address);
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(ctrl_c)
    }

    /// Whether Ctrl-C has been pressed. Ask after each `accept`: what it returned then may have
    /// been only the wake-up.
    pub fn pressed(&self) -> bool {
        self.pressed.load(Ordering::SeqCst)
    }
}

/// The one thing that makes a waiting `accept` return on every system is a client, so become one
/// for a moment.
///
/// Where this fails, for want of a file descriptor or of room in the backlog, `accept` is not
/// waiting.
fn wake(listener: SocketAddr) {
    let _ = TcpStream::connect_timeout(&reachable(listener), Duration::from_secs(1));
}
