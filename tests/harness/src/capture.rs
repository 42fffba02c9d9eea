//! Collects what a process has printed so far.

use std::io::{ErrorKind, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{DEADLINE, Deadline};

/// The maximum that is kept, so that a program that prints without end cannot exhaust the memory.
const MOST: usize = 64 << 20;

/// Collects an output of a process in a thread of its own.
#[derive(Clone, Default)]
pub struct Capture {
    shared: Arc<(Mutex<Printed>, Condvar)>,
}

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// Whether the process has closed this output, as it does when it ends.
    closed: bool,
    /// Whether reading is suspended, as on a terminal after Ctrl-S.
    stopped: bool,
}

impl Capture {
    pub fn of(mut output: impl Read + Send + 'static) -> Capture {
        let capture = Capture::default();
        let shared = Arc::clone(&capture.shared);
        thread::spawn(move || {
            let (printed, changed) = &*shared;
            let mut buffer = [0; 64 * 1024];
            loop {
                let stopped = changed.wait_while(lock(printed), |printed| printed.stopped);
                drop(stopped);
                let received = match output.read(&mut buffer) {
                    Ok(received @ 1..) => received,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    _ => break,
                };
                let mut printed = lock(printed);
                if printed.bytes.len() < MOST {
                    printed.bytes.extend_from_slice(&buffer[..received]);
                    changed.notify_all();
                }
            }
            lock(printed).closed = true;
            changed.notify_all();
        });
        capture
    }

    /// Suspends reading after the next thing that the process prints, or resumes it.
    pub fn stop(&self, stopped: bool) {
        let (printed, changed) = &*self.shared;
        lock(printed).stopped = stopped;
        changed.notify_all();
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.shared.0).bytes).into_owned()
    }

    /// Waits until `wanted` finds something in the text. Returns `None` if the deadline passes or
    /// the output ends before that.
    pub fn wait_until<T>(&self, wanted: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.wait_until_within(DEADLINE, wanted)
    }

    /// Does the same as [`Capture::wait_until`], with a deadline of the caller's choice.
    pub fn wait_until_within<T>(
        &self,
        patience: Duration,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        let deadline = Deadline::after(patience);
        let (printed, changed) = &*self.shared;
        let mut printed = lock(printed);
        loop {
            if let Some(found) = wanted(&String::from_utf8_lossy(&printed.bytes)) {
                return Some(found);
            }
            let left = deadline.left();
            if printed.closed || left.is_zero() {
                return None;
            }
            printed = changed.wait_timeout(printed, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the process closes this output. Returns whether that happens before the
    /// deadline.
    pub fn is_closed_by(&self, deadline: Deadline) -> bool {
        let (printed, changed) = &*self.shared;
        let mut printed = lock(printed);
        while !printed.closed && !deadline.is_over() {
            let wait = changed.wait_timeout(printed, deadline.left());
            printed = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        printed.closed
    }
}

fn lock(printed: &Mutex<Printed>) -> MutexGuard<'_, Printed> {
    printed.lock().unwrap_or_else(PoisonError::into_inner)
}
