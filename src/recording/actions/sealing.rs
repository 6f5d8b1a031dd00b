//! The end of a session: rests are cut, gaps at the end recorded, chains sealed; and, long after, the media deleted.

use super::ingest::load_kept;
use super::{append, found, gate, place, topic, track_gate};
use crate::ledger::{Act, Actor, Door, Event, Subject};
use crate::platform::digest::b64u;
use crate::platform::id::Id;
use crate::platform::moment::{Moment, SECOND};
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::recording::chain::{GapReason, What};
use crate::recording::intake::{Plan, Run, close, runs_of};
use crate::recording::rules::{FRESH, Refusal, Session, Track};
use crate::recording::store::{self, SessionRow, TrackRow};
use serde::Serialize;

/// How long after closing a session is kept open for what browsers have not sent yet, in microseconds.
pub const LATE: i64 = 600 * SECOND;

#[derive(Serialize)]
struct SealedHead {
    track: Id<Track>,
    last: String,
    leaf: String,
}

#[derive(Serialize)]
struct Sealed {
    session: Id<Session>,
    tracks: Vec<SealedHead>,
}

impl Event for Sealed {
    const KIND: &'static str = "recording.session_sealed";
    const NUMBER: u8 = 113;
}

#[derive(Serialize)]
struct MediaDeleted {
    session: Id<Session>,
    kept_until: Option<Moment>,
}

impl Event for MediaDeleted {
    const KIND: &'static str = "recording.media_deleted";
    const NUMBER: u8 = 117;
}

/// Cuts what is left of a track's newest epoch and closes it. Nothing happens if it is closed already.
///
/// # Errors
/// Files or database fail.
pub(super) async fn close_epoch(
    door: &Door,
    actor: Actor,
    session: Id<Session>,
    track: Id<Track>,
) -> Result<(), Failure> {
    for _ in 0..8 {
        let read = door.look(move |db| {
            let epoch = store::latest_epoch(db, track)?.filter(|e| e.closed_at.is_none());
            let Some(epoch) = epoch else { return Ok(None) };
            let held = store::held_parts(db, track, epoch.epoch, epoch.cursor_part)?;
            Ok(Some((epoch, held)))
        });
        let Some((epoch, held)) = read.await? else { return Ok(()) };
        let kept = load_kept(door, session, track, &epoch).await?;
        let mut runs: Vec<Run> = Vec::new();
        for run in runs_of(&held) {
            let mut loaded = Run::new();
            for (seq, hash) in run {
                loaded.push((seq, door.files().get_at(&place(session, track, &hash)).await?));
            }
            runs.push(loaded);
        }
        let now = door.now();
        let plan = tokio::task::spawn_blocking(move || close(&epoch, &kept, &runs, now))
            .await
            .map_err(Fault::from)?;
        for blob in &plan.blobs {
            door.files().put_at(&place(session, track, &blob.sha256), blob.bytes.clone()).await?;
        }
        if door.act(actor.clone(), move |act| commit_close(act, session, track, plan)).await?.value {
            return Ok(());
        }
    }
    Err(Fault::new("a recording track could not be closed: parts keep arriving").into())
}

fn commit_close(
    act: &mut Act<'_>,
    session: Id<Session>,
    track: Id<Track>,
    plan: Plan,
) -> Result<bool, Failure> {
    act.exclude(&track_gate(track))?;
    if !store::update_epoch(act.db(), track, &plan.epoch)? {
        return Ok(false);
    }
    let session = found(store::session(act.db(), session)?)?;
    let mut row = store::track(act.db(), track)?.ok_or_else(|| Refused::from(Refusal::NoSuchTrack))?;
    for fact in plan.facts {
        append(act, &session, &mut row, fact.what, (fact.starts_at, fact.ends_at))?;
    }
    store::update_track(act.db(), &row)?;
    act.tell(super::track_topic(track));
    Ok(true)
}

