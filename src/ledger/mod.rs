//! 存证 The ledger: an append-only public log in which every act of the platform leaves one blinded line.
//!
//! What happens here: an entry (a bid's manifest, a notice, a score sheet…) becomes a leaf that tells nothing; leaves
//! make a Merkle tree (RFC 6962) in tiles that anybody may fetch; checkpoints sign the tree's size and root; a
//! receipt proves offline that an entry is in it. The format is written down in `docs/formats/log.md`.
//!
//! Who comes in: every room, through the Act. What leaves: tiles, checkpoints, receipts.
//!
//! Invariants: nothing is ever changed or removed; the signer refuses to sign a state that is not proven to extend
//! what it signed last; all leaves have the same shape and length, whatever they are for.

pub mod act;
pub mod arrivals;
pub mod checkpoint;
pub mod crash;
pub mod door;
pub mod from_log;
pub mod leaf;
pub mod log_files;
pub mod note;
pub mod policy;
pub mod proof;
pub mod rotation;
pub mod rotation_store;
mod sequencer;
pub mod store;
pub mod tiles;
pub mod timestamp;
pub mod tree;
pub mod witness;
pub mod witnessing;
mod writer;

pub use act::{Act, Actor, EntryId, Event, Subject};
pub use door::Door;
pub use writer::Done;

#[cfg(test)]
pub(crate) mod tests;
