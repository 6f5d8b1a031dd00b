//! 开标 The opening hall: the box is closed, counted, opened by several hands, read out, objected to, put on record.
//!
//! What happens here: at the deadline the log is closed for the lot; the size of that closing checkpoint, not a clock,
//! decides which bids count. With fewer bidders than the law asks for nothing is opened and every ciphertext stays as it
//! is. Otherwise an opening session makes a key of its own; trustees lock their shares to it from their browsers; when
//! enough have, every bid's boxes are made again from the shares and compared ([`unsealing`]), which proves the key
//! or says who is at fault. Opened bids are read out; one that can not be opened stops no other. Bidders object on the
//! spot, the agent answers, and the signed record is published.
//!
//! Who comes in: everybody watches; bidders sign in and object; trustees release; the agent (or the centre's staff) opens,
//! answers and publishes. What leaves: [`store::opened_bids`] with their files, the milestones, the opening record.
//!
//! Around the hall (`pages`): the list of a day's openings, the wall (`screen`), the printed record (`minutes`), the replay
//! from the log. [`progress`] tells who watches how far a running opening is.
//!
//! Articles: 招标投标法 34 to 36; 招标投标法实施条例 44; 电子招标投标办法 29 to 32.
//!
//! Invariants:
//! - **Only [`rules::warrant`] issues an `OpeningWarrant`**, after deadline, closing, number of bidders and quorum.
//! - A bid counts if its leaf index is below the size of the closing checkpoint; the count never changes afterwards.
//! - No share and no session key leaves the vault; the session key is destroyed when the envelope is opened.
//! - A bidder is blamed only for what the committed key proves; otherwise the bid waits for more trustees.
//! - Where bids are locked with their bidders' keys too, no trustee's share is taken before every key has come or the bidders'
//!   time is over ([`lockstep`]); the end of that time is in the log before the first share.
//! - Technical and commercial envelopes are opened at different steps, each with its own session.
//!
//! Tables: `opening_closing`, `opening_sitting`, `opening_arrival`, `opening_release`, `opening_bid`, `opening_content`,
//! `opening_objection`, `opening_record`, `opening_signature`, `opening_bidders`, `opening_bidder_key`, `opening_bidder_try`,
//! `opening_excuse`.

pub mod actions;
pub mod bidders;
pub mod content;
pub mod events;
pub mod hall;
pub mod jobs;
pub mod live;
pub mod lockstep;
mod papers;
pub mod pages;
pub mod progress;
pub mod protocol;
pub mod record;
pub mod rules;
pub mod store;
pub mod unsealing;

pub mod testing;
#[cfg(test)]
pub(crate) mod tests;
