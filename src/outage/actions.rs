//! Leaving a pulse, and what follows from one that comes late.

use super::events::{DeadlineMoved, Recorded};
use super::rules::{OutageMark, OutageRule, Refusal};
use super::store;
use crate::ledger::{Act, Subject};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project;

/// The gate that a pulse excludes, so that two servers do not find one outage twice and no box closes meanwhile.
const PULSE: &str = "outage/pulse";

/// Leaves a pulse. If the last one is too old, records the outage and moves the deadlines that it came near. The silence is
/// measured in the machine's time, which no demonstration moves.
///
/// # Errors
/// Faults of the database; then nothing is recorded, and the next pulse finds the same outage, longer.
pub fn beat(act: &mut Act<'_>) -> Result<Option<Id<OutageMark>>, Failure> {
    act.exclude(PULSE)?;
    let machine = act.machine_now();
    let last = store::pulse(act.db())?;
    store::put_pulse(act.db(), machine)?;
    let silence = last.map_or(0, |last| machine.micros() - last.micros());
    if !OutageRule::published().counts(silence) {
        return Ok(None);
    }
    let (from, to) = (act.now().plus(-silence), act.now());
    let outage = Id::random();
    let entry = act.enter(&Subject::None, &Recorded { outage, from, to })?;
    store::insert_outage(act.db(), outage, (from, to), entry)?;
    move_deadlines(act, outage, (from, to))?;
    act.tell(TOPIC);
    Ok(Some(outage))
}

/// The live topic of outages.
pub const TOPIC: &str = "outage";

fn move_deadlines(
    act: &mut Act<'_>,
    outage: Id<OutageMark>,
    (from, to): (Moment, Moment),
) -> Result<(), Failure> {
    let rule = OutageRule::published();
    for tender in project::store::bidding_until(act.db(), from, rule.reach(to))? {
        let Some(schedule) = project::store::schedule(act.db(), tender)? else { continue };
        let was = schedule.bids_until;
        let Some(now) = rule.moved(was, from, to) else { continue };
        let article = rule.short_moves_hours.article.as_str();
        let entry =
            act.enter(&Subject::open(tender), &DeadlineMoved { outage, tender, was, now, article })?;
        store::insert_moved(act.db(), outage, tender, (was, now), entry)?;
        project::actions::extend(act, tender, now)?;
    }
    Ok(())
}

/// That the platform's pulse is fresh, to be asked before anything is done because a deadline has passed. A platform that
/// never left a pulse (a tool, a test) has none to be stale.
///
/// # Errors
/// Refused while it is not known whether there was an outage; the next pulse, some seconds later, tells.
pub fn check_pulse(act: &mut Act<'_>) -> Result<(), Failure> {
    if is_silent(act)? { Err(Refused::from(Refusal::StalePulse).into()) } else { Ok(()) }
}

/// Whether it is not known yet if the platform was away. No pulse is left before this act has ended: read afterwards where the
/// deadlines are.
///
/// # Errors
/// Faults of the database.
pub fn is_silent(act: &mut Act<'_>) -> Result<bool, Fault> {
    act.share(PULSE)?;
    let machine = act.machine_now();
    Ok(silent_since(act.db(), machine)?.is_some())
}

/// Since when, in the machine's time, there has been no pulse, if that is long enough for an outage: what follows from it for the
/// deadlines is not known yet.
///
/// # Errors
/// Faults of the database.
pub fn silent_since(db: &mut Db, machine: Moment) -> Result<Option<Moment>, Fault> {
    let stale = |last: &Moment| OutageRule::published().counts(machine.micros() - last.micros());
    Ok(store::pulse(db)?.filter(stale))
}
