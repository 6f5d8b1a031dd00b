//! Ciphertexts on their way, and their durable pieces.

use super::{count, id, sealed_bid_part, sealed_bid_upload, signed};
use crate::account::rules::Person;
use crate::party::rules::Organisation;
use crate::platform::database::Db;
use crate::platform::digest::b64u;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::random;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::sealed_bid::rules::Upload;
use crate::sealing::stream::{Measured, SLICE, root_of};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

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
    /// Tag of the organisation; see [`bidder_tag`].
    pub bidder: String,
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
    /// Leaves of its 1 MiB slices; none for a tail, whose slice is not whole yet.
    pub leaves: Vec<[u8; 32]>,
    /// Key in the file store.
    pub file: String,
}

impl Part {
    /// Whether this is a part of a slice whose rest has not arrived. It is durable, but will be stored again with the
    /// rest, and only then hashed.
    pub fn is_tail(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Where the next piece begins.
    pub fn end(&self) -> u64 {
        self.place.saturating_add(self.size)
    }
}

/// How far an upload is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Bytes that are durable.
    pub have: u64,
    /// Its last pieces, in order, that are tails: beginnings of one slice, one behind the other.
    pub tails: Vec<Part>,
}

/// The tag under which a person's uploads are found.
pub(in crate::sealed_bid) fn owner_tag(vault: &Vault, person: Id<Person>) -> String {
    vault.tag("sealed_bid/owner", &[&person.to_bytes()])
}

/// The tag under which an organisation's uploads are counted: its people share what one bidder may have open.
pub(in crate::sealed_bid) fn bidder_tag(vault: &Vault, organisation: Id<Organisation>) -> String {
    vault.tag("sealed_bid/uploads_of", &[&organisation.to_bytes()])
}

/// A tag of nobody, under which nothing is ever looked for.
pub(in crate::sealed_bid) fn no_tag() -> String {
    b64u(&random::bytes::<32>())
}

type UploadColumns = (String, String, String, i64, String, i64);

fn upload_of((row, owner, bidder, size, state, expires_at): UploadColumns) -> Result<UploadRow, Fault> {
    let state = UploadState::from_code(&state)?;
    Ok(UploadRow {
        id: id(&row)?,
        owner,
        bidder,
        size: count(size)?,
        state,
        expires_at: Moment::from_micros(expires_at),
    })
}

