// ANCHOR: header
//! The room of 7.4: the log of 7.2, the news that there is something in it, and its clients.

use std::sync::{Mutex, MutexGuard, PoisonError};

use shared_log::Log;
use tokio::sync::watch;

pub use client::Client;

mod client;
// ANCHOR_END: header

// ANCHOR: room
/// tokio has a log of its own, `sync::broadcast`, which says `Lagged` to who falls off its tail. But
/// it counts messages, not bytes: to keep within 8 MiB whatever is said, it could hold only 128 of
/// the longest, and a thousand people who speak at once would be too many for it.
#[derive(Default)]
pub struct Room {
    log: Mutex<Log>,
    /// What wakes everybody up. Clients receive it, and so it is closed when all have gone.
    pub news: watch::Sender<News>,
}

/// What makes everybody look into the log.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum News {
    /// Somebody has said something.
    #[default]
    Said,
    /// The server closes.
    Goodbye,
}

impl Room {
    /// No task awaits anything while it holds the log.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
// ANCHOR_END: room
