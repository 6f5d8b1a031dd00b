//! What the recorder and the banner ask: parts in, status, clock, standing. Answers are JSON.

use super::{named, recorded, session_id};
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Agent, Among, Anybody, Centre, Entity, Expert, Supervisor};
use crate::ledger::Door;
use crate::platform::digest::from_b64;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::{Answer, Failed};
use crate::recording::actions::{self, Incoming};
use crate::recording::rules::{Missing, PART_BYTES_MAX, Refusal, Standing};
use crate::recording::store;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct ClockAnswer {
    received: String,
    answered: String,
}

/// Server time on arrival and on departure, UTC microseconds: one probe of the recorder's clock.
pub(super) async fn clock_get(Anybody(_): Anybody, door: web::Data<Door>) -> Answer {
    let received = door.now().micros().to_string();
    let answered = door.now().micros().to_string();
    Ok(HttpResponse::Ok().json(ClockAnswer { received, answered }))
}

#[derive(Serialize)]
struct StatusAnswer {
    epoch: u64,
    next: u64,
    sealed: bool,
}

/// Where a recorder can go on after a reload.
pub(super) async fn status_get(
    Among(who, ..): Among<(Expert, Entity)>,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    recorded(&who)?;
    let (session, track) = named(&door, &path.0, &path.1).await?;
    if !track.is_of(door.vault(), who.person) {
        return Err(Refused::from(Refusal::NotYourTrack).into());
    }
    let id = track.id;
    let latest = door.look(move |db| Ok(store::latest_epoch(db, id)?)).await?;
    let (epoch, next) = latest.map_or((0, 0), |e| (e.epoch, e.next_part));
    let sealed = session.closed_at.is_some();
    Ok(HttpResponse::Ok().json(StatusAnswer { epoch, next, sealed }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoppedBody {
    reason: String,
}

/// The recorder stopped, and why.
pub(super) async fn stopped_put(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    body: web::Json<StoppedBody>,
) -> Answer {
    recorded(&who)?;
    let (session, track) = named(&door, &path.0, &path.1).await?;
    let (actor, reason) = (who.actor(), body.into_inner().reason);
    let done = door.act(actor, move |act| actions::stopped(act, &who, session.id, track.id, &reason)).await;
    match done {
        Ok(_) => Ok(HttpResponse::NoContent().finish()),
        Err(failure) => refusal_json(&p, failure),
    }
}

#[derive(Serialize)]
struct ReceivedAnswer {
    next: u64,
}

/// One numbered part. 201: new; 200: the same bytes were here already; 409 with other bytes.
pub(super) async fn part_put(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String, u64, u64)>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    recorded(&who)?;
    let (session, track, epoch, seq) = path.into_inner();
    let part = read_part(&request, payload, (&session, &track, epoch, seq)).await;
    let received = match part {
        Ok(part) => actions::receive(&door, &who, part).await,
        Err(failure) => Err(failure),
    };
    match received {
        Ok(received) => {
            let status = if received.new { StatusCode::CREATED } else { StatusCode::OK };
            Ok(HttpResponse::build(status).json(ReceivedAnswer { next: received.next }))
        }
        Err(failure) => refusal_json(&p, failure),
    }
}

async fn read_part(
    request: &HttpRequest,
    mut payload: web::Payload,
    (session, track, epoch, seq): (&str, &str, u64, u64),
) -> Result<Incoming, Failure> {
    let (session, track) = (session_id(session)?, super::track_id(track)?);
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let sha256 =
        header("content-digest").and_then(digest_of).ok_or_else(|| Refused::from(Refusal::DigestMissing))?;
    let began_at = header("recording-began-at").and_then(|text| text.parse().ok()).map(Moment::from_micros);
    let mut bytes = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Refused::from(Refusal::DigestWrong))?;
        if bytes.len() + chunk.len() > PART_BYTES_MAX {
            return Err(Refused::from(Refusal::PartTooLarge).into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Incoming { session, track, epoch, seq, sha256, began_at, bytes: bytes.freeze() })
}

/// The SHA-256 of a `Content-Digest` header (RFC 9530): `sha-256=:<base64>:`, possibly among others.
fn digest_of(header: &str) -> Option<[u8; 32]> {
    let ours = header.split(',').find_map(|one| one.trim().strip_prefix("sha-256="))?;
    let text = ours.strip_prefix(':')?.strip_suffix(':')?;
    from_b64(text)?.try_into().ok()
}

#[derive(Serialize)]
struct RefusalAnswer {
    refusal: String,
    key: String,
}

/// A refusal as JSON, in the page's language: a script shows it.
fn refusal_json(p: &Page, failure: Failure) -> Answer {
    let refused = match failure {
        Failure::Refused(refused) => refused,
        fault @ Failure::Fault(_) => return Err(Failed::from(fault)),
    };
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::CONFLICT);
    let mut answer = HttpResponse::build(status);
    if refused.key.ends_with("already_sealed") {
        answer.insert_header(("recording-sealed", "1"));
    }
    let refusal = p.lang.refusal(&refused);
    Ok(answer.json(RefusalAnswer { refusal, key: refused.key.into_owned() }))
}

#[derive(Serialize)]
struct StandingAnswer {
    state: &'static str,
    until: Option<String>,
    missing: Vec<String>,
}

/// Whether everything that must be recorded is being recorded: for the banner of every page of the evaluation. Experts
/// hear of their own tracks by name, and of the others' only by seat.
pub(super) async fn standing_get(
    Among(who, ..): Among<(Expert, Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    if matches!(who.role, Role::Bidder | Role::Treasurer) {
        return Err(Refused::new(403, "account.refusal.role").into());
    }
    let session = session_id(&path)?;
    let now = p.now;
    let (row, tracks, standing) = door
        .look(move |db| {
            let row = store::session(db, session)?.ok_or_else(|| Refused::from(Refusal::NoSuchSession))?;
            Ok((row, store::tracks(db, session)?, actions::verdict(db, session, now)?))
        })
        .await?;
    let own = |t: &store::TrackRow| t.is_of(door.vault(), who.person);
    if who.role == Role::Expert && !tracks.iter().any(own) {
        return Err(Refused::from(Refusal::NoSuchSession).into());
    }
    let of_person = |seat: u32| tracks.iter().any(|t| t.seat == seat && own(t));
    let missing = silent(&p, standing.missing(), of_person);
    let (state, until) = match &standing {
        _ if row.closed_at.is_some() => ("sealed", None),
        Standing::Recording => ("recording", None),
        Standing::Grace { until, .. } => ("grace", Some(until.micros().to_string())),
        Standing::Halted { .. } => ("halted", None),
    };
    Ok(HttpResponse::Ok().json(StandingAnswer { state, until, missing }))
}

/// Whose tracks are silent, in words: a seat without camera and screen is named once.
fn silent(p: &Page, missing: &[Missing], own: impl Fn(u32) -> bool) -> Vec<String> {
    let mut sentences = Vec::new();
    for one in missing {
        let both = missing.iter().filter(|other| other.seat == one.seat).count() > 1;
        let source = p.t(&format!("recording.source.{}", one.source.code()));
        let sentence = match (both, own(one.seat)) {
            (true, true) => p.t("recording.own_both"),
            (true, false) => p.tv("recording.seat_both", "seat", one.seat),
            (false, true) => p.tv("recording.own_track", "source", source),
            (false, false) => p.tvv("recording.seat_track", "seat", one.seat, "source", source),
        };
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences
}
