//! Ending a server's `accept` loop from the keyboard.

use std::net::TcpListener;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use socket2::{Domain, Socket, Type};

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
        let address = reachable(address);
        // Made now, because there may be no file descriptor left when it is needed.
        let visitor = Socket::new(Domain::for_address(address), Type::STREAM, None)
            .context("cannot make a socket for Ctrl-C")?;
        let ctrl_c = CtrlC { pressed: Arc::new(AtomicBool::new(false)) };
        let pressed = Arc::clone(&ctrl_c.pressed);
        ctrlc::set_handler(move || {
            if pressed.swap(true, Ordering::SeqCst) {
                exit(130);
            }
            // The one thing that makes a waiting `accept` return on every system is a client, so
            // become one for a moment. It fails only where the backlog is full, and there `accept`
            // is not waiting.
            let _ = visitor.connect_timeout(&address.into(), Duration::from_secs(1));
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
