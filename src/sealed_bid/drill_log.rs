//! What trustees get of the log in a drill: the newest checkpoint with its cosignatures, and the way of the drill's beginning to it.

use super::drill::DrillBegun;
use super::shown;
use crate::ledger::store::{self as log, Tiles};
use crate::ledger::{Door, Event, Subject};
use crate::ledger::{rotation_store, tree, witnessing};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::project::rules::Tender;
use crate::sealing::drill_log::DrillLog;

/// The log as a drill that was begun shows it. If too few witnesses have cosigned yet it is shown with the cosignatures that there
/// are: that the others do not sign is what a drill must find, and a trustee's policy may ask for fewer.
///
/// # Errors
/// Faults of the database.
pub(super) fn shown(door: &Door, db: &mut Db, tender: Id<Tender>) -> Result<DrillLog, Fault> {
    let damaged = || Fault::new("a drill that is not in the log");
    let subject = Subject::open(tender).column(door.vault());
    let mut begun = None;
    for row in log::entries_about(db, &[subject])? {
        let opened = door.opened(&row)?;
        if opened.number == DrillBegun::NUMBER {
            begun = row.log_index.and_then(|index| u64::try_from(index).ok()).map(|index| (index, opened));
        }
    }
    let (index, opened) = begun.ok_or_else(damaged)?;
    let above = index.saturating_add(1);
    let cosigned = witnessing::newest_shown(door, db, above, Moment::from_micros(0))?;
    let kept = log::newest_kept(db)?.filter(|kept| kept.size >= above).map(|kept| (kept.size, kept.note));
    let head = log::head(db)?.map(|head| (head.size, head.note));
    let (size, checkpoint) = cosigned.or(kept).or(head).ok_or_else(damaged)?;
    let proof = tree::inclusion_proof(&Tiles::new(db), index, size)?;
    let begun = shown::entry(&opened, index, proof)?;
    let rotations = rotation_store::rotations(db)?.to_string();
    Ok(DrillLog { begun, checkpoint, policy: door.told_policy(), rotations })
}
