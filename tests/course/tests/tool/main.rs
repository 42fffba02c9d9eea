//! Tests `cargo exercise` on a small course in a folder of its own. Nothing is compiled, because a script
//! stands in for cargo. `answers.rs` compiles real answers.
#![cfg(unix)]

mod command;
mod old;
mod tree;
mod work;
