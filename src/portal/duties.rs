//! What a tender waits for from one of its trustees: a key, a signature, the drill, their shares at an opening.

use crate::account::who::Who;
use crate::opening;
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::refusal::Failure;
use crate::project::phase::Phase;
use crate::project::standing::{LotFacts, TenderFacts};
use crate::project::store as projects;
use crate::sealed_bid::drill::{self, Readiness};
use crate::sealed_bid::drill_store::{self, State};
use crate::sealed_bid::rules::envelopes_of;
use crate::sealed_bid::trustees::{Holder, Stage, stage};
use crate::sealed_bid::trustees_store;

/// What a trustee is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    Key,
    /// Every key is there; the set is to be signed.
    Signature,
    Drill,
    /// The shares of an opening.
    Release,
}

impl Duty {
    /// The end of the locale key `portal.duty.…`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Drill => "drill",
            Self::Release => "release",
        }
    }
}

/// A duty and where it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub duty: Duty,
    pub href: String,
    /// Public number of the tender, or of the lot that is being opened.
    pub name: String,
    pub title: String,
    /// When the bids are opened.
    pub opens_at: Option<Moment>,
}

/// Tenders that are looked at for one person.
const MOST: i64 = 100;

/// What waits for this person as a trustee: what must be done now first, then by the time of the opening.
///
/// # Errors
/// Faults of the database.
pub fn of(db: &mut Db, who: &Who, now: Moment) -> Result<Vec<Waiting>, Failure> {
    let mut found = Vec::new();
    for tender in projects::entrusted_to(db, who.person, MOST)? {
        let holders = trustees_store::holders(db, &tender)?;
        let Some(own) = holders.iter().find(|holder| holder.person == who.person) else { continue };
        let mut lots = projects::lots_of(db, tender.tender)?;
        lots.retain(|lot| !lot.hold().is_held());
        for lot in &lots {
            if releases(db, lot, own.place, now)? {
                found.push(waiting(Duty::Release, format!("/opening/{}", lot.name()), lot.name(), lot));
            }
        }
        let coming = lots.iter().find(|lot| matches!(lot.phase(now), Phase::Announced | Phase::Bidding));
        if let (Some(lot), Some(duty)) = (coming, before(db, &tender, &holders, own)?) {
            let number = tender.number.to_string();
            found.push(waiting(duty, format!("/sealed-bid/{number}/trustees"), number, lot));
        }
    }
    found.sort_by_key(|waiting| (waiting.duty != Duty::Release, waiting.opens_at));
    Ok(found)
}

fn waiting(duty: Duty, href: String, name: String, lot: &LotFacts) -> Waiting {
    let opens_at = lot.schedule.map(|schedule| schedule.bids_until);
    Waiting { duty, href, name, title: lot.tender_title.clone(), opens_at }
}

/// What a trustee must do before bids can come.
fn before(
    db: &mut Db,
    tender: &TenderFacts,
    holders: &[Holder],
    own: &Holder,
) -> Result<Option<Duty>, Failure> {
    let has_signed = own.keys.as_ref().is_some_and(|keys| keys.sig.is_some());
    Ok(match (drill::readiness(db, tender.tender)?, stage(holders)) {
        (Readiness::NoSet, _) if own.keys.is_none() => Some(Duty::Key),
        (Readiness::NoSet, Stage::Signatures { .. }) if !has_signed => Some(Duty::Signature),
        (Readiness::Untried, _) => Some(Duty::Drill),
        (Readiness::Trying, _) => {
            let rows = drill_store::releases(db, tender.tender)?;
            let has_come = rows.iter().any(|row| row.release.i == own.place && row.state != State::Wrong);
            (!has_come).then_some(Duty::Drill)
        }
        _ => None,
    })
}

/// Whether an opening of this lot waits for the shares of the trustee in this place.
fn releases(db: &mut Db, lot: &LotFacts, place: u8, now: Moment) -> Result<bool, Failure> {
    for kind in envelopes_of(&lot.terms) {
        let sitting = opening::store::sitting(db, lot.lot, *kind)?;
        if sitting.is_none_or(|sitting| sitting.opened_at.is_some()) {
            continue;
        }
        // where bids are locked twice, bidders come first
        let bidders = opening::store::bidders(db, lot.lot, *kind)?;
        let released = opening::store::releases(db, lot.lot, *kind)?;
        let has_come = released.iter().any(|found| found.release.i == place);
        if !has_come && bidders.is_none_or(|phase| phase.is_over(now)) {
            return Ok(true);
        }
    }
    Ok(false)
}
