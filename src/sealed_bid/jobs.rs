//! What the clock does here: nothing that a bid depends on. Uploads that led to no bid are removed; the script that seals in
//! browsers is entered in the log when it is another than before.

use super::{cover, uploads};
use crate::ledger::Door;
use crate::platform::refusal::Fault;

/// Ends expired uploads and removes their bytes and whatever crashes left of ended ones; logs the sealing program. Safe to run at any time and by several servers at once.
///
/// # Errors
/// Faults of the database.
pub fn due(door: &Door) -> Result<(), Fault> {
    super::program::log_served(door)?;
    uploads::expire(door)?;
    cover::forget_old(door)?;
    uploads::sweep(door)
}
