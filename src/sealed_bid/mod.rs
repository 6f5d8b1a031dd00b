//! 密封投标 Sealed bids: trustees make the lock, bidders seal, upload, submit, replace and withdraw, and hold a receipt.
//!
//! What happens here: before bidding, the tender's trustees each give a box key and sign the trustee set
//! ([`trustees`]). A bid can be sealed only to a set that all of its trustees have signed.
//!
//! Who comes in: trustees (for the set); bidders. What leaves: [`trustees_store::complete_set`].
//!
//! Invariants:
//! - **The server holds no key that opens a bid.**
//! - A finished set is never changed; a key that changes before takes back every signature.
//!
//! Tables: `sealed_bid_trustee`, `sealed_bid_trustee_set`.

pub mod trustees;
pub mod trustees_actions;
pub mod trustees_pages;
pub mod trustees_store;

pub mod trustees_testing;
#[cfg(test)]
mod trustees_tests;
