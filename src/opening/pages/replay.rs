//! 回放 The opening again, from the log: its entries one after the other, each with its time, its place in the log and the
//! proof that it is there. What stands here was entered when it happened; nothing is told from memory.

use super::view::{HallPage, Seen};
use super::{Place, lot_of};
use crate::account::page::Page;
use crate::ledger::act::Opened;
use crate::ledger::from_log::FromLog;
use crate::ledger::{Door, EntryId, Subject, store as log};
use crate::opening::progress::Progress;
use crate::opening::rules::Refusal;
use crate::opening::store;
use crate::platform::database::Db;
use crate::platform::digest::from_b64u;
use crate::platform::id::Id;
use crate::platform::moment::{Moment, SECOND};
use crate::platform::refusal::{Fault, Refused};
use crate::platform::vault::Vault;
use crate::platform::web::Answer;
use crate::project::standing::LotFacts;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;

/// An entry of the log that belongs to this opening.
struct Entered {
    id: EntryId,
    index: Option<u64>,
    at: Moment,
    kind: String,
    role: String,
    event: Value,
}

/// The entries of a lot's opening, oldest first.
fn entries(db: &mut Db, vault: &Vault, facts: &LotFacts) -> Result<Vec<Entered>, Fault> {
    let lot = facts.lot.to_string();
    let mut found = Vec::new();
    for row in log::entries_about(db, &[Subject::open(facts.tender).column(vault)])? {
        let opened = Opened::open(vault, &row.body)?;
        if !opened.kind.starts_with("opening.") {
            continue;
        }
        let damaged = || Fault::new("a log entry's body is damaged");
        let object = from_b64u(&opened.object).ok_or_else(damaged)?;
        let logged: Value = serde_json::from_slice(&object)?;
        let event = logged.get("event").cloned().unwrap_or_default();
        if event.get("lot").and_then(Value::as_str) != Some(lot.as_str()) {
            continue;
        }
        found.push(Entered {
            id: Id::parse(&row.id).ok_or_else(damaged)?,
            index: row.log_index.map(u64::try_from).transpose()?,
            at: Moment::from_micros(row.at),
            kind: opened.kind,
            role: opened.by.role,
            event,
        });
    }
    Ok(found)
}

