//! HTML pages: the list, one session's playback, live watching, the expert's recorder.

use super::media::picture_places;
use super::{on_record, recorded, session_id};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::rules::Person;
use crate::account::who::{Among, Entity, Expert, Supervisor};
use crate::ledger::Door;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::recording::actions;
use crate::recording::playlist::Entry;
use crate::recording::rules::{RETENTION_DAYS_MIN, Refusal, Session};
use crate::recording::store::{self, SessionRow, TrackRow};
use crate::{account, project};
use actix_web::web;
use askama::Template;
use serde::Deserialize;
use std::collections::HashMap;

const LIST_PAGE: i64 = 50;
/// Pictures of one track on the playback page.
const PICTURES: usize = 6;
/// Width of the timeline in the units of its drawing.
const WIDTH: i64 = 1000;

/// A session in words.
struct SessionView {
    id: String,
    /// Public number of tender and lot, and the tender's title.
    number: String,
    title: String,
    purpose: String,
    opened: String,
    state: &'static str,
    sealed: Option<String>,
    until: Option<String>,
    hold: Option<String>,
    deleted: bool,
}

fn session_view(db: &mut Db, row: &SessionRow) -> Result<SessionView, Failure> {
    let lot = project::store::lot(db, row.lot)?;
    let state = match (row.closed_at, row.sealed_at) {
        (_, Some(_)) => "sealed",
        (Some(_), None) => "closing",
        (None, None) => "open",
    };
    Ok(SessionView {
        id: row.id.to_string(),
        number: lot.as_ref().map(|l| format!("{}/{}", l.number, l.lot_number)).unwrap_or_default(),
        title: lot.map(|l| format!("{} · {}", l.tender_title, l.title)).unwrap_or_default(),
        purpose: row.purpose.clone(),
        opened: row.opened_at.beijing(),
        state,
        sealed: row.sealed_at.map(Moment::beijing),
        until: row.keeping().until().map(Moment::beijing_minute),
        hold: row.hold_reason.clone(),
        deleted: row.media_deleted_at.is_some(),
    })
}

async fn load(
    door: &Door,
    session: Id<Session>,
) -> Result<(SessionRow, SessionView, Vec<TrackRow>), Failure> {
    door.look(move |db| {
        let row = store::session(db, session)?.ok_or_else(|| Refused::from(Refusal::NoSuchSession))?;
        let view = session_view(db, &row)?;
        Ok((row, view, store::tracks(db, session)?))
    })
    .await
}

#[derive(Template)]
#[template(path = "recording/list.html")]
struct ListPage {
    p: Page,
    sessions: Vec<SessionView>,
    next: Option<i64>,
    floor: i64,
}

#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    skip: i64,
}

