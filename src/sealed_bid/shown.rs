//! An entry of the log as its holder shows it to trustees: what it says, its blind, and its way to a checkpoint.

use crate::ledger::act::Opened;
use crate::ledger::tree::Hash;
use crate::platform::digest::{b64u_32, from_b64u};
use crate::platform::refusal::Fault;
use crate::sealing::document::{Blob, Bytes, Count};
use crate::sealing::log_proof::ShownEntry;

fn damaged() -> Fault {
    Fault::new("a log entry's body is damaged")
}

/// The blind of an entry.
///
/// # Errors
/// Its body is damaged.
pub fn blind(opened: &Opened) -> Result<Bytes<32>, Fault> {
    b64u_32(&opened.blind).map(Bytes).ok_or_else(damaged)
}

/// The logged object of an entry.
///
/// # Errors
/// Its body is damaged.
pub fn object(opened: &Opened) -> Result<Vec<u8>, Fault> {
    from_b64u(&opened.object).ok_or_else(damaged)
}

/// Hashes as documents write them.
pub fn hashes(hashes: Vec<Hash>) -> Vec<Bytes<32>> {
    hashes.into_iter().map(Bytes).collect()
}

/// The entry at `index`, with the `proof` that leads from it to a checkpoint.
///
/// # Errors
/// Its body is damaged.
pub fn entry(opened: &Opened, index: u64, proof: Vec<Hash>) -> Result<ShownEntry, Fault> {
    Ok(ShownEntry {
        blind: blind(opened)?,
        index: Count(index),
        number: opened.number,
        object: Blob(object(opened)?),
        proof: hashes(proof),
    })
}
