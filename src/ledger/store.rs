//! All SQL on the log's tables.

use super::act::EntryMark;
use super::tree::{self, TileSource};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use diesel::prelude::*;
use std::cell::RefCell;

diesel::table! {
    ledger_entry (arrival) {
        arrival -> BigInt,
        id -> Text,
        log_index -> Nullable<BigInt>,
        at -> BigInt,
        subject -> Text,
        body -> Binary,
        leaf -> Binary,
    }
}
diesel::table! {
    ledger_tile (level, place) {
        level -> Integer,
        place -> BigInt,
        hashes -> Binary,
    }
}
diesel::table! {
    ledger_head (id) {
        id -> Integer,
        size -> BigInt,
        root -> Binary,
        note -> Text,
        at -> BigInt,
    }
}

/// The newest signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: tree::Hash,
    pub note: String,
    pub at: Moment,
}

/// One entry as it lies in the database; `body` is sealed by the vault.
#[derive(Clone, Debug, Queryable)]
pub struct EntryRow {
    pub arrival: i64,
    pub id: String,
    pub log_index: Option<i64>,
    pub at: i64,
    pub subject: String,
    pub body: Vec<u8>,
    pub leaf: Vec<u8>,
}

pub(super) fn insert_entry(
    db: &mut Db,
    id: Id<EntryMark>,
    at: Moment,
    subject: &str,
    body: &[u8],
    leaf: &[u8],
) -> Result<(), Fault> {
    diesel::insert_into(ledger_entry::table)
        .values((
            ledger_entry::id.eq(id.to_string()),
            ledger_entry::at.eq(at.micros()),
            ledger_entry::subject.eq(subject),
            ledger_entry::body.eq(body),
            ledger_entry::leaf.eq(leaf),
        ))
        .execute(db)?;
    Ok(())
}

/// Entries that have no place in the log yet, in order of arrival: (arrival, leaf).
pub(super) fn pending(db: &mut Db, most: i64) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    Ok(ledger_entry::table
        .filter(ledger_entry::log_index.is_null())
        .order(ledger_entry::arrival)
        .limit(most)
        .select((ledger_entry::arrival, ledger_entry::leaf))
        .load(db)?)
}

pub(super) fn set_index(db: &mut Db, arrival: i64, index: u64) -> Result<(), Fault> {
    diesel::update(ledger_entry::table.filter(ledger_entry::arrival.eq(arrival)))
        .set(ledger_entry::log_index.eq(signed(index)?))
        .execute(db)?;
    Ok(())
}

/// The log index of an entry; `None` if it is not sequenced yet or not there.
pub fn index_of(db: &mut Db, id: Id<EntryMark>) -> Result<Option<u64>, Fault> {
    let found: Option<Option<i64>> = ledger_entry::table
        .filter(ledger_entry::id.eq(id.to_string()))
        .select(ledger_entry::log_index)
        .first(db)
        .optional()?;
    found.flatten().map(unsigned).transpose()
}

/// One entry by its id.
pub fn entry(db: &mut Db, id: Id<EntryMark>) -> Result<Option<EntryRow>, Fault> {
    Ok(ledger_entry::table.filter(ledger_entry::id.eq(id.to_string())).first(db).optional()?)
}

/// The entry at a log index.
pub fn entry_at(db: &mut Db, index: u64) -> Result<Option<EntryRow>, Fault> {
    Ok(ledger_entry::table.filter(ledger_entry::log_index.eq(signed(index)?)).first(db).optional()?)
}

/// All entries about any of `subjects`, oldest first.
pub fn entries_about(db: &mut Db, subjects: &[String]) -> Result<Vec<EntryRow>, Fault> {
    Ok(ledger_entry::table
        .filter(ledger_entry::subject.eq_any(subjects))
        .order(ledger_entry::arrival)
        .load(db)?)
}

/// Leaf data of the entries with index `from..to`, in order.
pub fn leaves(db: &mut Db, from: u64, to: u64) -> Result<Vec<Vec<u8>>, Fault> {
    Ok(ledger_entry::table
        .filter(ledger_entry::log_index.ge(signed(from)?).and(ledger_entry::log_index.lt(signed(to)?)))
        .order(ledger_entry::log_index)
        .select(ledger_entry::leaf)
        .load(db)?)
}

/// The newest checkpoint; `None` before the first entry.
pub fn head(db: &mut Db) -> Result<Option<Head>, Fault> {
    let row: Option<(i64, Vec<u8>, String, i64)> = ledger_head::table
        .select((ledger_head::size, ledger_head::root, ledger_head::note, ledger_head::at))
        .first(db)
        .optional()?;
    row.map(|(size, root, note, at)| {
        let root = root.try_into().map_err(|_| Fault::new("the stored root is not 32 bytes"))?;
        Ok(Head { size: unsigned(size)?, root, note, at: Moment::from_micros(at) })
    })
    .transpose()
}

/// Makes other sequencers wait (PostgreSQL); SQLite has only one writer anyway.
pub(super) fn lock_head(db: &mut Db) -> Result<(), Fault> {
    if let Db::Pg(pg) = db {
        diesel::sql_query("SELECT pg_advisory_xact_lock(7305805)").execute(pg)?;
    }
    Ok(())
}

pub(super) fn put_head(db: &mut Db, head: &Head) -> Result<(), Fault> {
    let values = (
        ledger_head::size.eq(signed(head.size)?),
        ledger_head::root.eq(head.root.to_vec()),
        ledger_head::note.eq(head.note.clone()),
        ledger_head::at.eq(head.at.micros()),
    );
    let updated =
        diesel::update(ledger_head::table.filter(ledger_head::id.eq(1))).set(values.clone()).execute(db)?;
    if updated == 0 {
        diesel::insert_into(ledger_head::table).values((ledger_head::id.eq(1), values)).execute(db)?;
    }
    Ok(())
}

pub(super) fn put_tile(db: &mut Db, tile: &tree::Tile) -> Result<(), Fault> {
    let at = ledger_tile::table
        .filter(ledger_tile::level.eq(i32::from(tile.level)).and(ledger_tile::place.eq(signed(tile.index)?)));
    let updated = diesel::update(at).set(ledger_tile::hashes.eq(&tile.hashes)).execute(db)?;
    if updated == 0 {
        diesel::insert_into(ledger_tile::table)
            .values((
                ledger_tile::level.eq(i32::from(tile.level)),
                ledger_tile::place.eq(signed(tile.index)?),
                ledger_tile::hashes.eq(&tile.hashes),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// The tree's tiles as the database has them.
pub struct Tiles<'a>(RefCell<&'a mut Db>);

impl<'a> Tiles<'a> {
    pub fn new(db: &'a mut Db) -> Self {
        Self(RefCell::new(db))
    }
}

impl TileSource for Tiles<'_> {
    type Error = Fault;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Fault> {
        let found: Option<Vec<u8>> = ledger_tile::table
            .filter(ledger_tile::level.eq(i32::from(level)).and(ledger_tile::place.eq(signed(index)?)))
            .select(ledger_tile::hashes)
            .first(&mut **self.0.borrow_mut())
            .optional()?;
        let missing = || Fault::new(format!("the log has no tile {level}/{index} of width {width}"));
        found.and_then(|hashes| hashes.get(..usize::from(width) * 32).map(<[u8]>::to_vec)).ok_or_else(missing)
    }
}

fn signed(number: u64) -> Result<i64, Fault> {
    i64::try_from(number).map_err(Fault::from)
}

fn unsigned(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(Fault::from)
}