pub(super) async fn list_get(
    Supervisor(_): Supervisor,
    p: Page,
    door: web::Data<Door>,
    query: web::Query<ListQuery>,
) -> Answer {
    let skip = query.skip.clamp(0, 1_000_000);
    let mut sessions = door
        .look(move |db| {
            let rows = store::newest_sessions(db, skip, LIST_PAGE + 1)?;
            rows.iter().map(|row| session_view(db, row)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let next = (sessions.len() as i64 > LIST_PAGE).then_some(skip + LIST_PAGE);
    sessions.truncate(LIST_PAGE as usize);
    p.html(&ListPage { p: p.clone(), sessions, next, floor: RETENTION_DAYS_MIN })
}

/// A bar of the timeline: recorded, or a gap with its reason.
struct Bar {
    x: i64,
    width: i64,
    gap: Option<String>,
}

struct TrackView {
    id: String,
    /// `3 · 摄像头 · 王某`
    label: String,
    bars: Vec<Bar>,
    pictures: Vec<String>,
    segments: i64,
}

struct EventView {
    at: String,
    micros: i64,
    x: i64,
    text: String,
    is_gap: bool,
}

struct AccessView {
    at: String,
    who: String,
    way: String,
    /// What was watched; empty for the page of the whole session.
    track: String,
}

#[derive(Template)]
#[template(path = "recording/session.html")]
struct PlaybackPage {
    p: Page,
    session: SessionView,
    opened: i64,
    until: i64,
    tracks: Vec<TrackView>,
    events: Vec<EventView>,
    accesses: Vec<AccessView>,
    height: usize,
}

/// Everything on a session's page that needs the database, in one look.
struct Played {
    row: SessionRow,
    view: SessionView,
    tracks: Vec<(TrackRow, Vec<Entry>, Vec<Gap>, String)>,
    marks: Vec<store::MarkRow>,
    accesses: Vec<(store::AccessRow, String)>,
}

type Gap = (crate::recording::chain::GapReason, Moment, Moment);

fn played(db: &mut Db, door: &Door, session: Id<Session>) -> Result<Played, Failure> {
    let row = store::session(db, session)?.ok_or_else(|| Refused::from(Refusal::NoSuchSession))?;
    let view = session_view(db, &row)?;
    let mut tracks = Vec::new();
    let rows = store::tracks(db, session)?;
    let accesses = store::accesses(db, session)?;
    let mut people: Vec<Id<Person>> = accesses.iter().map(|a| a.person).collect();
    for track in &rows {
        people.push(track.person(door.vault())?);
    }
    let names: HashMap<Id<Person>, String> =
        account::store::people(db, &people)?.into_iter().map(|who| (who.person, who.name)).collect();
    let name = |id: &Id<Person>| names.get(id).cloned().unwrap_or_default();
    for track in rows {
        let (entries, gaps) = (store::entries(db, track.id)?, store::gaps(db, track.id)?);
        let person = name(&track.person(door.vault())?);
        tracks.push((track, entries, gaps, person));
    }
    let accesses = accesses
        .into_iter()
        .map(|a| {
            let who = name(&a.person);
            (a, who)
        })
        .collect();
    Ok(Played { row, view, tracks, marks: store::marks(db, session)?, accesses })
}

pub(super) async fn session_get(
    Supervisor(who): Supervisor,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let session = session_id(&path)?;
    on_record(&door, &who, session, None, "playback").await?;
    let inside = door.get_ref().clone();
    let played = door.look(move |db| played(db, &inside, session)).await?;
    let ends = played.tracks.iter().flat_map(|(_, entries, ..)| entries.last().map(Entry::ends_at));
    let opened = played.row.opened_at;
    let until = ends.chain(played.row.closed_at).max().unwrap_or(p.now).max(opened.plus(1_000_000));
    let scale = Scale { opened, until };
    let tracks: Vec<TrackView> = played.tracks.iter().map(|t| track_view(&p, &scale, &path, t)).collect();
    let mut events: Vec<EventView> = played.marks.iter().map(|mark| mark_view(&p, &scale, mark)).collect();
    for (track, _, gaps, person) in &played.tracks {
        events.extend(gaps.iter().map(|gap| gap_view(&p, &scale, track, person, gap)));
    }
    events.sort_by_key(|e| e.micros);
    let accesses = played.accesses.iter().map(|(access, name)| {
        let track = played.tracks.iter().find(|(t, ..)| Some(t.id) == access.track);
        AccessView {
            at: access.at.beijing(),
            who: name.clone(),
            way: p.t(&format!("recording.way.{}", access.way)),
            track: track.map(|(t, _, _, person)| label(&p, t, person)).unwrap_or_default(),
        }
    });
    let page = PlaybackPage {
        opened: opened.micros(),
        until: until.micros(),
        height: tracks.len() * 24 + 30,
        tracks,
        events,
        accesses: accesses.collect(),
        session: played.view,
        p: p.clone(),
    };
    p.html(&page)
}

struct Scale {
    opened: Moment,
    until: Moment,
}

impl Scale {
    /// Where a moment lies on the drawing.
    fn x(&self, at: Moment) -> i64 {
        let whole = i128::from(self.until.micros() - self.opened.micros()).max(1);
        let part = i128::from(at.micros() - self.opened.micros()).clamp(0, whole);
        i64::try_from(part * i128::from(WIDTH) / whole).unwrap_or(WIDTH)
    }

    fn bar(&self, from: Moment, until: Moment, gap: Option<String>) -> Bar {
        let x = self.x(from);
        Bar { x, width: (self.x(until) - x).max(1), gap }
    }
}

fn label(p: &Page, track: &TrackRow, person: &str) -> String {
    let source = p.t(&format!("recording.source.{}", track.source.code()));
    format!("{} · {source} · {person}", track.seat)
}

fn track_view(
    p: &Page,
    scale: &Scale,
    session: &str,
    (track, entries, gaps, person): &(TrackRow, Vec<Entry>, Vec<Gap>, String),
) -> TrackView {
    let mut bars: Vec<Bar> =
        spans(entries).into_iter().map(|(from, until)| scale.bar(from, until, None)).collect();
    for (reason, from, until) in gaps {
        let reason = p.t(&format!("recording.gap.{}", reason.code()));
        bars.push(scale.bar(*from, *until, Some(reason)));
    }
    let pictures = picture_places(entries, PICTURES);
    let picture = |(epoch, seq): &(u64, u64)| format!("/recording/{session}/{}/{epoch}/{seq}.jpg", track.id);
    TrackView {
        id: track.id.to_string(),
        label: label(p, track, person),
        bars,
        pictures: pictures.iter().map(picture).collect(),
        segments: entries.len() as i64,
    }
}

/// Runs of segments that join, as times.
fn spans(entries: &[Entry]) -> Vec<(Moment, Moment)> {
    let mut spans: Vec<(Moment, Moment)> = Vec::new();
    for entry in entries {
        let (from, until) = (entry.starts_at(), entry.ends_at());
        match spans.last_mut() {
            Some(last) if (from.micros() - last.1.micros()).abs() < 500_000 => last.1 = until,
            _ => spans.push((from, until)),
        }
    }
    spans
}

fn mark_view(p: &Page, scale: &Scale, mark: &store::MarkRow) -> EventView {
    let text = p.tv(&mark.sentence, "what", &mark.what);
    EventView { at: mark.at.beijing(), micros: mark.at.micros(), x: scale.x(mark.at), text, is_gap: false }
}

fn gap_view(
    p: &Page,
    scale: &Scale,
    track: &TrackRow,
    person: &str,
    (reason, from, until): &Gap,
) -> EventView {
    let tenths = (until.micros() - from.micros()).max(0) / 100_000;
    let seconds = format!("{}.{}", tenths / 10, tenths % 10);
    let reason = p.t(&format!("recording.gap.{}", reason.code()));
    let text = format!(
        "{}: {}",
        label(p, track, person),
        p.tvv("recording.gap_for", "seconds", seconds, "reason", reason)
    );
    EventView { at: from.beijing(), micros: from.micros(), x: scale.x(*from), text, is_gap: true }
}

struct LiveTrack {
    id: String,
    label: String,
}

#[derive(Template)]
#[template(path = "recording/live.html")]
struct LivePage {
    p: Page,
    session: SessionView,
    tracks: Vec<LiveTrack>,
}

pub(super) async fn live_get(
    Supervisor(who): Supervisor,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let session = session_id(&path)?;
    on_record(&door, &who, session, None, "live").await?;
    let inside = door.get_ref().clone();
    let played = door.look(move |db| played(db, &inside, session)).await?;
    let tracks = played
        .tracks
        .iter()
        .map(|(track, _, _, person)| LiveTrack { id: track.id.to_string(), label: label(&p, track, person) });
    let tracks = tracks.collect();
    p.html(&LivePage { session: played.view, tracks, p: p.clone() })
}

#[derive(Template)]
#[template(path = "recording/studio.html")]
struct StudioPage {
    p: Page,
    session: SessionView,
    camera: Option<String>,
    screen: Option<String>,
}

pub(super) async fn studio_get(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    recorded(&who)?;
    let (_, view, tracks) = load(&door, session_id(&path)?).await?;
    let own: Vec<&TrackRow> = tracks.iter().filter(|t| t.is_of(door.vault(), who.person)).collect();
    if own.is_empty() {
        return Err(Refused::from(Refusal::NoSuchSession).into());
    }
    let of = |code: &str| own.iter().find(|t| t.source.code() == code).map(|t| t.id.to_string());
    let page = StudioPage { session: view, camera: of("camera"), screen: of("screen"), p: p.clone() };
    p.html(&page)
}

#[derive(Deserialize)]
pub(super) struct HoldForm {
    held: String,
    reason: String,
}

pub(super) async fn hold_post(
    Supervisor(who): Supervisor,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<HoldForm>,
) -> Answer {
    let session = session_id(&path)?;
    let HoldForm { held, reason } = form.0;
    door.act(who.actor(), move |act| actions::hold(act, session, held == "yes", &reason)).await?;
    Ok(Page::see(format!("/recording/{session}")))
}
