//! What the clock does in the hall: it closes boxes whose deadline has passed, and puts on record that the bidders' time to
//! release their keys is over. Nothing lawful waits for it: a late bid is
//! refused by its own act, and people in the hall can close the box themselves.

use super::{actions, bidders, store};
use crate::ledger::{Actor, Door};
use crate::platform::refusal::{Failure, Fault};

/// Boxes closed in one run.
const LOTS_MAX: i64 = 100;

/// Closes every box that is due, and ends every bidders' phase that is over. Doing it twice does no harm.
///
/// # Errors
/// The database fails.
pub fn due(door: &Door) -> Result<(), Fault> {
    let now = door.now();
    let lots = door.read(|db| crate::project::store::past_deadline(db, now, LOTS_MAX))?;
    for lot in lots {
        match actions::close_box(door, Actor::system("opening"), None, lot) {
            // somebody was quicker, or is still on the way, or the lot is held
            Ok(_) | Err(Failure::Refused(_)) => {}
            Err(Failure::Fault(fault)) => return Err(fault),
        }
    }
    for (lot, envelope) in door.read(|db| store::overdue(db, now, LOTS_MAX))? {
        match door.write(Actor::system("opening"), move |act| bidders::end(act, lot, envelope)) {
            Ok(_) | Err(Failure::Refused(_)) => {}
            Err(Failure::Fault(fault)) => return Err(fault),
        }
    }
    Ok(())
}
