//! 消息 Messages from the centre to an organisation: a deposit arrived, the opening record is out, who won.
//!
//! An act queues its message in its own transaction ([`actions::send`]): no act without its message, no message without
//! its act. A job delivers what waits into the recipient's list, at least once and seen once: the letter carries the id of
//! the queued message. What a message says was decided by the act; it only points to the page that has the facts.
//!
//! Who comes in: later rooms send, bidders read. Invariant: whom a message is for and what it says lie in the vault; a row
//! says only that the centre wrote to somebody. Nothing is ever sent about a bid before its opening, and nothing about
//! amendments, since nobody may know who downloaded: those are on the tender's page and in the feed.
//! Table: `message_letter`; the queue is the basement's.

pub mod actions;
pub mod jobs;
pub mod pages;
pub mod rules;
pub mod store;

#[cfg(test)]
mod tests;
