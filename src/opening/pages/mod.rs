//! The hall's addresses. What a page shows is put together in `view`.

mod keys;
mod minutes;
mod numbers;
mod replay;
mod screen;
mod today;
mod view;

use super::live::events_get;
use super::progress::Progress;
use super::store::{self, Objected};
use super::{actions, hall, protocol};
use crate::account::authority::Authority;
use crate::account::form::{Posted, one_file};
use crate::account::page::Page;
use crate::account::signature::SignedFields;
use crate::account::who::{Agent, Among, Bidder, Centre, Entity, Supervisor, Visitor, Who};
use crate::ledger::{Door, witnessing};
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::{Answer, Failed};
use crate::project::standing::LotFacts;
use crate::project::store as projects;
use crate::sealing::context::EnvelopeKind;
use actix_multipart::Multipart;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

crate::routes! {
    GET "/opening" everybody => today::today_get;
    GET "/opening/events" everybody => today::events_get;
    GET "/opening/{number}/{lot}" everybody => hall_get;
    GET "/opening/{number}/{lot}/screen" everybody => screen::screen_get;
    GET "/opening/{number}/{lot}/replay" everybody => replay::replay_get;
    GET "/opening/{number}/{lot}/replay/{entry}/{what}" everybody => replay::entry_get;
    GET "/opening/{number}/{lot}/events" everybody => events_get;
    POST "/opening/{number}/{lot}/arrival" [Bidder Agent Entity Supervisor Centre] => arrival_post;
    POST "/opening/{number}/{lot}/closing" [Agent Centre] => closing_post;
    POST "/opening/{number}/{lot}/objection" [Bidder] => objection_post;
    POST "/opening/{number}/{lot}/objection/{id}/answer" [Agent] => answer_post;
    GET "/opening/{number}/{lot}/draws/{draw}/record.json" everybody => numbers::record_get;
    GET "/opening/{number}/{lot}/{envelope}/bundle.json" [Agent Entity Supervisor Centre] => bundle_get;
    POST "/opening/{number}/{lot}/{envelope}/release" [Agent Entity Supervisor Centre] => release_post;
    POST "/opening/{number}/{lot}/{envelope}/release-file" [Agent Entity Supervisor Centre] => release_file_post;
    GET "/opening/{number}/{lot}/{envelope}/key-bundle.json" [Bidder Agent Entity Supervisor Centre] => keys::bundle_get;
    POST "/opening/{number}/{lot}/{envelope}/key" [Bidder Agent Entity Supervisor Centre] => keys::key_post;
    POST "/opening/{number}/{lot}/{envelope}/key-file" [Bidder Agent Entity Supervisor Centre] => keys::key_file_post;
    POST "/opening/{number}/{lot}/{envelope}/excuse" [Agent] => keys::excuse_post;
    GET "/opening/{number}/{lot}/{envelope}/excuse/{m}" [Bidder Agent Entity Supervisor Centre] => keys::paper_get;
    POST "/opening/{number}/{lot}/{envelope}/open" [Agent Centre] => open_post;
    POST "/opening/{number}/{lot}/{envelope}/publication" [Agent] => publication_post;
    POST "/opening/{number}/{lot}/{envelope}/signature" [Bidder Agent Entity Supervisor Centre] => signature_post;
    GET "/opening/{number}/{lot}/{envelope}/record.json" everybody => record_get;
    GET "/opening/{number}/{lot}/{envelope}/record" everybody => minutes::minutes_get;
}

type Place = web::Path<(String, String)>;
type Envelope = web::Path<(String, String, String)>;

/// The lot of the address, if it is there for `who`.
async fn lot_of(door: &Door, number: String, lot: String, who: Option<&Who>) -> Result<LotFacts, Failure> {
    let who = who.cloned();
    door.look(move |db| projects::seen_lot(db, &number, &lot, who.as_ref())).await
}

