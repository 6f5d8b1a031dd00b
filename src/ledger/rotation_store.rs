//! The SQL on the log's changes of key.

use super::act::EntryId;
use super::note::VerifierKey;
use super::rotation::{Rotation, Rotations};
use super::store::{signed, unsigned};
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use diesel::prelude::*;

diesel::table! {
    ledger_rotation (size) {
        size -> BigInt,
        key -> Text,
        note -> Text,
        checkpoint -> Text,
        entry -> Text,
        at -> BigInt,
    }
}

/// One change of the key as it is kept.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// Size up to which the old key signed.
    pub size: u64,
    /// The checkpoint of that size, signed with both keys.
    pub checkpoint: String,
    /// The entry of the log that holds the rotation note.
    pub entry: EntryId,
    pub at: Moment,
}

type Row = (i64, String, String, i64);

/// The key that the log has now, if it was ever changed.
pub(super) fn newest_key(db: &mut Db) -> Result<Option<VerifierKey>, Fault> {
    let newest: Option<String> = ledger_rotation::table
        .order(ledger_rotation::size.desc())
        .select(ledger_rotation::key)
        .first(db)
        .optional()?;
    Ok(newest.map(|key| VerifierKey::parse(&key)).transpose()?)
}

/// Keeps a change of the key.
pub(super) fn put_rotation(
    db: &mut Db,
    rotation: &Rotation,
    checkpoint: &str,
    entry: EntryId,
    at: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(ledger_rotation::table)
        .values((
            ledger_rotation::size.eq(signed(rotation.size)?),
            ledger_rotation::key.eq(rotation.new.to_string()),
            ledger_rotation::note.eq(rotation.note.to_string()),
            ledger_rotation::checkpoint.eq(checkpoint),
            ledger_rotation::entry.eq(entry.to_string()),
            ledger_rotation::at.eq(at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// All changes of the log's key.
///
/// # Errors
/// The database fails, or a note in it is damaged.
pub fn rotations(db: &mut Db) -> Result<Rotations, Fault> {
    let notes: Vec<String> =
        ledger_rotation::table.order(ledger_rotation::size).select(ledger_rotation::note).load(db)?;
    Ok(Rotations::parse(&notes.join("\n"))?)
}

/// What is kept beside the notes, the oldest first.
///
/// # Errors
/// The database fails.
pub fn rotated(db: &mut Db) -> Result<Vec<Rotated>, Fault> {
    let rows: Vec<Row> = ledger_rotation::table
        .order(ledger_rotation::size)
        .select((
            ledger_rotation::size,
            ledger_rotation::checkpoint,
            ledger_rotation::entry,
            ledger_rotation::at,
        ))
        .load(db)?;
    let read = |(size, checkpoint, entry, at): Row| {
        let entry = EntryId::parse(&entry).ok_or_else(|| Fault::new("a rotation's entry has no id"))?;
        Ok(Rotated { size: unsigned(size)?, checkpoint, entry, at: Moment::from_micros(at) })
    };
    rows.into_iter().map(read).collect()
}
