//! Whether the platform could keep a bid now. While it could not, it leaves no pulse (`outage`): bidders who find a server that
//! answers and keeps nothing are no better off than with one that is away, and the deadline moves as if it were.
//!
//! Only what fails counts, not the room that is promised to uploads: whoever announces many of them must not be able to
//! move a deadline without sending a byte.

use crate::ledger::Door;
use crate::platform::refusal::Fault;
use crate::platform::waiting::Waiting;
use bytes::Bytes;

/// Where it is tried. One object, written over each time: a store that lets nobody remove anything takes bids all the same.
const TRIED: &str = "pulse/tried";

/// Writes a small object where the pieces of bids lie. Blocks.
///
/// # Errors
/// Bids can not be kept now, and why.
pub fn check(door: &Door) -> Result<(), Fault> {
    let content = Bytes::from(door.now().rfc3339());
    let written = Waiting::here()?.on(door.files().write_over(TRIED, content));
    written.map_err(|fault| fault.context("bids can not be kept now, so no pulse is left"))
}
