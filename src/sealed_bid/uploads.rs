//! Acts on uploads: create, take pieces, give up. Not bids yet: nothing here is entered in the log, and nothing
//! here knows a lot.

use super::actions;
use super::rules::{LEFTOVERS_KEPT, Refusal, Room, UPLOAD_KEPT, Upload, check_size};
use super::store::{self, Part, Standing, UploadRow, UploadState};
use crate::account::who::Who;
use crate::ledger::{Act, Actor, Door};
use crate::platform::database::Db;
use crate::platform::files::Files;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::random;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::platform::waiting::Waiting;
use crate::sealing::stream::{SLICE, slice_leaves};
use bytes::Bytes;

/// Largest piece that is stored as one object, in bytes: a few slices, so that memory stays flat and an fsync is
/// shared by several of them.
pub const PART_MAX: usize = 4 * SLICE;

/// A cover is left only where so many of its size would fit.
const COVER_ROOM: u64 = 1024;

/// What the platform lets bidders bring.
#[derive(Clone)]
pub struct Limits {
    /// Largest upload, in bytes.
    size: u64,
    /// Most open uploads of one bidder, all of an organisation's people together, and most announced bytes of them.
    uploads: u32,
    bytes: u64,
    /// Bytes of the disk that are never given away.
    reserve: u64,
    files: Files,
}

impl Limits {
    pub fn of(door: &Door) -> Self {
        let config = door.config();
        Self {
            size: config.upload_bytes_max,
            uploads: config.uploads_per_bidder,
            bytes: config.upload_bytes_per_bidder,
            reserve: config.disk_reserve_bytes,
            files: door.files().clone(),
        }
    }
}

/// Begins an upload of `size` bytes.
///
/// # Errors
/// Refused for people without a valid certificate: they could not hand it in, and whoever registers under somebody else's
/// organisation could otherwise use up its share. Refused for a size that no sealed bid has, one above the platform's limit, a bidder with many open uploads or much in
/// them, and a disk that has no room for it beside the reserve and what other open uploads may still bring.
pub fn create(act: &mut Act<'_>, who: &Who, size: u64, limits: &Limits) -> Result<UploadRow, Failure> {
    check_size(size, limits.size).map_err(Refused::from)?;
    let now = act.now();
    if actions::signing_certificate(act.db(), who, now)?.is_none() {
        return Err(Refusal::NoCertificate.into());
    }
    // two that begin at once must not both be given the last room
    act.exclude("sealed_bid/room")?;
    let owner = store::owner_tag(act.vault(), who.person);
    let bidder = store::bidder_tag(act.vault(), who.organisation);
    let (open, bytes) = store::open_uploads(act.db(), &bidder)?;
    if open >= limits.uploads as usize {
        return Err(Refused::from(Refusal::TooManyUploads { max: limits.uploads }).into());
    }
    if bytes.saturating_add(size) > limits.bytes {
        return Err(Refused::from(Refusal::TooMuchUploaded { max: limits.bytes }).into());
    }
    check_room(act, size, limits)?;
    insert(act, (owner, bidder), size)
}

fn insert(act: &mut Act<'_>, (owner, bidder): (String, String), size: u64) -> Result<UploadRow, Failure> {
    let now = act.now();
    let expires_at = now.plus(UPLOAD_KEPT);
    let row = UploadRow { id: Id::random(), owner, bidder, size, state: UploadState::Open, expires_at };
    store::insert_upload(act.db(), &row, now)?;
    Ok(row)
}

/// Begins an upload that is nobody's, for a cover.
///
/// # Errors
/// Refused unless the disk has room for many such: a cover takes nothing away from bids.
pub(super) fn create_cover(act: &mut Act<'_>, size: u64, limits: &Limits) -> Result<UploadRow, Failure> {
    act.exclude("sealed_bid/room")?;
    check_room(act, size.saturating_mul(COVER_ROOM), limits)?;
    insert(act, (store::no_tag(), store::no_tag()), size)
}

