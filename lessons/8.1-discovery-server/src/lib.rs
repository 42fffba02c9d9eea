//! The parts that the two programs of 8.1 share: the messages, and how many of them are answered.

mod fairness;
mod message;

pub use fairness::Fairness;
pub use message::{GROUP, LONGEST, LONGEST_NAME, Message, chat_name};
