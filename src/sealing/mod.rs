//! 密封格式 The sealed-bid envelope, format `etrade/bid/v1` (`docs/formats/sealed-bid.md`).
//!
//! What happens here: files and form fields become one ciphertext, one manifest and one signature ([`seal`]); t
//! trustees' shares, and in mode `dual` the bidder's key, become the files again ([`open`]); and when somebody
//! cheated, [`opening_check`] says who. Pure code over `std::io`: no database, no web, no clock. The browser writes
//! the same bytes in TypeScript; a Python opener that shares no code with us lives in `tests/foreign`.
//!
//! Invariants:
//! - Nothing here keeps a key that opens a bid longer than one call; secrets are wiped when dropped.
//! - One key encrypts once: a sealer draws its keys itself and gives them to nobody but the boxes.
//! - Every document has one byte string (RFC 8785) and every archive one byte string (strict ustar), so a bid can
//!   not be read in two ways.
//! - An [`envelope::Envelope`] has no accessor to its content. It opens only against an
//!   [`warrant::OpeningWarrant`], which the opening room issues after it has checked deadline, quorum and record.
//!
//! Who comes in: `sealed_bid` (checks manifests at submission), `opening` (opens), `verify` (re-checks evidence),
//! the command-line tools. Sources: 电子招标投标办法 articles 26 to 31; RFC 9180, 5869, 6962, 8785; Tink's
//! AES-GCM-HKDF streaming specification; POSIX.1 ustar.

pub mod archive;
pub mod bid_document;
pub mod bid_set;
pub mod bidder_key;
pub mod boxes;
pub mod command;
pub mod context;
pub mod course;
mod decoding;
pub mod document;
pub mod drill;
pub mod drill_log;
pub mod envelope;
pub mod error;
pub mod key_file;
pub mod keys;
pub mod log_proof;
pub mod manifest;
pub mod open;
pub mod opening_check;
pub mod release;
pub mod seal;
pub mod shamir;
pub mod signature;
pub mod stream;
pub mod trial;
pub mod trustees;
mod uncommitted;
pub mod untrue;
pub mod warrant;

#[cfg(test)]
pub mod tests;
