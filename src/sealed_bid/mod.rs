//! 密封投标 Sealed bids: trustees make the lock, bidders seal, upload, submit, replace and withdraw, and hold a receipt.
//!
//! What happens here: before bidding, the tender's trustees each give a box key and sign the trustee set
//! ([`trustees`]). A bidder's browser (or `sunbid seal`) locks a bid to that set; the ciphertext comes in over tus, in
//! pieces that are hashed on arrival and durable before they are acknowledged ([`tus`]). Submission is a separate act:
//! it checks the signed manifest against the tender, the set, the uploaded bytes and the deadline, and enters the
//! manifest in the log. What the bidder takes home is the log's proof.
//!
//! Who comes in: trustees (for the set); bidders. What leaves: [`trustees_store::complete_set`]; [`actions::bid_set`]
//! and [`store::counted`], the bids that count at a closing checkpoint; [`ciphertext::reader`].
//!
//! Invariants:
//! - **No row of this room, and nothing that a page shows, tells who bids on a lot, or how many, before the closing.**
//! - What a small bid leaves in the database and on the disk, a cover leaves too, at random moments ([`cover`]).
//! - **The server holds no key that opens a bid.**
//! - An upload is not a bid: only a submission before the deadline is, and the equal instant is late. A late try is
//!   refused and the refusal is on record, of one bidder at most twenty a minute.
//! - What is submitted is what was uploaded: the signed Merkle root is compared with the leaves of the durable pieces.
//! - A revision names the one that it replaces; the last one below the closing checkpoint counts.
//! - No bid is taken before every trustee has opened the drill's canary, or the agent has said in public why not ([`drill`]).
//! - A finished set is never changed; a key that changes before takes back every signature.
//!
//! Articles: 招标投标法 28, 29, 34; 电子招标投标办法 25 to 28; 电子签名法 13.
//! Tables: `sealed_bid_trustee`, `sealed_bid_trustee_set`, `sealed_bid_drill`, `sealed_bid_drill_release`, `sealed_bid_drill_waiver`,
//! `sealed_bid_upload`, `sealed_bid_part`, `sealed_bid_step`.

pub mod able;
pub mod actions;
pub mod arrival;
pub mod senders;
pub mod ciphertext;
pub mod cover;
pub mod drill;
mod drill_log;
pub mod drill_pages;
pub mod drill_store;
pub mod expiry;
pub mod hand_in;
mod intake;
pub mod jobs;
pub mod pages;
pub mod program;
pub mod rules;
pub mod shown;
pub mod store;
pub mod trustees;
pub mod trustees_actions;
pub mod trustees_pages;
pub mod trustees_store;
pub mod tus;
pub mod tus_headers;
pub mod uploads;

pub mod testing;
pub mod trustees_testing;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trustees_tests;
