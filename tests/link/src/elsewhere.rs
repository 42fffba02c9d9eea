//! Only Linux has network namespaces.

use crate::Conditions;

/// A link. Only Linux can have one.
pub struct Link(());

/// See Linux.
pub fn is_root() -> bool {
    false
}

/// See Linux.
///
/// # Errors
/// Always, here.
pub fn become_root() -> anyhow::Result<()> {
    anyhow::bail!("a link needs Linux: it lives in a network namespace")
}

impl Link {
    /// See Linux.
    ///
    /// # Errors
    /// Always, here.
    pub fn new(_conditions: Conditions) -> anyhow::Result<Link> {
        become_root().map(Link)
    }

    /// See Linux.
    pub fn cut(&self, _machine: u8) {}

    /// See Linux.
    pub fn restore(&self, _machine: u8) {}
}

// As on Linux, a program may drop it to say that it is over.
impl Drop for Link {
    fn drop(&mut self) {}
}
