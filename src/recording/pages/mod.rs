//! Pages and addresses: the recorder of an expert, the banner, live watching, playback.

mod api;
mod media;
mod views;

use super::actions;
use super::rules::{Refusal, Session, Track};
use super::store::{self, SessionRow, TrackRow};
use crate::account::role::Role;
use crate::account::who::Who;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};

crate::routes! {
    GET "/recording" [Supervisor] => views::list_get;
    GET "/recording/clock" signed_in => api::clock_get;
    GET "/recording/ingest/{session}/{track}/status" [Expert Entity] => api::status_get;
    PUT "/recording/ingest/{session}/{track}/stopped" [Expert Entity] => api::stopped_put;
    PUT "/recording/ingest/{session}/{track}/{epoch}/{seq}" [Expert Entity] => api::part_put;
    GET "/recording/{session}" [Supervisor] => views::session_get;
    GET "/recording/{session}/live" [Supervisor] => views::live_get;
    GET "/recording/{session}/studio" [Expert Entity] => views::studio_get;
    GET "/recording/{session}/standing" [Expert Agent Entity Supervisor Centre] => api::standing_get;
    POST "/recording/{session}/hold" [Supervisor] => views::hold_post;
    GET "/recording/{session}/{track}/playlist.m3u8" [Supervisor] => media::playlist_get;
    GET "/recording/{session}/{track}/live" [Supervisor] => media::live_get;
    GET "/recording/{session}/{track}/{epoch}/{name}" [Supervisor] => media::file_get;
}

/// Who sits in committees and is recorded: experts, and representatives of the entity.
fn recorded(who: &Who) -> Result<(), Refused> {
    if matches!(who.role, Role::Expert | Role::Entity) {
        Ok(())
    } else {
        Err(Refused::new(403, "account.refusal.role"))
    }
}

fn session_id(text: &str) -> Result<Id<Session>, Refused> {
    Id::parse(text).ok_or_else(|| Refusal::NoSuchSession.into())
}

fn track_id(text: &str) -> Result<Id<Track>, Refused> {
    Id::parse(text).ok_or_else(|| Refusal::NoSuchTrack.into())
}

/// A session and one of its tracks, as named in an address.
async fn named(door: &Door, session: &str, track: &str) -> Result<(SessionRow, TrackRow), Failure> {
    let (session, track) = (session_id(session)?, track_id(track)?);
    door.look(move |db| {
        let row = store::session(db, session)?.ok_or_else(|| Refused::from(Refusal::NoSuchSession))?;
        let track = store::track(db, track)?.filter(|t| t.session == session);
        Ok((row, track.ok_or_else(|| Refused::from(Refusal::NoSuchTrack))?))
    })
    .await
}

/// Puts on record that somebody watches, before anything is shown.
async fn on_record(
    door: &Door,
    who: &Who,
    session: Id<Session>,
    track: Option<Id<Track>>,
    way: &'static str,
) -> Result<(), Failure> {
    let (person, now) = (who.person, door.now());
    let known = door.look(move |db| Ok(store::watched_lately(db, session, person, track, way, now)?)).await?;
    if !known {
        let (actor, who) = (who.actor(), who.clone());
        door.act(actor, move |act| actions::watch(act, &who, session, track, way)).await?;
    }
    Ok(())
}