async fn envelope_of(
    door: &Door,
    path: Envelope,
    who: Option<&Who>,
) -> Result<(LotFacts, EnvelopeKind), Failure> {
    let (number, lot, code) = path.into_inner();
    let envelope =
        EnvelopeKind::from_code(&code).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    Ok((lot_of(door, number, lot, who).await?, envelope))
}

async fn show(p: Page, door: &Door, facts: LotFacts, status: StatusCode, progress: &Progress) -> Answer {
    let who = p.who.clone();
    let (now, vault, progress) = (p.now, door.vault().clone(), progress.clone());
    let seen = door.look(move |db| view::Seen::gather(db, &vault, facts, who, now, &progress)).await?;
    p.html_with(status, &view::HallPage::new(&p, seen))
}

/// After a POST: back to the hall, or the hall again with the problem on top.
async fn back(p: Page, door: &Door, facts: LotFacts, done: Result<(), Failure>) -> Answer {
    match p.or_problem(done)? {
        Ok(()) => Ok(Page::see(format!("/opening/{}", facts.name()))),
        // whose act was refused looks again for what goes on
        Err(p) => show(p, door, facts, StatusCode::UNPROCESSABLE_ENTITY, &Progress::default()).await,
    }
}

async fn hall_get(p: Page, door: web::Data<Door>, progress: web::Data<Progress>, path: Place) -> Answer {
    let (number, lot) = path.into_inner();
    let facts = lot_of(&door, number, lot, p.who.as_ref()).await?;
    show(p, &door, facts, StatusCode::OK, &progress).await
}

type Nothing = Posted<Vec<(String, String)>>;

async fn arrival_post(
    Among(who, ..): Among<(Bidder, Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    _form: Nothing,
) -> Answer {
    let (number, lot) = path.into_inner();
    let facts = lot_of(&door, number, lot, Some(&who)).await?;
    let id = facts.lot;
    let done = door.act(who.actor(), move |act| actions::sign_in(act, &who, id)).await;
    back(p, &door, facts, done.map(|_| ())).await
}

async fn closing_post(
    Among(who, ..): Among<(Agent, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    _form: Nothing,
) -> Answer {
    let (number, lot) = path.into_inner();
    let facts = lot_of(&door, number, lot, Some(&who)).await?;
    let id = facts.lot;
    let closing = door.clone();
    let done = tokio::task::spawn_blocking(move || actions::close_box(&closing, who.actor(), Some(who), id));
    let done = done.await.map_err(Fault::from)?;
    back(p, &door, facts, done.map(|_| ())).await
}

#[derive(Deserialize)]
struct WordsForm {
    words: String,
}

async fn objection_post(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<WordsForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let facts = lot_of(&door, number, lot, Some(&who)).await?;
    let (id, words) = (facts.lot, form.0.words);
    let done = door.act(who.actor(), move |act| actions::object(act, &who, id, &words)).await;
    back(p, &door, facts, done.map(|_| ())).await
}

async fn answer_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String, String)>,
    form: Posted<WordsForm>,
) -> Answer {
    let (number, lot, objection) = path.into_inner();
    let objection: Id<Objected> =
        Id::parse(&objection).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    let facts = lot_of(&door, number, lot, Some(&who)).await?;
    let (id, words) = (facts.lot, form.0.words);
    let done = door.act(who.actor(), move |act| actions::answer(act, &who, id, objection, &words)).await;
    back(p, &door, facts, done.map(|_| ())).await
}

/// What a trustee's browser checks and releases from.
async fn bundle_get(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    door: web::Data<Door>,
    path: Envelope,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    if !facts.is_trustee(who.person) {
        return Err(Refused::from(super::rules::Refusal::NotATrustee).into());
    }
    let (id, now) = (facts.lot, door.now());
    // trustees believe what is on record only: if the bidders' time is over, that comes first
    door.act(who.actor(), move |act| super::bidders::end(act, id, envelope)).await?;
    let house = door.as_ref().clone();
    let bundle = door
        .look(move |db| {
            let sitting = store::sitting(db, facts.lot, envelope)?;
            let sitting = sitting.ok_or(Refused::from(super::rules::Refusal::NotClosed))?;
            hall::bundle(&house, db, &facts, &sitting, now)
        })
        .await;
    if let Err(Failure::Refused(refused)) = &bundle
        && refused.key == "opening.refusal.not_witnessed"
    {
        // perhaps they have cosigned all there is, but before the opening: give them something new
        let house = door.as_ref().clone();
        let nudged = tokio::task::spawn_blocking(move || witnessing::nudge(&house)).await;
        nudged.map_err(Fault::from)??;
    }
    Ok(HttpResponse::Ok().content_type("application/json").body(jcs_text(&bundle?)))
}

