//! The drill on the trustees' page: begin it, release for the canary, see who has shown that their key works.

use super::drill::{self, Readiness};
use super::drill_store::{self as store, State};
use super::trustees_pages::{answer, facts};
use crate::account::form::{Posted, one_file};
use crate::account::page::Page;
use crate::account::who::{Agent, Among, Centre, Entity, Supervisor, Who};
use crate::ledger::{Door, witnessing};
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::moment::{DAY, Moment};
use crate::platform::refusal::{Failure, Fault};
use crate::platform::web::Answer;
use crate::project::standing::TenderFacts;
use actix_multipart::Multipart;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

crate::routes! {
    POST "/sealed-bid/{number}/trustees/drill" [Agent Entity Supervisor Centre] => begin_post;
    GET "/sealed-bid/{number}/trustees/drill/bundle.json" [Agent Entity Supervisor Centre] => bundle_get;
    POST "/sealed-bid/{number}/trustees/drill/release" [Agent Entity Supervisor Centre] => release_post;
    POST "/sealed-bid/{number}/trustees/drill/release-file" [Agent Entity Supervisor Centre] => release_file_post;
    POST "/sealed-bid/{number}/trustees/drill/waiver" [Agent] => waiver_post;
}

/// What was read about a drill.
#[derive(Clone)]
pub(super) struct Seen {
    readiness: Readiness,
    begun: bool,
    rows: Vec<(u8, State, Moment)>,
    done_at: Option<Moment>,
}

impl Seen {
    pub(super) fn gather(db: &mut Db, tender: &TenderFacts) -> Result<Self, Fault> {
        let rows = store::releases(db, tender.tender)?;
        let held = store::drill(db, tender.tender)?;
        Ok(Self {
            readiness: drill::readiness(db, tender.tender)?,
            begun: held.is_some(),
            rows: rows.iter().map(|row| (row.release.i, row.state, row.at)).collect(),
            done_at: held.and_then(|drill| drill.done_at),
        })
    }
}

/// The drill as the page shows it.
pub(super) struct DrillView {
    /// `untried`, `trying`, `done` or `waived`.
    pub stage: &'static str,
    pub words: String,
    pub done_at: String,
    /// The visitor is a trustee and may begin.
    pub can_begin: bool,
    /// The visitor is a trustee whose share is not known to be right.
    pub can_release: bool,
    /// The visitor is a trustee whose share came: the log can be checked again, as often as they like.
    pub can_try_log: bool,
    pub can_waive: bool,
}

impl DrillView {
    /// `None` before the set is complete.
    pub(super) fn new(seen: &Seen, tender: &TenderFacts, who: Option<&Who>, own: Option<u8>) -> Option<Self> {
        let (stage, words) = match &seen.readiness {
            Readiness::NoSet => return None,
            Readiness::Untried => ("untried", String::new()),
            Readiness::Trying => ("trying", String::new()),
            Readiness::Done => ("done", String::new()),
            Readiness::Waived(words) => ("waived", words.clone()),
        };
        // what was waived can be done all the same
        let open = own.is_some() && stage != "done";
        let right =
            own.is_some_and(|own| seen.rows.iter().any(|(i, state, _)| *i == own && *state != State::Wrong));
        Some(Self {
            stage,
            words,
            done_at: seen.done_at.map(Moment::beijing).unwrap_or_default(),
            can_begin: open && !seen.begun,
            can_release: open && seen.begun && !right,
            can_try_log: right,
            can_waive: who.is_some_and(|who| who.person == tender.agent)
                && matches!(stage, "untried" | "trying"),
        })
    }
}

/// The end of the locale key of a trustee's state, and when it was reached; empty if they have not tried.
pub(super) fn state_of(seen: &Seen, place: u8) -> (&'static str, String) {
    let row = seen.rows.iter().find(|(i, ..)| *i == place);
    row.map(|(_, state, at)| (state.code(), at.beijing())).unwrap_or_default()
}

type Nothing = Posted<Vec<(String, String)>>;

async fn begin_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    number: web::Path<String>,
    _form: Nothing,
) -> Answer {
    let facts = facts(&door, number.into_inner(), Some(who.clone())).await?;
    let (tender, origin) = (facts.tender.tender, door.config().origin.clone());
    let done = door.act(who.actor(), move |act| drill::begin(act, &origin, &who, tender)).await;
    answer(p, &facts, done.map(|_| ()))
}

/// What a trustee's browser checks and releases from.
async fn bundle_get(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    door: web::Data<Door>,
    number: web::Path<String>,
) -> Answer {
    let facts = facts(&door, number.into_inner(), Some(who)).await?;
    let tender = facts.tender.tender;
    let (inner, machine) = (door.clone(), door.clock().machine_now());
    let (bundle, quiet) = door
        .look(move |db| {
            let fresh = witnessing::newest_shown(&inner, db, 0, machine.plus(-DAY / 2))?;
            Ok((drill::bundle(&inner, db, tender)?, fresh.is_none()))
        })
        .await?;
    if quiet {
        // nothing was logged for long, so witnesses had nothing to sign: the next look finds that they live
        let house = door.as_ref().clone();
        tokio::task::spawn_blocking(move || witnessing::nudge(&house)).await.map_err(Fault::from)??;
    }
    Ok(HttpResponse::Ok().content_type("application/json").body(jcs_text(&bundle)))
}

#[derive(Deserialize)]
struct ReleaseForm {
    release: String,
}

async fn take(door: &Door, who: Who, facts: &TenderFacts, release: String) -> Result<(), Failure> {
    let tender = facts.tender;
    door.act(who.actor(), move |act| drill::release(act, &who, tender, &release)).await.map(|_| ())
}

async fn release_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    number: web::Path<String>,
    form: Posted<ReleaseForm>,
) -> Answer {
    let facts = facts(&door, number.into_inner(), Some(who.clone())).await?;
    let done = take(&door, who, &facts.tender, form.0.release).await;
    answer(p, &facts, done)
}

/// Largest release that is read, in bytes.
const RELEASE_BYTES_MAX: usize = 1 << 16;

async fn release_file_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    number: web::Path<String>,
    parts: Multipart,
) -> Answer {
    let facts = facts(&door, number.into_inner(), Some(who.clone())).await?;
    let (_, content) = one_file(parts, &p.csrf, RELEASE_BYTES_MAX, "64 KiB").await?;
    let done = take(&door, who, &facts.tender, String::from_utf8_lossy(&content).into_owned()).await;
    answer(p, &facts, done)
}

#[derive(Deserialize)]
struct WaiverForm {
    words: String,
}

async fn waiver_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    number: web::Path<String>,
    form: Posted<WaiverForm>,
) -> Answer {
    let facts = facts(&door, number.into_inner(), Some(who.clone())).await?;
    let (tender, words) = (facts.tender.tender, form.0.words);
    let done = door.act(who.actor(), move |act| drill::waive(act, &who, tender, &words)).await;
    answer(p, &facts, done.map(|_| ()))
}
