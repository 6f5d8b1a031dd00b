//! Receiving parts: durable first, then recorded, then answered.

use super::sealing::close_epoch;
use super::{append, place, topic, track_gate, track_topic};
use crate::account::who::Who;
use crate::ledger::{Act, Door, Event, Subject};
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::recording::intake::{Kept, Plan, Run, advance, runs_of};
use crate::recording::rules::{
    Arrival, Container, EPOCHS_MAX, PART_BYTES_MAX, Refusal, Session, Track, arrival, began_at,
    reason_from_browser,
};
use crate::recording::store::{self, EpochRow, SessionRow, TrackRow};
use bytes::Bytes;
use serde::Serialize;

/// Two requests that cut the same track at once: the slower one looks again, this often.
const TRIES: usize = 8;

/// A part as it arrives.
#[derive(Clone)]
pub struct Incoming {
    pub session: Id<Session>,
    pub track: Id<Track>,
    pub epoch: u64,
    pub seq: u64,
    /// SHA-256 that the sender claims (Content-Digest).
    pub sha256: [u8; 32],
    /// Server time of media time 0 as the recorder estimates it; with part 0.
    pub began_at: Option<Moment>,
    pub bytes: Bytes,
}

/// What the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// `false`: the very same part was here already.
    pub new: bool,
    /// Lowest part number of this epoch that has not arrived.
    pub next: u64,
}

#[derive(Serialize)]
struct Contradicted {
    session: Id<Session>,
    track: Id<Track>,
    epoch: u64,
    seq: u64,
    kept: String,
    refused: String,
}

impl Event for Contradicted {
    const KIND: &'static str = "recording.contradicted";
    const NUMBER: u8 = 114;
}

/// Takes a part: checks it, makes it durable, cuts what can be cut, records it. Safe to repeat.
///
/// # Errors
/// Refused for a wrong digest or size, somebody else's track, a sealed session, an old epoch, other bytes under a
/// known number (that is put on record), or bytes that are no recording.
pub async fn receive(door: &Door, who: &Who, part: Incoming) -> Result<Received, Failure> {
    check_bytes(&part)?;
    for _ in 0..TRIES {
        let state = look(door, who, &part).await?;
        if state.epoch_is_old() {
            return Err(refuse(Refusal::EpochOutOfOrder { latest: state.latest_epoch() }));
        }
        let next = state.current().map_or(0, |e| e.next_part);
        match arrival(part.seq, next, state.known, part.sha256) {
            Ok(Arrival::Again) => return Ok(Received { new: false, next }),
            Ok(Arrival::New) => {}
            Err(refusal) => return contradiction(door, who, &part, &state, refusal).await,
        }
        door.files().put_at(&place(part.session, part.track, &part.sha256), part.bytes.clone()).await?;
        if let Some(received) = take(door, who, &part, state).await? {
            return Ok(received);
        }
    }
    Err(Fault::new("a recording track is being cut by too many requests at once").into())
}

fn refuse(refusal: Refusal) -> Failure {
    Refused::from(refusal).into()
}

fn check_bytes(part: &Incoming) -> Result<(), Failure> {
    if part.bytes.len() > PART_BYTES_MAX {
        return Err(refuse(Refusal::PartTooLarge));
    }
    if part.bytes.is_empty() {
        return Err(refuse(Refusal::NotARecording { cause: "empty", why: String::new() }));
    }
    if sha256(&[&part.bytes]) != part.sha256 {
        return Err(refuse(Refusal::DigestWrong));
    }
    Ok(())
}

/// What is known when a part arrives.
struct State {
    session: SessionRow,
    latest: Option<EpochRow>,
    wanted: u64,
    known: Option<[u8; 32]>,
    held: Vec<(u64, [u8; 32])>,
}

impl State {
    fn latest_epoch(&self) -> u64 {
        self.latest.as_ref().map_or(0, |e| e.epoch)
    }

    /// The epoch of the part, if it has begun.
    fn current(&self) -> Option<&EpochRow> {
        self.latest.as_ref().filter(|e| e.epoch == self.wanted)
    }

    /// Only the newest epoch takes parts, and only the one after it may begin.
    fn epoch_is_old(&self) -> bool {
        let closed = self.current().is_some_and(|e| e.closed_at.is_some() && self.known.is_none());
        closed
            || self.wanted < self.latest_epoch() && self.known.is_none()
            || self.wanted > self.latest_epoch() + 1
    }
}

