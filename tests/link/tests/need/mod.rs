//! Says what the tests on a link need.

use harness::{own, runs};
use needs::Need;

/// A network of our own with a device in it. The only way to find out is to make one.
pub static LINK: Need = Need::new("Linux, /dev/net/tun, and root or user namespaces", || {
    own("link").to_str().is_some_and(|link| runs(link, &["--", "true"]))
});
