//! What players fetch: playlists, init sections, segments, pictures, and what is new on a live track. Everything that is shown is on
//! record first.

use super::{named, on_record};
use crate::account::who::Supervisor;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::Answer;
use crate::recording::actions::place;
use crate::recording::playlist::{self, Kind};
use crate::recording::rules::{Refusal, Session, Track};
use crate::recording::store::{self, EpochRow};
use crate::recording::thumbnail;
use actix_web::{HttpResponse, web};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;

/// The HLS playlist of one track.
pub(super) async fn playlist_get(
    Supervisor(who): Supervisor,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (session, track) = named(&door, &path.0, &path.1).await?;
    refuse_deleted(session.media_deleted_at.is_some())?;
    on_record(&door, &who, session.id, Some(track.id), "playback").await?;
    let id = track.id;
    let entries = door.look(move |db| Ok(store::entries(db, id)?)).await?;
    let kind = if session.sealed_at.is_some() { Kind::Vod } else { Kind::Event };
    let text = playlist::media(kind, &entries);
    Ok(HttpResponse::Ok().content_type("application/vnd.apple.mpegurl").body(text))
}

fn refuse_deleted(deleted: bool) -> Result<(), Refused> {
    if deleted { Err(Refusal::Deleted.into()) } else { Ok(()) }
}

/// `init.mp4`, `<seq>.m4s` or `<seq>.jpg` of an epoch.
pub(super) async fn file_get(
    Supervisor(who): Supervisor,
    door: web::Data<Door>,
    path: web::Path<(String, String, u64, String)>,
) -> Answer {
    let (session_text, track_text, epoch, name) = path.into_inner();
    let (session, track) = named(&door, &session_text, &track_text).await?;
    refuse_deleted(session.media_deleted_at.is_some())?;
    on_record(&door, &who, session.id, Some(track.id), "playback").await?;
    let at = (session.id, track.id);
    let number =
        |ending: &str| name.strip_suffix(ending).and_then(|n| n.parse::<u64>().ok()).filter(|n| *n > 0);
    if name == "init.mp4" {
        let epochs = door.look(move |db| Ok(store::epochs(db, at.1)?)).await?;
        let row = epochs.into_iter().find(|e| e.epoch == epoch).ok_or_else(not_there)?;
        let bytes = bytes_of(&door, at, epoch, 0).await?;
        return Ok(with_type(&row).body(bytes));
    }
    if let Some(seq) = number(".m4s") {
        let bytes = bytes_of(&door, at, epoch, seq).await?;
        return Ok(HttpResponse::Ok().content_type("video/iso.segment").body(bytes));
    }
    let seq = number(".jpg").ok_or_else(not_there)?;
    let (init, segment) = (bytes_of(&door, at, epoch, 0).await?, bytes_of(&door, at, epoch, seq).await?);
    let jpeg =
        web::block(move || thumbnail::jpeg(&init, &segment)).await.map_err(|e| Fault::new(e.to_string()))?;
    Ok(HttpResponse::Ok().content_type("image/jpeg").body(jpeg.map_err(Fault::from)?))
}

fn not_there() -> Refused {
    Refusal::NotYetRecorded.into()
}

/// An answer with the type that a source buffer needs and the server time of media time 0.
fn with_type(epoch: &EpochRow) -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("video/mp4")
        .insert_header(("recording-type", format!("video/mp4;codecs=\"{}\"", epoch.codecs)))
        .insert_header(("recording-began", epoch.began_at.micros().to_string()));
    answer
}

/// The kept bytes of a segment, checked against the hash in its record: an altered segment is not shown as if it were true.
async fn bytes_of(door: &Door, at: (Id<Session>, Id<Track>), epoch: u64, seq: u64) -> Result<Bytes, Failure> {
    let hash =
        door.look(move |db| Ok(store::segment_hash(db, at.1, epoch, seq)?)).await?.ok_or_else(not_there)?;
    let bytes = door.files().get_at(&place(at.0, at.1, &hash)).await?;
    if crate::platform::digest::sha256(&[&bytes]) == hash {
        Ok(bytes)
    } else {
        Err(Fault::new(format!("segment {epoch}/{seq} of track {} was altered in storage", at.1)).into())
    }
}

/// What a watcher has already: the start of the recorder that it saw, and the segment that it waits for.
#[derive(Deserialize)]
pub(super) struct Seen {
    epoch: Option<u64>,
    next: Option<u64>,
}

/// A watcher that is further behind than this, in segments, goes on with the newest.
const BEHIND_MAX: u64 = 5;

/// What is new on a track since the watcher asked last: first the init section and the newest segment, then whatever was
/// stored since, and everything anew when the recorder was started again. Answers at once, 204 when there is nothing: a
/// browser opens only six lines to a server, and a committee of seven has fourteen tracks.
pub(super) async fn live_get(
    Supervisor(who): Supervisor,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    seen: web::Query<Seen>,
) -> Answer {
    let (session, track) = named(&door, &path.0, &path.1).await?;
    if session.sealed_at.is_some() {
        return Err(Refused::new(410, "recording.refusal.already_sealed").into());
    }
    on_record(&door, &who, session.id, Some(track.id), "live").await?;
    let (at, id) = ((session.id, track.id), track.id);
    let latest = door.look(move |db| Ok(store::latest_epoch(db, id)?)).await?;
    let epoch = latest.filter(|e| e.init_sha256.is_some() && e.closed_at.is_none()).ok_or_else(not_there)?;
    let newest = epoch.next_seq.saturating_sub(1).max(1);
    let known = seen.next.filter(|_| seen.epoch == Some(epoch.epoch));
    let from = known.filter(|next| next + BEHIND_MAX > newest).unwrap_or(newest);
    let mut bytes = BytesMut::new();
    if known.is_none() {
        bytes.extend_from_slice(&bytes_of(&door, at, epoch.epoch, 0).await?);
    }
    for seq in from..epoch.next_seq {
        bytes.extend_from_slice(&bytes_of(&door, at, epoch.epoch, seq).await?);
    }
    if bytes.is_empty() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut answer = with_type(&epoch);
    answer
        .insert_header(("recording-epoch", epoch.epoch.to_string()))
        .insert_header(("recording-next", epoch.next_seq.max(from).to_string()));
    Ok(answer.body(bytes.freeze()))
}

/// Where a picture of each stretch of a track is: at most `most` of them, evenly spread.
pub(super) fn picture_places(entries: &[playlist::Entry], most: usize) -> Vec<(u64, u64)> {
    if entries.is_empty() {
        return Vec::new();
    }
    let step = entries.len().div_ceil(most).max(1);
    entries.iter().step_by(step).map(|e| (e.epoch, e.seq)).collect()
}