const UPLOAD: (
    sealed_bid_upload::id,
    sealed_bid_upload::owner,
    sealed_bid_upload::bidder,
    sealed_bid_upload::size,
    sealed_bid_upload::state,
    sealed_bid_upload::expires_at,
) = (
    sealed_bid_upload::id,
    sealed_bid_upload::owner,
    sealed_bid_upload::bidder,
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

/// How many open uploads the organisation with this tag has, and their announced bytes in all.
pub(in crate::sealed_bid) fn open_uploads(db: &mut Db, bidder: &str) -> Result<(usize, u64), Fault> {
    let sizes: Vec<i64> = sealed_bid_upload::table
        .filter(sealed_bid_upload::bidder.eq(bidder))
        .filter(sealed_bid_upload::state.eq(UploadState::Open.code()))
        .select(sealed_bid_upload::size)
        .load(db)?;
    let bytes = sizes.iter().try_fold(0u64, |sum, size| Ok::<_, Fault>(sum.saturating_add(count(*size)?)))?;
    Ok((sizes.len(), bytes))
}

/// Announced bytes of all uploads that are still open at `now`.
pub(in crate::sealed_bid) fn announced_bytes(db: &mut Db, now: Moment) -> Result<u64, Fault> {
    let sum: Option<i64> = sealed_bid_upload::table
        .filter(sealed_bid_upload::state.eq(UploadState::Open.code()))
        .filter(sealed_bid_upload::expires_at.gt(now.micros()))
        .select(sql::<Nullable<BigInt>>("CAST(SUM(size) AS BIGINT)"))
        .get_result(db)?;
    count(sum.unwrap_or_default())
}

/// Bytes of these uploads that have arrived. Costs more than [`announced_bytes`]: it counts pieces.
pub(in crate::sealed_bid) fn arrived_bytes(db: &mut Db, now: Moment) -> Result<u64, Fault> {
    let open = sealed_bid_upload::table
        .filter(sealed_bid_upload::state.eq(UploadState::Open.code()))
        .filter(sealed_bid_upload::expires_at.gt(now.micros()))
        .select(sealed_bid_upload::id);
    let sum: Option<i64> = sealed_bid_part::table
        .filter(sealed_bid_part::upload_id.eq_any(open))
        .select(sql::<Nullable<BigInt>>("CAST(SUM(size) AS BIGINT)"))
        .get_result(db)?;
    count(sum.unwrap_or_default())
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
            sealed_bid_upload::bidder.eq(&row.bidder),
            sealed_bid_upload::size.eq(signed(row.size)?),
            sealed_bid_upload::state.eq(row.state.code()),
            sealed_bid_upload::created_at.eq(at.micros()),
            sealed_bid_upload::expires_at.eq(row.expires_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Moves an upload out of `open`; `false` if it was not open any more. Whose it was is forgotten: what its sender may have open
/// does not count it any more, and rows that share a tag would tell which are one bidder's.
pub(in crate::sealed_bid) fn end_upload(
    db: &mut Db,
    upload: Id<Upload>,
    state: UploadState,
) -> Result<bool, Fault> {
    let open = sealed_bid_upload::table
        .filter(sealed_bid_upload::id.eq(upload.to_string()))
        .filter(sealed_bid_upload::state.eq(UploadState::Open.code()));
    let ended = (
        sealed_bid_upload::state.eq(state.code()),
        sealed_bid_upload::owner.eq(no_tag()),
        sealed_bid_upload::bidder.eq(no_tag()),
    );
    Ok(diesel::update(open).set(ended).execute(db)? == 1)
}

/// Gives up the upload of a bid that can not count any more; its bytes go with the next sweep of what ended by `at`.
pub(in crate::sealed_bid) fn supersede(db: &mut Db, upload: Id<Upload>, at: Moment) -> Result<(), Fault> {
    let used = sealed_bid_upload::table
        .filter(sealed_bid_upload::id.eq(upload.to_string()))
        .filter(sealed_bid_upload::state.eq(UploadState::Used.code()));
    let gone = (
        sealed_bid_upload::state.eq(UploadState::Gone.code()),
        sealed_bid_upload::expires_at.eq(at.micros()),
    );
    diesel::update(used).set(gone).execute(db)?;
    remove_parts(db, upload)
}

/// The pieces of an upload, in order.
pub(crate) fn parts(db: &mut Db, upload: Id<Upload>) -> Result<Vec<Part>, Fault> {
    parts_from(db, upload, 0)
}

fn parts_from(db: &mut Db, upload: Id<Upload>, place: u64) -> Result<Vec<Part>, Fault> {
    let rows: Vec<PartColumns> = sealed_bid_part::table
        .filter(sealed_bid_part::upload_id.eq(upload.to_string()))
        .filter(sealed_bid_part::place.ge(signed(place)?))
        .order(sealed_bid_part::place)
        .select(PART)
        .load(db)?;
    rows.into_iter().map(part_of).collect()
}

type PartColumns = (i64, i64, Vec<u8>, String);

const PART: (sealed_bid_part::place, sealed_bid_part::size, sealed_bid_part::leaves, sealed_bid_part::file) =
    (sealed_bid_part::place, sealed_bid_part::size, sealed_bid_part::leaves, sealed_bid_part::file);

fn part_of((place, size, leaves, file): PartColumns) -> Result<Part, Fault> {
    let leaves = leaves.chunks_exact(32).filter_map(|leaf| leaf.try_into().ok()).collect();
    Ok(Part { place: count(place)?, size: count(size)?, leaves, file })
}

/// How far an upload is: where its last piece ends.
pub(in crate::sealed_bid) fn standing(db: &mut Db, upload: Id<Upload>) -> Result<Standing, Fault> {
    let last: Option<PartColumns> = sealed_bid_part::table
        .filter(sealed_bid_part::upload_id.eq(upload.to_string()))
        .order(sealed_bid_part::place.desc())
        .select(PART)
        .first(db)
        .optional()?;
    let last = last.map(part_of).transpose()?;
    let Some(last) = last else { return Ok(Standing::default()) };
    let tails = if last.is_tail() {
        parts_from(db, upload, last.place - last.place % SLICE as u64)?
    } else {
        Vec::new()
    };
    Ok(Standing { have: last.end(), tails })
}

/// Forgets the piece that begins at `place`.
pub(in crate::sealed_bid) fn remove_part(db: &mut Db, upload: Id<Upload>, place: u64) -> Result<(), Fault> {
    let one = sealed_bid_part::table.find((upload.to_string(), signed(place)?));
    diesel::delete(one).execute(db)?;
    Ok(())
}

/// Uploads that ended by `until` and beside which bytes may lie that no piece names, at most `limit`: gone ones, and used
/// ones that were not tidied.
pub(in crate::sealed_bid) fn leftovers(
    db: &mut Db,
    until: Moment,
    limit: i64,
) -> Result<Vec<UploadRow>, Fault> {
    let ended = [UploadState::Gone.code(), UploadState::Used.code()];
    let rows: Vec<UploadColumns> = sealed_bid_upload::table
        .filter(sealed_bid_upload::state.eq_any(ended))
        .filter(sealed_bid_upload::expires_at.gt(TIDIED))
        .filter(sealed_bid_upload::expires_at.le(until.micros()))
        .limit(limit)
        .select(UPLOAD)
        .load(db)?;
    rows.into_iter().map(upload_of).collect()
}

/// In place of the moment at which a used upload would have expired: nothing but its pieces lies beside them.
const TIDIED: i64 = 0;

/// Notes that nothing but its pieces lies beside those of a used upload.
pub(in crate::sealed_bid) fn tidied(db: &mut Db, upload: Id<Upload>) -> Result<(), Fault> {
    let used = sealed_bid_upload::table
        .filter(sealed_bid_upload::id.eq(upload.to_string()))
        .filter(sealed_bid_upload::state.eq(UploadState::Used.code()));
    diesel::update(used).set(sealed_bid_upload::expires_at.eq(TIDIED)).execute(db)?;
    Ok(())
}

/// Forgets an upload that is gone and has no pieces.
pub(in crate::sealed_bid) fn forget_upload(db: &mut Db, upload: Id<Upload>) -> Result<(), Fault> {
    let gone = sealed_bid_upload::table
        .filter(sealed_bid_upload::id.eq(upload.to_string()))
        .filter(sealed_bid_upload::state.eq(UploadState::Gone.code()));
    diesel::delete(gone).execute(db)?;
    Ok(())
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
