//! What the tests on a link need.

use harness::{own, runs};
use needs::Need;

/// A network of one's own with a device in it. Making one is the only way to find out.
pub static LINK: Need = Need::new("Linux, /dev/net/tun, and root or user namespaces", || {
    own("link").to_str().is_some_and(|link| runs(link, &["--", "true"]))
});
