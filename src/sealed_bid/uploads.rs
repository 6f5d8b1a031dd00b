//! Acts on uploads: create, take pieces, give up. Not bids yet: nothing here is entered in the log, and nothing
//! here knows a lot.

use super::rules::{Refusal, UPLOAD_KEPT, UPLOADS_MAX, Upload, check_size};
use super::store::{self, Part, UploadRow, UploadState};
use crate::account::who::Who;
use crate::ledger::{Act, Actor, Door};
use crate::platform::database::Db;
use crate::platform::digest::sha256;
use crate::platform::files::Files;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::sealing::stream::{SLICE, slice_leaf};
use bytes::Bytes;

/// Largest piece that is stored as one object, in bytes: a few slices, so that memory stays flat and an fsync is
/// shared by several of them.
pub const PART_MAX: usize = 4 * SLICE;

/// Begins an upload of `size` bytes.
///
/// # Errors
/// Refused for a size that no sealed bid has, one above the platform's limit, and a bidder with many open uploads.
pub fn create(act: &mut Act<'_>, who: &Who, size: u64, max: u64) -> Result<UploadRow, Failure> {
    check_size(size, max).map_err(Refused::from)?;
    let owner = store::owner_tag(act.vault(), who.person);
    if store::open_uploads(act.db(), &owner)? >= UPLOADS_MAX {
        return Err(Refused::from(Refusal::TooManyUploads).into());
    }
    let expires_at = act.now().plus(UPLOAD_KEPT);
    let row = UploadRow { id: Id::random(), owner, size, state: UploadState::Open, expires_at };
    let now = act.now();
    store::insert_upload(act.db(), &row, now)?;
    Ok(row)
}

/// The open upload of this bidder.
///
/// # Errors
/// Refused if there is none, or it has expired, been used or given up.
pub fn own(db: &mut Db, vault: &Vault, who: &Who, id: Id<Upload>, now: Moment) -> Result<UploadRow, Failure> {
    let row = store::upload(db, id)?.filter(|row| row.owner == store::owner_tag(vault, who.person));
    let row = row.filter(|row| row.state == UploadState::Open && now < row.expires_at);
    Ok(row.ok_or_else(|| Refused::from(Refusal::NoUpload))?)
}

/// How many bytes of an upload are durable.
///
/// # Errors
/// Faults of the database.
pub fn received(db: &mut Db, id: Id<Upload>) -> Result<u64, Fault> {
    store::received(db, id)
}

/// Stores a piece that begins at `place`, hashing its slices. It is durable when this returns, but counts only after
/// [`accept`].
///
/// # Errors
/// The file store fails.
pub async fn keep(files: &Files, id: Id<Upload>, place: u64, piece: Bytes) -> Result<Part, Fault> {
    let leaves: Vec<[u8; 32]> = piece.chunks(SLICE).map(slice_leaf).collect();
    let size = piece.len() as u64;
    // the name holds the content's hash: a second try with other bytes can not meet the first one's object
    let content = hex::encode(sha256(&[leaves.concat().as_slice()]));
    let file = format!("sealed/{id}/{place}-{}", content.get(..16).unwrap_or_default());
    files.put_at(&file, piece).await?;
    Ok(Part { place, size, leaves, file })
}

/// Makes stored pieces count.
///
/// # Errors
/// Refused if the upload moved on meanwhile, or was ended.
pub fn accept(act: &mut Act<'_>, who: &Who, id: Id<Upload>, parts: &[Part]) -> Result<u64, Failure> {
    act.exclude(&format!("upload/{id}"))?;
    let (vault, now) = (act.vault().clone(), act.now());
    let row = own(act.db(), &vault, who, id, now)?;
    let mut have = store::received(act.db(), id)?;
    for part in parts {
        if part.place != have {
            return Err(Refused::from(Refusal::WrongOffset { expected: have }).into());
        }
        have += part.size;
        if have > row.size || (have < row.size && part.size % SLICE as u64 != 0) {
            return Err(Refused::from(Refusal::PartSize).into());
        }
        store::insert_part(act.db(), id, part)?;
    }
    Ok(have)
}

/// Ends an upload that no submission uses, and gives its pieces for removal.
///
/// # Errors
/// Refused if it is not this bidder's open upload.
pub fn terminate(act: &mut Act<'_>, who: &Who, id: Id<Upload>) -> Result<Vec<Part>, Failure> {
    act.exclude(&format!("upload/{id}"))?;
    let (vault, now) = (act.vault().clone(), act.now());
    own(act.db(), &vault, who, id, now)?;
    Ok(end(act, id)?.ok_or_else(|| Refused::from(Refusal::NoUpload))?)
}

/// `None` if a submission took the upload meanwhile: then nothing of it may be touched.
fn end(act: &mut Act<'_>, id: Id<Upload>) -> Result<Option<Vec<Part>>, Fault> {
    if !store::end_upload(act.db(), id, UploadState::Gone)? {
        return Ok(None);
    }
    let parts = store::parts(act.db(), id)?;
    store::remove_parts(act.db(), id)?;
    Ok(Some(parts))
}

/// Removes the bytes of pieces that nothing refers to any more; what fails is left for a sweep and logged.
pub async fn remove(files: &Files, parts: &[Part]) {
    for part in parts {
        if let Err(fault) = files.remove_at(&part.file).await {
            tracing::warn!(fault = %fault.chain(), "a piece of an ended upload was not removed");
        }
    }
}

/// Ends uploads whose time is over. Gives their pieces, to be removed.
///
/// # Errors
/// Faults of the database.
pub fn expire(door: &Door) -> Result<Vec<Part>, Fault> {
    let now = door.now();
    let expired = door.read(|db| store::expired(db, now, 100))?;
    if expired.is_empty() {
        return Ok(Vec::new());
    }
    let done = door.write(Actor::system("sealed_bid"), move |act| {
        let mut parts = Vec::new();
        for row in &expired {
            parts.extend(end(act, row.id)?.into_iter().flatten());
        }
        Ok(parts)
    });
    done.map(|done| done.value).map_err(|failure| Fault::new(failure.to_string()))
}
