//! Starting a thread for a client, where there may be no room for one.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::wait_out;

/// Starts a thread, as [`std::thread::spawn`] does, but where that would panic, because there is no
/// thread or no memory left, it waits until there is, as [`wait_out`] does. The client that `work`
/// serves waits meanwhile, and so do those behind it in the backlog: nobody is sent away.
///
/// It also leaves some memory to spare. Under a limit on the address space (`ulimit -v`) threads
/// are refused only when hardly anything is left, and then the next small allocation, by any
/// thread, would end the whole process.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) {
    // The thread takes the work out of here when it runs, so a thread that is refused leaves it.
    let work = Arc::new(Mutex::new(Some(work)));
    while let Err(error) = try_to_spawn(&work) {
        wait_out(&error);
    }
}

fn try_to_spawn<T: Send + 'static>(
    work: &Arc<Mutex<Option<impl FnOnce() -> T + Send + 'static>>>,
) -> io::Result<()> {
    platform::room_for_a_thread()?;
    let work = Arc::clone(work);
    thread::Builder::new().spawn(move || {
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        work.map(|work| work())
    })?;
    Ok(())
}

#[cfg(unix)]
mod platform {
    use std::{io, ptr};

    /// What a new thread takes for its stack, 2 MiB in Rust, and as much again to spare.
    const ROOM: usize = 4 * 1024 * 1024; // bytes of address space

    /// Asks for that much address space and gives it back at once. Asking the allocator would not
    /// do: it may have some in store, from which a thread's stack cannot be made.
    #[allow(unsafe_code)]
    pub fn room_for_a_thread() -> io::Result<()> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: a new mapping, at an address that the kernel chooses, touches no memory in use,
        // and nobody else knows the mapping that is given back.
        unsafe {
            let room = libc::mmap(ptr::null_mut(), ROOM, libc::PROT_NONE, flags, -1, 0);
            if room == libc::MAP_FAILED || libc::munmap(room, ROOM) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }
}

#[cfg(windows)]
mod platform {
    /// There is no such limit.
    pub fn room_for_a_thread() -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn the_work_is_done_in_another_thread() {
        let (done, is_done) = mpsc::channel();
        let here = thread::current().id();
        spawn(move || done.send(thread::current().id() != here));
        assert_eq!(is_done.recv_timeout(Duration::from_secs(60)), Ok(true));
    }
}
