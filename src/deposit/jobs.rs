//! What the clock does with deposits: when a tender was ended, every deposit of its lots becomes due back. The room that
//! ends tenders comes earlier on the street and can not tell this one, so this one looks.

use super::actions::{due_date, refunds_due};
use super::rules::{RefundReason, Step};
use super::store;
use crate::ledger::{Actor, Door};
use crate::platform::refusal::{Failure, Fault};
use crate::project;
use crate::project::phase::{Milestone, Phase};
use std::collections::BTreeSet;

/// Makes the deposits of ended lots due back. Doing it twice does no harm.
///
/// # Errors
/// The database fails.
pub fn due(door: &Door) -> Result<(), Fault> {
    let vault = door.vault().clone();
    let now = door.now();
    let ended = door.read(|db| {
        let held = store::open_demands(db, &vault)?
            .into_iter()
            .filter(|d| d.state.after(Step::Release, d.held).is_ok());
        let lots: BTreeSet<_> = held.map(|demand| demand.lot).collect();
        let mut ended = Vec::new();
        for lot in lots {
            let Some(facts) = project::store::lot(db, lot)? else { continue };
            if matches!(facts.phase(now), Phase::Cancelled | Phase::Unsuccessful) {
                ended.push(facts);
            }
        }
        Ok::<_, Fault>(ended)
    })?;
    for facts in ended {
        let at = [Milestone::Cancelled, Milestone::Unsuccessful, Milestone::NotOpened]
            .into_iter()
            .find_map(|milestone| facts.reached(milestone))
            .map_or(now, |reached| reached.at);
        let rule = &facts.book()?.deposit;
        let due = due_date(rule, RefundReason::Terminated, at).unwrap_or_else(|_| at.beijing_date());
        let done = door.write(Actor::system("deposit"), move |act| {
            refunds_due(act, facts.lot, RefundReason::Terminated, due)
        });
        match done {
            // somebody was quicker
            Ok(_) | Err(Failure::Refused(_)) => {}
            Err(Failure::Fault(fault)) => return Err(fault),
        }
    }
    Ok(())
}
