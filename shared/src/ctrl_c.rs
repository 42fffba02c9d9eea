//! Ending a server from the keyboard, or with a signal.

use std::net::TcpListener;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use socket2::{Domain, Socket, Type};

use crate::listener::reachable;
use crate::output::last_words;

/// Decides what happens on Ctrl-C, SIGTERM or SIGHUP (docker-stop(1), systemd and a closed terminal
/// send the last two). Unless a lesson says otherwise, the process prints its last lines and ends
/// with exit status 0.
///
/// By default, a signal would end the process in the middle of a line. But it would not end the
/// first process of a container at all, because the kernel hands such a process only those signals
/// for which it has a handler (pid_namespaces(7)).
pub struct CtrlC(());

type Action = Box<dyn FnOnce() + Send>;

/// The action that replaces ending the process, if there is one.
static ACTION: Mutex<Option<Action>> = Mutex::new(None);
static PRESSED: AtomicBool = AtomicBool::new(false);

impl CtrlC {
    /// Makes Ctrl-C wake a waiting `accept` of `listener` instead of ending the process. A second
    /// Ctrl-C ends the process with exit status 130, whatever the program is waiting for.
    ///
    /// # Errors
    ///
    /// If the signal handler cannot be installed, or the system does not tell the address of
    /// `listener`.
    pub fn wakes(listener: &TcpListener) -> anyhow::Result<CtrlC> {
        let address =
            listener.local_addr().context("cannot find out the address of the listener")?;
        let address = reachable(address);
        // Created now, because there may be no file descriptor left when it is needed.
        let visitor = Socket::new(Domain::for_address(address), Type::STREAM, None)
            .context("cannot make a socket for Ctrl-C")?;
        CtrlC::calls(move || {
            // Only a new client makes a waiting `accept` return on every system, so become one for
            // a moment. That fails only if the backlog is full, and then `accept` is not waiting.
            let _ = visitor.connect_timeout(&address.into(), Duration::from_secs(1));
        })
    }

    /// Makes Ctrl-C call `action`, in a thread of its own, instead of ending the process. A second
    /// Ctrl-C ends the process with exit status 130.
    ///
    /// # Errors
    /// If the signal handler cannot be installed.
    pub fn calls(action: impl FnOnce() + Send + 'static) -> anyhow::Result<CtrlC> {
        *self::action() = Some(Box::new(action));
        ends_the_process().map(|()| CtrlC(()))
    }

    /// Returns whether Ctrl-C has been pressed. Ask after each `accept`, because what it returned
    /// may be only the wake-up connection.
    pub fn pressed(&self) -> bool {
        PRESSED.load(Ordering::SeqCst)
    }
}

/// Waits until the last lines are printed, but at most a second.
impl Drop for CtrlC {
    fn drop(&mut self) {
        last_words();
    }
}

fn action() -> MutexGuard<'static, Option<Action>> {
    ACTION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes Ctrl-C and SIGTERM end the process after its last lines, unless a [`CtrlC`] does something
/// else.
///
/// # Errors
///
/// If the signal handler cannot be installed, for example because no thread can be started.
pub(crate) fn ends_the_process() -> anyhow::Result<()> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*installed {
        platform::keeping_hangups_ignored(|| ctrlc::set_handler(on_signal))
            .context("cannot listen for Ctrl-C")?;
        *installed = true;
    }
    Ok(())
}

fn on_signal() {
    if PRESSED.swap(true, Ordering::SeqCst) {
        exit(130);
    }
    let action = action().take();
    match action {
        Some(action) => action(),
        None => {
            last_words();
            exit(0);
        }
    }
}

#[cfg(unix)]
mod platform {
    /// Calls `install`, which sets handlers for SIGINT, SIGTERM and SIGHUP. A program that was
    /// started with nohup(1) keeps ignoring SIGHUP.
    #[allow(unsafe_code)]
    pub fn keeping_hangups_ignored<T>(install: impl FnOnce() -> T) -> T {
        // SAFETY: SIGHUP can be ignored at any time, and no handler of ours is in place yet.
        let before = unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
        let installed = install();
        if before == libc::SIG_IGN {
            // SAFETY: as above. The handler that this replaces needs no cleanup.
            unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
        }
        installed
    }
}

#[cfg(windows)]
mod platform {
    /// Calls `install`. This system has no SIGHUP.
    pub fn keeping_hangups_ignored<T>(install: impl FnOnce() -> T) -> T {
        install()
    }
}
