//! Whether somebody's certificate lasts until the opening. Who can not sign then can not bid, release or sign the record.

use crate::account::store as people;
use crate::account::who::Who;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::project::rules::Tender;
use crate::project::store as projects;

/// When the certificate that lasts longest ends, if that is not after `opens_at`. `None` for people without a valid one: they are
/// told so elsewhere.
///
/// # Errors
/// Faults of the database.
pub fn too_early(db: &mut Db, who: &Who, now: Moment, opens_at: Moment) -> Result<Option<Moment>, Fault> {
    let valid = people::certificates(db, who.person)?
        .into_iter()
        .filter(|certificate| certificate.revoked_at.is_none() && certificate.not_before <= now)
        .filter(|certificate| now < certificate.not_after);
    let last = valid.map(|certificate| certificate.not_after).max();
    Ok(last.filter(|last| *last <= opens_at))
}

/// When the last lot of a tender is opened, as planned.
///
/// # Errors
/// Faults of the database.
pub fn opens_at(db: &mut Db, tender: Id<Tender>) -> Result<Option<Moment>, Fault> {
    let lots = projects::lots_of(db, tender)?;
    Ok(lots.iter().filter_map(|lot| lot.schedule.map(|schedule| schedule.bids_until)).max())
}
