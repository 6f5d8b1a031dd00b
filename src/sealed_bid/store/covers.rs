//! Rows that look like a submission's and are none. Only the vault's key finds them, week by week.

use super::steps::{BODY, Series, insert_row, next_tag, rows};
use super::{id, no_tag, sealed_bid_step, supersede};
use crate::ledger::EntryId;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::{DAY, Moment};
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::sealed_bid::rules::{Step, Upload};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

/// What lies in the vault in place of a [`crate::sealed_bid::rules::StepRecord`].
#[derive(Serialize, Deserialize)]
struct CoverRecord {
    cover: Id<Upload>,
}

/// The week in which a moment lies.
fn week_of(at: Moment) -> i64 {
    at.micros().div_euclid(7 * DAY)
}

/// Adds a cover. The caller holds the covers' series for itself.
pub(in crate::sealed_bid) fn insert_cover(
    db: &mut Db,
    vault: &Vault,
    entry: EntryId,
    upload: Id<Upload>,
    at: Moment,
) -> Result<(), Fault> {
    let of_lot = next_tag(db, vault, Series::Covers(week_of(at)))?;
    let body = serde_json::to_vec(&CoverRecord { cover: upload })?;
    insert_row(db, vault, [of_lot, no_tag(), no_tag()], (Id::random(), entry, body, at))
}

/// A cover and its upload.
pub(in crate::sealed_bid) type Cover = (Id<Step>, Id<Upload>);

/// The covers of the week in which `at` lies, oldest first, with their uploads.
pub(in crate::sealed_bid) fn covers(db: &mut Db, vault: &Vault, at: Moment) -> Result<Vec<Cover>, Fault> {
    let rows = rows(db, vault, Series::Covers(week_of(at)))?;
    let read = |(step, _, body, _): (String, String, Vec<u8>, i64)| {
        let record: CoverRecord = serde_json::from_slice(&vault.open(BODY, &body)?)?;
        Ok((id(&step)?, record.cover))
    };
    rows.into_iter().map(read).collect()
}

/// Removes the newest cover of its week, and gives up its upload, which ended at `ended`.
pub(in crate::sealed_bid) fn remove_cover(
    db: &mut Db,
    (step, upload): Cover,
    ended: Moment,
) -> Result<(), Fault> {
    supersede(db, upload, ended)?;
    diesel::delete(sealed_bid_step::table.find(step.to_string())).execute(db)?;
    Ok(())
}
