//! SQL on the hash chain.

use super::tables::recording_record;
use super::{EpochRow, epochs, hash, id, moment, signed};
use crate::ledger::EntryId;
use crate::platform::canonical::from_jcs;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::recording::chain::{GapReason, Record, What};
use crate::recording::playlist::Entry;
use crate::recording::rules::Track;
use diesel::prelude::*;
use std::collections::HashMap;

/// One record on its way into the table, with what queries need.
pub(in crate::recording) struct NewRecord<'a> {
    pub record: &'a Record,
    pub kind: &'static str,
    pub epoch: Option<u64>,
    pub seq: Option<u64>,
    pub starts_at: Moment,
    pub ends_at: Moment,
    pub entry: Option<EntryId>,
}

pub(in crate::recording) fn insert_record(
    db: &mut Db,
    track: Id<Track>,
    new: &NewRecord<'_>,
) -> Result<(), Fault> {
    let body = String::from_utf8(new.record.canonical())?;
    diesel::insert_into(recording_record::table)
        .values((
            recording_record::track_id.eq(track.to_string()),
            recording_record::number.eq(signed(new.record.number)?),
            recording_record::kind.eq(new.kind),
            recording_record::epoch.eq(new.epoch.map(signed).transpose()?),
            recording_record::seq.eq(new.seq.map(signed).transpose()?),
            recording_record::starts_at.eq(new.starts_at.micros()),
            recording_record::ends_at.eq(new.ends_at.micros()),
            recording_record::sha256.eq(new.record.media().map(|h| h.to_vec())),
            recording_record::body.eq(body),
            recording_record::entry_id.eq(new.entry.map(|e| e.to_string())),
        ))
        .execute(db)?;
    Ok(())
}

/// The records of a track from `from` on, in order, each with its log entry if it has one of its own. At most `most`.
pub fn records(
    db: &mut Db,
    track: Id<Track>,
    from: u64,
    most: i64,
) -> Result<Vec<(Record, Option<EntryId>)>, Fault> {
    let rows: Vec<(String, Option<String>)> = recording_record::table
        .filter(recording_record::track_id.eq(track.to_string()))
        .filter(recording_record::number.ge(signed(from)?))
        .order(recording_record::number)
        .limit(most)
        .select((recording_record::body, recording_record::entry_id))
        .load(db)?;
    let read = |(body, entry): (String, Option<String>)| -> Result<_, Fault> {
        Ok((from_jcs(body.as_bytes())?, entry.as_deref().map(id).transpose()?))
    };
    rows.into_iter().map(read).collect()
}

/// The hash of the bytes of one segment; sequence 0 is the init section.
pub fn segment_hash(db: &mut Db, track: Id<Track>, epoch: u64, seq: u64) -> Result<Option<[u8; 32]>, Fault> {
    let found: Option<Option<Vec<u8>>> = recording_record::table
        .filter(recording_record::track_id.eq(track.to_string()))
        .filter(recording_record::epoch.eq(signed(epoch)?))
        .filter(recording_record::seq.eq(signed(seq)?))
        .select(recording_record::sha256)
        .first(db)
        .optional()?;
    found.flatten().as_deref().map(hash).transpose()
}

/// Hashes of everything that records of this track speak of.
pub(crate) fn media_hashes(db: &mut Db, track: Id<Track>) -> Result<Vec<[u8; 32]>, Fault> {
    let found: Vec<Option<Vec<u8>>> = recording_record::table
        .filter(recording_record::track_id.eq(track.to_string()))
        .filter(recording_record::sha256.is_not_null())
        .select(recording_record::sha256)
        .load(db)?;
    found.into_iter().flatten().map(|h| hash(&h)).collect()
}

/// The segments of a track as a playlist needs them, in order.
pub fn entries(db: &mut Db, track: Id<Track>) -> Result<Vec<Entry>, Fault> {
    let epochs: HashMap<u64, EpochRow> = epochs(db, track)?.into_iter().map(|e| (e.epoch, e)).collect();
    let rows: Vec<String> = recording_record::table
        .filter(recording_record::track_id.eq(track.to_string()))
        .filter(recording_record::kind.eq("media"))
        .order(recording_record::number)
        .select(recording_record::body)
        .load(db)?;
    let mut entries = Vec::with_capacity(rows.len());
    for body in rows {
        // stored by us and checked by the verifier: plain parsing is enough for a playlist
        let record: Record = serde_json::from_str(&body)?;
        let What::Media { epoch, seq, tfdt, dur, .. } = record.what else { continue };
        if let Some(of) = epochs.get(&epoch) {
            entries.push(Entry { epoch, seq, tfdt, dur, timescale: of.timescale, began_at: of.began_at });
        }
    }
    Ok(entries)
}

/// Gap records of a track: reason, from, until.
pub fn gaps(db: &mut Db, track: Id<Track>) -> Result<Vec<(GapReason, Moment, Moment)>, Fault> {
    let rows: Vec<String> = recording_record::table
        .filter(recording_record::track_id.eq(track.to_string()))
        .filter(recording_record::kind.eq("gap"))
        .order(recording_record::number)
        .select(recording_record::body)
        .load(db)?;
    let mut gaps = Vec::new();
    for body in rows {
        let record: Record = serde_json::from_str(&body)?;
        if let What::Gap { reason, from, until } = record.what {
            gaps.push((reason, from, until));
        }
    }
    Ok(gaps)
}

/// How many segments a track has, and where the last one ends.
pub fn extent(db: &mut Db, track: Id<Track>) -> Result<(i64, Option<Moment>), Fault> {
    let (count, end): (i64, Option<i64>) = recording_record::table
        .filter(recording_record::track_id.eq(track.to_string()))
        .filter(recording_record::kind.eq("media"))
        .select((diesel::dsl::count_star(), diesel::dsl::max(recording_record::ends_at)))
        .first(db)?;
    Ok((count, moment(end)))
}
