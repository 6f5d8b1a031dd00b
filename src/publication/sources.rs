//! What publication tells earlier rooms: names may be released, deposits fall due. The only file of this room that
//! speaks to them.

use super::rules::{self, Happened, Whose};
use crate::deposit;
use crate::deposit::rules::RefundReason;
use crate::expert_draw;
use crate::ledger::Act;
use crate::party::rules::Organisation;
use crate::platform::calendar::Calendar;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;

/// The names of the committee may be published with the result.
///
/// # Errors
/// The database fails.
pub fn release_names(act: &mut Act<'_>, lot: Id<Lot>) -> Result<(), Failure> {
    expert_draw::actions::release_names(act, lot)?;
    Ok(())
}

/// Makes every deposit due back whose period runs from what has just happened. Which event starts whose period is the
/// rulebook's: the award for losers in procurement, the contract for everybody in tendering, the end of a lot for all.
///
/// # Errors
/// The holiday calendar is not known, or the database fails.
pub fn refunds_fall_due(
    act: &mut Act<'_>,
    facts: &LotFacts,
    winner: Option<Id<Organisation>>,
    happened: &Happened,
) -> Result<(), Failure> {
    let book = facts.book()?;
    let winners: Vec<Id<Organisation>> = winner.into_iter().collect();
    for whose in [Whose::Loser, Whose::Winner] {
        let due = rules::refund_due(book, whose, happened, Calendar::official()).map_err(Refused::from)?;
        let Some(due) = due else { continue };
        let (reason, means) = match (happened.ended_at, whose) {
            (Some(_), _) => (RefundReason::Terminated, deposit::actions::Whose::All),
            (None, Whose::Loser) => {
                (RefundReason::NotAwarded, deposit::actions::Whose::AllBut(winners.as_slice()))
            }
            (None, Whose::Winner) => {
                (RefundReason::ContractSigned, deposit::actions::Whose::Only(winners.as_slice()))
            }
        };
        // in time is before 24:00 of the last day
        let last_day = due.by.plus(-1).beijing_date();
        deposit::actions::refunds_due_for(act, facts.lot, means, reason, last_day)?;
    }
    Ok(())
}
