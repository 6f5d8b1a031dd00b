//! What the clock does: seal closed sessions, drop bytes of parts that live on in segments, delete media whose time is
//! over. Every step may be repeated and interrupted.

use super::actions::{close, close_due, delete_media, place};
use super::rules::RETENTION_DAYS_MIN;
use super::store;
use crate::account::house::House;
use crate::ledger::{Actor, Door};
use crate::platform::moment::DAY;
use crate::platform::refusal::{Failure, Fault};
use crate::platform::waiting::Waiting;
use crate::project;
use crate::project::phase::Phase;

/// How many spent parts one run looks at.
const PARTS_AT_ONCE: i64 = 2_000;

/// Everything that is due; to be run every minute.
///
/// # Errors
/// The first fault; what was not reached is reached by the next run.
pub async fn due(door: &Door) -> Result<(), Fault> {
    let fault = Failure::into_fault;
    close_abandoned(door).await.map_err(fault)?;
    close_due(door).await.map_err(fault)?;
    drop_spent_parts(door).await.map_err(fault)?;
    delete_expired(door).await.map_err(fault)
}

/// An evaluation that ended in another way than by its report (the tender was cancelled or failed) leaves its session open:
/// it is closed as soon as its lot is in a phase in which nothing is recorded.
///
/// # Errors
/// The database fails.
pub async fn close_abandoned(door: &Door) -> Result<(), Failure> {
    let now = door.now();
    let open = door
        .look(move |db| {
            let mut over = Vec::new();
            for row in store::open_sessions(db)? {
                let phase = project::store::lot(db, row.lot)?.map(|lot| lot.phase(now));
                let recorded = matches!(phase, None | Some(Phase::Opening | Phase::Evaluation));
                if !recorded {
                    over.push(row.id);
                }
            }
            Ok(over)
        })
        .await?;
    for session in open {
        door.act(Actor::system("recording"), move |act| close(act, session)).await?;
    }
    Ok(())
}

/// Bytes of parts that were wholly cut and are not themselves a segment are kept twice: the part's copy goes.
///
/// # Errors
/// Files or database fail.
pub async fn drop_spent_parts(door: &Door) -> Result<usize, Failure> {
    let spent = door.look(|db| Ok(store::spent_parts(db, PARTS_AT_ONCE)?)).await?;
    let count = spent.len();
    for (track, epoch, seq, hash) in spent {
        let facts = door
            .look(move |db| {
                let row = store::track(db, track)?;
                Ok(match row {
                    Some(row) => Some((row.session, store::in_use(db, track, (epoch, seq), hash)?)),
                    None => None,
                })
            })
            .await?;
        let Some((session, in_use)) = facts else { continue };
        if !in_use {
            door.files().remove_at(&place(session, track, &hash)).await?;
        }
        door.act(Actor::system("recording"), move |act| Ok(store::forget_part(act.db(), track, epoch, seq)?))
            .await?;
    }
    Ok(count)
}

/// Deletes the media of sessions whose retention is over and that are not on hold.
///
/// # Errors
/// Files or database fail; a session that may not be deleted yet is not an error.
pub async fn delete_expired(door: &Door) -> Result<(), Failure> {
    let now = door.now();
    let floor = now.plus(-RETENTION_DAYS_MIN * DAY);
    let old = door.look(move |db| Ok(store::sessions_with_old_media(db, floor)?)).await?;
    for row in old.into_iter().filter(|row| row.keeping().may_delete(now).is_ok()) {
        delete_media(door, row.id).await?;
    }
    Ok(())
}

/// [`due`] for the ticker, whose threads are blocking ones.
///
/// # Errors
/// As [`due`].
pub fn run(house: &House) -> Result<(), Fault> {
    Waiting::here()?.on(due(&house.door))
}
