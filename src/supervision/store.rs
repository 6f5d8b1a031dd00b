//! The reading that only this room needs: lists of lots, pages of the log.

use crate::ledger::store::{EntryRow, ledger_entry};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::refusal::Fault;
use crate::project::rules::Lot;
use crate::project::store::{project_lot, project_tender};
use diesel::prelude::*;

/// Announced lots, newest first: those that follow the line `after` (moment in microseconds, id), whose tender number
/// begins with `number`, and, if wanted, only those that are held.
pub(super) fn lots(
    db: &mut Db,
    number: &str,
    only_held: bool,
    (before, after): (i64, &str),
    limit: i64,
) -> Result<Vec<(Id<Lot>, i64)>, Fault> {
    let mut query = project_lot::table
        .inner_join(project_tender::table)
        .filter(
            project_lot::announced_at
                .lt(before)
                .or(project_lot::announced_at.eq(before).and(project_lot::id.gt(after.to_owned()))),
        )
        .order((project_lot::announced_at.desc(), project_lot::id))
        .limit(limit)
        .select((project_lot::id, project_lot::announced_at))
        .into_boxed();
    if only_held {
        query = query.filter(project_lot::held_since.is_not_null());
    }
    if !number.is_empty() {
        query = query.filter(project_tender::number.like(format!("{number}%")));
    }
    let rows: Vec<(String, Option<i64>)> = query.load(db)?;
    let read = |(lot, at): (String, Option<i64>)| {
        let lot = Id::parse(&lot).ok_or_else(|| Fault::new("a damaged id in the database"))?;
        Ok((lot, at.unwrap_or_default()))
    };
    rows.into_iter().map(read).collect()
}

/// Entries about any of `subjects` that arrived before `before`, newest first.
pub(super) fn entries(
    db: &mut Db,
    subjects: &[String],
    before: i64,
    limit: i64,
) -> Result<Vec<EntryRow>, Fault> {
    Ok(ledger_entry::table
        .filter(ledger_entry::subject.eq_any(subjects))
        .filter(ledger_entry::arrival.lt(before))
        .order(ledger_entry::arrival.desc())
        .limit(limit)
        .load(db)?)
}
