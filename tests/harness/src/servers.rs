//! Lists which lessons are servers, and which of those are the chat room, for the tests that run
//! against all of them. To add a new server, add one word here.

/// Lists the servers that are the chat room of 6.3.2, on the wire and on the screen, without
/// `lesson-`. Passes them to another macro of this crate, after the tokens that are to precede
/// them.
#[cfg(feature = "part-7")]
#[doc(hidden)]
#[macro_export]
macro_rules! with_chat_servers {
    ($next:ident $($before:tt)*) => {
        $crate::$next! {
            $($before)*
            broadcast_server shared_log_server event_loop_server async_server cluster_server
            ordered_cluster_server tls_server browser_server
        }
    };
}

/// The same list without part 7.
#[cfg(not(feature = "part-7"))]
#[doc(hidden)]
#[macro_export]
macro_rules! with_chat_servers {
    ($next:ident $($before:tt)*) => {
        $crate::$next! { $($before)* broadcast_server }
    };
}

/// The list without the server of 8.2, whose clients have to encrypt.
#[cfg(feature = "part-7")]
#[doc(hidden)]
#[macro_export]
macro_rules! with_plain_chat_servers {
    ($next:ident $($before:tt)*) => {
        $crate::$next! {
            $($before)*
            broadcast_server shared_log_server event_loop_server async_server cluster_server
            ordered_cluster_server
        }
    };
}

/// The same without part 7.
#[cfg(not(feature = "part-7"))]
#[doc(hidden)]
#[macro_export]
macro_rules! with_plain_chat_servers {
    ($next:ident $($before:tt)*) => {
        $crate::$next! { $($before)* broadcast_server }
    };
}

/// Expands to its first braces when the whole workspace is tested, and otherwise to its second.
#[cfg(feature = "part-7")]
#[macro_export]
macro_rules! with_part_7 {
    ({ $($with:tt)* } { $($without:tt)* }) => { $($with)* };
}

/// The same without part 7.
#[cfg(not(feature = "part-7"))]
#[macro_export]
macro_rules! with_part_7 {
    ({ $($with:tt)* } { $($without:tt)* }) => { $($without)* };
}

/// Makes a test of each of these functions against each server: `BEHAVIOUR::SERVER` calls the
/// function with the server's package, such as `lesson-greeting`. The tests are those of the crate
/// `needs`, because a server may need something that a machine lacks.
#[macro_export]
macro_rules! against_every_server {
    ($($behaviour:ident)*) => { $(
        $crate::with_part_7! {
            {
                $crate::with_chat_servers! { against
                    [] $behaviour: listening_events greeting online_counter bidirectional_server
                    framed_server
                }
            }
            {
                $crate::with_chat_servers! { against
                    [] $behaviour: listening_events greeting online_counter bidirectional_server
                }
            }
        }
    )* };
}

/// Does the same as [`against_every_server!`] for the servers that are the chat room. With `needs
/// NODE:` in front, the tests are ignored without Node.
#[macro_export]
macro_rules! against_every_chat_server {
    (needs $need:ident: $($behaviour:ident)*) => { $(
        $crate::with_chat_servers! { against [$need] $behaviour: }
    )* };
    ($($behaviour:ident)*) => { $(
        $crate::with_chat_servers! { against [] $behaviour: }
    )* };
}

/// Does the same as [`against_every_chat_server!`] for those to which clients speak plainly, such as nc.
#[macro_export]
macro_rules! against_every_plain_chat_server {
    (needs $need:ident: $($behaviour:ident)*) => { $(
        $crate::with_plain_chat_servers! { against [$need] $behaviour: }
    )* };
    ($($behaviour:ident)*) => { $(
        $crate::with_plain_chat_servers! { against [] $behaviour: }
    )* };
}

/// Does the same as [`against_every_chat_server!`] for those whose readers share a log.
#[macro_export]
macro_rules! against_every_log_server {
    (needs $need:ident: $($behaviour:ident)*) => { $(
        $crate::with_part_7! {
            {
                $crate::against! { [$need]
                    $behaviour: shared_log_server event_loop_server async_server cluster_server
                    ordered_cluster_server tls_server browser_server
                }
            }
            {}
        }
    )* };
}

#[doc(hidden)]
#[macro_export]
macro_rules! against {
    ($needs:tt $behaviour:ident: $($server:ident)*) => {
        mod $behaviour { $(
            $crate::register! { $needs $server }
            fn $server() {
                super::$behaviour(&$crate::package(stringify!($server)));
            }
        )* }
    };
}

/// Registers one of the tests of [`against!`]. The server of 7.6 sends nothing without NATS.
#[doc(hidden)]
#[macro_export]
macro_rules! register {
    ([$($need:ident)?] ordered_cluster_server) => {
        needs::test!([$(super::$need,)? needs::NATS_SERVER] ordered_cluster_server);
    };
    ([$($need:ident)?] $server:ident) => {
        needs::test!([$(super::$need)?] $server);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! names {
    ($($server:ident)*) => { &[$(stringify!($server)),*] };
}

/// Returns the package of the server that the lists call `name`: `lesson-broadcast-server` for
/// `broadcast_server`.
pub fn package(name: &str) -> String {
    format!("lesson-{}", name.replace('_', "-"))
}

/// Returns whether the server in `package` is the chat room.
pub fn is_chat_server(package: &str) -> bool {
    let names: &[&str] = with_chat_servers! { names };
    names.iter().any(|name| self::package(name) == package)
}
