//! What players fetch: playlists, init sections, segments, pictures, and the live stream. Everything that is shown is on
//! record first.

use super::{named, on_record};
use crate::account::who::Supervisor;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::Answer;
use crate::recording::actions::{place, track_topic};
use crate::recording::playlist::{self, Kind};
use crate::recording::rules::{Refusal, Session, Track};
use crate::recording::store::{self, EpochRow};
use crate::recording::thumbnail;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

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

/// One long answer: the init section, the newest segment, and every segment as it is stored. Ends when the recorder is
/// started anew or the session is sealed.
pub(super) async fn live_get(
    Supervisor(who): Supervisor,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (session, track) = named(&door, &path.0, &path.1).await?;
    if session.sealed_at.is_some() {
        return Err(Refused::new(410, "recording.refusal.already_sealed").into());
    }
    on_record(&door, &who, session.id, Some(track.id), "live").await?;
    let hear = door.hub().listen();
    let id = track.id;
    let latest = door.look(move |db| Ok(store::latest_epoch(db, id)?)).await?;
    let epoch = latest.filter(|e| e.init_sha256.is_some() && e.closed_at.is_none()).ok_or_else(not_there)?;
    let at = (session.id, track.id);
    let init = bytes_of(&door, at, epoch.epoch, 0).await?;
    let from = epoch.next_seq.saturating_sub(1).max(1);
    let mut answer = with_type(&epoch);
    // gzip would hold bytes back to fill its window
    answer.insert_header(("content-encoding", "identity"));
    let live =
        Live { door: door.get_ref().clone(), at, epoch: epoch.epoch, next: from, first: Some(init), hear };
    Ok(answer.streaming(stream::unfold(live, |mut live| async move {
        let bytes = live.more().await?;
        Some((bytes, live))
    })))
}

struct Live {
    door: Door,
    at: (Id<Session>, Id<Track>),
    epoch: u64,
    next: u64,
    first: Option<Bytes>,
    hear: Receiver<String>,
}

impl Live {
    /// The next bytes, when there are some; `None` at the end.
    async fn more(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        if let Some(init) = self.first.take() {
            return Some(Ok(init));
        }
        loop {
            match self.look().await {
                Ok(Step::Segment(bytes)) => {
                    self.next += 1;
                    return Some(Ok(bytes));
                }
                Ok(Step::Wait) => self.wait().await?,
                Ok(Step::Over) => return None,
                Err(Failure::Refused(_)) => return None,
                Err(Failure::Fault(fault)) => return Some(Err(std::io::Error::other(fault.chain()))),
            }
        }
    }

    async fn look(&self) -> Result<Step, Failure> {
        let (at, epoch, seq) = (self.at, self.epoch, self.next);
        let (there, over) = self
            .door
            .look(move |db| {
                let there = store::segment_hash(db, at.1, epoch, seq)?.is_some();
                let latest = store::latest_epoch(db, at.1)?;
                Ok((there, latest.is_none_or(|e| e.epoch != epoch || e.closed_at.is_some())))
            })
            .await?;
        match (there, over) {
            (true, _) => Ok(Step::Segment(bytes_of(&self.door, at, epoch, seq).await?)),
            (false, true) => Ok(Step::Over),
            (false, false) => Ok(Step::Wait),
        }
    }

    /// Until this track is told of; also looks by itself now and then, for news that another server's act made.
    async fn wait(&mut self) -> Option<()> {
        let topic = track_topic(self.at.1);
        let heard = async {
            loop {
                match self.hear.recv().await {
                    Ok(told) if told == topic => return Some(()),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Some(()),
                    Err(RecvError::Closed) => return None,
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(2), heard).await.unwrap_or(Some(()))
    }
}

enum Step {
    Segment(Bytes),
    Wait,
    Over,
}

/// Where a picture of each stretch of a track is: at most `most` of them, evenly spread.
pub(super) fn picture_places(entries: &[playlist::Entry], most: usize) -> Vec<(u64, u64)> {
    if entries.is_empty() {
        return Vec::new();
    }
    let step = entries.len().div_ceil(most).max(1);
    entries.iter().step_by(step).map(|e| (e.epoch, e.seq)).collect()
}
