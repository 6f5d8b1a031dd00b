//! Whether a server could keep a bid now. While none of a centre's servers can, it leaves no pulse (`outage`): bidders who find a
//! platform that answers and keeps nothing are no better off than with one that is away, and the deadline moves as if it were.
//!
//! Each server tries its own way to the files. One that can not keep bids while others can is no outage: it answers `/readyz` with
//! 503 at once, so that a proxy sends bidders to the others, whose files are the same. A deadline that moved whenever one of many
//! servers is broken would be moved by whoever breaks one; so a proxy before several servers must ask `/readyz`. If none is
//! ready it sends people to any: what there is to read can still be read.
//!
//! Only what fails counts, not the room that is promised to uploads: whoever announces many of them must not be able to
//! move a deadline without sending a byte.

use crate::ledger::Door;
use crate::platform::refusal::Fault;
use crate::platform::waiting::Waiting;
use bytes::Bytes;

/// Where it is tried. One object, written over each time: a store that lets nobody remove anything takes bids all the same.
const TRIED: &str = "pulse/tried";

/// Writes a small object where the pieces of bids lie, and notes whether that went well. Blocks.
///
/// # Errors
/// Bids can not be kept by this server now, and why.
pub fn check(door: &Door) -> Result<(), Fault> {
    let content = Bytes::from(door.now().rfc3339());
    let written = Waiting::here()?.on(door.files().write_over(TRIED, content));
    door.note_files(written.is_ok());
    written.map_err(|fault| fault.context("bids can not be kept by this server now, so it leaves no pulse"))
}
