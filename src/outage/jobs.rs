//! The pulse.

use super::actions;
use crate::ledger::{Actor, Door};
use crate::platform::refusal::{Failure, Fault};

/// Leaves a pulse; every server calls this every ten seconds, and before a starting server answers anybody.
///
/// # Errors
/// The database fails.
pub fn due(door: &Door) -> Result<(), Fault> {
    door.write(Actor::system("clock"), actions::beat).map(drop).map_err(Failure::into_fault)
}