async fn look(door: &Door, who: &Who, part: &Incoming) -> Result<State, Failure> {
    let (session, track, epoch, seq) = (part.session, part.track, part.epoch, part.seq);
    let (person, vault) = (who.person, door.vault().clone());
    door.look(move |db| {
        let row = super::found(store::session(db, session)?)?;
        let track_row = own_track(db, session, track)?;
        if !track_row.is_of(&vault, person) {
            return Err(refuse(Refusal::NotYourTrack));
        }
        let known = store::part_hash(db, track, epoch, seq)?;
        if row.sealed_at.is_some() && known.is_none() {
            return Err(refuse(Refusal::AlreadySealed));
        }
        let latest = store::latest_epoch(db, track)?;
        let cursor = latest.as_ref().filter(|e| e.epoch == epoch).map_or(0, |e| e.cursor_part);
        let held = store::held_parts(db, track, epoch, cursor)?;
        Ok(State { session: row, latest, wanted: epoch, known, held })
    })
    .await
}

fn own_track(
    db: &mut crate::platform::database::Db,
    session: Id<Session>,
    track: Id<Track>,
) -> Result<TrackRow, Failure> {
    let row = store::track(db, track)?.filter(|t| t.session == session);
    row.ok_or_else(|| refuse(Refusal::NoSuchTrack))
}

/// Other bytes under a known number: the first are kept, and that somebody tried is on record.
async fn contradiction(
    door: &Door,
    who: &Who,
    part: &Incoming,
    state: &State,
    refusal: Refusal,
) -> Result<Received, Failure> {
    if let (Refusal::DifferentBytes { .. }, Some(kept)) = (&refusal, state.known) {
        let event = Contradicted {
            session: part.session,
            track: part.track,
            epoch: part.epoch,
            seq: part.seq,
            kept: hex::encode(kept),
            refused: hex::encode(part.sha256),
        };
        let lot = state.session.lot;
        door.act(who.actor(), move |act| Ok(act.enter(&Subject::open(lot), &event)?)).await?;
    }
    Err(refuse(refusal))
}

/// Cuts and commits; `None` if another request came between and it must be looked at again.
async fn take(door: &Door, who: &Who, part: &Incoming, state: State) -> Result<Option<Received>, Failure> {
    let fresh = state.current().is_none();
    let before = match state.current() {
        Some(epoch) => epoch.clone(),
        None => begin_epoch(door, who, part, &state).await?,
    };
    let mut numbers = state.held.clone();
    numbers.push((part.seq, part.sha256));
    numbers.sort_unstable();
    let first = runs_of(&numbers).into_iter().next().unwrap_or_default();
    let joins = first.first().is_some_and(|(seq, _)| *seq == before.cursor_part);
    let mut plan = Plan { epoch: before.clone(), blobs: Vec::new(), facts: Vec::new() };
    if joins {
        plan.epoch.next_part = first.last().map_or(0, |(seq, _)| seq + 1);
        if part.seq < plan.epoch.next_part {
            let next_part = plan.epoch.next_part;
            let run = load(door, part, &first).await?;
            let kept = load_kept(door, part.session, part.track, &before).await?;
            plan = tokio::task::spawn_blocking(move || advance(&before, &kept, &run))
                .await
                .map_err(Fault::from)?
                .map_err(refuse)?;
            plan.epoch.next_part = next_part;
        }
    }
    for blob in &plan.blobs {
        door.files().put_at(&place(part.session, part.track, &blob.sha256), blob.bytes.clone()).await?;
    }
    let next = plan.epoch.next_part;
    let slim = Incoming { bytes: Bytes::new(), ..part.clone() };
    let size = part.bytes.len();
    let done = door.act(who.actor(), move |act| commit(act, &slim, size, fresh, plan)).await?;
    Ok(done.value.then_some(Received { new: true, next }))
}

/// A new epoch: only while the session is open, only with part 0 or soon after it, and the one before is closed first.
async fn begin_epoch(door: &Door, who: &Who, part: &Incoming, state: &State) -> Result<EpochRow, Failure> {
    if state.session.closed_at.is_some() {
        return Err(refuse(Refusal::AlreadySealed));
    }
    if part.seq != 0 || part.epoch > EPOCHS_MAX {
        return Err(refuse(Refusal::TooFarAhead { next: 0 }));
    }
    let container = Container::of(&part.bytes).ok_or_else(|| {
        let start = hex::encode(part.bytes.get(..8).unwrap_or(&part.bytes));
        refuse(Refusal::NotARecording { cause: "format", why: start })
    })?;
    if state.latest.as_ref().is_some_and(|e| e.closed_at.is_none()) {
        close_epoch(door, who.actor(), part.session, part.track).await?;
    }
    Ok(EpochRow {
        epoch: part.epoch,
        container,
        began_at: began_at(part.began_at, state.session.opened_at, door.now()),
        next_part: 0,
        cursor_part: 0,
        cursor_offset: 0,
        next_seq: 0,
        init_sha256: None,
        timescale: 1,
        codecs: String::new(),
        head_sha256: None,
        picture_track: None,
        last_tfdt: 0,
        last_dur: 0,
        closed_at: None,
        version: 0,
    })
}

