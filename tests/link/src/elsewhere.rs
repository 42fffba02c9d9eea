//! Stands in for the link on other systems, because only Linux has network namespaces.

use crate::Conditions;

/// A link, which only Linux can have.
pub struct Link(());

/// Returns whether this process is root, on Linux.
pub fn is_root() -> bool {
    false
}

/// Becomes root, on Linux.
///
/// # Errors
///
/// Always, on this system.
pub fn become_root() -> anyhow::Result<()> {
    anyhow::bail!("a link needs Linux: it lives in a network namespace")
}

impl Link {
    /// Creates a link, on Linux.
    ///
    /// # Errors
    ///
    /// Always, on this system.
    pub fn new(_conditions: Conditions) -> anyhow::Result<Link> {
        become_root().map(Link)
    }

    /// Cuts a machine off, on Linux.
    pub fn cut(&self, _machine: u8) {}

    /// Restores a machine, on Linux.
    pub fn restore(&self, _machine: u8) {}
}

// Needed because a program may drop the link to end it, as on Linux.
impl Drop for Link {
    fn drop(&mut self) {}
}