/// Seals a closed session: the whole recording is playable and verifiable from this moment on. Sealing twice is harmless.
///
/// # Errors
/// Refused if the session was not closed.
pub async fn finish(door: &Door, session: Id<Session>) -> Result<(), Failure> {
    let actor = Actor::system("recording");
    let (row, tracks) =
        door.look(move |db| Ok((found(store::session(db, session)?)?, store::tracks(db, session)?))).await?;
    if row.closed_at.is_none() {
        return Err(Refused::from(Refusal::StillOpen).into());
    }
    if row.sealed_at.is_some() {
        return Ok(());
    }
    for track in tracks {
        close_epoch(door, actor.clone(), session, track.id).await?;
    }
    door.act(actor, move |act| seal(act, session)).await?;
    Ok(())
}

fn seal(act: &mut Act<'_>, session: Id<Session>) -> Result<(), Failure> {
    act.exclude(&gate(session))?;
    let mut row = found(store::session(act.db(), session)?)?;
    if row.sealed_at.is_some() {
        return Ok(());
    }
    let mut heads = Vec::new();
    for mut track in store::tracks(act.db(), session)? {
        act.exclude(&track_gate(track.id))?;
        gap_at_end(act, &row, &mut track)?;
        let last = track.next_number.saturating_sub(1);
        let now = act.now();
        append(act, &row, &mut track, What::Sealed { last }, (now, now))?;
        store::update_track(act.db(), &track)?;
        heads.push(SealedHead { track: track.id, last: (last + 1).to_string(), leaf: b64u(&track.leaf) });
    }
    row.sealed_at = Some(act.now());
    store::update_session(act.db(), &row)?;
    act.enter(&Subject::open(row.lot), &Sealed { session, tracks: heads })?;
    act.tell(topic(session));
    Ok(())
}

/// If a track fell silent before the session was closed, that is a gap.
fn gap_at_end(act: &mut Act<'_>, session: &SessionRow, track: &mut TrackRow) -> Result<(), Failure> {
    let until = session.closed_at.unwrap_or(act.now());
    let from = store::extent(act.db(), track.id)?.1.unwrap_or(session.opened_at);
    if until <= from.plus(FRESH) {
        return Ok(());
    }
    let stated = track.stopped_reason.as_deref().and_then(GapReason::from_code);
    let reason = stated.unwrap_or(GapReason::Offline);
    append(act, session, track, What::Gap { reason, from, until }, (from, until))?;
    Ok(())
}

/// Seals every closed session for which nothing more is to be expected: all recorders have said that they stopped, or
/// [`LATE`] is over.
///
/// # Errors
/// The first fault; the others are tried again by the next run.
pub async fn close_due(door: &Door) -> Result<usize, Failure> {
    let now = door.now();
    let waiting = door
        .look(|db| {
            let rows = store::sessions_to_seal(db)?;
            rows.into_iter()
                .map(|row| Ok((store::tracks(db, row.id)?, row)))
                .collect::<Result<Vec<_>, Failure>>()
        })
        .await?;
    let mut sealed = 0;
    for (tracks, row) in waiting {
        let quiet = tracks.iter().all(|t| t.stopped_at.is_some() || t.last_received_at.is_none());
        if quiet || row.closed_at.is_some_and(|at| now >= at.plus(LATE)) {
            finish(door, row.id).await?;
            sealed += 1;
        }
    }
    Ok(sealed)
}

/// Deletes the media of a session whose time is over. The tombstone comes first, then the bytes; hashes and records stay.
///
/// # Errors
/// Refused within the retention period and under a legal hold.
pub async fn delete_media(door: &Door, session: Id<Session>) -> Result<(), Failure> {
    let actor = Actor::system("recording");
    let hashes = door
        .act(actor, move |act| {
            act.exclude(&gate(session))?;
            let mut row = found(store::session(act.db(), session)?)?;
            row.keeping().may_delete(act.now()).map_err(Refused::from)?;
            if row.media_deleted_at.is_none() {
                row.media_deleted_at = Some(act.now());
                store::update_session(act.db(), &row)?;
                let event = MediaDeleted { session, kept_until: row.keeping().until() };
                act.enter(&Subject::open(row.lot), &event)?;
            }
            let mut hashes = Vec::new();
            for track in store::tracks(act.db(), session)? {
                for hash in store::all_hashes(act.db(), track.id)? {
                    hashes.push((track.id, hash));
                }
            }
            Ok(hashes)
        })
        .await?
        .value;
    for (track, hash) in hashes {
        door.files().remove_at(&place(session, track, &hash)).await?;
    }
    Ok(())
}