fn check_room(act: &mut Act<'_>, size: u64, limits: &Limits) -> Result<(), Failure> {
    let Some(free) = limits.files.free()? else { return Ok(()) };
    let now = act.now();
    let mut room = Room { free, reserve: limits.reserve, promised: store::announced_bytes(act.db(), now)? };
    if room.takes(size) {
        return Ok(());
    }
    // what has arrived of them is no longer free
    room.promised = room.promised.saturating_sub(store::arrived_bytes(act.db(), now)?);
    if room.takes(size) {
        return Ok(());
    }
    tracing::warn!(free, reserve = limits.reserve, "the disk is nearly full: a new upload was refused");
    Err(Refused::from(Refusal::NoRoom).into())
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

/// How far an upload is.
///
/// # Errors
/// Faults of the database.
pub fn standing(db: &mut Db, id: Id<Upload>) -> Result<Standing, Fault> {
    store::standing(db, id)
}

/// Where the pieces of an upload lie.
fn folder(id: Id<Upload>) -> String {
    format!("sealed/{id}")
}

/// A name of its own for every try: who gives one up removes nothing that another try made count.
fn new_file(id: Id<Upload>, place: u64) -> String {
    format!("{}/{place}-{}", folder(id), hex::encode(random::bytes::<8>()))
}

/// Stores a piece that begins at `place`, hashing its slices: the only time that they are hashed before the opening. It is
/// durable when this returns, but counts only after [`accept`].
///
/// # Errors
/// The file store fails.
pub async fn keep(files: &Files, id: Id<Upload>, place: u64, piece: Bytes) -> Result<Part, Fault> {
    let (size, file) = (piece.len() as u64, new_file(id, place));
    let hash = |piece: &[u8]| slice_leaves(&piece.chunks(SLICE).collect::<Vec<_>>());
    let leaves = files.put_seen(&file, piece, hash).await?;
    Ok(Part { place, size, leaves, file })
}

/// Stores a part of a slice whose rest is still to come; it is not hashed.
///
/// # Errors
/// The file store fails.
pub async fn keep_tail(files: &Files, id: Id<Upload>, place: u64, tail: Bytes) -> Result<Part, Fault> {
    let size = tail.len() as u64;
    let file = new_file(id, place);
    files.put_at(&file, tail).await?;
    Ok(Part { place, size, leaves: Vec::new(), file })
}

/// Makes stored pieces count. They follow what counts already; `taken` names the files of the last tails, in order, whose bytes
/// the first piece begins with and whose place it takes.
///
/// # Errors
/// Refused if the upload moved on meanwhile, or was ended.
pub fn accept(
    act: &mut Act<'_>,
    who: &Who,
    id: Id<Upload>,
    taken: &[String],
    parts: &[Part],
) -> Result<u64, Failure> {
    act.exclude(&format!("upload/{id}"))?;
    let (vault, now) = (act.vault().clone(), act.now());
    let row = own(act.db(), &vault, who, id, now)?;
    let Standing { have: before, tails } = store::standing(act.db(), id)?;
    let moved_on = || Failure::from(Refused::from(Refusal::WrongOffset { expected: before }));
    let last = tails.len().checked_sub(taken.len()).and_then(|kept| tails.get(kept..)).unwrap_or_default();
    if !last.iter().map(|tail| &tail.file).eq(taken) {
        return Err(moved_on());
    }
    let mut have = last.first().map_or(before, |tail| tail.place);
    for tail in last {
        store::remove_part(act.db(), id, tail.place)?;
    }
    for part in parts {
        if part.place != have {
            return Err(moved_on());
        }
        if !fits(part, row.size) {
            return Err(Refused::from(Refusal::PartSize).into());
        }
        have = part.end();
        store::insert_part(act.db(), id, part)?;
    }
    if have < before { Err(moved_on()) } else { Ok(have) }
}

/// Whether a piece lies as it must in an upload of `size` bytes: one with hashes is whole slices, or ends the upload; a tail
/// ends within its slice, and before the upload does.
fn fits(part: &Part, size: u64) -> bool {
    let slice = SLICE as u64;
    let (begun, end) = (part.place % slice, part.end());
    if part.is_tail() {
        return end < size && begun + part.size < slice;
    }
    begun == 0 && (end == size || (end < size && part.size.is_multiple_of(slice)))
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

/// Ends uploads whose time is over and removes their bytes. Blocks.
///
/// # Errors
/// Faults of the database.
pub fn expire(door: &Door) -> Result<(), Fault> {
    let now = door.now();
    let expired = door.read(|db| store::expired(db, now, 100))?;
    if expired.is_empty() {
        return Ok(());
    }
    let done = door.write(Actor::system("sealed_bid"), move |act| {
        let mut parts = Vec::new();
        for row in &expired {
            parts.extend(end(act, row.id)?.into_iter().flatten());
        }
        Ok(parts)
    });
    let parts = done.map_err(Failure::into_fault)?.value;
    Waiting::here()?.on(remove(door.files(), &parts));
    Ok(())
}

/// Removes what crashes and broken-off requests left of uploads that ended a while ago: objects that no piece names. The
/// pieces of a submitted bid are named, so they stay. Blocks.
///
/// # Errors
/// Faults of the database or the file store; the rest is swept next time.
pub fn sweep(door: &Door) -> Result<(), Fault> {
    let until = door.now().plus(-LEFTOVERS_KEPT);
    let ended = door.read(|db| store::leftovers(db, until, 100))?;
    if ended.is_empty() {
        return Ok(());
    }
    let waiting = Waiting::here()?;
    for row in &ended {
        let parts = door.read(|db| store::parts(db, row.id))?;
        let named = parts.into_iter().map(|part| part.file).collect();
        waiting.on(door.files().sweep(&folder(row.id), named))?;
    }
    let done = door.write(Actor::system("sealed_bid"), move |act| {
        for row in &ended {
            match row.state {
                UploadState::Used => store::tidied(act.db(), row.id)?,
                UploadState::Gone => store::forget_upload(act.db(), row.id)?,
                UploadState::Open => {}
            }
        }
        Ok(())
    });
    done.map(|_| ()).map_err(Failure::into_fault)
}
