//! What publication tells earlier rooms: names may be released, deposits fall due. The only file of this room that
//! speaks to them.

use super::actions::refunds;
use super::rules::Happened;
use crate::expert_draw;
use crate::ledger::Act;
use crate::party::rules::Organisation;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Failure;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;

/// The names of the committee may be published with the result.
///
/// # Errors
/// The database fails.
pub fn release_names(act: &mut Act<'_>, lot: Id<Lot>) -> Result<(), Failure> {
    expert_draw::actions::seats::release_names(act, lot)?;
    Ok(())
}

/// The award is out: in procurement the losers' deposits fall due.
///
/// # Errors
/// The calendar is not known, or the database fails.
pub fn refunds_after_award(
    _act: &mut Act<'_>,
    facts: &LotFacts,
    _winner: Option<Id<Organisation>>,
    at: Moment,
) -> Result<(), Failure> {
    refunds(facts, &Happened { awarded_at: Some(at), ..Happened::default() })?;
    Ok(())
}

/// The contract is signed: in tendering all deposits fall due, in procurement the winner's.
///
/// # Errors
/// The calendar is not known, or the database fails.
pub fn refunds_after_contract(
    _act: &mut Act<'_>,
    facts: &LotFacts,
    _winner: Option<Id<Organisation>>,
    at: Moment,
) -> Result<(), Failure> {
    refunds(facts, &Happened { contract_signed_at: Some(at), ..Happened::default() })?;
    Ok(())
}

/// The lot ended without an award: all deposits fall due.
///
/// # Errors
/// The calendar is not known, or the database fails.
pub fn refunds_after_end(_act: &mut Act<'_>, facts: &LotFacts, at: Moment) -> Result<(), Failure> {
    refunds(facts, &Happened { ended_at: Some(at), ..Happened::default() })?;
    Ok(())
}