impl Entered {
    fn text(&self, name: &str) -> String {
        match self.event.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// What happened, in a sentence.
    fn sentence(&self, p: &Page, hall: &HallPage) -> String {
        let say = |values: &[(&str, String)]| {
            p.lang.with(&format!("opening.replay.{}", self.kind.trim_start_matches("opening.")), values)
        };
        let envelope = || match self.text("envelope").as_str() {
            "" => String::new(),
            code => p.t(&format!("opening.envelope.{code}")),
        };
        match self.kind.as_str() {
            "opening.box_closed" => say(&[("bidders", self.text("bidders")), ("size", self.text("size"))]),
            "opening.not_opened" => {
                say(&[("bidders", self.text("bidders")), ("minimum", self.text("minimum"))])
            }
            "opening.arrived" => say(&[("who", self.text("organisation"))]),
            "opening.shares_released" => {
                let i = self.text("i");
                let trustees = hall.envelopes.iter().flat_map(|envelope| &envelope.trustees);
                let who = trustees
                    .filter(|trustee| trustee.i.to_string() == i)
                    .map(|t| t.organisation.clone())
                    .next();
                say(&[("i", i.clone()), ("who", who.unwrap_or_default()), ("envelope", envelope())])
            }
            "opening.bids_opened" => {
                let bids = self.event.get("bids").and_then(Value::as_array).cloned().unwrap_or_default();
                let opened =
                    bids.iter().filter(|bid| bid.get("document").is_some_and(|d| !d.is_null())).count();
                say(&[
                    ("envelope", envelope()),
                    ("opened", opened.to_string()),
                    ("failed", (bids.len() - opened).to_string()),
                ])
            }
            "opening.objected" => say(&[("who", self.text("organisation")), ("words", self.text("words"))]),
            "opening.answered" | "opening.absence_excused" => say(&[("words", self.text("words"))]),
            "opening.bidders_done" => {
                let count = |name: &str| {
                    self.event.get(name).and_then(Value::as_array).map_or(0, Vec::len).to_string()
                };
                say(&[("came", count("released")), ("absent", count("absent"))])
            }
            _ => say(&[("envelope", envelope()), ("who", p.t(&format!("account.role.{}", self.role)))]),
        }
    }
}

struct StepView {
    place: usize,
    id: String,
    index: Option<u64>,
    at: String,
    /// How long after the entry before it, `00:05:00`; empty for the first and within the same second.
    later: String,
    by: String,
    sentence: String,
}

/// What had happened up to a step.
#[derive(Default)]
struct SoFar {
    arrived: usize,
    released: usize,
    objections: usize,
    answers: usize,
    signatures: usize,
    /// Envelopes whose bids were open by then.
    opened: Vec<String>,
}

#[derive(Template)]
#[template(path = "opening/replay.html")]
struct ReplayPage {
    p: Page,
    hall: HallPage,
    steps: Vec<StepView>,
    /// The step that is shown, from 1.
    at: usize,
    so_far: SoFar,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    step: Option<usize>,
}

pub(super) async fn replay_get(
    p: Page,
    door: web::Data<Door>,
    progress: web::Data<Progress>,
    path: Place,
    asked: web::Query<Asked>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let facts = lot_of(&door, number, lot, p.who.as_ref()).await?;
    let (now, vault, progress) = (p.now, door.vault().clone(), progress.as_ref().clone());
    let (entered, seen) = door
        .look(move |db| {
            if store::closing(db, facts.lot)?.is_none() {
                return Err(Refused::from(Refusal::NotClosed).into());
            }
            let entered = entries(db, &vault, &facts)?;
            Ok((entered, Seen::gather(db, &vault, facts, None, now, &progress)?))
        })
        .await?;
    let hall = HallPage::new(&p, seen);
    let at = asked.step.unwrap_or(1).clamp(1, entered.len().max(1));
    let mut before: Option<Moment> = None;
    let mut steps = Vec::new();
    for (place, entry) in (1..).zip(&entered) {
        let later = before.map(|before| entry.at.micros() - before.micros()).filter(|later| *later >= SECOND);
        let later = later.map(duration).unwrap_or_default();
        before = Some(entry.at);
        steps.push(StepView {
            place,
            id: entry.id.to_string(),
            index: entry.index,
            at: entry.at.beijing(),
            later,
            by: match entry.role.as_str() {
                "system" => p.t("opening.replay.by_clock"),
                role => p.t(&format!("account.role.{role}")),
            },
            sentence: entry.sentence(&p, &hall),
        });
    }
    let so_far = entered.iter().take(at).fold(SoFar::default(), SoFar::with);
    p.html(&ReplayPage { p: p.clone(), hall, steps, at, so_far })
}

impl SoFar {
    fn with(mut self, entry: &Entered) -> Self {
        match entry.kind.as_str() {
            "opening.arrived" => self.arrived += 1,
            "opening.shares_released" => self.released += 1,
            "opening.objected" => self.objections += 1,
            "opening.answered" => self.answers += 1,
            "opening.record_signed" | "opening.record_published" => self.signatures += 1,
            "opening.bids_opened" => self.opened.push(entry.text("envelope")),
            _ => {}
        }
        self
    }
}

/// `00:05:00`, or days before it.
fn duration(micros: i64) -> String {
    let seconds = micros / SECOND;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if seconds < 86_400 { clock } else { format!("{} d {clock}", seconds / 86_400) }
}

/// An entry as it was logged (`entry.json`), or the proof that it is in the log (`proof`).
pub(super) async fn entry_get(
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String, String, String)>,
) -> Answer {
    let (number, lot, entry, what) = path.into_inner();
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let facts = lot_of(&door, number, lot, p.who.as_ref()).await?;
    let id: EntryId = Id::parse(&entry).ok_or_else(missing)?;
    let what = FromLog::from_name(&what).ok_or_else(missing)?;
    let house = door.as_ref().clone();
    let content = door.look(move |db| {
        if !entries(db, house.vault(), &facts)?.iter().any(|found| found.id == id) {
            return Err(missing().into());
        }
        what.content(&house, db, id)
    });
    let (kind, ending) = what.kind();
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header(("content-disposition", format!("attachment; filename=\"{entry}.{ending}\"")))
        .body(content.await?))
}
