//! The page of a tender's trustees: everybody sees who holds the keys and whether they have signed; a trustee gives a
//! key and signs here.

use super::drill_pages::{self, DrillView};
use super::expiry;
use super::trustees::{self, Holder, Stage};
use super::{trustees_actions as actions, trustees_store as store};
use crate::account::authority::Authority;
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::{Agent, Among, Centre, Entity, Supervisor, Visitor, Who};
use crate::ledger::Door;
use crate::platform::canonical::jcs_text;
use crate::platform::digest::{b64u, from_b64u};
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::standing::TenderFacts;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};

crate::routes! {
    GET "/sealed-bid/{number}/trustees" everybody => trustees_get;
    GET "/sealed-bid/{number}/trustees.json" everybody => set_get;
    GET "/sealed-bid/{number}/trustees/set.json" [Agent Entity Supervisor Centre] => unsigned_get;
    POST "/sealed-bid/{number}/trustees/key" [Agent Entity Supervisor Centre] => key_post;
    POST "/sealed-bid/{number}/trustees/signature" [Agent Entity Supervisor Centre] => signature_post;
}

#[derive(Template)]
#[template(path = "sealed_bid/trustees.html")]
struct TrusteesPage {
    p: Page,
    number: String,
    name: String,
    threshold: u32,
    rows: Vec<Row>,
    /// Words of the stage, and how many are missing.
    stage: &'static str,
    missing: usize,
    own: Option<Own>,
    hash: String,
    finished: String,
    drill: Option<DrillView>,
    /// When the visitor's certificate ends, and when bids are opened.
    expires: Option<(String, String)>,
}

