//! Ciphertexts on their way, and their durable pieces.

use super::{count, id, sealed_bid_part, sealed_bid_upload, signed};
use crate::account::rules::Person;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::sealed_bid::rules::Upload;
use crate::sealing::stream::{Measured, root_of};
use diesel::prelude::*;

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadState {
    Open,
    /// A submission refers to it.
    Used,
    /// Expired or terminated; its bytes are removed.
    Gone,
}

impl UploadState {
    fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Used => "used",
            Self::Gone => "gone",
        }
    }

    fn from_code(code: &str) -> Result<Self, Fault> {
        [Self::Open, Self::Used, Self::Gone]
            .into_iter()
            .find(|state| state.code() == code)
            .ok_or_else(|| Fault::new("an unknown state of an upload"))
    }
}

/// A ciphertext on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    pub id: Id<Upload>,
    /// Tag of the person who sends; see [`owner_tag`].
    pub owner: String,
    pub size: u64,
    pub state: UploadState,
    pub expires_at: Moment,
}

/// One durable piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Offset of its first byte.
    pub place: u64,
    pub size: u64,
    /// Leaves of its 1 MiB slices.
    pub leaves: Vec<[u8; 32]>,
    /// Key in the file store.
    pub file: String,
}

/// The tag under which a person's uploads are found.
pub(in crate::sealed_bid) fn owner_tag(vault: &Vault, person: Id<Person>) -> String {
    vault.tag("sealed_bid/owner", &[&person.to_bytes()])
}

type UploadColumns = (String, String, i64, String, i64);

fn upload_of((row, owner, size, state, expires_at): UploadColumns) -> Result<UploadRow, Fault> {
    let state = UploadState::from_code(&state)?;
    Ok(UploadRow {
        id: id(&row)?,
        owner,
        size: count(size)?,
        state,
        expires_at: Moment::from_micros(expires_at),
    })
}

const UPLOAD: (
    sealed_bid_upload::id,
    sealed_bid_upload::owner,
    sealed_bid_upload::size,
    sealed_bid_upload::state,
    sealed_bid_upload::expires_at,
) = (
    sealed_bid_upload::id,
    sealed_bid_upload::owner,
    sealed_bid_upload::size,
    sealed_bid_upload::state,
    sealed_bid_upload::expires_at,
);

/// An upload by its id.
pub(crate) fn upload(db: &mut Db, upload: Id<Upload>) -> Result<Option<UploadRow>, Fault> {
    let row: Option<UploadColumns> = sealed_bid_upload::table
        .filter(sealed_bid_upload::id.eq(upload.to_string()))
        .select(UPLOAD)
        .first(db)
        .optional()?;
    row.map(upload_of).transpose()
}

/// How many open uploads this owner has.
pub(in crate::sealed_bid) fn open_uploads(db: &mut Db, owner: &str) -> Result<usize, Fault> {
    let open: i64 = sealed_bid_upload::table
        .filter(sealed_bid_upload::owner.eq(owner))
        .filter(sealed_bid_upload::state.eq(UploadState::Open.code()))
        .count()
        .get_result(db)?;
    Ok(usize::try_from(open).unwrap_or(usize::MAX))
}

/// Open uploads whose time is over, at most `limit`.
pub(in crate::sealed_bid) fn expired(db: &mut Db, now: Moment, limit: i64) -> Result<Vec<UploadRow>, Fault> {
    let rows: Vec<UploadColumns> = sealed_bid_upload::table
        .filter(sealed_bid_upload::state.eq(UploadState::Open.code()))
        .filter(sealed_bid_upload::expires_at.le(now.micros()))
        .limit(limit)
        .select(UPLOAD)
        .load(db)?;
    rows.into_iter().map(upload_of).collect()
}

pub(in crate::sealed_bid) fn insert_upload(db: &mut Db, row: &UploadRow, at: Moment) -> Result<(), Fault> {
    diesel::insert_into(sealed_bid_upload::table)
        .values((
            sealed_bid_upload::id.eq(row.id.to_string()),
            sealed_bid_upload::owner.eq(&row.owner),
            sealed_bid_upload::size.eq(signed(row.size)?),
            sealed_bid_upload::state.eq(row.state.code()),
            sealed_bid_upload::created_at.eq(at.micros()),
            sealed_bid_upload::expires_at.eq(row.expires_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Moves an upload out of `open`; `false` if it was not open any more.
pub(in crate::sealed_bid) fn end_upload(
    db: &mut Db,
    upload: Id<Upload>,
    state: UploadState,
) -> Result<bool, Fault> {
    let open = sealed_bid_upload::table
        .filter(sealed_bid_upload::id.eq(upload.to_string()))
        .filter(sealed_bid_upload::state.eq(UploadState::Open.code()));
    Ok(diesel::update(open).set(sealed_bid_upload::state.eq(state.code())).execute(db)? == 1)
}

/// The pieces of an upload, in order.
pub(crate) fn parts(db: &mut Db, upload: Id<Upload>) -> Result<Vec<Part>, Fault> {
    let rows: Vec<(i64, i64, Vec<u8>, String)> = sealed_bid_part::table
        .filter(sealed_bid_part::upload_id.eq(upload.to_string()))
        .order(sealed_bid_part::place)
        .select((
            sealed_bid_part::place,
            sealed_bid_part::size,
            sealed_bid_part::leaves,
            sealed_bid_part::file,
        ))
        .load(db)?;
    let part = |(place, size, leaves, file): (i64, i64, Vec<u8>, String)| {
        let leaves = leaves.chunks_exact(32).filter_map(|leaf| leaf.try_into().ok()).collect();
        Ok(Part { place: count(place)?, size: count(size)?, leaves, file })
    };
    rows.into_iter().map(part).collect()
}

/// How many bytes of an upload are durable: where its last piece ends.
pub(in crate::sealed_bid) fn received(db: &mut Db, upload: Id<Upload>) -> Result<u64, Fault> {
    let last: Option<(i64, i64)> = sealed_bid_part::table
        .filter(sealed_bid_part::upload_id.eq(upload.to_string()))
        .order(sealed_bid_part::place.desc())
        .select((sealed_bid_part::place, sealed_bid_part::size))
        .first(db)
        .optional()?;
    count(last.map_or(0, |(place, size)| place.saturating_add(size)))
}

pub(in crate::sealed_bid) fn insert_part(db: &mut Db, upload: Id<Upload>, part: &Part) -> Result<(), Fault> {
    diesel::insert_into(sealed_bid_part::table)
        .values((
            sealed_bid_part::upload_id.eq(upload.to_string()),
            sealed_bid_part::place.eq(signed(part.place)?),
            sealed_bid_part::size.eq(signed(part.size)?),
            sealed_bid_part::leaves.eq(part.leaves.concat()),
            sealed_bid_part::file.eq(&part.file),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::sealed_bid) fn remove_parts(db: &mut Db, upload: Id<Upload>) -> Result<(), Fault> {
    let all = sealed_bid_part::table.filter(sealed_bid_part::upload_id.eq(upload.to_string()));
    diesel::delete(all).execute(db)?;
    Ok(())
}

/// Size and Merkle root of pieces that lie without gaps.
pub fn measured(parts: &[Part]) -> Measured {
    let leaves: Vec<[u8; 32]> = parts.iter().flat_map(|part| part.leaves.iter().copied()).collect();
    Measured { size: parts.iter().map(|part| part.size).sum(), root: root_of(&leaves) }
}
