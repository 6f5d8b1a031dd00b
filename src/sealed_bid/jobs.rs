//! What the clock does here: nothing that a bid depends on. Uploads that led to no bid are removed; the script that seals in
//! browsers is entered in the log when it is another than before.

use super::uploads;
use crate::ledger::Door;
use crate::platform::refusal::Fault;
use crate::platform::waiting::Waiting;

/// Ends expired uploads and removes their bytes; logs the sealing program. Safe to run at any time and by several servers at once.
///
/// # Errors
/// Faults of the database.
pub fn due(door: &Door) -> Result<(), Fault> {
    super::program::log_served(door)?;
    let parts = uploads::expire(door)?;
    if parts.is_empty() {
        return Ok(());
    }
    Waiting::here()?.on(uploads::remove(door.files(), &parts));
    Ok(())
}
