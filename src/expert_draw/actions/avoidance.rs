//! 回避: whoever is tied to a bidder may not judge. Who bids is known when the box is closed; from then on a drawn expert
//! with a tie loses the seat to the next alternate, and nobody with a tie is called or listed any more.

use super::seats::{experts_setup, free_seat};
use super::topic;
use crate::account::rules::Person;
use crate::expert_draw::eligibility::{Removal, tie_of, unit_key, years_before};
use crate::expert_draw::events::SeatPassedOn;
use crate::expert_draw::rules::{Answer, Subject as What};
use crate::expert_draw::sealed::{HOLDER, Holder, POOL, People, REGISTRY};
use crate::expert_draw::store::{self, DrawRow, pools, seats};
use crate::ledger::{Act, Subject};
use crate::party;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault};
use crate::platform::vault::Vault;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::sealed_bid::rules::envelopes_of;
use std::collections::{BTreeMap, BTreeSet};

/// Names and credit codes of everybody with a bid in the closed box; `None` while it is not closed.
pub(super) fn bidder_units(
    db: &mut Db,
    vault: &Vault,
    lot: &LotFacts,
) -> Result<Option<Vec<String>>, Failure> {
    if lot.reached(Milestone::BiddingClosed).is_none() {
        return Ok(None);
    }
    let mut bidders = BTreeSet::new();
    for kind in envelopes_of(&lot.terms) {
        // nothing is handed in after the closing, so every step lies below its checkpoint
        let counted = crate::sealed_bid::store::counted(db, vault, lot.lot, *kind, u64::MAX)?;
        bidders.extend(counted.iter().map(|bid| bid.organisation));
    }
    let ids: Vec<_> = bidders.into_iter().collect();
    let organisations = party::store::all_of(db, &ids)?;
    Ok(Some(organisations.into_iter().flat_map(|found| [found.name, found.credit_code]).collect()))
}

/// Takes everybody off their seat who is tied to a bidder, and calls the next alternates until nobody is; each in the
/// log with the reason. Does nothing before the box is closed. `opening` calls this in the closing act, this room
/// whenever somebody new is called.
///
/// # Errors
/// The database fails.
pub fn avoid_bidders(act: &mut Act<'_>, lot: Id<Lot>) -> Result<(), Failure> {
    let vault = act.vault().clone();
    let facts = crate::project::store::known_lot(act.db(), lot)?;
    let Some(units) = bidder_units(act.db(), &vault, &facts)? else { return Ok(()) };
    let units = keys_of(&units);
    for row in store::draws_of(act.db(), lot)? {
        if row.subject == What::Experts && row.drawn_at.is_some() {
            free_tied_seats(act, &row, &facts, &units)?;
        }
    }
    Ok(())
}

fn keys_of(units: &[String]) -> BTreeSet<String> {
    units.iter().map(|unit| unit_key(unit)).collect()
}

fn free_tied_seats(
    act: &mut Act<'_>,
    row: &DrawRow,
    facts: &LotFacts,
    units: &BTreeSet<String>,
) -> Result<(), Failure> {
    let vault = act.vault().clone();
    let setup = experts_setup(&vault, &store::sealed_parts(act.db(), row.id)?.setup)?;
    let conditions = &setup.list.conditions;
    let years = conditions.worked_years.max(facts.book()?.committee.avoidance_years.value);
    let since = years_before(conditions.on, years);
    let people: People = POOL.take(&vault, &pools::pool_body(act.db(), setup.pool)?)?;
    let tied: BTreeMap<&str, Removal> = people
        .iter()
        .filter_map(|expert| Some((expert.registry_id.as_str(), tie_of(expert, units, since)?.0)))
        .collect();
    // ends: every turn takes one of the draw's people out for good
    while let Some((seat, reason)) = first_tied(act.db(), &vault, row, &tied)? {
        let cause = reason.avoidance().ok_or_else(|| Fault::new("a tie that is no avoidance"))?;
        let next = free_seat(act, &seat, Answer::Replaced, cause)?;
        let event = SeatPassedOn { draw: row.id, candidate: seat.candidate, next, cause: cause.to_owned() };
        act.enter(&Subject::sealed(row.lot), &event)?;
        act.tell(topic(row.id));
    }
    Ok(())
}

fn first_tied(
    db: &mut Db,
    vault: &Vault,
    row: &DrawRow,
    tied: &BTreeMap<&str, Removal>,
) -> Result<Option<(seats::SeatRow, Removal)>, Fault> {
    for seat in seats::seats(db, row.id)?.into_iter().filter(|seat| seat.answer.holds_seat()) {
        let holder: Holder = HOLDER.take(vault, &seat.holder)?;
        if let Some(reason) = tied.get(holder.registry_id.as_str()) {
            return Ok(Some((seat, *reason)));
        }
    }
    Ok(None)
}

/// What the newest pool knows to tie these people to one of `units` (names or credit codes) at `now`: the person, why,
/// and the unit in the form in which units are compared. For `evaluation`, before it seats anybody.
///
/// # Errors
/// The database fails.
pub fn ties(
    db: &mut Db,
    vault: &Vault,
    lot: &LotFacts,
    people: &[Id<Person>],
    units: &[String],
    now: Moment,
) -> Result<Vec<(Id<Person>, Removal, String)>, Fault> {
    let Some(pool) = pools::newest_pool(db)? else { return Ok(Vec::new()) };
    let mut wanted = BTreeMap::new();
    for person in people {
        if let Some(registry) = pools::registry_of(db, *person)? {
            wanted.insert(REGISTRY.take::<String>(vault, &registry)?, *person);
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let known: People = POOL.take(vault, &pools::pool_body(db, pool.id)?)?;
    let (units, years) = (keys_of(units), lot.book()?.committee.avoidance_years.value);
    let since = years_before(now.beijing_date(), years);
    let ties = known.iter().filter_map(|expert| {
        let person = wanted.get(&expert.registry_id)?;
        let (reason, unit) = tie_of(expert, &units, since)?;
        Some((*person, reason, unit))
    });
    Ok(ties.collect())
}
