//! All SQL on the log's tables.

use super::act::EntryMark;
use super::arrivals::ServerMark;
use super::tree::{self, TileSource};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use diesel::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;

/// Most ids in one query; databases limit them.
const IDS_AT_ONCE: usize = 500;

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
diesel::table! {
    ledger_kept (size) {
        size -> BigInt,
        note -> Text,
        pinned -> Bool,
        met -> Bool,
        token -> Nullable<Binary>,
        stamped_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    ledger_arrival (server) {
        server -> Text,
        done_until -> BigInt,
        told_at -> BigInt,
    }
}

/// A checkpoint that is kept, with what others say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub size: u64,
    /// The note with every cosignature that has come.
    pub note: String,
    /// Whether it is the closing checkpoint of a lot.
    pub pinned: bool,
    /// Whether the cosignatures satisfy the policy.
    pub met: bool,
    /// RFC 3161 token over the note's text, DER.
    pub token: Option<Vec<u8>>,
    /// The time that the token names.
    pub stamped_at: Option<Moment>,
}

type KeptRow = (i64, String, bool, bool, Option<Vec<u8>>, Option<i64>);

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

/// Gives the entries that arrived as number `first` to `last`, all of which wait, the places from `index` on.
pub(super) fn set_indices(db: &mut Db, first: i64, last: i64, index: u64) -> Result<(), Fault> {
    let offset = signed(index)? - first;
    diesel::update(ledger_entry::table.filter(ledger_entry::arrival.between(first, last)))
        .set(ledger_entry::log_index.eq((ledger_entry::arrival + offset).nullable()))
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

/// The log indices of entries; those that are not sequenced yet are left out.
pub fn indices_of(db: &mut Db, ids: &[Id<EntryMark>]) -> Result<HashMap<Id<EntryMark>, u64>, Fault> {
    let mut found = HashMap::with_capacity(ids.len());
    for some in ids.chunks(IDS_AT_ONCE) {
        let texts: Vec<String> = some.iter().map(ToString::to_string).collect();
        let rows: Vec<(String, Option<i64>)> = ledger_entry::table
            .filter(ledger_entry::id.eq_any(texts))
            .select((ledger_entry::id, ledger_entry::log_index))
            .load(db)?;
        for (id, index) in rows {
            let id = Id::parse(&id).ok_or_else(|| Fault::new("an entry's id is damaged"))?;
            if let Some(index) = index {
                found.insert(id, unsigned(index)?);
            }
        }
    }
    Ok(found)
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

fn kept_of(row: KeptRow) -> Result<Kept, Fault> {
    let (size, note, pinned, met, token, stamped_at) = row;
    let stamped_at = stamped_at.map(Moment::from_micros);
    Ok(Kept { size: unsigned(size)?, note, pinned, met, token, stamped_at })
}

/// Keeps a checkpoint. One that is kept already stays as it is, but may become pinned.
pub(super) fn keep(db: &mut Db, size: u64, note: &str, pinned: bool) -> Result<(), Fault> {
    let size = signed(size)?;
    let found = ledger_kept::table.filter(ledger_kept::size.eq(size));
    let known: i64 = found.count().get_result(db)?;
    if known == 0 {
        let row = (ledger_kept::size.eq(size), ledger_kept::note.eq(note));
        let row = (row, ledger_kept::pinned.eq(pinned), ledger_kept::met.eq(false));
        diesel::insert_into(ledger_kept::table).values(row).execute(db)?;
    } else if pinned {
        diesel::update(found).set(ledger_kept::pinned.eq(true)).execute(db)?;
    }
    Ok(())
}

/// Stores the cosignatures that have come for a kept checkpoint. Once enough have, older ones that nobody needs go.
pub(super) fn put_cosigned(db: &mut Db, size: u64, note: &str, met: bool) -> Result<(), Fault> {
    let size = signed(size)?;
    diesel::update(ledger_kept::table.filter(ledger_kept::size.eq(size)))
        .set((ledger_kept::note.eq(note), ledger_kept::met.eq(met)))
        .execute(db)?;
    if met {
        let older = ledger_kept::table.filter(ledger_kept::size.lt(size).and(ledger_kept::pinned.eq(false)));
        diesel::delete(older).execute(db)?;
    }
    Ok(())
}

/// Stores the time-stamp of a kept checkpoint.
pub(super) fn put_token(db: &mut Db, size: u64, token: &[u8], at: Moment) -> Result<(), Fault> {
    diesel::update(ledger_kept::table.filter(ledger_kept::size.eq(signed(size)?)))
        .set((ledger_kept::token.eq(token), ledger_kept::stamped_at.eq(at.micros())))
        .execute(db)?;
    Ok(())
}

/// One kept checkpoint.
pub fn kept(db: &mut Db, size: u64) -> Result<Option<Kept>, Fault> {
    let row: Option<KeptRow> =
        ledger_kept::table.filter(ledger_kept::size.eq(signed(size)?)).first(db).optional()?;
    row.map(kept_of).transpose()
}

/// The largest checkpoint that enough witnesses cosigned.
pub fn newest_met(db: &mut Db) -> Result<Option<Kept>, Fault> {
    let met = ledger_kept::table.filter(ledger_kept::met.eq(true));
    let row: Option<KeptRow> = met.order(ledger_kept::size.desc()).first(db).optional()?;
    row.map(kept_of).transpose()
}

/// The largest kept checkpoint, with the cosignatures that it has.
pub fn newest_kept(db: &mut Db) -> Result<Option<Kept>, Fault> {
    let row: Option<KeptRow> = ledger_kept::table.order(ledger_kept::size.desc()).first(db).optional()?;
    row.map(kept_of).transpose()
}

/// Kept checkpoints above `above` that too few witnesses cosigned, the smallest first: a witness never goes back.
pub(super) fn unwitnessed(db: &mut Db, above: u64) -> Result<Vec<Kept>, Fault> {
    let open = ledger_kept::met.eq(false).and(ledger_kept::size.gt(signed(above)?));
    let rows: Vec<KeptRow> = ledger_kept::table.filter(open).order(ledger_kept::size).load(db)?;
    rows.into_iter().map(kept_of).collect()
}

/// Closing checkpoints without a time-stamp.
pub(super) fn unstamped(db: &mut Db) -> Result<Vec<Kept>, Fault> {
    let open = ledger_kept::pinned.eq(true).and(ledger_kept::token.is_null());
    let rows: Vec<KeptRow> = ledger_kept::table.filter(open).order(ledger_kept::size).load(db)?;
    rows.into_iter().map(kept_of).collect()
}

/// The newest `most` closing checkpoints of lots, the newest first.
pub fn closings(db: &mut Db, most: i64) -> Result<Vec<Kept>, Fault> {
    let pinned = ledger_kept::table.filter(ledger_kept::pinned.eq(true));
    let rows: Vec<KeptRow> = pinned.order(ledger_kept::size.desc()).limit(most).load(db)?;
    rows.into_iter().map(kept_of).collect()
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

pub(super) fn signed(number: u64) -> Result<i64, Fault> {
    i64::try_from(number).map_err(Fault::from)
}

pub(super) fn unsigned(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(Fault::from)
}

/// A server says that it has dealt with everybody who came before `done_until`; `told_at` is the machine's time.
pub(super) fn put_arrivals(
    db: &mut Db,
    server: Id<ServerMark>,
    done_until: Moment,
    told_at: Moment,
) -> Result<(), Fault> {
    let word =
        (ledger_arrival::done_until.eq(done_until.micros()), ledger_arrival::told_at.eq(told_at.micros()));
    let own = ledger_arrival::table.filter(ledger_arrival::server.eq(server.to_string()));
    if diesel::update(own).set(word).execute(db)? == 0 {
        diesel::insert_into(ledger_arrival::table)
            .values((ledger_arrival::server.eq(server.to_string()), word))
            .execute(db)?;
    }
    Ok(())
}

/// Whether a server other than `own`, heard of since `since`, may still have somebody on the way who came before `moment`.
pub(super) fn arrivals_before(
    db: &mut Db,
    own: Id<ServerMark>,
    moment: Moment,
    since: Moment,
) -> Result<bool, Fault> {
    let waiting = ledger_arrival::table
        .filter(ledger_arrival::server.ne(own.to_string()))
        .filter(ledger_arrival::told_at.ge(since.micros()))
        .filter(ledger_arrival::done_until.lt(moment.micros()))
        .count()
        .get_result::<i64>(db)?;
    Ok(waiting > 0)
}

/// Forgets servers that have said nothing since `before`.
pub(super) fn forget_arrivals(db: &mut Db, before: Moment) -> Result<(), Fault> {
    let gone = ledger_arrival::table.filter(ledger_arrival::told_at.lt(before.micros()));
    diesel::delete(gone).execute(db)?;
    Ok(())
}
