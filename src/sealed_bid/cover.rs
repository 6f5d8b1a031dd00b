//! 掩护 Covers: at random moments the platform leaves in the database, in the log and on the disk what the first submission of a
//! small bid leaves, step by step as a browser would. Whoever reads the database or the disk then can not tell how many
//! bids there are in all, or when one came; only the vault's key knows which rows are covers.
//!
//! A cover belongs to no lot and no bidder, so no series, page, count or closing ever meets it. Its entry in the log is the
//! log's cover entry (`docs/formats/log.md`, section 4.3).

use super::rules::{COVERS_KEPT, LEFTOVERS_KEPT, ROW_PAD, Step};
use super::store::{self, Cover, UploadState};
use super::uploads::{self, Limits};
use crate::ledger::{Actor, Door, Subject, witnessing};
use crate::platform::id::Id;
use crate::platform::moment::DAY;
use crate::platform::random;
use crate::platform::refusal::{Failure, Fault};
use crate::sealing::archive::PADDED_MIN;
use crate::sealing::stream::{HEADER, ciphertext_size};
use bytes::Bytes;
use std::time::Duration;

/// Most covers that are forgotten at once, so that nobody who hands in waits for it.
const FORGOTTEN_AT_ONCE: usize = 100;
/// Weeks behind [`COVERS_KEPT`] in which covers are looked for: longer than a platform stands still.
const WEEKS: i64 = 26;

/// Begins a cover, on average one in `cover_bid_seconds` when called every `every` seconds. It goes on by itself for some seconds; if
/// the program stops meanwhile, its upload expires like anybody's.
///
/// # Errors
/// None: a cover that fails is told in the program's log.
pub fn due(door: &Door, every: u64) -> Result<(), Fault> {
    if !witnessing::strikes(door.config().cover_bid_seconds, every) {
        return Ok(());
    }
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return Ok(()) };
    let door = door.clone();
    runtime.spawn(async move {
        // jobs come at even moments, bids do not
        tokio::time::sleep(within(every * 1_000_000)).await;
        if let Err(failure) = leave(&door, pause).await {
            tracing::warn!(%failure, "no cover was left");
        }
    });
    Ok(())
}

/// As long as a browser takes from one request to the next, and people from one click to the next.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(100) + within(2_900_000)).await;
}

/// A random time below `micros` microseconds, which is not 0.
fn within(micros: u64) -> Duration {
    Duration::from_micros(u64::from_be_bytes(random::bytes()) % micros)
}

/// Leaves one cover: an upload, its only piece, and what a submission writes, with a `pause` between.
///
/// # Errors
/// Refused where the disk has little room; the database or the file store fails.
pub async fn leave(door: &Door, pause: impl AsyncFn()) -> Result<(), Failure> {
    let (actor, limits) = (Actor::system("cover"), Limits::of(door));
    let content = ciphertext();
    let size = content.len() as u64;
    let begun = door.act(actor.clone(), move |act| uploads::create_cover(act, size, &limits)).await?;
    let upload = begun.value.id;
    pause().await;
    let part = uploads::keep(door.files(), upload, 0, content).await?;
    door.act(actor.clone(), move |act| Ok(store::insert_part(act.db(), upload, &part)?)).await?;
    pause().await;
    door.act(actor, move |act| {
        act.exclude("sealed_bid/covers")?;
        let (vault, now) = (act.vault().clone(), act.now());
        if store::end_upload(act.db(), upload, UploadState::Used)? {
            let subject = Subject::sealed(Id::<Step>::random());
            let entry = witnessing::enter_cover_of::<ROW_PAD>(act, &subject)?;
            store::insert_cover(act.db(), &vault, entry, upload, now)?;
        }
        Ok(())
    })
    .await?;
    Ok(())
}

/// What nobody can tell from a sealed bid of the smallest size, which is the size of all small bids: the header's length, then
/// bytes without any order.
fn ciphertext() -> Bytes {
    let size = usize::try_from(ciphertext_size(PADDED_MIN)).unwrap_or_default();
    let mut bytes = vec![HEADER as u8];
    while bytes.len() < size {
        bytes.extend(random::bytes::<4096>());
    }
    bytes.truncate(size);
    bytes.into()
}

/// Forgets covers that have done their service, some at a time; their files go with the next sweep. Blocks.
///
/// # Errors
/// The database fails.
pub fn forget_old(door: &Door) -> Result<(), Fault> {
    let (now, vault) = (door.now(), door.vault());
    let old = (1..=WEEKS).rev().map(|week| now.plus(-COVERS_KEPT - week * 7 * DAY));
    let mut found: Vec<Cover> = Vec::new();
    for week in old {
        found = door.read(|db| store::covers(db, vault, week))?;
        if !found.is_empty() {
            break;
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    // the newest first: a series has no gaps
    let some = found.split_off(found.len().saturating_sub(FORGOTTEN_AT_ONCE));
    let done = door.write(Actor::system("cover"), move |act| {
        act.exclude("sealed_bid/covers")?;
        let ended = act.now().plus(-LEFTOVERS_KEPT);
        for cover in some.into_iter().rev() {
            store::remove_cover(act.db(), cover, ended)?;
        }
        Ok(())
    });
    done.map(|_| ()).map_err(Failure::into_fault)
}
