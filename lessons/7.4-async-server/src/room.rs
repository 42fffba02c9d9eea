// ANCHOR: header
//! The room of 7.4: the log of 7.2, how far each client has read it, and the news that wakes them
//! all.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lesson_shared_log_server::{Cursor, Log};
use tokio::sync::watch;
// ANCHOR_END: header

// ANCHOR: room
/// The log, the clients' cursors, and the news.
///
/// tokio has a log of its own, `sync::broadcast`, which tells a reader that falls off its tail that
/// it has `Lagged`. But it counts messages, not bytes. To stay within 8 MiB whatever people say, it
/// could hold only 128 messages, too few for a thousand people who speak at the same time.
#[derive(Default)]
pub struct Room {
    state: Mutex<State>,
    /// The channel that wakes every client. When all of them have left, it is closed.
    pub news: watch::Sender<News>,
}

/// The state that all clients share.
#[derive(Default)]
pub struct State {
    /// The lines that everybody hears.
    pub log: Log,
    /// How far each client has read the log.
    pub cursors: BTreeMap<Seat, Cursor>,
    /// How many of the last lines a client receives when it joins. It is 0 before 7.6.
    pub history: usize,
    joined: Seat,
}

/// A client's number, which is never used again.
pub type Seat = u64;

/// Why everybody should look into the log.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum News {
    /// Somebody has said something.
    #[default]
    Said,
    /// The server is closing.
    Goodbye,
}

impl Room {
    /// Locks the room. Do not await anything while you hold the guard.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes every client look into the log.
    pub fn wake_everybody(&self) {
        self.news.send_modify(|_| {});
    }

    /// Gives a new client a seat. The client receives the last lines, and then everything that is
    /// said from now on.
    pub fn join(&self) -> Seat {
        let State { log, cursors, history, joined } = &mut *self.state();
        *joined += 1;
        cursors.insert(*joined, log.join_late(*history));
        *joined
    }

    /// Forgets a client.
    pub fn leave(&self, seat: Seat) {
        self.state().cursors.remove(&seat);
    }
}
// ANCHOR_END: room

// ANCHOR: publish
/// A place to which people's lines are published. In the room itself, everybody hears them
/// immediately. In 7.6, they go to other machines first.
pub trait Publish: Send + Sync + 'static {
    /// Publishes lines of the client at `seat`, with the port in their labels.
    fn say(&self, seat: Seat, port: u16, lines: &[u8]);

    /// Returns whether the client at `seat` has to wait before it says more.
    fn holds_up(&self, seat: Seat) -> bool;
}

impl Publish for Room {
    fn say(&self, seat: Seat, port: u16, lines: &[u8]) {
        let State { log, cursors, .. } = &mut *self.state();
        if let Some(cursor) = cursors.get_mut(&seat) {
            log.say(cursor, port, lines);
            self.wake_everybody();
        }
    }

    fn holds_up(&self, seat: Seat) -> bool {
        let State { log, cursors, .. } = &mut *self.state();
        cursors.get(&seat).is_some_and(|cursor| log.holds_up(cursor.said()))
    }
}
// ANCHOR_END: publish
