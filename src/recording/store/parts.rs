//! SQL on the parts that browsers sent.

use super::tables::{recording_epoch, recording_part, recording_record};
use super::{hash, signed, unsigned};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::recording::rules::Track;
use diesel::prelude::*;

/// The hash kept under a part's number, if it has arrived.
pub(crate) fn part_hash(
    db: &mut Db,
    track: Id<Track>,
    epoch: u64,
    seq: u64,
) -> Result<Option<[u8; 32]>, Fault> {
    let found: Option<Vec<u8>> = recording_part::table
        .filter(recording_part::track_id.eq(track.to_string()))
        .filter(recording_part::epoch.eq(signed(epoch)?))
        .filter(recording_part::seq.eq(signed(seq)?))
        .select(recording_part::sha256)
        .first(db)
        .optional()?;
    found.as_deref().map(hash).transpose()
}

/// The parts of an epoch from `from` on that have arrived, in order: number and hash.
pub(crate) fn held_parts(
    db: &mut Db,
    track: Id<Track>,
    epoch: u64,
    from: u64,
) -> Result<Vec<(u64, [u8; 32])>, Fault> {
    let rows: Vec<(i64, Vec<u8>)> = recording_part::table
        .filter(recording_part::track_id.eq(track.to_string()))
        .filter(recording_part::epoch.eq(signed(epoch)?))
        .filter(recording_part::seq.ge(signed(from)?))
        .order(recording_part::seq)
        .select((recording_part::seq, recording_part::sha256))
        .load(db)?;
    rows.into_iter().map(|(seq, sha256)| Ok((unsigned(seq)?, hash(&sha256)?))).collect()
}

pub(in crate::recording) fn insert_part(
    db: &mut Db,
    track: Id<Track>,
    (epoch, seq): (u64, u64),
    sha256: [u8; 32],
    bytes: usize,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(recording_part::table)
        .values((
            recording_part::track_id.eq(track.to_string()),
            recording_part::epoch.eq(signed(epoch)?),
            recording_part::seq.eq(signed(seq)?),
            recording_part::sha256.eq(sha256.to_vec()),
            recording_part::bytes.eq(i64::try_from(bytes)?),
            recording_part::received_at.eq(now.micros()),
            recording_part::kept.eq(true),
        ))
        .execute(db)?;
    Ok(())
}

/// Track, epoch, number and hash of a part.
type SpentPart = (Id<Track>, u64, u64, [u8; 32]);

/// Parts that were wholly cut into segments and whose own bytes are still kept: track, epoch, number, hash.
pub(crate) fn spent_parts(db: &mut Db, most: i64) -> Result<Vec<SpentPart>, Fault> {
    let rows: Vec<(String, i64, i64, Vec<u8>)> = recording_part::table
        .inner_join(
            recording_epoch::table.on(recording_epoch::track_id
                .eq(recording_part::track_id)
                .and(recording_epoch::epoch.eq(recording_part::epoch))),
        )
        .filter(recording_part::kept.eq(true))
        .filter(recording_part::seq.lt(recording_epoch::cursor_part))
        .order((recording_part::track_id, recording_part::epoch, recording_part::seq))
        .limit(most)
        .select((
            recording_part::track_id,
            recording_part::epoch,
            recording_part::seq,
            recording_part::sha256,
        ))
        .load(db)?;
    let read = |(track, epoch, seq, sha256): (String, i64, i64, Vec<u8>)| -> Result<_, Fault> {
        let track = Id::parse(&track).ok_or_else(|| Fault::new("a damaged id in the database"))?;
        Ok((track, unsigned(epoch)?, unsigned(seq)?, hash(&sha256)?))
    };
    rows.into_iter().map(read).collect()
}

/// Notes that a part's own bytes are gone; its number and hash stay.
pub(in crate::recording) fn forget_part(
    db: &mut Db,
    track: Id<Track>,
    epoch: u64,
    seq: u64,
) -> Result<(), Fault> {
    let target = recording_part::table
        .filter(recording_part::track_id.eq(track.to_string()))
        .filter(recording_part::epoch.eq(signed(epoch)?))
        .filter(recording_part::seq.eq(signed(seq)?));
    diesel::update(target).set(recording_part::kept.eq(false)).execute(db)?;
    Ok(())
}

diesel::allow_tables_to_appear_in_same_query!(recording_part, recording_epoch);

/// Whether bytes of a spent part are needed besides: as a segment or init section, as a WebM head, or under another
/// part number that is not spent.
pub(crate) fn in_use(
    db: &mut Db,
    track: Id<Track>,
    spent: (u64, u64),
    sha256: [u8; 32],
) -> Result<bool, Fault> {
    let wanted = sha256.to_vec();
    let records: i64 = recording_record::table
        .filter(recording_record::track_id.eq(track.to_string()))
        .filter(recording_record::sha256.eq(&wanted))
        .count()
        .get_result(db)?;
    let heads: i64 = recording_epoch::table
        .filter(recording_epoch::track_id.eq(track.to_string()))
        .filter(recording_epoch::head_sha256.eq(&wanted))
        .count()
        .get_result(db)?;
    let (epoch, seq) = (signed(spent.0)?, signed(spent.1)?);
    let others: i64 = recording_part::table
        .filter(recording_part::track_id.eq(track.to_string()))
        .filter(recording_part::sha256.eq(&wanted))
        .filter(recording_part::kept.eq(true))
        .filter(recording_part::epoch.ne(epoch).or(recording_part::seq.ne(seq)))
        .count()
        .get_result(db)?;
    Ok(records + heads + others > 0)
}

/// Hashes of everything that was ever kept for a track: parts, segments, init sections, WebM heads.
pub(crate) fn all_hashes(db: &mut Db, track: Id<Track>) -> Result<Vec<[u8; 32]>, Fault> {
    let mut found: Vec<[u8; 32]> = super::media_hashes(db, track)?;
    found.extend(super::epochs(db, track)?.into_iter().filter_map(|e| e.head_sha256));
    let parts: Vec<Vec<u8>> = recording_part::table
        .filter(recording_part::track_id.eq(track.to_string()))
        .select(recording_part::sha256)
        .load(db)?;
    for part in parts {
        found.push(hash(&part)?);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