/// Largest release that is read, in bytes; one bid's share takes about 250, so there is room for thirty thousand bids.
const RELEASE_BYTES_MAX: usize = 8 << 20;

#[derive(Deserialize)]
struct ReleaseForm {
    release: String,
}

async fn release_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Envelope,
    form: Posted<ReleaseForm, RELEASE_BYTES_MAX>,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    let (id, release) = (facts.lot, form.0.release);
    let done = door.act(who.actor(), move |act| actions::release(act, &who, id, envelope, &release)).await;
    back(p, &door, facts, done.map(|_| ())).await
}

/// The release that `sunbid open release` wrote.
async fn release_file_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Envelope,
    parts: Multipart,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    let (_, content) = one_file(parts, &p.csrf, RELEASE_BYTES_MAX, "8 MiB").await?;
    let (id, release) = (facts.lot, String::from_utf8_lossy(&content).into_owned());
    let done = door.act(who.actor(), move |act| actions::release(act, &who, id, envelope, &release)).await;
    back(p, &door, facts, done.map(|_| ())).await
}

#[derive(Deserialize)]
struct OpenForm {
    /// `yes`: trustees who have not released are declared lost.
    #[serde(default)]
    given_up: String,
}

async fn open_post(
    Among(who, ..): Among<(Agent, Centre)>,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    progress: web::Data<Progress>,
    path: Envelope,
    form: Posted<OpenForm>,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    actions::check_opener(&facts, envelope, &who, p.now)?;
    let (house, authority) = (door.as_ref().clone(), authority.as_ref().clone());
    let (how, progress) = ((envelope, form.0.given_up == "yes"), progress.as_ref().clone());
    let done = hall::open(house, authority, who, facts.lot, how, progress).await;
    back(p, &door, facts, done).await
}

#[derive(Deserialize)]
struct SignForm {
    statement: String,
    signature: String,
    certificate: String,
}

impl From<SignForm> for SignedFields {
    fn from(form: SignForm) -> Self {
        Self { statement: form.statement, signature: form.signature, certificate: form.certificate }
    }
}

async fn publication_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: Envelope,
    form: Posted<SignForm>,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    let (id, authority, fields) = (facts.lot, authority.as_ref().clone(), form.0.into());
    let done = door
        .act(who.actor(), move |act| protocol::publish(act, &authority, &who, id, envelope, &fields))
        .await;
    back(p, &door, facts, done.map(|_| ())).await
}

async fn signature_post(
    Among(who, ..): Among<(Bidder, Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: Envelope,
    form: Posted<SignForm>,
) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, Some(&who)).await?;
    let (id, authority, fields) = (facts.lot, authority.as_ref().clone(), form.0.into());
    let done =
        door.act(who.actor(), move |act| protocol::sign(act, &authority, &who, id, envelope, &fields)).await;
    back(p, &door, facts, done.map(|_| ())).await
}

/// The published record, as everybody may keep it.
async fn record_get(Visitor(who): Visitor, door: web::Data<Door>, path: Envelope) -> Answer {
    let (facts, envelope) = envelope_of(&door, path, who.as_ref()).await?;
    let found = door.look(move |db| Ok(store::record(db, facts.lot, envelope)?)).await?;
    let (record, _) = found.ok_or_else(|| Failed::from(Refused::from(super::rules::Refusal::NoRecord)))?;
    Ok(HttpResponse::Ok().content_type("application/json").body(jcs_text(&record)))
}