async fn load(door: &Door, part: &Incoming, run: &[(u64, [u8; 32])]) -> Result<Run, Failure> {
    let mut loaded = Run::with_capacity(run.len());
    for (seq, hash) in run {
        let bytes = if *seq == part.seq {
            part.bytes.clone()
        } else {
            door.files().get_at(&place(part.session, part.track, hash)).await?
        };
        loaded.push((*seq, bytes));
    }
    Ok(loaded)
}

/// Reads what an epoch needs besides its parts.
pub(super) async fn load_kept(
    door: &Door,
    session: Id<Session>,
    track: Id<Track>,
    epoch: &EpochRow,
) -> Result<Kept, Failure> {
    let mut kept = Kept::default();
    if let Some(hash) = &epoch.init_sha256 {
        kept.init = Some(door.files().get_at(&place(session, track, hash)).await?);
    }
    if let Some(hash) = &epoch.head_sha256 {
        kept.head = Some(door.files().get_at(&place(session, track, hash)).await?);
    }
    Ok(kept)
}

/// Everything that a part changes, in one transaction. `false`: another request came between, nothing was changed.
fn commit(act: &mut Act<'_>, part: &Incoming, size: usize, fresh: bool, plan: Plan) -> Result<bool, Failure> {
    act.exclude(&track_gate(part.track))?;
    let now = act.now();
    let session = super::found(store::session(act.db(), part.session)?)?;
    let mut track = own_track(act.db(), part.session, part.track)?;
    if session.sealed_at.is_some() {
        return Err(refuse(Refusal::AlreadySealed));
    }
    if store::part_hash(act.db(), part.track, part.epoch, part.seq)?.is_some() {
        return Ok(false);
    }
    let latest = store::latest_epoch(act.db(), part.track)?.map_or(0, |e| e.epoch);
    if fresh {
        if latest + 1 != part.epoch {
            return Ok(false);
        }
        gap_before(act, &session, &mut track, plan.epoch.began_at)?;
        let empty = EpochRow { version: plan.epoch.version, ..plan.epoch.clone() };
        store::insert_epoch(act.db(), part.track, &empty)?;
    }
    if !store::update_epoch(act.db(), part.track, &plan.epoch)? {
        return Ok(false);
    }
    store::insert_part(act.db(), part.track, (part.epoch, part.seq), part.sha256, size, now)?;
    let grew = !plan.facts.is_empty();
    for fact in plan.facts {
        append(act, &session, &mut track, fact.what, (fact.starts_at, fact.ends_at))?;
    }
    let was_silent = !track.fact().is_live(now);
    track.last_received_at = Some(now);
    if fresh {
        (track.stopped_at, track.stopped_reason) = (None, None);
    }
    store::update_track(act.db(), &track)?;
    if grew {
        act.tell(track_topic(part.track));
    }
    if was_silent {
        act.tell(topic(part.session));
    }
    Ok(true)
}

/// Between two starts of a recorder nothing was recorded: that is a record of its own.
fn gap_before(
    act: &mut Act<'_>,
    session: &SessionRow,
    track: &mut TrackRow,
    until: Moment,
) -> Result<(), Failure> {
    use crate::recording::chain::{GapReason, What};
    let Some(from) = store::extent(act.db(), track.id)?.1 else { return Ok(()) };
    let stated = track.stopped_reason.as_deref().and_then(GapReason::from_code);
    let reason = stated.unwrap_or(GapReason::Restarted);
    let until = until.max(from);
    append(act, session, track, What::Gap { reason, from, until }, (from, until))?;
    Ok(())
}

/// A person's recorder stopped, and their browser says why. The gap itself is recorded when its end is known.
///
/// # Errors
/// Refused for somebody else's track or a reason that browsers may not give.
pub fn stopped(
    act: &mut Act<'_>,
    who: &Who,
    session: Id<Session>,
    track: Id<Track>,
    reason: &str,
) -> Result<(), Failure> {
    let reason = reason_from_browser(reason).map_err(refuse)?;
    act.exclude(&track_gate(track))?;
    let mut row = own_track(act.db(), session, track)?;
    if !row.is_of(act.vault(), who.person) {
        return Err(refuse(Refusal::NotYourTrack));
    }
    row.stopped_at = Some(act.now());
    row.stopped_reason = Some(reason.code().into());
    store::update_track(act.db(), &row)?;
    act.tell(topic(session));
    Ok(())
}