struct Row {
    place: u8,
    name: String,
    organisation: String,
    key: String,
    given: bool,
    signed: bool,
    /// The end of a locale key, and when; empty if the trustee has not tried.
    drill: (&'static str, String),
}

/// What the visitor, a trustee, can do here.
struct Own {
    place: u8,
    may_key: bool,
    given: bool,
    /// The set to sign, canonical JSON without signatures; empty if it is not the visitor's turn.
    set: String,
}

pub(super) struct Facts {
    pub(super) tender: TenderFacts,
    holders: Vec<Holder>,
    finished: Option<(String, String)>,
    drill: drill_pages::Seen,
    /// The visitor's certificate ends at the first moment, before the opening at the second.
    expires: Option<(Moment, Moment)>,
}

pub(super) async fn facts(door: &Door, number: String, who: Option<Who>) -> Result<Facts, Failure> {
    let now = door.now();
    door.look(move |db| {
        let tender = crate::project::store::seen_tender(db, &number, who.as_ref())?;
        let holders = store::holders(db, &tender)?;
        let set = store::complete_set(db, tender.tender)?;
        let at = store::set_entry(db, tender.tender)?.map(|(_, at)| at.beijing()).unwrap_or_default();
        let drill = drill_pages::Seen::gather(db, &tender)?;
        let opens_at = expiry::opens_at(db, tender.tender)?;
        let concerned = who.filter(|who| {
            who.person == tender.agent || holders.iter().any(|holder| holder.person == who.person)
        });
        let expires = match (concerned, opens_at) {
            (Some(who), Some(opens_at)) if now < opens_at => {
                expiry::too_early(db, &who, now, opens_at)?.map(|ends| (ends, opens_at))
            }
            _ => None,
        };
        let finished = set.map(|set| (b64u(&set.hash()), at));
        Ok(Facts { tender, holders, finished, drill, expires })
    })
    .await
}

async fn trustees_get(p: Page, door: web::Data<Door>, number: web::Path<String>) -> Answer {
    let facts = facts(&door, number.into_inner(), p.who.clone()).await?;
    p.html(&page(&p, &facts))
}

fn page(p: &Page, facts: &Facts) -> TrusteesPage {
    let threshold = facts.tender.custody.as_ref().map_or(0, |custody| custody.threshold);
    let (stage, missing) = match trustees::stage(&facts.holders) {
        _ if facts.holders.is_empty() => ("none", 0),
        Stage::Keys { missing } => ("keys", missing),
        Stage::Signatures { missing } => ("signatures", missing),
        Stage::Complete => ("complete", 0),
    };
    let row = |holder: &Holder| Row {
        place: holder.place,
        name: holder.name.clone(),
        organisation: holder.organisation.clone(),
        key: holder.keys.as_ref().map(|keys| b64u(&keys.hpke)).unwrap_or_default(),
        given: holder.keys.is_some(),
        signed: holder.keys.as_ref().is_some_and(|keys| keys.sig.is_some()),
        drill: drill_pages::state_of(&facts.drill, holder.place),
    };
    let own_place = p.who.as_ref().and_then(|who| {
        facts.holders.iter().find(|holder| holder.person == who.person).map(|holder| holder.place)
    });
    let (hash, finished) = facts.finished.clone().unwrap_or_default();
    TrusteesPage {
        p: p.clone(),
        number: facts.tender.number.to_string(),
        name: facts.tender.title.clone(),
        threshold,
        rows: facts.holders.iter().map(row).collect(),
        stage,
        missing,
        own: own(p, facts, threshold),
        hash,
        finished,
        drill: DrillView::new(&facts.drill, &facts.tender, p.who.as_ref(), own_place),
        expires: facts.expires.map(|(ends, opens)| (ends.beijing(), opens.beijing())),
    }
}

/// A set as it is signed: without the signatures.
#[derive(Serialize)]
struct BareSet {
    members: Vec<BareMember>,
    t: u8,
    tender: String,
    typ: &'static str,
}

#[derive(Serialize)]
struct BareMember {
    hpke: String,
    i: u8,
    org: String,
    sign: String,
}

fn own(p: &Page, facts: &Facts, threshold: u32) -> Option<Own> {
    let who = p.who.as_ref()?;
    let mine = facts.holders.iter().find(|holder| holder.person == who.person)?;
    let stage = trustees::stage(&facts.holders);
    let signed = mine.keys.as_ref().is_some_and(|keys| keys.sig.is_some());
    let t = u8::try_from(threshold).ok()?;
    let set = match trustees::document(facts.tender.number.as_str(), t, &facts.holders) {
        Ok(set) if !signed => jcs_text(&BareSet {
            members: set
                .members
                .iter()
                .map(|m| BareMember {
                    hpke: b64u(&m.hpke.0),
                    i: m.i,
                    org: m.org.clone(),
                    sign: b64u(&m.sign.0),
                })
                .collect(),
            t,
            tender: set.tender,
            typ: "etrade/trustee-set/v1",
        }),
        _ => String::new(),
    };
    Some(Own { place: mine.place, may_key: stage != Stage::Complete, given: mine.keys.is_some(), set })
}

/// The finished set document, for clients that check it before they seal.
async fn set_get(Visitor(who): Visitor, door: web::Data<Door>, number: web::Path<String>) -> Answer {
    let number = number.into_inner();
    let set = door
        .look(move |db| {
            let tender = crate::project::store::seen_tender(db, &number, who.as_ref())?;
            Ok(store::complete_set(db, tender.tender)?)
        })
        .await?;
    let set = set.ok_or_else(|| Refused::new(404, "sealed_bid.trustees.refusal.not_complete"))?;
    Ok(HttpResponse::Ok().content_type("application/json").body(jcs_text(&set)))
}

/// The set as it stands, for a trustee who signs it with the command line.
async fn unsigned_get(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    door: web::Data<Door>,
    number: web::Path<String>,
) -> Answer {
    let facts = facts(&door, number.into_inner(), Some(who.clone())).await?;
    trustees::place_of(&facts.holders, who.person).map_err(Refused::from)?;
    let threshold = facts.tender.custody.as_ref().and_then(|custody| u8::try_from(custody.threshold).ok());
    let threshold = threshold.ok_or(Refused::from(trustees::Refusal::NotNamed))?;
    let set = trustees::document(facts.tender.number.as_str(), threshold, &facts.holders);
    Ok(HttpResponse::Ok().content_type("application/json").body(jcs_text(&set.map_err(Refused::from)?)))
}

#[derive(Deserialize)]
struct KeyForm {
    hpke: String,
    certificate: String,
}

async fn key_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    number: web::Path<String>,
    form: Posted<KeyForm>,
) -> Answer {
    let bad = || Refused::new(422, "sealed_bid.trustees.refusal.bad_key");
    let hpke: [u8; 65] =
        from_b64u(form.0.hpke.trim()).and_then(|bytes| bytes.try_into().ok()).ok_or_else(bad)?;
    let certificate = from_b64u(form.0.certificate.trim()).ok_or_else(bad)?;
    let facts = facts(&door, number.clone(), Some(who.clone())).await?;
    let (tender, authority) = (facts.tender.tender, authority.as_ref().clone());
    let done = door
        .act(who.actor(), move |act| actions::give_key(act, &authority, &who, tender, &hpke, &certificate))
        .await;
    answer(p, &facts, done.map(|_| ()))
}

#[derive(Deserialize)]
struct SignatureForm {
    signature: String,
}

async fn signature_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    number: web::Path<String>,
    form: Posted<SignatureForm>,
) -> Answer {
    let bad = || Refused::new(422, "sealed_bid.trustees.refusal.bad_signature");
    let sig: [u8; 64] =
        from_b64u(form.0.signature.trim()).and_then(|bytes| bytes.try_into().ok()).ok_or_else(bad)?;
    let facts = facts(&door, number.clone(), Some(who.clone())).await?;
    let tender = facts.tender.tender;
    let done = door.act(who.actor(), move |act| actions::sign_set(act, &who, tender, &sig)).await;
    answer(p, &facts, done.map(|_| ()))
}

pub(super) fn answer(p: Page, facts: &Facts, done: Result<(), Failure>) -> Answer {
    match p.or_problem(done)? {
        Ok(()) => Ok(Page::see(format!("/sealed-bid/{}/trustees", facts.tender.number))),
        Err(p) => p.html_with(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, &page(&p, facts)),
    }
}
